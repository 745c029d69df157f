"""`--set settings.learning_rate=0.2`: values from the command line, put into the tree before it
is converted.
"""

from __future__ import annotations

import re

from ..text import quoted
from .kinds import Kind
from .problems import Mark, Problems
from .yaml_nodes import Mapping, Node, Scalar, Sequence, YamlError, compose, in_words

Step = str | int

STEP = re.compile(
    r"(?:^|\.)([A-Za-z_]\w*)|\[([0-9]{1,6})\]|(?<=.)\.([0-9]{1,6})(?![^.\[])", re.ASCII
)
MOST_STEPS = 10


def apply(
    root: Node, overrides: list[str] | tuple[str, ...], problems: Problems, kind: Kind
) -> Node:
    """The tree, which is of that kind, with each `path=value` put in its place, in order; what
    cannot be is recorded. Where a key is set of what stands there in short, it is spelled out.
    """
    for override in overrides:
        written, _, value = override.partition("=")
        steps = _steps(written.strip())
        if not steps or "=" not in override:
            message = (
                "expected a path and a YAML value, as in settings.learning_rate=0.2 or "
                "scenes[0].prompt='a cat'"
            )
            problems.add(Mark(0, 0, quoted(override)), "", message)
            continue
        path = _path(steps)
        mark = Mark(1, 1, path)
        try:
            node = compose(
                value,
                override=path,
                warn=lambda mark, said, path=path: problems.warn(mark, path, said),
            ) or Scalar(mark, "", plain=True)
            root = _replaced(root, steps, node, mark, kind)
        except YamlError as error:
            problems.add(error.mark, path, str(error))
    return root


def _steps(written: str) -> list[Step]:
    """A dotted path in its steps; nothing if it is malformed."""
    steps: list[Step] = []
    position = 0
    while position < len(written):
        match = STEP.match(written, position)
        if not match or len(steps) == MOST_STEPS:
            return []
        name, bracketed, dotted = match.groups()
        steps.append(name if name else int(bracketed or dotted))
        position = match.end()
    return steps


def _path(steps: list[Step]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(
        "."
    )


def _replaced(tree: Node, steps: list[Step], node: Node, mark: Mark, kind: Kind | None) -> Node:
    """A copy of the tree along the path: nodes may be shared by aliases, and only one place is
    meant.
    """
    if not steps:
        return node
    step, *rest = steps
    tree = kind.spelled_out(tree, step) if kind else tree
    inside = kind.within(step) if kind else None
    if isinstance(step, int):
        return _with_item(tree, step, rest, node, mark, inside)
    if not isinstance(tree, Mapping):
        raise YamlError(
            mark, f"there is {in_words(tree)} where {quoted(step)} should go; set the whole of it"
        )
    entries = list(tree.entries)
    places = [index for index, (name, _) in enumerate(entries) if name.text == step]
    if places:
        name, inner = entries[places[0]]
        entries[places[0]] = (name, _replaced(inner, rest, node, mark, inside))
    else:
        made = _replaced(Mapping(mark), rest, node, mark, inside)
        entries.append((Scalar(mark, step, plain=True), made))
    return Mapping(tree.mark, entries)


def _with_item(
    tree: Node, index: int, rest: list[Step], node: Node, mark: Mark, kind: Kind | None
) -> Node:
    """The same for an entry of a list; kind: that of the entry."""
    if not isinstance(tree, Sequence):
        raise YamlError(
            mark, f"there is {in_words(tree)} where a list is needed; set the whole of it"
        )
    if index > len(tree.items):
        raise YamlError(
            mark,
            f"there are {len(tree.items)} entries, counted from 0; [{len(tree.items)}] would "
            "add one",
        )
    items = list(tree.items)
    if index == len(items):
        items.append(Mapping(mark))
    items[index] = _replaced(items[index], rest, node, mark, kind)
    return Sequence(tree.mark, items)
