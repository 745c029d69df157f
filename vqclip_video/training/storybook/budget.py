"""How much of a stage of training is done: by minutes of work, or by steps where a run shall be
repeatable.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field


@dataclass
class Budget:
    """Exactly one of `minutes` and `steps` is the whole; what an interrupted run has used counts
    (`resume`).
    """

    minutes: float | None = None
    steps: int | None = None
    done: int = 0  # steps
    _used: float = 0.0  # seconds, of the runs before
    _since: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Work so far, in seconds."""
        return self._used + time.monotonic() - self._since

    @property
    def fraction(self) -> float:
        """0 at the start, 1 when all is used."""
        share = self.done / self.steps if self.steps else self.seconds / (60 * self.minutes)
        return min(1.0, share)

    @property
    def ended(self) -> bool:
        """Whether all is used; however little that is, a step is taken, so that something is
        left.
        """
        return self.done > 0 and self.fraction >= 1

    def state_dict(self) -> dict[str, float]:
        return {"done": self.done, "seconds": self.seconds}

    def resume(self, state: dict[str, float]) -> None:
        """Go on counting from an interrupted run's `state_dict`."""
        self.done, self._used, self._since = int(state["done"]), state["seconds"], time.monotonic()


def warm_constant_cosine(
    fraction: float, step: int, *, warm: int = 100, constant: float = 0.3
) -> float:
    """Share of the learning rate: `warm` steps up, then constant, then half a cosine down to 2
    %.
    """
    rising = min(1.0, (step + 1) / warm)
    if fraction < constant:
        return rising
    return rising * (
        0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (fraction - constant) / (1 - constant)))
    )
