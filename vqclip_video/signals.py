"""Stopping from outside: asked once, the film is saved after the current step; asked twice, at
once.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator

# Ctrl-C, `kill`, and a terminal that is closed; Windows has no SIGHUP.
SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class StopRequests:
    """While entered, the signals set `wanted` instead of ending the process; the second one raises
    KeyboardInterrupt.

    A signal that whoever started us has switched off (nohup) stays off. `on_first` is called from
    the handler. Processes forked meanwhile end with SIGTERM, by which their parent ends them; the
    rest is for it to answer.
    """

    def __init__(self, on_first: Callable[[], None] = lambda: None):
        self.wanted = False
        self._on_first, self._before, self._process = on_first, {}, os.getpid()
        self._unseen = contextlib.ExitStack()

    def __enter__(self) -> StopRequests:
        if threading.current_thread() is threading.main_thread():
            heard = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
            self._before = {number: signal.signal(number, self._receive) for number in heard}
        self._unseen.enter_context(control_characters_unseen())
        return self

    def __exit__(self, *exception: object) -> None:
        self._unseen.close()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number, frame) -> None:
        if os.getpid() != self._process:
            if number == signal.SIGTERM:
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)
            return
        if self.wanted:
            raise KeyboardInterrupt
        self.wanted = True
        # Python refuses to write to a stream in the middle of another write to it; the stop
        # matters, the line does not.
        with contextlib.suppress(RuntimeError):
            self._on_first()


@contextlib.contextmanager
def control_characters_unseen() -> Iterator[None]:
    """While entered, the terminal does not print ^C where it stands, which is in the middle of a
    progress line.
    """
    flags = _flags_of_terminal()
    if flags is None:
        yield
        return
    import termios

    _set_flags(flags & ~termios.ECHOCTL)
    try:
        yield
    finally:
        if _flags_of_terminal() is not None:
            _set_flags(flags)


def _flags_of_terminal() -> int | None:
    """The local flags of the terminal we read from; None where there is none or where it is another
    job's just now.

    The system stops a program that sets them from the background.
    """
    try:
        import termios

        descriptor = sys.stdin.fileno()
        if os.tcgetpgrp(descriptor) != os.getpgrp():
            return None
        return termios.tcgetattr(descriptor)[3]
    except (
        AttributeError,
        ImportError,
        OSError,
        ValueError,
    ):  # Windows, a closed or replaced stdin, no terminal
        return None


def _set_flags(flags: int) -> None:
    import termios

    with contextlib.suppress(OSError, termios.error):
        attributes = termios.tcgetattr(sys.stdin.fileno())
        attributes[3] = flags
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, attributes)
