"""Kinds of values with others inside: mappings, pairs, the list of scenes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..text import did_you_mean, quoted
from .kinds import BAD, Kind, Naming, Place, Refusal, Schema, Shortened, keys
from .yaml_nodes import Mapping, Node, Scalar, Sequence, in_words

MOST_SCENES = 10_000

# What a mapping sets, by key; BAD where the value was refused; a section within is again a Given.
Given = dict[str, Any]


def built(section: type, given: Given) -> Any:
    """The dataclass, with its defaults for what is not given (or BAD: then it will never be
    used).
    """
    known = keys(section)
    return section(
        **{
            known[name].field: built(known[name].kind.type, value)
            if isinstance(value, dict)
            else value
            for name, value in given.items()
            if value is not BAD
        }
    )


def merged(below: Given, above: Given) -> Given:
    """`above` laid over `below`, section by section."""
    both = dict(below)
    for name, value in above.items():
        inner = both.get(name)
        both[name] = (
            merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
        )
    return both


@dataclass(frozen=True)
class Section(Shortened):
    """A mapping for a dataclass of schema.py; `read` returns a `Given`, so that it can be merged.

    rules: of the JSON Schema, beyond the shape of each key.
    """

    type: type
    rules: Schema = field(default_factory=dict, hash=False)

    shorthand = None  # a JSON Schema of what may stand for the whole mapping; `read_word` reads it

    def expected(self) -> str:
        some = ", ".join(list(keys(self.type))[:4])
        return f"{'a word, or ' if self.shorthand else ''}a mapping with keys such as {some}"

    def read_word(self, node: Scalar, place: Place) -> Given:
        """The same of the word that stands for the mapping."""
        raise NotImplementedError

    def read(self, node: Node, place: Place) -> Given:
        if self.shorthand and isinstance(node, Scalar) and not node.is_null:
            return self.read_word(node, place)
        if not isinstance(node, Mapping):
            return place.wrong(node, f"expected {self.expected()}; found {in_words(node)}")
        known, given, first = keys(self.type), {}, {}
        for name, value in node.entries:
            if name.text in first:
                where = f"it stands in line {first[name.text].line}"
                place.wrong(name, f"the key {quoted(name.text)} is repeated; {where}")
            elif name.text not in known:
                place.wrong(name, self._unknown(name.text))
            else:
                first[name.text] = name.mark
                given[name.text] = known[name.text].read(value, place.key(name.text))
        return given

    def within(self, step: str | int) -> Kind | None:
        key = keys(self.type).get(step)
        return key.kind if key else None

    def _unknown(self, name: str) -> str:
        known = keys(self.type)
        if name == "<<":
            return (
                "merge keys (<<) are not read; settings that every scene shares belong in the "
                "film's settings"
            )
        if "settings" in known and name in keys(known["settings"].kind.type):
            return f"the key {quoted(name)} belongs one level deeper, in `settings`"
        hint = did_you_mean(name, list(known)) or f"; known are {', '.join(known)}"
        return f"unknown key {quoted(name)}{hint}"

    def schema(self, sections: dict[str, Schema]) -> Schema:
        mapping = self.mapping(sections)
        return {"anyOf": [mapping, self.shorthand]} if self.shorthand else mapping

    def mapping(self, sections: dict[str, Schema]) -> Schema:
        """The JSON Schema of the mapping: a reference to its place in `sections`."""
        name = self.type.__name__
        if name not in sections:
            sections[name] = {}  # so that one within itself would end
            about = {"title": name, "description": (self.type.__doc__ or "").strip()}
            sections[name] = {**about, **self.described(sections)}
        return {"$ref": f"#/$defs/{name}"}

    def described(self, sections: dict[str, Schema]) -> Schema:
        """The JSON Schema of the mapping itself."""
        properties = {}
        for name, key in keys(self.type).items():
            properties[name] = {"title": name, "description": key.help, **key.kind.schema(sections)}
            if not isinstance(key.kind, (Section, SceneList)) and key.kind.says(key.default):
                properties[name]["default"] = key.kind.write(key.default, str)
        about = {"type": "object", "properties": properties, "additionalProperties": False}
        return {**about, **self.rules}

    def write(self, value: Any, name: Naming, below: Any = None) -> dict[str, Any]:
        """A mapping; only what differs, where another value to lie over is given."""
        written = {}
        for key in keys(self.type).values():
            own = getattr(value, key.field)
            beneath = getattr(below, key.field) if below is not None else None
            if not key.kind.says(own) or (below is not None and own == beneath):
                continue
            inner = (own, name, beneath) if isinstance(key.kind, Section) else (own, name)
            written[key.name] = key.kind.write(*inner)
        return written

    def files(self, value: Any) -> Iterator[tuple[Path, Kind]]:
        for key in keys(self.type).values():
            if (inner := getattr(value, key.field)) is not None:
                yield from key.kind.files(inner)


@dataclass(frozen=True)
class TwoValues(Kind):
    """Two values of one kind: [x, y]."""

    each: Kind

    def expected(self) -> str:
        return f"two values, [x, y], each {self.each.expected()}"

    def limits(self) -> str:
        return f"each {self.each.limits()}"

    def read(self, node: Node, place: Place) -> Any:
        if not isinstance(node, Sequence) or len(node.items) != 2:
            raise self.refusal(node)
        pair = tuple(self._one(item, place.item(n)) for n, item in enumerate(node.items))
        return BAD if BAD in pair else pair

    def _one(self, node: Node, place: Place) -> Any:
        place.mark(node)
        try:
            return self.each.read(node, place)
        except Refusal as refusal:
            return place.wrong(node, str(refusal))

    def schema(self, sections: dict[str, Schema]) -> Schema:
        each = self.each.schema(sections)
        return {"type": "array", "prefixItems": [each, each], "minItems": 2, "maxItems": 2}

    def write(self, value: tuple, name: Naming) -> list[Any]:
        return [self.each.write(one, name) for one in value]


@dataclass(frozen=True)
class SceneList(Kind):
    """The list of scenes; `read` returns a `Given` for each, or BAD."""

    scene: Section

    def expected(self) -> str:
        return "a list of scenes"

    def read(self, node: Node, place: Place) -> list[Given]:
        if not isinstance(node, Sequence):
            raise self.refusal(node)
        if not node.items:
            raise Refusal("expected at least one scene, found none")
        if len(node.items) > MOST_SCENES:
            raise Refusal(f"expected at most {MOST_SCENES:,} scenes, found {len(node.items):,}")
        return [self._scene(item, place.item(index)) for index, item in enumerate(node.items)]

    def within(self, step: str | int) -> Kind | None:
        return self.scene if isinstance(step, int) else None

    def _scene(self, node: Node, place: Place) -> Given:
        place.mark(node)
        given = self.scene.read(node, place)
        if given is not BAD and "prompt" not in given:
            place.wrong(node, "the prompt is missing: what should the picture show?")
        return given

    def schema(self, sections: dict[str, Schema]) -> Schema:
        items = self.scene.schema(sections)
        return {"type": "array", "items": items, "minItems": 1, "maxItems": MOST_SCENES}

    def write(self, value: tuple, name: Naming) -> list[dict[str, Any]]:
        return [self.scene.write(scene, name) for scene in value]

    def files(self, value: tuple) -> Iterator[tuple[Path, Kind]]:
        for scene in value:
            yield from self.scene.files(scene)
