"""Which stretch of a film makes the best loop: the liveliest with the smallest seam."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import torch

from ..errors import UsageError
from .reel import Way
from .route import Route

CELLS = 8  # along a side of the latent, of what is compared
STEPS = 3  # a seam is as good as none where it is smaller than so many ordinary steps


def best_loop(route: Route, way: Way, frames: int) -> Fraction:
    """The frame of the film from which a loop of so many frames should begin.

    Lively is a stretch that goes far from where it begins before it comes back: the grain of a
    picture that stands still travels a long way too, and arrives nowhere. Raises UsageError where
    the film is shorter.
    """
    if frames >= route.frames:
        raise UsageError(
            f"the film has {route.frames} frames, and a stretch of {frames} is to be found in it; "
            "ask for less"
        )
    pictures = np.stack([_pooled(way.at(float(place))) for place in route.places])
    ordinary = np.median(_apart(pictures[1:], pictures[:-1])) + 1e-9
    scores = []
    for start in range(route.frames - frames):
        away = _apart(pictures[start : start + frames + 1], pictures[start])
        scores.append(away.max() / max(away[-1], STEPS * ordinary))
    return Fraction(int(np.argmax(scores)))


def _pooled(latent: torch.Tensor) -> np.ndarray:
    cells = tuple(min(CELLS, side) for side in latent.shape[-2:])
    return torch.nn.functional.adaptive_avg_pool2d(latent, cells).flatten().cpu().numpy()


def _apart(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(some - others).mean(-1))
