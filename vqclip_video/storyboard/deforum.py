"""Schedules as Deforum and its kin write them: `0:(1.02), 60:(1.05)`, values by frames.

As there, a number goes straight to the next key, a formula runs until it is there, and `t` is the
frame.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from ..text import quoted
from .formulas import FormulaError, steps_of
from .instants import When
from .motions import KeyFrame
from .numbers import NUMBER

FRAME = re.compile(r"\s*([0-9]{1,9})\s*:\s*\(", re.ASCII)
LONGEST_SCHEDULE, MOST_FRAMES = 50_000, 1000


def is_schedule(text: str) -> bool:
    """Whether a text begins as one."""
    return bool(FRAME.match(text))


def schedule(text: str, formula: Callable[[str, int], Any]) -> tuple[KeyFrame, ...]:
    """The keys of such a text; formula: makes a value of a formula's text and its column.

    Raises FormulaError with the column of what is wrong.
    """
    if len(text) > LONGEST_SCHEDULE:
        message = f"a schedule of {len(text):,} characters; at most {LONGEST_SCHEDULE:,} are read"
        raise FormulaError(message, 0)
    keys, after = [], 0
    while text[after:].strip():
        match = FRAME.match(text, after)
        if not match or len(keys) == MOST_FRAMES:
            _refuse(text, after, len(keys))
        end = _closing(text, match.end())
        value = _value(text[match.end() : end], match.end(), formula)
        keys.append(KeyFrame(When(float(match[1]), "f"), value))
        after = end + 1
        if (rest := text[after:].lstrip()).startswith(","):
            after = len(text) - len(rest) + 1
        elif rest:
            _refuse(text, after, len(keys))
    return tuple(keys)


def _refuse(text: str, after: int, count: int) -> None:
    rest = text[after:].lstrip()
    wanted = "a frame and a value in brackets, as in 60:(1.05)"
    if count == MOST_FRAMES:
        wanted = f"at most {MOST_FRAMES:,} keys"
    raise FormulaError(f"expected {wanted}, found {quoted(rest)}", len(text) - len(rest))


def _closing(text: str, start: int) -> int:
    """Where the bracket before `start` is closed."""
    depth = 1
    for index in range(start, len(text)):
        depth += (text[index] == "(") - (text[index] == ")")
        if not depth:
            return index
    raise FormulaError("a bracket is not closed", start - 1)


def _value(text: str, start: int, formula: Callable[[str, int], Any]) -> Any:
    if re.fullmatch(NUMBER, text.strip()) and len(text) <= 64:
        number = float(text)
        if not math.isfinite(number):
            raise FormulaError(f"{quoted(text)} is too large a number", start)
        return number
    # The frame has a name of its own here, of the same length, so columns stay.
    ours = re.sub(r"\bt\b", "f", text)
    try:
        steps_of(ours)
    except FormulaError as error:
        raise FormulaError(str(error), error.column + start) from None
    return formula(ours, start)
