"""Mistakes in a storyboard: where each one stands, and all of them together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from ..errors import StoryboardError

# a reader of messages mends the first few; a hostile file must not earn a million
MOST_PROBLEMS = 100


class Mark(NamedTuple):
    """Where a piece of a storyboard was written: a 1-based place in the file, or the path of an
    override.
    """

    line: int
    column: int
    override: str = ""


@dataclass(frozen=True)
class Problem:
    """One mistake; `str()` is the line that the user reads.

    `line` is 0 where there is no place in a file.
    """

    file: str
    line: int
    column: int
    where: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return ": ".join(part for part in (place, self.where, self.message) if part)


class Problems:
    """Collects the mistakes of one storyboard, and knows the place of every value read so far
    (`marks`).
    """

    def __init__(self, name: str, marks: dict[str, Mark] | None = None):
        self.name = name
        self.marks = {} if marks is None else marks
        self.warnings: dict[tuple[Mark, str], Problem] = {}
        self._found: dict[tuple[Mark, str], Problem] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, mark: Mark, where: str, message: str) -> None:
        """Record a mistake; one that aliases repeat at the same place is recorded once.

        Raises StoryboardError at the hundredth.
        """
        self._found.setdefault((mark, message), problem_of(self.name, mark, where, message))
        if len(self._found) == MOST_PROBLEMS:
            stop = Problem(
                self.name,
                0,
                0,
                "",
                f"{MOST_PROBLEMS} mistakes; mend these and the rest will be shown",
            )
            self.fail(stop)

    def warn(self, mark: Mark, where: str, message: str) -> None:
        """Record what may not be meant, up to a hundred times; one that aliases repeat is
        recorded once.
        """
        if len(self.warnings) < MOST_PROBLEMS:
            self.warnings.setdefault((mark, message), problem_of(self.name, mark, where, message))

    def at(self, where: str, message: str) -> None:
        """Record a mistake at the place of the value `where`, or of the nearest thing around it."""
        self.add(nearest(self.marks, where), where, message)

    def fail(self, *more: Problem) -> NoReturn:
        """Raise all that was found, in the order of the file, those of overrides last."""
        found = sorted(
            self._found.values(),
            key=lambda problem: (problem.line == 0, problem.line, problem.column),
        )
        raise StoryboardError([*found, *more])


def problem_of(name: str, mark: Mark, where: str, message: str) -> Problem:
    """A mistake in the storyboard called `name`, or in the override that the mark tells of."""
    if not mark.override:
        return Problem(name, mark.line, mark.column, where, message)
    repeats = mark.override == where or mark.override.startswith((f"{where}.", f"{where}["))
    return Problem(f"override={mark.override}", 0, 0, "" if repeats else where, message)


def nearest(marks: dict[str, Mark], where: str) -> Mark:
    """The mark of the dotted path `where`, or else of the longest path that leads there."""
    while where and where not in marks:
        where = where[: max(where.rfind("."), where.rfind("["), 0)]
    return marks.get(where, Mark(0, 0))


def setting_of(scene: str, name: str, marks: dict[str, Mark]) -> str:
    """The dotted path of where a scene's setting was written: in the scene ("scenes[0]"), or for
    the whole film.
    """
    own, shared = f"{scene}.settings.{name}", f"settings.{name}"
    return own if own in marks or shared not in marks else shared
