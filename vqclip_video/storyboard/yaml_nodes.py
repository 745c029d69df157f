"""YAML text → a small tree that remembers places and does not guess types.

PyYAML's own construction reads `1e-3` as text and `1:30` as 90, keeps the last of two equal keys,
recurses with the nesting and multiplies aliases. This tree is built from PyYAML's events in one
loop: each scalar keeps its raw text and whether it was quoted, and the field it is meant for
decides what it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import yaml

from ..text import quoted
from .problems import Mark
from .yaml_words import ODD_COLON, ODD_SPACE, nested, odd_space, yaml_problem

# once aliases are written out: ten thousand scenes fit, an alias bomb does not
MOST_NODES = 150_000
MOST_DEPTH = 50

HASHTAG = re.compile(r"\s+#\w")
Warn = Callable[[Mark, str], None]

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# What YAML 1.1 does not call printable; a BOM is allowed at the very start only.
UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


class YamlError(Exception):
    """The text is no YAML, or uses a part of YAML that storyboards do without."""

    def __init__(self, mark: Mark, message: str):
        self.mark = mark
        super().__init__(message)


@dataclass(slots=True, eq=False)
class Scalar:
    """A word, number or text, as written."""

    mark: Mark
    text: str
    plain: bool  # written without quotes
    nodes: int = 1
    # what stands behind it on its line, where that is # and a letter: a hashtag, it may be
    comment: str = ""
    depth: int = 0
    one_line: bool = True  # so that a character of the text has a column in the file

    @property
    def is_null(self) -> bool:
        return self.plain and self.text in ("", "~", "null", "Null", "NULL")


@dataclass(slots=True, eq=False)
class Sequence:
    """A list."""

    mark: Mark
    items: list[Node] = field(default_factory=list)
    nodes: int = 1  # with everything inside, aliases written out
    depth: int = 1

    def take(self, node: Node) -> None:
        self.items.append(node)


@dataclass(slots=True, eq=False)
class Mapping:
    """Keys and values, in order; a repeated key is kept, for the reader to refuse."""

    mark: Mark
    entries: list[tuple[Scalar, Node]] = field(default_factory=list)
    nodes: int = 1
    depth: int = 1
    _key: Scalar | None = None

    def take(self, node: Node) -> None:
        if self._key is not None:
            self.entries.append((self._key, node))
            self._key = None
        elif isinstance(node, Scalar):
            if node.plain and re.match(ODD_SPACE, node.text):
                raise YamlError(node.mark, odd_space(node.text[0]))
            self._key = node
        else:
            raise YamlError(node.mark, f"{in_words(node)} cannot be a key; a key is a word")


Node = Scalar | Sequence | Mapping


def in_words(node: Node) -> str:
    """What was found, for a message."""
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, Sequence):
        return "a list"
    if node.is_null:
        return "nothing"
    return quoted(node.text) if node.plain else f"the text {quoted(node.text)}"


def compose(text: str, override: str = "", warn: Warn = lambda mark, message: None) -> Node | None:
    """Read one YAML document; None where there is none. `override` names the `--set` that the text
    came from.

    `warn` is told of what may not be meant. Raises YamlError, in plain words, at the first thing
    that is wrong.
    """
    stray = UNPRINTABLE.search(text)
    if stray:
        line = text.count("\n", 0, stray.start()) + 1
        mark = Mark(line, stray.start() - text.rfind("\n", 0, stray.start()), override)
        raise YamlError(mark, f"the character U+{ord(stray[0]):04X} does not belong in a text file")
    builder = _Builder(text, override)
    try:
        for event in yaml.parse(text, Loader=Loader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        raise YamlError(*yaml_problem(error, text, override, MOST_DEPTH)) from None
    except (ValueError, OverflowError):  # PyYAML without libyaml takes any number for a character
        raise YamlError(
            Mark(0, 0, override), "an escape in double quotes that stands for no character"
        ) from None
    for name, node in builder.unused():
        warn(
            node.mark,
            f"&{name} gives the value a name that nothing asks for; put the text in quotes if it is"
            " part of it",
        )
    return builder.root


class _Builder:
    def __init__(self, text: str, override: str):
        self.override = override
        self._lines = text.splitlines()
        self.root: Node | None = None
        self._open: list[Sequence | Mapping] = []
        self._anchors: dict[str, Node] = {}
        self._asked: set[str] = set()
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._refuse_tag(event)
            node = self._scalar(event)
            self._keep(event.anchor, node)
            self._place(node)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._refuse_tag(event)
            node = (Mapping if isinstance(event, yaml.MappingStartEvent) else Sequence)(
                self._mark(event)
            )
            self._keep(event.anchor, node)
            self._open.append(node)
            self._check_depth(node, len(self._open))
        elif isinstance(event, yaml.CollectionEndEvent):
            self._place(self._open.pop())
        elif isinstance(event, yaml.AliasEvent):
            self._place(self._aliased(event))
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise YamlError(
                    self._mark(event), "a second document starts here; a storyboard is one document"
                )

    def unused(self) -> list[tuple[str, Node]]:
        """The anchors that no alias asks for, with what they name."""
        return [(name, node) for name, node in self._anchors.items() if name not in self._asked]

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        plain = event.style in (None, "")
        mark = self._mark(event)
        if plain and (odd := ODD_COLON.match(event.value)):
            place = mark._replace(column=mark.column + odd.end())
            raise YamlError(place, odd_space(event.value[odd.end()]))
        comment = self._comment(event.end_mark) if plain else ""
        one_line = event.start_mark.line == event.end_mark.line
        return Scalar(mark, event.value, plain, comment=comment, one_line=one_line)

    def _comment(self, end: yaml.Mark) -> str:
        rest = self._lines[end.line][end.column :] if end.line < len(self._lines) else ""
        return rest.strip() if HASHTAG.match(rest) else ""

    def _mark(self, event: yaml.Event) -> Mark:
        return Mark(event.start_mark.line + 1, event.start_mark.column + 1, self.override)

    def _refuse_tag(self, event: yaml.NodeEvent) -> None:
        if event.tag is not None:
            message = f"the tag {quoted(event.tag)} is not allowed; write the plain value"
            raise YamlError(self._mark(event), message)

    def _keep(self, anchor: str | None, node: Node) -> None:
        if anchor is not None:
            self._anchors[anchor] = node

    def _aliased(self, event: yaml.AliasEvent) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            message = (
                f"*{event.anchor} stands for nothing: no &{event.anchor} before it; put a text in "
                "quotes"
            )
            raise YamlError(self._mark(event), message)
        if any(node is parent for parent in self._open):
            raise YamlError(self._mark(event), f"*{event.anchor} contains itself")
        self._asked.add(event.anchor)
        return node

    def _place(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        parent.take(node)
        parent.nodes += node.nodes
        parent.depth = max(parent.depth, node.depth + 1)
        self._check_depth(parent, parent.depth)
        if parent.nodes > MOST_NODES:
            raise YamlError(
                node.mark,
                f"more than {MOST_NODES:,} values, aliases written out; shorten the storyboard",
            )

    def _check_depth(self, node: Node, depth: int) -> None:
        if depth > MOST_DEPTH:
            raise YamlError(node.mark, nested(MOST_DEPTH))
