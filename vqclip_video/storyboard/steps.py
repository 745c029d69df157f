"""What a formula comes to: the steps that it was read into, on a stack of values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .instants import Instant, When
from .maths import Arithmetic, NotFiniteError, Values


@dataclass(frozen=True)
class Step:
    """One step on a stack of values.

    does: number, name, call (of a function or operator on the last `takes` values), or wave (of
    the last four values, with a period).
    """

    does: str
    what: Any
    column: int
    takes: int = 0
    period: When | None = None


def value_of(steps: tuple[Step, ...], instant: Instant, maths: Arithmetic, of_film: bool) -> Values:
    """What the steps come to at an instant.

    Raises NotFiniteError with the column of the first step that is not a finite number.
    """
    stack: list[Values] = []
    for step in steps:
        arguments = stack[len(stack) - step.takes :]
        del stack[len(stack) - step.takes :]
        try:
            if step.does == "call":
                stack.append(maths.call(step.what, *arguments))
            elif step.does == "wave":
                stack.append(_wave(step, arguments, instant, maths, of_film))
            elif step.does == "name":
                stack.append(instant.named(step.what, of_film))
            else:
                stack.append(step.what)
        except NotFiniteError as error:
            error.column = step.column
            raise
    return stack[0]


def _wave(
    step: Step, arguments: list[Values], instant: Instant, maths: Arithmetic, of_film: bool
) -> Values:
    low, high, phase, width = arguments
    if step.period.in_beats:
        here, period = instant.beats(of_film), step.period.beats(instant.stretch)
    else:
        here, period = instant.here(of_film), step.period.seconds(instant.stretch, of_film)
    turns = maths.call("+", maths.call("/", here, period), phase)
    share = turns - maths.call("floor", turns)
    if step.what == "sin":
        height = 0.5 - 0.5 * maths.call("cos", 2 * math.pi * share)
    elif step.what == "tri":
        height = 1 - maths.call("abs", 1 - 2 * share)
    elif step.what == "saw":
        height = share
    else:
        height = maths.where(share < width, 1.0, 0.0)
    return maths.call("mix", low, high, height)
