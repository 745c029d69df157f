"""What a kind of value is: how it is read, described in the JSON Schema, written back and told in
words.

A field of a dataclass in schema.py names its kind (`option`); the reader, the JSON Schema, the
writer, the command line's overrides and the README's table ask that kind for what they need.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from keyword import iskeyword
from pathlib import Path
from typing import Any

from .problems import Problems
from .yaml_nodes import Mapping, Node, Scalar, Sequence, in_words

Schema = dict[str, Any]
Naming = Callable[[Path], str]  # what a file is called where a storyboard is written

BAD: Any = object()  # stands for a value that was refused, so that nothing more is said about it


class Refusal(Exception):
    """A value that its key cannot take; `str()` is the message."""


@dataclass(frozen=True)
class Reading:
    """What holds for all of one storyboard while it is read.

    base: the folder that paths are relative to. fps: frames a second, for times in frames.
    checked: what came of looking at each file, since many scenes may name it.
    """

    base: Path
    problems: Problems
    fps: Fraction
    checked: dict[tuple[str, Path], Refusal | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where in a storyboard a value stands: its dotted path, such as scenes[0].prompt."""

    reading: Reading
    path: str = ""

    def key(self, name: str) -> Place:
        """The value of a key of the mapping here."""
        return Place(self.reading, f"{self.path}.{name}" if self.path else name)

    def item(self, index: int) -> Place:
        """An entry of the list here."""
        return Place(self.reading, f"{self.path}[{index}]")

    def mark(self, node: Node) -> None:
        """Remember where the value was written, for checks that come later."""
        self.reading.problems.marks[self.path] = node.mark

    def wrong(self, node: Node, message: str) -> Any:
        """Record a mistake, and return what stands for the value."""
        self.reading.problems.add(node.mark, self.path, message)
        return BAD

    def doubt(self, node: Node, messages: Iterable[str]) -> None:
        """Point out what may not be meant."""
        for message in messages:
            self.reading.problems.warn(node.mark, self.path, message)


class Kind:
    """How one sort of value is written."""

    empty = False  # whether nothing, written as "", is a value too

    def expected(self) -> str:
        """What such a value looks like, for a message."""
        raise NotImplementedError

    def limits(self) -> str:
        """The allowed range in words, or nothing where there is none."""
        return ""

    def read(self, node: Node, place: Place) -> Any:
        """The value of a node; BAD where a mistake within it was recorded.

        Raises Refusal with what was expected and what was found.
        """
        raise NotImplementedError

    def schema(self, sections: dict[str, Schema]) -> Schema:
        """The JSON Schema of what `read` takes; dataclasses are described in `sections`."""
        raise NotImplementedError

    def write(self, value: Any, name: Naming) -> Any:
        """Plain YAML that reads back to `value`."""
        return value

    def says(self, value: Any) -> bool:
        """Whether a value has to be written at all."""
        return value is not None

    def within(self, step: str | int) -> Kind | None:
        """The kind of what stands under a key or an index of such a value, where that is known."""
        return None

    def spelled_out(self, node: Node, step: str | int) -> Node:
        """The node; where it is a short form, the mapping or list that has that key or index."""
        return node

    def files(self, value: Any) -> Iterator[tuple[Path, Kind]]:
        """The files whose content is a part of what `value` says, each with its kind."""
        yield from ()

    def refusal(self, node: Node, hint: str = "") -> Refusal:
        """What to raise for a node that is no such value."""
        return Refusal(f"expected {self.expected()}, found {in_words(node)}{hint}")

    def scalar(self, node: Node) -> Scalar:
        """The node, if it is a word, number or text at all."""
        if isinstance(node, Scalar) and not node.is_null:
            return node
        empty = self.empty and isinstance(node, Scalar)
        raise self.refusal(node, '; write "" for an empty text' if empty else "")


class Shortened(Kind):
    """A kind of mapping for which a word or a number may stand."""

    def mapping_of(self, node: Scalar) -> Node:
        """The mapping that the word stands for; the word itself where it stands for none."""
        return node

    def spelled_out(self, node: Node, step: str | int) -> Node:
        short = isinstance(node, Scalar) and not node.is_null and isinstance(step, str)
        return self.mapping_of(node) if short else node


class OneOrSeveral(Shortened):
    """A kind of list of which one entry alone needs no list."""

    def spelled_out(self, node: Node, step: str | int) -> Node:
        if isinstance(step, int) and isinstance(node, Mapping | Scalar):
            return Sequence(node.mark, [node])
        return super().spelled_out(node, step)


def mapping_with(node: Scalar, *names: str) -> Mapping:
    """The mapping in which each of these keys has the value of the node."""
    return Mapping(node.mark, [(Scalar(node.mark, name, plain=True), node) for name in names])


@dataclass(frozen=True)
class Key:
    """One key of a storyboard, as its dataclass field declares it."""

    name: str
    kind: Kind
    default: Any
    help: str

    @property
    def field(self) -> str:
        """The name of the field: `from_` where the key is a word of Python's, `from`."""
        return f"{self.name}_" if iskeyword(self.name) else self.name

    def read(self, node: Node, place: Place) -> Any:
        """The value at `place`; BAD if it was refused, which is recorded there."""
        place.mark(node)
        try:
            return self.kind.read(node, place)
        except Refusal as refusal:
            return place.wrong(node, str(refusal))


def option(default: Any, help: str, kind: Kind) -> Any:
    """A field with its help text and the kind of its value."""
    return field(default=default, metadata={"help": help, "kind": kind})


def internal(**options: Any) -> Any:
    """A field that no storyboard sets."""
    return field(metadata={"internal": True}, **options)


@functools.cache
def keys(section: type) -> dict[str, Key]:
    """The keys that the mapping for a dataclass of schema.py may hold, in order."""
    return {
        (name := item.name.rstrip("_")): Key(
            name, item.metadata["kind"], item.default, item.metadata["help"]
        )
        for item in dataclasses.fields(section)
        if "internal" not in item.metadata
    }
