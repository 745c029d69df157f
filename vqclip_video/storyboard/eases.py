"""How a value goes from one key to the next: `linear hold in out in-out bezier(.2,0,0,1)`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .maths import Arithmetic, Values
from .numbers import NUMBER, plain_number

EASES = ("linear", "hold", "in", "out", "in-out")
BEZIER = rf"bezier\(\s*({NUMBER})\s*,\s*({NUMBER})\s*,\s*({NUMBER})\s*,\s*({NUMBER})\s*\)"
LOWEST, HIGHEST = -10.0, 10.0  # of a curve's handles; beyond, no value stays in its range
HALVINGS = 50  # leave less than 1e-15 of the way


@dataclass(frozen=True)
class Ease:
    """A course from 0 to 1, by its name or, as in CSS, by the handles x1, y1, x2, y2 of a cubic
    curve between (0, 0) and (1, 1), whose y may overshoot.
    """

    name: str = "linear"
    handles: tuple[float, ...] = ()

    def __str__(self) -> str:
        if not self.handles:
            return self.name
        return f"bezier({', '.join(plain_number(handle) for handle in self.handles)})"

    def course(self, passed: Values, maths: Arithmetic) -> Values:
        """How far the value has come when the share `passed`, 0..1, of the time has passed."""
        if self.handles:
            return self._along_the_curve(passed, maths)
        if self.name == "in":
            return passed * passed
        if self.name == "out":
            return 1 - (1 - passed) * (1 - passed)
        if self.name == "in-out":
            return passed * passed * (3 - 2 * passed)
        return passed if self.name == "linear" else 0.0 * passed

    def _along_the_curve(self, passed: Values, maths: Arithmetic) -> Values:
        x1, y1, x2, y2 = self.handles
        low, high = 0.0 * passed, 0.0 * passed + 1.0
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            before = _cubic(x1, x2, middle) < passed
            low, high = maths.where(before, middle, low), maths.where(before, high, middle)
        return _cubic(y1, y2, (low + high) / 2)


def _cubic(first: float, second: float, at: Values) -> Values:
    rest = 1 - at
    return 3 * rest * rest * at * first + 3 * rest * at * at * second + at * at * at


def ease_of(text: str) -> Ease | None:
    """The ease that a text means; None where it means none."""
    text = text.strip()
    if text in EASES:
        return Ease(text)
    if len(text) > 200 or not (match := re.fullmatch(BEZIER, text)):
        return None
    x1, y1, x2, y2 = handles = tuple(float(handle) for handle in match.groups())
    right = all(0 <= x <= 1 for x in (x1, x2)) and all(LOWEST <= y <= HIGHEST for y in (y1, y2))
    return Ease("bezier", handles) if right else None


WANTED_EASE = (
    f"one of {', '.join(EASES)}, or bezier(x1, y1, x2, y2) with x from 0 to 1 and y from "
    f"{plain_number(LOWEST)} to {plain_number(HIGHEST)}"
)
