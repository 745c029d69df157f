"""The kind of a number that may move: a number, keys over time, or a formula."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace
from typing import Any

from ..text import quoted
from .deforum import is_schedule, schedule
from .eases import EASES, WANTED_EASE, Ease, ease_of
from .formulas import FormulaError, steps_of
from .instants import NAMES, SHARE, When
from .kinds import BAD, Kind, Naming, Place, Refusal, Schema
from .motions import Formula, Keyed, KeyFrame, Motion
from .numbers import BEATS, CLOCK, FRAMES, NUMBER, UNITS, Number, is_number
from .problems import Mark
from .times import TIMES, when_of
from .yaml_nodes import Mapping, Node, Scalar, in_words

MOST_KEYS = 1000
# A text with one of these is meant as a formula; any other is no number, and so refused.
LOOKS_LIKE_A_FORMULA = rf"[(+*/%]|\d\s*-\s*\d|(?<![\w.])(?:{'|'.join(NAMES)}|pi)(?!\w)"
OF_A_KEY = ("value", "ease")


@dataclass(frozen=True)
class Moving(Kind):
    """A number in a range that may change over time: `0.1`, `{0s: 0.12, 2s: 0.05, ease: out}`,
    `"0.05 + 0.02*sin(2*pi*t)"`, `"0:(1.02), 60:(1.05)"`.

    number: what stands there where nothing moves.
    """

    number: Number

    def expected(self) -> str:
        return self.number.expected()

    def limits(self) -> str:
        return self.number.limits()

    def read(self, node: Node, place: Place) -> Any:
        if isinstance(node, Mapping) and node.entries:
            return self._keyed(node, place)
        if not isinstance(node, Scalar) or is_number(node):
            return self.number.read(node, place)
        if is_schedule(node.text):
            return self._schedule(node, place)
        if re.search(LOOKS_LIKE_A_FORMULA, node.text):
            return self._formula(node, place)
        return self.number.read(node, place)

    def schema(self, sections: dict[str, Schema]) -> Schema:
        sections.setdefault("KeyedOverTime", {}).update(_keyed_schema())
        sections.setdefault("ValueAtATime", {}).update(_key_schema())
        formula = {"type": "string", "pattern": LOOKS_LIKE_A_FORMULA}
        keyed = {"$ref": "#/$defs/KeyedOverTime"}
        return {"anyOf": [self.number.schema(sections), keyed, formula]}

    def write(self, value: float | Motion, name: Naming) -> Any:
        return value.written() if isinstance(value, Motion) else value

    def _common(self, node: Node, place: Place) -> dict[str, Any]:
        """What every motion knows of itself."""
        of_film = not place.path.startswith("scenes")
        return {"of_film": of_film, "mark": node.mark, "limits": self.number.while_moving()}

    def _formula(self, node: Scalar, place: Place) -> Any:
        try:
            steps_of(node.text)
        except FormulaError as error:
            return _wrong_within(node, error, place)
        return self._made(node, place, node.text)

    def _made(self, node: Scalar, place: Place, text: str, column: int = 0) -> Formula:
        """The formula at a column of a node's text."""
        return Formula(**self._common(node, place), text=text, first=_place_within(node, column))

    def _schedule(self, node: Scalar, place: Place) -> Any:
        try:
            keys = schedule(node.text, functools.partial(self._made, node, place))
        except FormulaError as error:
            return _wrong_within(node, error, place)
        for key in keys:
            if isinstance(key.value, float):
                self._in_range(key, node)
        keys = tuple(replace(key, mark=node.mark) for key in keys)
        return _in_order(Keyed(**self._common(node, place), keys=keys), [node] * len(keys), place)

    def _in_range(self, key: KeyFrame, node: Node) -> None:
        limits = self.number.while_moving()
        try:
            limits.in_range(node, key.value)
        except Refusal:
            message = f"expected {limits.expected()}, found {key.value:g} at {key.when}"
            raise Refusal(message) from None

    def _keyed(self, node: Mapping, place: Place) -> Any:
        ease, keys, nodes, wrong = None, [], [], False
        if len(node.entries) > MOST_KEYS:
            raise Refusal(f"expected at most {MOST_KEYS:,} keys, found {len(node.entries):,}")
        for name, value in node.entries:
            if name.text == "ease":
                here = place.key("ease")
                found = here.wrong(name, "ease is there twice") if ease else _ease(value, here)
                ease = found
            else:
                found = self._key(name, value, place)
                keys.append(found)
                nodes.append(name)
            wrong |= found is BAD
        if wrong:
            return BAD
        if not keys:
            raise Refusal(f"expected keys such as {{0s: 0.1, 2s: 0.05}}, found {in_words(node)}")
        keyed = Keyed(**self._common(node, place), keys=tuple(keys), ease=ease or Ease())
        return _in_order(keyed, nodes, place)

    def _key(self, name: Scalar, node: Node, place: Place) -> Any:
        when = when_of(name)
        if when is None:
            return place.wrong(name, f"expected {TIMES} or ease, found {quoted(name.text)}")
        here, ease = place.key(name.text), None
        if isinstance(node, Mapping):
            known = {key.text: value for key, value in node.entries}
            stray = next((key for key, _ in node.entries if key.text not in OF_A_KEY), None)
            if stray or "value" not in known or len(known) < len(node.entries):
                message = "expected {value: ..., ease: ...}, each once"
                return here.wrong(stray or node, f"{message}, found {in_words(stray or node)}")
            node, ease = known["value"], known.get("ease")
        ease = ease and _ease(ease, here)
        value = self._value(node, here)
        return BAD if BAD in (ease, value) else KeyFrame(when, value, ease, name.mark)

    def _value(self, node: Node, place: Place) -> Any:
        """The number or the formula of a key."""
        text = node.text if isinstance(node, Scalar) else ""
        if not is_number(node) and re.search(LOOKS_LIKE_A_FORMULA, text):
            return self._formula(node, place)
        try:
            return self.number.while_moving().read(node, place)
        except Refusal as refusal:
            return place.wrong(node, str(refusal))


