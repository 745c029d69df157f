"""How much of a training is done: by steps, by minutes of work, or by what is used first."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass
class Budget:
    """`minutes`, `steps` or both are the whole; what interrupted runs have used counts (`resume`).

    The clock stands until `begin`. By steps alone a run can be repeated exactly.
    """

    minutes: float | None = None
    steps: int | None = None
    done: int = 0  # steps
    _used: float = 0.0  # seconds, of the runs before
    _since: float | None = None

    @property
    def seconds(self) -> float:
        """Work so far, in seconds."""
        return self._used + (0.0 if self._since is None else time.monotonic() - self._since)

    @property
    def fraction(self) -> float:
        """0 at the start, 1 when all is used."""
        of_steps = self.done / self.steps if self.steps else 0.0
        of_minutes = self.seconds / (60 * self.minutes) if self.minutes else 0.0
        return min(1.0, max(of_steps, of_minutes))

    @property
    def ended(self) -> bool:
        """Whether all is used; however little that is, a step is taken."""
        return self.done > 0 and self.fraction >= 1

    def begin(self) -> None:
        """Work begins now."""
        self._since = time.monotonic()

    def state_dict(self) -> dict[str, float]:
        return {"done": self.done, "seconds": self.seconds}

    def resume(self, state: dict[str, float]) -> None:
        """Go on counting from an interrupted run's `state_dict`."""
        self.done, self._used = int(state["done"]), float(state["seconds"])
