"""Which job a worker gets next. Pure, so that ten thousand films can be simulated.

Longest processing time first (Graham 1969): what is long and begun late is what a farm waits for at
its end. Before that, a worker stays with the models that it has loaded, as long as those jobs are a
fair share of what is left.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

STAY = 2.0  # how many times fuller another model's line has to be for a worker to change over


@dataclass(frozen=True)
class Waiting:
    """A job that waits: its name, what its networks are, and how much work it is, in any unit."""

    job: str
    models: str
    work: float


@dataclass
class Queue:
    """The jobs that wait, in a line for each set of models, the longest first."""

    lines: dict[str, list[tuple[float, str]]] = field(default_factory=lambda: defaultdict(list))
    left: Counter[str] = field(default_factory=Counter)  # work in each line
    serving: Counter[str] = field(default_factory=Counter)  # workers that have each models loaded

    def __len__(self) -> int:
        return sum(len(line) for line in self.lines.values())

    def add(self, jobs: Iterable[Waiting]) -> None:
        for each in jobs:
            heapq.heappush(self.lines[each.models], (-each.work, each.job))
            self.left[each.models] += each.work

    def take(self, loaded: str = "") -> Waiting | None:
        """The next job for a worker that has these models loaded; None where none waits."""
        lines = [models for models, line in self.lines.items() if line]
        if not lines:
            return None
        models = max(lines, key=lambda models: self._pull(models, loaded))
        work, job = heapq.heappop(self.lines[models])
        self.left[models] = self.left[models] + work if self.lines[models] else 0.0
        self._change(loaded, models)
        return Waiting(job, models, -work)

    def leave(self, loaded: str) -> None:
        """A worker with these models loaded is gone."""
        self._change(loaded, "")

    def _pull(self, models: str, loaded: str) -> float:
        """Work in a line for each worker at it, this one included."""
        others = self.serving[models] - (models == loaded)
        share = self.left[models] / (others + 1)
        return share * STAY if models == loaded else share

    def _change(self, before: str, after: str) -> None:
        if before != after:
            self.serving[before] -= bool(before)
            self.serving[after] += bool(after)
