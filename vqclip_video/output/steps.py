"""How far a film's picture moves from one captured frame to the next."""

from __future__ import annotations

import numpy as np

from ..disk.part import Part

CELLS = 32  # along the shorter side of what two pictures are compared at


def coarse(picture: np.ndarray) -> np.ndarray:
    """A picture, uint8 [H, W, 3], as the means of square cells, float32 [h, w, 3], 0..1.

    What is finer, the grain that an optimisation never lets rest, is no movement.
    """
    side = max(min(picture.shape[:2]) // CELLS, 1)
    height, width = (length // side * side for length in picture.shape[:2])
    cells = picture[:height, :width].reshape(height // side, side, width // side, side, 3)
    return cells.mean((1, 3), dtype=np.float32) / 255


def step_between(one: np.ndarray, other: np.ndarray) -> float:
    """Between two coarse pictures: the root of their mean squared difference, 0..1."""
    return float(np.sqrt(np.square(one - other).mean(dtype=np.float64)))


class Steps:
    """The distance of each captured picture from the one before."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None

    def to(self, picture: np.ndarray) -> float:
        """That of the next picture, uint8 [H, W, 3]; 0 for the first."""
        before, self._last = self._last, coarse(picture)
        return 0.0 if before is None else step_between(before, self._last)

    def state(self) -> Part:
        return Part({} if self._last is None else {"last": self._last})

    def restore(self, part: Part) -> None:
        """Go on from a `state`."""
        self._last = np.asarray(part.tensors["last"]).copy() if part.tensors else None
