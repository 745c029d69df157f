"""Chance, in the words that a painter needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Dice:
    """Chances that depend on `keys` (whole numbers) alone."""

    def __init__(self, *keys: int):
        self.numbers = np.random.default_rng(keys)

    def pick(self, choices: Sequence[T]) -> T:
        """One of `choices`, each as likely as the others."""
        return choices[int(self.numbers.integers(len(choices)))]

    def weighed(self, weights: dict[T, float]) -> T:
        """A key of `weights`, as likely as its weight."""
        total = np.cumsum(list(weights.values()))
        return list(weights)[
            int(np.searchsorted(total, self.numbers.random() * total[-1], side="right"))
        ]

    def between(self, low: float, high: float) -> float:
        return float(low + (high - low) * self.numbers.random())

    def whole(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return int(self.numbers.integers(low, high + 1))

    def chance(self, probability: float) -> bool:
        return bool(self.numbers.random() < probability)

    def near(self, colour: Sequence[float], spread: float = 8.0) -> np.ndarray:
        """A colour like `colour` (0..255), each channel off by a normal number of deviation
        `spread`.
        """
        return np.clip(
            np.asarray(colour, np.float32) + self.numbers.normal(0, spread, 3), 0, 255
        ).astype(np.float32)
