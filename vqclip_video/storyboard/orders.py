"""Kinds of values that say what is made of the finished film."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..text import quoted
from .kinds import (
    BAD,
    Kind,
    Naming,
    OneOrSeveral,
    Place,
    Refusal,
    Schema,
    Shortened,
    keys,
    mapping_with,
)
from .parts import MOST_PARTS
from .sections import Section
from .yaml_nodes import Mapping, Node, Scalar, Sequence


@dataclass(frozen=True)
class Orders(OneOrSeveral):
    """A list of names and of mappings with a `name`, each name once; one alone needs no list."""

    order: Section

    def expected(self) -> str:
        return "a list of names and {name, fit, max_mb} entries"

    def read(self, node: Node, place: Place) -> tuple:
        items = node.items if isinstance(node, Sequence) else [node]
        if len(items) > MOST_PARTS:
            raise Refusal(f"expected at most {MOST_PARTS} entries, found {len(items)}")
        listed = isinstance(node, Sequence)
        orders: list[Any] = []
        for index, item in enumerate(items):
            here = place.item(index) if listed else place
            order = self._listed(item, here)
            if order is not BAD and order.name in (o.name for o in orders if o is not BAD):
                order = here.wrong(item, f"{quoted(order.name)} is asked for twice")
            orders.append(order)
        return BAD if BAD in orders else tuple(orders)

    def within(self, step: str | int) -> Kind | None:
        return self if isinstance(step, int) else self.order.within(step)

    def mapping_of(self, node: Scalar) -> Node:
        return mapping_with(node, "name")

    def _listed(self, node: Node, place: Place) -> Any:
        place.mark(node)
        try:
            return self._order(node, place)
        except Refusal as refusal:
            return place.wrong(node, str(refusal))

    def _order(self, node: Node, place: Place) -> Any:
        if isinstance(node, Scalar):
            return self.order.type(keys(self.order.type)["name"].kind.read(node, place))
        if not isinstance(node, Mapping):
            raise self.refusal(node)
        given = self.order.read(node, place)
        if "name" not in given:
            raise Refusal("the name is missing: where should the film go?")
        return BAD if BAD in given.values() or "name" not in given else self.order.type(**given)

    def schema(self, sections: dict[str, Schema]) -> Schema:
        entry = {"anyOf": [keys(self.order.type)["name"].kind.schema(sections)]}
        entry["anyOf"].append(self.order.schema(sections))
        several = {"type": "array", "items": entry, "maxItems": MOST_PARTS, "uniqueItems": True}
        return {"anyOf": [*entry["anyOf"], several]}

    def write(self, value: tuple, name: Naming) -> list[Any]:
        return [self._written(order, name) for order in value]

    def _written(self, order: Any, name: Naming) -> Any:
        return order.name if order == self.order.type(order.name) else self.order.write(order, name)

    def says(self, value: tuple) -> bool:
        return bool(value)


@dataclass(frozen=True)
class CaptionsValue(Shortened):
    """`true` stands for the mapping with its defaults, `false` for none."""

    section: Section

    def expected(self) -> str:
        return "true, false, or a mapping with text or style"

    def read(self, node: Node, place: Place) -> Any:
        if self._is_flag(node):
            return self.section.type() if node.text == "true" else None
        if not isinstance(node, Mapping):
            raise self.refusal(node)
        given = self.section.read(node, place)
        return BAD if BAD in given.values() else self.section.type(**given)

    def within(self, step: str | int) -> Kind | None:
        return self.section.within(step)

    def mapping_of(self, node: Scalar) -> Node:
        return mapping_with(node) if self._is_flag(node) else node

    def _is_flag(self, node: Node) -> bool:
        return isinstance(node, Scalar) and node.plain and node.text in ("true", "false")

    def schema(self, sections: dict[str, Schema]) -> Schema:
        return {"anyOf": [{"type": "boolean"}, self.section.schema(sections)]}

    def write(self, value: Any, name: Naming) -> Any:
        return self.section.write(value, name)
