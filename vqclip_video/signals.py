"""Stopping from outside: asked once, the film is saved after the current step; asked twice, at once."""

from __future__ import annotations

import signal
import threading

# Ctrl-C, `kill`, and a terminal that is closed; Windows has no SIGHUP.
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class StopRequests:
    """While entered, the signals set `wanted` instead of ending the process; the second one raises."""

    def __init__(self, on_first=lambda: None):
        self.wanted = False
        self._on_first, self._before = on_first, {}

    def __enter__(self) -> StopRequests:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._receive) for number in SIGNALS}
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number, frame) -> None:
        if self.wanted:
            raise KeyboardInterrupt
        self.wanted = True
        self._on_first()
