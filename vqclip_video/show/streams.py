"""The standard streams, for as long as somebody reads them."""

from __future__ import annotations

import os
import sys
from contextlib import suppress


class Audience:
    """One of the standard streams, for as long as somebody reads it.

    A pipe's reader may leave (`| head`) and a terminal be closed while a film renders on. What is
    left to say then goes nowhere, what Python itself flushes at its end included.
    """

    def __init__(self, name: str):
        self.name = name  # stdout or stderr

    def write(self, text: str) -> int:
        stream = getattr(sys, self.name)
        sayable = text.encode(self.encoding, "backslashreplace").decode(self.encoding)
        try:
            stream.write(sayable)
            stream.flush()
        except (OSError, ValueError):
            self._leave()
        return len(text)

    def flush(self) -> None:
        """Every write is flushed already."""

    @property
    def encoding(self) -> str:
        return getattr(sys, self.name).encoding or "utf-8"

    def isatty(self) -> bool:
        return getattr(sys, self.name).isatty()

    def fileno(self) -> int:
        return getattr(sys, self.name).fileno()

    def _leave(self) -> None:
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)


OUT, ERR = Audience("stdout"), Audience("stderr")
