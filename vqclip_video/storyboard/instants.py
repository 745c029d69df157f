"""Where in a film tracks are asked for their values, and the units their times are written in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .grid import Grid
from .maths import Values
from .numbers import BEATS, FRAMES, NUMBER, InBeats, plain_number

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
    grid: Grid | None = None

    @property
    def first_beat(self) -> float:
        """The beat at which the scene begins; one that lies on its first frame is whole."""
        start = self.first_frame / self.fps
        beat = self.grid.beat(float(start))
        near = abs(self.grid.second(round(beat)) - start) <= 1 / (2 * self.fps)
        return float(round(beat)) if near else beat

    def second_of(self, beats: float, of_film: bool) -> float:
        """Seconds of the film, or the scene, at so many beats of it."""
        if of_film:
            return self.grid.second(beats)
        return self.grid.second(self.first_beat + beats) - float(self.first_frame / self.fps)

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

    def beats(self, of_film: bool) -> Values:
        """Beats from where a track counts."""
        since = 0.0 if of_film else self.stretch.first_beat
        return self.stretch.grid.beats_of(self.film_seconds) - since

    def named(self, name: str, of_film: bool) -> Values:
        """What one of `NAMES` is now."""
        if name == "b":
            return self.beats(of_film=True)
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
    "b": "beats of the film",
}


@dataclass(frozen=True)
class When:
    """A time as it is written: an amount of `s`, `f` (frames), `%` (of what a track counts in), `b`
    (beats) or `bars`.
    """

    amount: float
    unit: str = "s"

    def __str__(self) -> str:
        amount = plain_number(self.amount)
        return amount if self.unit == "s" and "e" in amount else f"{amount}{self.unit}"

    @property
    def in_beats(self) -> bool:
        return self.unit in ("b", "bars")

    def beats(self, stretch: Stretch) -> float:
        """Of a time in beats or bars, how many beats."""
        return InBeats(self.amount, self.unit).beats(stretch.grid.bar)

    def seconds(self, stretch: Stretch, of_film: bool) -> float:
        """The same in seconds."""
        if self.in_beats:
            return stretch.second_of(self.beats(stretch), of_film)
        if self.unit == "s":
            return self.amount
        if self.unit == "f":
            return float(Fraction(self.amount) / stretch.fps)
        return float(Fraction(str(self.amount)) / 100 * stretch.length(of_film))


def counted_time(text: str) -> When | None:
    """The time that a text such as 50%, 100f, 4b or 2bars means; None for all others."""
    if match := re.fullmatch(BEATS, text):
        return When(float(match[1]), "bars" if match[2].startswith("bar") else "b")
    if match := re.fullmatch(FRAMES, text):
        return When(float(match[1]), "f")
    if (match := re.fullmatch(SHARE, text)) and 0 <= float(match[1]) <= 100:
        return When(float(match[1]), "%")
    return None
