"""Values that change in the course of a scene: one face, `at`, for whatever lies behind.

The engine asks for the number that holds at a moment; whether it was a number all along or the
point of a curve is known here alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

ALMOST_NOTHING = 1 / 1000  # of the other end: what a geometric course to or from 0 goes to instead


@dataclass(frozen=True)
class Clock:
    """Where in its scene an iteration lies.

    done: iterations of the scene before this one. total: all of the scene's. travel: how many of
    them, at its start, lead here from the scene before.
    """

    done: int
    total: int
    travel: int

    def passed(self, share: float) -> float:
        """How much of the first `share` of the scene after its travel has passed, 0..1."""
        since, length = self.done - self.travel, share * (self.total - self.travel)
        return 1.0 if since >= length else max(0.0, since / length)


class Track(Protocol):
    """A setting over time."""

    def at(self, clock: Clock) -> float:
        """The value of the setting at that time."""


@dataclass(frozen=True)
class Ramp:
    """From `start`, held while the film travels to the scene, to `end`, reached after the share
    `over` of the rest and held from then on: in equal steps, or in equal ratios (`geometric`).
    """

    start: float
    end: float
    over: float
    geometric: bool = False

    def at(self, clock: Clock) -> float:
        if clock.travel and clock.done <= clock.travel:
            return self.start
        passed = clock.passed(self.over)
        if passed == 1.0:
            return self.end
        if not self.geometric:
            return self.start + (self.end - self.start) * passed
        least = max(self.start, self.end) * ALMOST_NOTHING
        start, end = max(self.start, least), max(self.end, least)
        return start * (end / start) ** passed if start else 0.0
