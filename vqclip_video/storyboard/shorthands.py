"""Mappings for which a word or a number may stand: `models: imagenet`, `transition: cut`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..catalogue.names import NAMES
from .file_kinds import PATH, ModelName
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
from .motions import Ramp
from .moving import Moving
from .numbers import is_number
from .sections import Given, Section
from .times import when_of
from .yaml_nodes import Mapping, Node, Scalar, Sequence, in_words

MOST_CLIPS = 16


def _same(section: type, names: tuple[str, ...], node: Scalar, place: Place) -> Given:
    """The mapping in which each of these keys has the value of the node."""
    given: Given = {}
    for name in names:
        given[name] = keys(section)[name].read(node, place)
        if given[name] is BAD:
            return BAD
    return given


@dataclass(frozen=True)
class ModelsSection(Section):
    """The name of a pair stands for both of its models."""

    shorthand = {**PATH, "description": "the name of a pair"}  # noqa: RUF012 - never changed

    def read_word(self, node: Scalar, place: Place) -> Given:
        return _same(self.type, ("clip", "vqgan"), node, place)

    def mapping_of(self, node: Scalar) -> Node:
        return mapping_with(node, "clip", "vqgan")


@dataclass(frozen=True)
class CLIPValue(OneOrSeveral):
    """One CLIP or a list of them, each a name, a path, or a mapping with one of the two."""

    section: Section

    def expected(self) -> str:
        return "a name, a path, a mapping with name or file, or a list of these"

    def read(self, node: Node, place: Place) -> Any:
        if not isinstance(node, Sequence):
            chosen = self._one(node, place)
            return BAD if chosen is BAD else (chosen,)
        if not 1 <= len(node.items) <= MOST_CLIPS:
            raise Refusal(f"expected from 1 to {MOST_CLIPS} CLIPs, found {len(node.items)}")
        found = [self._listed(item, place.item(index)) for index, item in enumerate(node.items)]
        if BAD in found:
            return BAD
        models = [chosen.model for chosen in found]
        if twice := [chosen.label for chosen in found if models.count(chosen.model) > 1]:
            raise Refusal(f"found {twice[0]} twice; name it once, with a weight")
        return tuple(found)

    def within(self, step: str | int) -> Kind | None:
        return self if isinstance(step, int) else self.section.within(step)

    def mapping_of(self, node: Scalar) -> Node:
        return mapping_with(node, "name" if node.text in NAMES else "file")

    def _listed(self, node: Node, place: Place) -> Any:
        place.mark(node)
        try:
            return self._one(node, place)
        except Refusal as refusal:
            return place.wrong(node, str(refusal))

    def _one(self, node: Node, place: Place) -> Any:
        if isinstance(node, Scalar):
            return self.section.type.of(ModelName().read(node, place))
        if not isinstance(node, Mapping):
            raise self.refusal(node)
        given = self.section.read(node, place)
        if BAD in given.values():
            return BAD
        if ("name" in given) == ("file" in given):
            found = "both name and file" if given.get("name") else "neither name nor file"
            raise Refusal(f"expected {self.expected()}, found {found}")
        if given.get("name") in NAMES and "arch" in given:
            raise Refusal(f"{given['name']} is known; arch is said of a file of one's own")
        return self.section.type.of(**given)

    def schema(self, sections: dict[str, Schema]) -> Schema:
        one = [ModelName().schema(sections), self.section.schema(sections)]
        several = {"type": "array", "items": {"anyOf": one}, "uniqueItems": True}
        return {"anyOf": [*one, {**several, "minItems": 1, "maxItems": MOST_CLIPS}]}

    def write(self, value: tuple, name: Naming) -> Any:
        written = [self._written(chosen, name) for chosen in value]
        return written[0] if len(written) == 1 else written

    def _written(self, chosen: Any, name: Naming) -> Any:
        if chosen == self.section.type.of(chosen.model):
            return ModelName().write(chosen.model, name)
        return self.section.write(chosen, name, self.section.type())


@dataclass(frozen=True)
class InitSection(Section):
    """`noise` stands for the defaults."""

    shorthand = {"const": "noise"}  # noqa: RUF012

    def read_word(self, node: Scalar, place: Place) -> Given:
        if node.text == "noise":
            return {}
        wanted = "noise, or a mapping with noise, image or latent"
        return place.wrong(node, f"expected {wanted}; found {in_words(node)}")

    def mapping_of(self, node: Scalar) -> Node:
        return mapping_with(node) if node.text == "noise" else node


@dataclass(frozen=True)
class RampSection(Section):
    """A number stands for the same value all through the scene; whatever else moves may stand here
    too.
    """

    shorthand = True

    @property
    def moving(self) -> Moving:
        """What else may stand here."""
        return Moving(keys(self.type)["start"].kind)

    def read(self, node: Node, place: Place) -> Any:
        names = [name for name, _ in node.entries] if isinstance(node, Mapping) else []
        ours = any(name.text in keys(self.type) for name in names)
        if not ours and any(name.text == "ease" or when_of(name) for name in names):
            return self.moving.read(node, place)
        return super().read(node, place)

    def read_word(self, node: Scalar, place: Place) -> Any:
        if is_number(node):
            return _same(self.type, ("start", "end"), node, place)
        return self.moving.read(node, place)

    def mapping_of(self, node: Scalar) -> Node:
        return mapping_with(node, "start", "end") if is_number(node) else node

    def schema(self, sections: dict[str, Schema]) -> Schema:
        same = "the same all through the scene"
        number, *others = self.moving.schema(sections)["anyOf"]
        ramp = self.mapping(sections)
        return {"anyOf": [ramp, {**number, "description": same}, *others]}

    def write(self, value: Any, name: Naming, below: Any = None) -> Any:
        if not isinstance(value, Ramp):
            return value.written()
        return super().write(value, name, below if isinstance(below, Ramp) else None)

    def files(self, value: Any) -> Iterator[tuple[Path, Kind]]:
        yield from ()


@dataclass(frozen=True)
class TransitionSection(Section):
    """A time stands for the duration, a word for the curve."""

    def read_word(self, node: Scalar, place: Place) -> Given:
        return _same(self.type, (self._key(node),), node, place)

    def mapping_of(self, node: Scalar) -> Node:
        return mapping_with(node, self._key(node))

    def _key(self, node: Scalar) -> str:
        return "duration" if node.text[:1].isdigit() else "curve"

    @property
    def shorthand(self) -> Schema:
        known = keys(self.type)
        curve, time = (known[name].kind.schema({}) for name in ("curve", "duration"))
        return {"anyOf": [curve, *time["anyOf"]]}


@dataclass(frozen=True)
class WordOrOne(Shortened):
    """A word, or a mapping with one key; a value of its own, not merged: a scene's replaces the
    film's.

    words: what may stand in place of the mapping. purpose: of that one key, in words.
    """

    section: Section
    words: tuple[str, ...]
    purpose: str

    def expected(self) -> str:
        *names, last = keys(self.section.type)
        return f"{', '.join(self.words)}, or a mapping with {', '.join(names)} or {last}"

    def read(self, node: Node, place: Place) -> Any:
        made = self.section.type
        if isinstance(node, Scalar) and node.text in self.words:
            return made(said=node.text)
        if not isinstance(node, Mapping):
            raise self.refusal(node)
        given = self.section.read(node, place)
        if len(given) > 1:
            both = " and ".join(given)
            raise Refusal(f"found both {both}; {self.purpose}")
        if not given and not node.entries:
            raise self.refusal(node)
        return BAD if not given or BAD in given.values() else made(**given)

    def within(self, step: str | int) -> Kind | None:
        return self.section.within(step)

    def mapping_of(self, node: Scalar) -> Node:
        return mapping_with(node) if node.text in self.words else node

    def schema(self, sections: dict[str, Schema]) -> Schema:
        return {"anyOf": [{"enum": list(self.words)}, self.section.schema(sections)]}

    def write(self, value: Any, name: Naming) -> Any:
        return value.word or self.section.write(value, name)

    def files(self, value: Any) -> Iterator[tuple[Path, Kind]]:
        yield from self.section.files(value)
