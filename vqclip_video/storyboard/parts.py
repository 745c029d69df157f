"""The parts of a prompt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..text import quoted
from .kinds import BAD, Kind, Naming, OneOrSeveral, Place, Refusal, Schema, keys, mapping_with
from .numbers import is_number
from .sections import Section
from .yaml_nodes import Mapping, Node, Scalar, Sequence

MOST_PARTS = 100  # of one prompt


@dataclass(frozen=True)
class Parts(OneOrSeveral):
    """The parts of a prompt: a text, a {text|image, weight} mapping, or a list of these and
    [text, weight].

    part: the dataclass of one part. empty: whether a prompt may have none.
    """

    part: Section
    empty: bool = False

    def expected(self) -> str:
        return "a text, or a list of texts and {text, weight} or {image, weight} entries"

    def read(self, node: Node, place: Place) -> tuple:
        if self.empty and isinstance(node, Scalar) and not node.is_null and not node.text.strip():
            return ()
        if not isinstance(node, Sequence):
            part = self._part(node, place)
            return BAD if part is BAD else (part,)
        if not node.items and not self.empty:
            raise Refusal("expected at least one text or image, found an empty list")
        if len(node.items) > MOST_PARTS:
            raise Refusal(
                f"expected at most {MOST_PARTS} texts and images, found {len(node.items)}"
            )
        parts = [self._listed(item, place.item(index)) for index, item in enumerate(node.items)]
        return BAD if BAD in parts else tuple(parts)

    def within(self, step: str | int) -> Kind | None:
        return self if isinstance(step, int) else self.part.within(step)

    def mapping_of(self, node: Scalar) -> Node:
        return mapping_with(node, "text")

    def spelled_out(self, node: Node, step: str | int) -> Node:
        pair = isinstance(node, Sequence) and isinstance(step, str)
        if pair and len(node.items) == 2 and is_number(node.items[1]):
            return _as_mapping(node)
        return super().spelled_out(node, step)

    def _listed(self, node: Node, place: Place) -> Any:
        place.mark(node)
        try:
            if is_number(node) and node.plain:
                raise Refusal(
                    f"found the number {quoted(node.text)} among texts; write {{text: ..., weight: "
                    f"{node.text[:20]}}}, or put it in quotes if it is a text"
                )
            return self._part(_as_mapping(node), place)
        except Refusal as refusal:
            return place.wrong(node, str(refusal))

    def _part(self, node: Node, place: Place) -> Any:
        if isinstance(node, Scalar):
            text = keys(self.part.type)["text"].kind
            return self.part.type(text=text.read(self.scalar(node), place))
        if not isinstance(node, Mapping):
            raise self.refusal(node)
        given = self.part.read(node, place)
        if "text" in given and "image" in given:
            raise Refusal("found both text and image; make them two entries, each with its weight")
        if not {"text", "image"} & given.keys():
            raise Refusal("expected a text or an image, found neither")
        return BAD if BAD in given.values() else self.part.type(**given)

    def schema(self, sections: dict[str, Schema]) -> Schema:
        part, own = self.part.schema(sections), keys(self.part.type)
        text, weight = (own[name].kind.schema(sections) for name in ("text", "weight"))
        # a number in the list is more likely a misplaced weight
        listed = {**text, "type": ["string", "boolean"]}
        pair = {"type": "array", "prefixItems": [text, weight], "minItems": 2, "maxItems": 2}
        several = {"type": "array", "items": {"anyOf": [listed, part, pair]}}
        several |= {"maxItems": MOST_PARTS, "minItems": 0 if self.empty else 1}
        nothing = [{"type": "string", "pattern": r"^\s*$"}] if self.empty else []
        return {"anyOf": [text, part, several, *nothing]}

    def write(self, value: tuple, name: Naming) -> str | list[dict[str, Any]]:
        if len(value) == 1 and value[0] == self.part.type(text=value[0].text):
            return value[0].text
        return [self.part.write(part, name) for part in value]

    def files(self, value: tuple) -> Iterator[tuple[Path, Kind]]:
        for part in value:
            yield from self.part.files(part)


def _as_mapping(node: Node) -> Node:
    """[text, weight] as the mapping that it stands for; any other node as it is."""
    if not (isinstance(node, Sequence) and len(node.items) == 2):
        return node
    names = ("text", "weight")
    entries = [
        (Scalar(item.mark, name, plain=True), item)
        for name, item in zip(names, node.items, strict=True)
    ]
    return Mapping(node.mark, entries)
