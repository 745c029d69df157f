"""How long a film takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..disk.part import Part


class Stopwatch:
    """The seconds that a film has taken, by stage and in all its sittings."""

    def __init__(self, began: float):
        """began: when this sitting began, by the monotonic clock."""
        self.seconds: dict[str, float] = {}
        self.sittings, self._began = 1, began

    @property
    def elapsed(self) -> float:
        """Seconds in all, what lay between the sittings left out."""
        return time.monotonic() - self._began

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time that the block takes to a stage's."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - began

    def state(self) -> Part:
        about = {"seconds": self.seconds, "elapsed": self.elapsed, "sittings": self.sittings}
        return Part(numbers=about)

    def restore(self, part: Part) -> None:
        self.seconds = dict(part.numbers["seconds"])
        self.sittings = part.numbers["sittings"] + 1
        self._began -= part.numbers["elapsed"]
