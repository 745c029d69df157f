"""Where in a film tracks are asked for their values, and the units their times are written in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .maths import Values
from .numbers import FRAMES, NUMBER, plain_number

SHARE = rf"({NUMBER})\s*%"
UNITS_OF_TIME = {"seconds": "s", "frames": "f", "share": "%"}


@dataclass(frozen=True)
class Stretch:
    """A scene as its tracks see it: where it lies, how long it lasts, how fast it runs.

    travel: how many of its iterations, at its start, lead there from the scene before.
    """

    fps: Fraction
    show_step: int
    iterations: int
    first_iteration: int = 0
    first_frame: int = 0
    film_frames: int = 0
    travel: int = 0

    def length(self, of_film: bool) -> Fraction:
        """Seconds that the film, or the scene, lasts."""
        own = Fraction(self.iterations, self.show_step)
        return (self.film_frames if of_film else own) / self.fps


@dataclass(frozen=True)
class Instant:
    """A time in a scene: after `done` of its iterations; a number, or an array of them.

    One division of whole numbers makes seconds of iterations, so that an iteration on a key's time
    is there exactly, alone and in an array.
    """

    stretch: Stretch
    done: Values

    @property
    def film_seconds(self) -> Values:
        """Seconds of film."""
        since = self.stretch.first_frame * self.stretch.show_step
        return self._seconds(self.done + since)

    @property
    def scene_seconds(self) -> Values:
        """Seconds of the scene."""
        return self._seconds(self.done)

    def here(self, of_film: bool) -> Values:
        """Seconds from where a track counts."""
        return self.film_seconds if of_film else self.scene_seconds

    def named(self, name: str, of_film: bool) -> Values:
        """What one of `NAMES` is now."""
        if name == "u":
            return self.done / self.stretch.iterations
        if name == "i":
            return self.done + float(self.stretch.first_iteration)
        if name == "f":
            since = self.stretch.first_frame * self.stretch.show_step if of_film else 0
            return (self.done + since) / self.stretch.show_step
        return self.here(name == "t")

    def only(self, selection: Any) -> Instant:
        """Those of a selection; None is all."""
        return self if selection is None else Instant(self.stretch, self.done[selection])

    def moved_to(self, seconds: float, of_film: bool) -> Instant:
        """The one instant that is so many seconds from where a track counts."""
        since = self.stretch.first_frame if of_film else 0
        frames = seconds * float(self.stretch.fps) - since
        return Instant(self.stretch, frames * self.stretch.show_step)

    def _seconds(self, iterations: Values) -> Values:
        fps = self.stretch.fps
        return iterations * fps.denominator / (self.stretch.show_step * fps.numerator)


# What a formula may ask for, in words.
NAMES = {
    "t": "seconds of film",
    "s": "seconds of the scene",
    "u": "0 to 1 over the scene",
    "i": "iteration of the film",
    "f": "frames, from where the track counts",
}


@dataclass(frozen=True)
class When:
    """A time as it is written: an amount of `s`, `f` (frames) or `%` (of what a track counts
    in).
    """

    amount: float
    unit: str = "s"

    def __str__(self) -> str:
        amount = plain_number(self.amount)
        return amount if self.unit == "s" and "e" in amount else f"{amount}{self.unit}"

    def seconds(self, stretch: Stretch, of_film: bool) -> float:
        """The same in seconds."""
        if self.unit == "s":
            return self.amount
        if self.unit == "f":
            return float(Fraction(self.amount) / stretch.fps)
        return float(Fraction(str(self.amount)) / 100 * stretch.length(of_film))


def share_or_frames(text: str) -> When | None:
    """The time that a text such as 50% or 100f means; None for all others."""
    if match := re.fullmatch(FRAMES, text):
        return When(float(match[1]), "f")
    if (match := re.fullmatch(SHARE, text)) and 0 <= float(match[1]) <= 100:
        return When(float(match[1]), "%")
    return None
