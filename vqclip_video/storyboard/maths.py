"""The arithmetic of tracks, twice: of one number in plain Python, for the loop, and of arrays in
numpy, for a whole scene at once.

Where the last bit is a matter of the library (a sine, a power), both ask numpy: through a floor or
a remainder one bit may become all of a value, and what was checked for a film is what it gets.
Both refuse whatever is not a finite number, at once, so that no later step can hide it.
"""

from __future__ import annotations

import functools
import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .problems import Mark

Values = Any  # a float, or a numpy array of them
Part = Callable[[int, Any], Values]  # the values of a piece, for those of a selection

# name: how many arguments a function takes, at least and at most
FUNCTIONS: dict[str, tuple[int, int]] = {
    **dict.fromkeys(("sin", "cos", "tan", "asin", "acos", "atan", "sqrt", "exp", "log"), (1, 1)),
    **dict.fromkeys(("abs", "floor", "ceil", "round", "sign"), (1, 1)),
    **dict.fromkeys(("min", "max"), (2, 8)),
    "clamp": (3, 3),
    "mix": (3, 3),
}
NO_MARK = Mark(0, 0)
FAULTS = (ValueError, OverflowError, ZeroDivisionError)


class NotFiniteError(ArithmeticError):
    """A step of a formula is not a finite number.

    index: of the first such value, among those that were asked for. column: of the step, from 0.
    mark: its place in the storyboard, where that is known.
    """

    def __init__(self, index: int = 0):
        self.index, self.column, self.mark = index, 0, NO_MARK
        super().__init__(f"not a finite number: value {index}")


@dataclass(frozen=True)
class Arithmetic:
    """How functions and operators are worked out.

    call: of a name of `FUNCTIONS` or an operator, with its arguments. where: of a condition and two
    values. pieces: of ascending knots, where among them each value lies, and what is there.
    """

    call: Callable[..., Values]
    where: Callable[[Any, Values, Values], Values]
    pieces: Callable[[Sequence[float], Values, Part], Values]


def _sign(value: float) -> float:
    return float((value > 0) - (value < 0))


# min and max are of two; more are taken in turn
ALONE: dict[str, Callable[..., float]] = {
    **{name: getattr(math, name) for name in ("sqrt", "floor", "ceil")},
    **{"abs": abs, "round": round, "sign": _sign, "min": min, "max": max},
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "%": lambda a, b: a % b,
    "negative": lambda a: -a,
}


def _call_alone(name: str, *values: float) -> float:
    if name in ("clamp", "mix"):
        return _composed(_call_alone, name, *values)
    if name not in ALONE:
        return float(arrays().call(name, *values))
    try:
        found = float(ALONE[name](*values))
    except FAULTS:
        raise NotFiniteError from None
    if not math.isfinite(found):
        raise NotFiniteError
    return found


def _composed(call: Callable[..., Values], name: str, a: Values, b: Values, c: Values) -> Values:
    if name == "clamp":
        return call("min", call("max", a, b), c)
    return call("+", a, call("*", call("-", b, a), c))


def _pieces_alone(knots: Sequence[float], value: float, part: Part) -> float:
    return part(bisect_right(knots, value) - 1, None)


NUMBERS = Arithmetic(_call_alone, lambda so, then, other: then if so else other, _pieces_alone)


@functools.cache
def arrays() -> Arithmetic:
    """The arithmetic of numpy arrays; numpy is imported here."""
    import numpy as np

    known: dict[str, Callable[..., Values]] = {
        **{name: getattr(np, name) for name in ("sin", "cos", "tan", "sqrt", "exp", "log", "abs")},
        **{"asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "floor": np.floor},
        **{"ceil": np.ceil, "round": np.round, "sign": np.sign, "negative": np.negative},
        **{"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "%": np.mod},
        **{"**": np.float_power},
    }

    def call(name: str, *values: Values) -> Values:
        if name in ("clamp", "mix"):
            return _composed(call, name, *values)
        with np.errstate(all="ignore"):
            if name in ("min", "max"):
                found = functools.reduce(np.minimum if name == "min" else np.maximum, values)
            else:
                found = known[name](*values)
        if not np.isfinite(found).all():
            raise NotFiniteError(int(np.flatnonzero(~np.isfinite(found))[0]))
        return found

    def pieces(knots: Sequence[float], values: Values, part: Part) -> Values:
        places = np.searchsorted(np.asarray(knots), values, side="right") - 1
        found = np.empty(len(values))
        for piece in np.unique(places):
            chosen = np.flatnonzero(places == piece)
            try:
                found[chosen] = part(int(piece), chosen)
            except NotFiniteError as error:
                error.index = int(chosen[min(error.index, len(chosen) - 1)])
                raise
        return found

    return Arithmetic(call, np.where, pieces)
