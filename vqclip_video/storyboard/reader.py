"""A storyboard's file → a checked `Storyboard`, or every mistake in it at once, each with its
place.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from ..disk.web_page import HEAD, WORDS, is_web_page
from . import overrides as overriding
from .files import reason
from .kinds import BAD, Place, Reading, Refusal, keys
from .problems import Mark, Problem, Problems, nearest, problem_of
from .resolve import assemble
from .schema import FILM, Storyboard
from .writer import dump
from .yaml_nodes import Mapping, Node, Scalar, YamlError, compose

__all__ = ["Problem", "dump", "parse", "problem_at", "read"]

MOST_BYTES = 2 * 2**20
NAMELESS = "<string>"
NOWHERE = Place(Reading(Path(), Problems(""), Fraction(1)))  # for values that are read alone


def read(path: str | Path, overrides: Sequence[str] = ()) -> Storyboard:
    """Read a storyboard; paths inside are relative to its folder.

    `overrides` are `path=value` as in `scenes[0].prompt=a cat`; a value is YAML and is checked like
    the file's own. Raises StoryboardError with all the mistakes there are.
    """
    path = Path(path)
    problems = Problems(str(path))
    try:
        if not path.is_file() and path.exists():  # reading a pipe or a device might never end
            problems.fail(
                Problem(
                    str(path), 0, 0, "", "this is not a file; name the storyboard's own YAML file"
                )
            )
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        problems.fail(Problem(str(path), 0, 0, "", f"cannot read the storyboard: {reason(error)}"))
    if len(content) > MOST_BYTES:
        message = f"more than {MOST_BYTES:,} bytes; a storyboard is a short text"
        problems.fail(Problem(str(path), 0, 0, "", message))
    if is_web_page(content[:HEAD]):
        problems.fail(Problem(str(path), 1, 1, "", WORDS.format(what="a storyboard")))
    storyboard = _parse(_decoded(content, problems), problems, path.parent, overrides)
    return replace(storyboard, source=path)


def parse(
    text: str, *, name: str = NAMELESS, base: str | Path = ".", overrides: Sequence[str] = ()
) -> Storyboard:
    """Like `read`, for a storyboard that is not in a file; `name` stands in the messages, `base`
    is its folder.
    """
    return _parse(text, Problems(name), Path(base), overrides)


def size_of(text: str) -> tuple[int, int] | str:
    """The size that a text means, (width, height) or a word of `sizes.SHAPES`. Raises Refusal."""
    return keys(Storyboard)["size"].kind.read(compose(text or '""'), NOWHERE)


def problem_at(storyboard: Storyboard, where: str, message: str) -> Problem:
    """A mistake that only a later check can see, at the place of the value `where`, such as
    "models.clip".
    """
    mark = nearest(storyboard.marks, where)
    return problem_of(str(storyboard.source or NAMELESS), mark, where, message)


def _parse(text: str, problems: Problems, base: Path, overrides: Sequence[str]) -> Storyboard:
    root = overriding.apply(_root(text, problems), overrides, problems, FILM)
    problems.marks[""] = root.mark
    reading = Reading(base.absolute(), problems, _rate_of(root))
    given = FILM.read(root, Place(reading))
    storyboard = assemble(given, problems) if given is not BAD else None
    if problems or storyboard is None:
        problems.fail()
    warnings = sorted(
        problems.warnings.values(), key=lambda problem: (problem.line, problem.column)
    )
    return replace(storyboard, marks=problems.marks, warnings=tuple(warnings))


def _rate_of(root: Node) -> Fraction:
    """The film's frames a second, before anything is read; a wrong one is refused where it is its
    turn.
    """
    key = keys(Storyboard)["fps"]
    for name, node in root.entries if isinstance(root, Mapping) else ():
        if name.text == "fps":
            with suppress(Refusal):
                return key.kind.read(node, NOWHERE)
    return key.default


def _root(text: str, problems: Problems) -> Node:
    try:
        root = compose(text, warn=lambda mark, message: problems.warn(mark, "", message))
    except YamlError as error:
        problems.add(error.mark, "", str(error))
        problems.fail()
    if root is None or (isinstance(root, Scalar) and root.is_null):
        message = "the storyboard is empty; `vqclip-video new` writes one to start from"
        problems.fail(Problem(problems.name, 0, 0, "", message))
    return root


def _decoded(content: bytes, problems: Problems) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        problems.add(Mark(line, column), "", "this is not UTF-8 text; save the storyboard as UTF-8")
        problems.fail()
