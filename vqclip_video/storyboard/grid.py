"""Beats and bars in seconds of film."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import VqclipError
from .beat_files import read_beats
from .kinds import Refusal

if TYPE_CHECKING:
    from .schema import Storyboard

ON_TIME = 0.002  # seconds before the film at which a beat counts as its first


@dataclass(frozen=True)
class Grid:
    """Beats by number, 0 being the first one in the film.

    times: seconds of film, two at least, ascending, of the beats `begin`, `begin` + 1, …; beyond
    them the nearest two go on. bar: beats of a bar. downbeats: the numbers of those that begin a
    bar, or only the first of them, from which bars are counted.
    """

    times: tuple[float, ...]
    begin: int = 0
    bar: int = 4
    downbeats: tuple[int, ...] = (0,)

    def second(self, beat: float) -> float:
        """When a beat is; between two of them, in proportion."""
        place = beat - self.begin
        index = min(max(math.floor(place), 0), len(self.times) - 2)
        before, after = self.times[index : index + 2]
        return before + (place - index) * (after - before)

    def beat(self, second: float) -> float:
        """Which beat is at a second of film, with its share."""
        index = min(max(bisect_right(self.times, second) - 1, 0), len(self.times) - 2)
        before, after = self.times[index : index + 2]
        return self.begin + index + (second - before) / (after - before)

    def beats_of(self, seconds: Any) -> Any:
        """The same of a number or of an array of them, to the last bit."""
        if isinstance(seconds, float):
            return self.beat(seconds)
        import numpy as np

        times = np.array(self.times)
        index = np.clip(np.searchsorted(times, seconds, "right") - 1, 0, len(times) - 2)
        before, after = times[index], times[index + 1]
        return self.begin + index + (seconds - before) / (after - before)

    def beats_until(self, seconds: float) -> list[float]:
        """The seconds of all beats in a film that lasts so long."""
        last = math.floor(self.beat(seconds) + 1e-9)
        return [self.second(beat) for beat in range(last + 1)]

    def downbeats_until(self, seconds: float) -> list[float]:
        """Those of them that begin a bar."""
        last = math.floor(self.beat(seconds) + 1e-9)
        return [self.second(beat) for beat in range(last + 1) if self.is_downbeat(beat)]

    def is_downbeat(self, beat: int) -> bool:
        """Whether a beat begins a bar."""
        place = bisect_left(self.downbeats, beat)
        if place < len(self.downbeats):
            known = self.downbeats[place]
            listed = len(self.downbeats) > 1 and place > 0
            return known == beat or (not listed and (known - beat) % self.bar == 0)
        return (beat - self.downbeats[-1]) % self.bar == 0

    @property
    def bpm(self) -> float:
        """Beats a minute, in the mean."""
        return 60 * (len(self.times) - 1) / (self.times[-1] - self.times[0])


def grid_of(film: Storyboard) -> Grid | None:
    """The beats of a film; None where it says nothing of them.

    Raises Refusal where its sound cannot be listened to.
    """
    start = film.audio.start if film.audio else 0.0
    if film.beats:
        return _listed(film.beats, start, film.bar)
    if film.bpm is None:
        return None
    first, period = film.offset or 0.0, 60 / film.bpm
    if film.offset is None and film.audio:
        first, period = _fitted(film.audio.file, film.bpm)
    passed = math.ceil((start - first - ON_TIME) / period)  # beats of the sound before the film
    begin = first + passed * period - start
    return Grid((begin, begin + period), 0, film.bar, (-passed % film.bar,))


def _listed(path: Path, start: float, bar: int) -> Grid:
    found = read_beats(path)
    times = tuple(second - start for second in found.seconds)
    # those before the film are counted backwards
    before = bisect_left(times, -ON_TIME)
    if before >= len(times):
        raise Refusal("all its beats lie before the film's start; the sound starts later")
    downs = tuple(index - before for index in found.downbeats) or (-before,)
    return Grid(times, -before, bar, downs)


def _fitted(path: Path, bpm: float) -> tuple[float, float]:
    from ..sound.listen import samples_of
    from ..sound.tempo import fitted_pulse

    pulse = _heard(lambda: fitted_pulse(samples_of(path), bpm))
    return pulse.first, pulse.period


def tempos_of(path: Path) -> list[float]:
    """Tempos that a sound may have, the likeliest first. Raises Refusal."""
    from ..sound.listen import samples_of
    from ..sound.tempo import likely_tempos

    return _heard(lambda: likely_tempos(samples_of(path)))


def _heard(listen: Callable):
    try:
        return listen()
    except (VqclipError, OSError) as error:
        raise Refusal(f"cannot listen to the sound: {error}") from None
