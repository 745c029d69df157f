"""Where on the way of its pictures a film is, at each of its times.

The way leads from captured frame to captured frame; a place on it is a number: 3 is frame 3, 3.5
lies half way to frame 4. A film shot `steady` is at place k at its k-th frame. Shot by an
optimiser, most of a scene's change comes in its first second then; `even` goes the same way at an
even speed. Times are in frames of the film.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..storyboard.timeline import Timeline, held, in_frames, pacing_of
from .landing import landed

STILL = 1e-6  # a way that is shorter is none: the scene does not change


@dataclass(frozen=True)
class Leg:
    """A scene as its frames are placed: the frames `first` to `first + frames` (not included), of
    which the last `held` stand still. afresh: whether nothing leads to it from the frame before.
    """

    first: int
    frames: int
    even: bool
    held: int = 0
    afresh: bool = False

    @property
    def entry(self) -> int:
        """The place from which its way counts: the frame before, or its own first."""
        return self.first if self.afresh or not self.first else self.first - 1

    @property
    def last(self) -> int:
        return self.first + self.frames - 1


class Route:
    """The place of every frame of a film, and, by `at`, of every time between two."""

    def __init__(
        self,
        legs: Sequence[Leg],
        steps: np.ndarray,
        loops: bool = False,
        crossed: Sequence[int] = (),
        beats: Sequence[float] = (),
    ):
        """steps: from each captured frame to the next, as far apart as their pictures are; the
        first is 0. loops: whether the last frame leads to the first. crossed, beats: see
        `landing.landed`.
        """
        placed = [_placed(each, steps, loops and each is legs[-1]) for each in legs]
        self.places = np.concatenate(placed)
        self.loops = loops
        cuts = [each.first for each in legs if each.afresh]
        if beats:
            self.places = landed(self.places, crossed, beats, cuts)
        jumps = np.searchsorted(self.places, cuts)  # the frames at which they are shown
        self._afresh = set(jumps.tolist())

    @property
    def frames(self) -> int:
        return len(self.places)

    def at(self, time: float) -> float:
        """The place at a time, 0 to `frames`; after the last frame the film stands, and a loop
        goes on to the end of its way.
        """
        frame = min(max(int(time), 0), self.frames - 1)
        here = float(self.places[frame])
        if frame + 1 in self._afresh or time <= frame:
            return here
        end = float(self.frames - 1) if self.loops else here
        following = float(self.places[frame + 1]) if frame + 1 < self.frames else end
        return here + min(time - frame, 1.0) * (following - here)


def legs(timeline: Timeline, pacing: str | None = None) -> Iterator[Leg]:
    """A film's scenes. pacing: instead of the storyboard's."""
    board = timeline.storyboard
    for span in timeline.spans:
        scene = board.scenes[span.scene]
        still = round(in_frames(held(board, span.scene), board.fps))
        even = (pacing or pacing_of(board, span.scene)) == "even"
        if span.frames:
            yield Leg(span.first_frame, span.frames, even, still, scene.begins_afresh)


def _placed(leg: Leg, steps: np.ndarray, to_the_first: bool) -> np.ndarray:
    """The places of a scene's frames; to_the_first: whether a loop's seam follows."""
    moving, entry, last = leg.frames - leg.held, leg.entry, leg.last
    still = np.full(leg.held, float(last))
    if not (leg.even or leg.held or to_the_first):
        return np.arange(leg.first, last + 1, dtype=np.float64)
    led_to = int(entry < leg.first)
    done = np.arange(moving) + led_to  # steps from the entry
    whole = moving - 1 + led_to + int(to_the_first)
    takes = np.arange(entry, last + 1, dtype=np.float64)
    way = np.concatenate([[0.0], np.cumsum(steps[entry + 1 : last + 1])])
    if not leg.even or way[-1] < STILL:
        way = takes - entry
    # Interpolation wants places apart, equally far along though some are.
    way = way + np.arange(len(way)) * (STILL * 1e-3)
    return np.concatenate([np.interp(done / max(whole, 1) * way[-1], way, takes), still])
