"""Kinds of values that are written with digits: numbers, seeds, rates, times, sizes."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .kinds import Kind, Naming, Place, Schema
from .sizes import SHAPES
from .yaml_nodes import Node, Scalar, Sequence

LONGEST_NUMBER = 64  # characters; beyond lies a slip or an attack, not a number

NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
WHOLE = r"[+-]?[0-9]+(?:\.0*)?"
UNSIGNED = r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+"
CLOCK = r"(?:([0-9]+):)?([0-9]+):([0-5]?[0-9](?:\.[0-9]*)?)"
UNITS = "".join(
    rf"(?:({UNSIGNED})\s*(?:{unit})\s*)?"
    for unit in ("h|hrs?|hours?", "m(?!s)|mins?|minutes?", "s|secs?|seconds?", "ms|milliseconds?")
)
BEATS = rf"({UNSIGNED})\s*(b|beats?|bars?)"
FRAMES = r"([0-9]+)\s*(?:f|frames?)"
RATIO = r"([0-9]{1,6})\s*/\s*([0-9]{1,6})"
SIZE = r"([0-9]{1,9})\s*[xX×]\s*([0-9]{1,9})"

MOST_BEATS = 1_000_000

# frames a second, as video counts them
NTSC = {Fraction(n * 1000, 1001) for n in (24, 30, 48, 60, 96, 120, 240)}
# of a frame a second: how far 23.976, 23.98 and 29.97 are from what they stand for
NEARLY = Fraction(1, 150)


def plain_number(number: float) -> str:
    """A number as a person writes it: 1, not 1.0."""
    return str(int(number)) if float(number).is_integer() else str(number)


def rate_text(fps: Fraction) -> str:
    """Frames a second as a person writes them: 24, 12.5, 30000/1001."""
    decimal = plain_number(float(fps))
    return decimal if Fraction(decimal) == fps else f"{fps.numerator}/{fps.denominator}"


def is_number(node: Node) -> bool:
    """Whether a node is a scalar that is written like a number."""
    text = node.text[: LONGEST_NUMBER + 1] if isinstance(node, Scalar) else ""
    return bool(re.fullmatch(NUMBER, text))


@dataclass(frozen=True)
class Number(Kind):
    """A decimal number in a range: `least <= value <= most`, or `above < value <= most`."""

    least: float | None = None
    above: float | None = None
    most: float | None = None

    noun = "a number"
    pattern = NUMBER

    def expected(self) -> str:
        return f"{self.noun} {self.limits()}".rstrip()

    def limits(self) -> str:
        if self.most is None:
            return ""
        if self.above is not None:
            return f"above {plain_number(self.above)} and at most {plain_number(self.most)}"
        return f"from {plain_number(self.least)} to {plain_number(self.most)}"

    def read(self, node: Node, place: Place) -> float:
        return self.in_range(node, float(self.digits(node)))

    def schema(self, sections: dict[str, Schema]) -> Schema:
        return {"type": "number", **self.range()}

    def range(self) -> Schema:
        """The range as a JSON Schema."""
        limits = {"minimum": self.least, "exclusiveMinimum": self.above, "maximum": self.most}
        return {name: limit for name, limit in limits.items() if limit is not None}

    def while_moving(self) -> Number:
        """What holds of each value where it changes over time."""
        return self

    def digits(self, node: Node) -> str:
        """The text of a scalar that is written like such a number. Raises Refusal."""
        value = self.scalar(node)
        if len(value.text) > LONGEST_NUMBER or not re.fullmatch(self.pattern, value.text):
            raise self.refusal(node)
        if not value.plain:
            self.in_range(node, float(value.text))
            raise self.refusal(node, "; remove the quotes")
        return value.text

    def in_range(self, node: Node, value: Any) -> Any:
        """The value, if the range holds it. Raises Refusal."""
        too_low = (self.least is not None and value < self.least) or (
            self.above is not None and value <= self.above
        )
        if too_low or (self.most is not None and value > self.most) or not math.isfinite(value):
            raise self.refusal(node)
        return value


@dataclass(frozen=True)
class Weight(Number):
    """The weight of a part of a prompt, which is never negative."""

    def read(self, node: Node, place: Place) -> float:
        if is_number(node) and node.text.startswith("-"):
            remedy = "name what should not be seen in exclude"
            if ".exclude" in f".{place.path}":
                remedy = "what is excluded has a positive weight"
            raise self.refusal(node, f"; {remedy}")
        return super().read(node, place)

    def while_moving(self) -> Number:
        """A part may come out of nothing, or go there."""
        return Weight(least=0.0, most=self.most)


@dataclass(frozen=True)
class Whole(Number):
    """A whole number in a range."""

    noun = "a whole number"
    pattern = WHOLE

    def read(self, node: Node, place: Place) -> int:
        return self.in_range(node, int(self.digits(node).partition(".")[0]))

    def schema(self, sections: dict[str, Schema]) -> Schema:
        return {"type": "integer", **self.range()}


@dataclass(frozen=True)
class Seed(Whole):
    """A whole number in a range; None for the word `random`."""

    noun = "random, or a whole number"

    def read(self, node: Node, place: Place) -> int | None:
        return None if self.scalar(node).text == "random" else super().read(node, place)

    def schema(self, sections: dict[str, Schema]) -> Schema:
        return {"anyOf": [super().schema(sections), {"const": "random"}]}

    def write(self, value: int | None, name: Naming) -> int | str:
        return "random" if value is None else value

    def says(self, value: int | None) -> bool:
        return True


@dataclass(frozen=True)
class Rate(Number):
    """Frames a second, exactly: 24, 12.5, 30000/1001; 23.976, 29.97 and the like are the NTSC
    rates they stand for.
    """

    noun = "a number or a ratio such as 24, 23.976 or 30000/1001"

    def read(self, node: Node, place: Place) -> Fraction:
        text = node.text.strip() if isinstance(node, Scalar) else ""
        if (ratio := re.fullmatch(RATIO, text)) and int(ratio[2]):
            return self.in_range(node, Fraction(int(ratio[1]), int(ratio[2])))
        written = Fraction(str(super().read(node, place)))
        near = (rate for rate in NTSC if abs(written - rate) < NEARLY)
        return written if written.denominator == 1 else next(near, written)

    def schema(self, sections: dict[str, Schema]) -> Schema:
        ratio = {"type": "string", "pattern": rf"^\s*{RATIO}\s*$"}
        return {"anyOf": [super().schema(sections), ratio]}

    def write(self, value: Fraction, name: Naming) -> int | float | str:
        text = rate_text(value)
        return text if "/" in text else float(value) if "." in text else int(value)


@dataclass(frozen=True)
class InBeats:
    """A time that is written in beats or bars; what it is in seconds depends on the grid."""

    amount: float
    unit: str  # "b" or "bars"

    def __str__(self) -> str:
        return f"{plain_number(self.amount)}{self.unit}"

    def beats(self, bar: int) -> float:
        """Beats, in a grid with so many of them in a bar."""
        return self.amount * (bar if self.unit == "bars" else 1)


@dataclass(frozen=True)
class Time(Number):
    """Seconds, from 3, 2.5s, 2 seconds, 500ms, 1:30, 1:02:03.5, 2min, 1m30s, 1h; or frames at
    the film's rate, 100f; or, where `beats` says so, beats and bars, 4b, 2bars.
    """

    beats: bool = False

    @property
    def noun(self) -> str:
        beats = ", 4b" if self.beats else ""
        return f"a time such as 3, 2.5s, 500ms, 1:30{beats} or 100f"

    def read(self, node: Node, place: Place) -> float | InBeats:
        value = self.scalar(node).text.strip()
        if len(value) > LONGEST_NUMBER:
            raise self.refusal(node)
        if re.fullmatch(NUMBER, value):
            return self.in_range(node, float(value))
        if self.beats and (found := re.fullmatch(BEATS, value)):
            return self._in_beats(node, *found.groups())
        if frames := re.fullmatch(FRAMES, value):
            return self.in_range(node, float(int(frames[1]) / place.reading.fps))
        match = re.fullmatch(CLOCK, value) or (value and re.fullmatch(UNITS, value))
        if not match:
            raise self.refusal(node)
        units = (3600, 60, 1, Fraction(1, 1000))
        parts = zip(match.groups(), units, strict=False)
        seconds = sum(Fraction(part) * unit for part, unit in parts if part)
        return self.in_range(node, float(seconds))

    def _in_beats(self, node: Node, amount: str, unit: str) -> InBeats:
        found = InBeats(float(amount), "bars" if unit.startswith("bar") else "b")
        if (self.above is not None and found.amount <= self.above) or found.amount > MOST_BEATS:
            raise self.refusal(node)
        return found

    def schema(self, sections: dict[str, Schema]) -> Schema:
        beats = f"{BEATS}|" if self.beats else ""
        words = rf"^\s*(?=\S)(?:{NUMBER}|{CLOCK}|{FRAMES}|{beats}{UNITS})\s*$"
        return {"anyOf": [super().schema(sections), {"type": "string", "pattern": words}]}


@dataclass(frozen=True)
class Size(Whole):
    """Width and height in pixels, from 256x256, 256 × 256 or [256, 256]; or one of the words of
    `SHAPES`.
    """

    def expected(self) -> str:
        shapes = ", ".join(SHAPES)
        return f"a size such as 256x256, each side {self.limits()}, or one of {shapes}"

    def read(self, node: Node, place: Place) -> tuple[int, int] | str:
        if isinstance(node, Scalar) and (word := node.text.strip().lower()) in SHAPES:
            return word
        if isinstance(node, Sequence) and len(node.items) == 2:
            written = [self.digits(item).partition(".")[0] for item in node.items]
        else:
            match = re.fullmatch(SIZE, self.scalar(node).text.strip())
            if not match:
                raise self.refusal(node)
            written = list(match.groups())
        width, height = (self.in_range(node, int(side)) for side in written)
        return width, height

    def schema(self, sections: dict[str, Schema]) -> Schema:
        side = super().schema(sections)
        sides = {"type": "array", "items": side, "minItems": 2, "maxItems": 2}
        written = {"type": "string", "pattern": rf"^\s*{SIZE}\s*$"}
        return {"anyOf": [written, sides, {"enum": list(SHAPES)}]}

    def write(self, value: tuple[int, int], name: Naming) -> str:
        return f"{value[0]}x{value[1]}"