def _ease(node: Node, place: Place) -> Any:
    ease = ease_of(node.text) if isinstance(node, Scalar) else None
    if ease is None:
        return place.wrong(node, f"expected {WANTED_EASE}; found {in_words(node)}")
    return ease


def _in_order(keyed: Keyed, nodes: list[Node], place: Place) -> Any:
    """The same, if its times rise as far as can be told: shares and beats wait."""
    last: When | None = None
    last_at = -1.0
    for key, node in zip(keyed.keys, nodes, strict=True):
        if key.when.unit == "%" or key.when.in_beats:
            continue
        frames = key.when.amount / float(place.reading.fps)
        at = frames if key.when.unit == "f" else key.when.amount
        if at == last_at:
            return place.wrong(node, f"{key.when} is there twice, as {last} before it")
        if at < last_at:
            return place.wrong(node, f"{key.when} comes after {last}; put the keys in order")
        last, last_at = key.when, at
    return keyed


def _wrong_within(node: Scalar, error: FormulaError, place: Place) -> Any:
    """Record a mistake at its character of the text."""
    mark = _place_within(node, error.column) or node.mark
    message = f"{error}, at character {error.column + 1}"
    place.reading.problems.add(mark, place.path, message)
    return BAD


def _place_within(node: Scalar, column: int) -> Mark | None:
    """Where a character of a text stands in its file; None where the text is not on one line of
    it.
    """
    if node.mark.override or not node.one_line:
        return None
    return node.mark._replace(column=node.mark.column + column + (not node.plain))


def _keyed_schema() -> Schema:
    times = rf"^\s*(?=\S)(?:{NUMBER}|{CLOCK}|{FRAMES}|{BEATS}|{SHARE}|{UNITS})\s*$"
    return {
        "title": "KeyedOverTime",
        "description": "values by their times, and the ease of those that have none of their own",
        "type": "object",
        "minProperties": 1,
        "patternProperties": {times: {"$ref": "#/$defs/ValueAtATime"}},
        "properties": {"ease": _ease_schema()},
        "additionalProperties": False,
    }


def _key_schema() -> Schema:
    value = {"anyOf": [{"type": "number"}, {"type": "string", "pattern": LOOKS_LIKE_A_FORMULA}]}
    alone = {
        "type": "object",
        "properties": {"value": value, "ease": _ease_schema()},
        "required": ["value"],
        "additionalProperties": False,
    }
    return {
        "title": "ValueAtATime",
        "description": "a number, a formula, or {value, ease}",
        "anyOf": [*value["anyOf"], alone],
    }


def _ease_schema() -> Schema:
    named = {"enum": list(EASES)}
    return {"anyOf": [named, {"type": "string", "pattern": r"^\s*bezier\(.*\)\s*$"}]}
