"""Settings that move: what may stand where a number stands, and has a value at each instant.

A motion counts its time from where it was written: of the film's settings from the film's start, of
a scene's own from that scene's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any

from .eases import Ease
from .formulas import steps_of
from .instants import Instant, Stretch, When
from .kinds import internal
from .maths import NO_MARK, NUMBERS, Arithmetic, NotFiniteError, Values
from .numbers import Number, plain_number
from .problems import Mark
from .steps import Step, value_of

ALMOST_NOTHING = 1 / 1000  # of the other end: what a geometric course to or from 0 goes to instead


@dataclass(frozen=True, kw_only=True)
class Motion:
    """A number over time.

    of_film: whether it counts from the film's start. mark: where it was written. limits: the range
    that it may not leave.
    """

    of_film: bool = internal(default=False)
    mark: Mark = internal(default=NO_MARK, compare=False, repr=False)
    limits: Number = internal(default=Number(), compare=False, repr=False)

    checked = False  # whether its values are known to lie in their range
    in_beats = False  # whether it asks for the film's beats
    moves = True

    @property
    def cost(self) -> int:
        """About how many steps of arithmetic a value takes."""
        raise NotImplementedError

    def at(self, instant: Instant, maths: Arithmetic = NUMBERS) -> Values:
        """The value at an instant; values for an array of them, or one that holds for all.

        Raises NotFiniteError where there is none.
        """
        raise NotImplementedError

    def final(self, stretch: Stretch) -> float:
        """The value at the end of a scene, with which the film leaves it."""
        return float(self.at(Instant(stretch, stretch.iterations - 1)))

    def written(self) -> Any:
        """As it stands in a storyboard."""
        raise NotImplementedError

    def misplaced(self, stretch: Stretch) -> KeyFrame | None:
        """The first key that does not come after the one before it in such a scene."""
        return None


@dataclass(frozen=True)
class Formula(Motion):
    """A formula or an oscillator, as text; first: the place of its first character."""

    text: str = ""
    first: Mark | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return self.text

    @property
    def steps(self) -> tuple[Step, ...]:
        return steps_of(self.text)

    @property
    def in_beats(self) -> bool:
        return any(
            step.period.in_beats if step.period else (step.does, step.what) == ("name", "b")
            for step in self.steps
        )

    @property
    def cost(self) -> int:
        return len(self.steps)

    def at(self, instant: Instant, maths: Arithmetic = NUMBERS) -> Values:
        try:
            return value_of(self.steps, instant, maths, self.of_film)
        except NotFiniteError as error:
            error.mark = self.mark
            if self.first:
                error.mark = self.first._replace(column=self.first.column + error.column)
            raise

    def written(self) -> str:
        return self.text


@dataclass(frozen=True)
class Ramp(Motion):
    """From `start`, held while the film travels to the scene, to `end`, reached after the share
    `over` of the rest of the scene and held from then on: in equal steps, or in equal ratios
    (`geometric`).

    It counts in its scene, wherever it was written, and both ends have been checked where they were
    read.
    """

    start: float
    end: float
    over: float
    geometric: bool = internal(default=False)

    checked = True
    cost = 10

    @property
    def moves(self) -> bool:
        return self.start != self.end

    def at(self, instant: Instant, maths: Arithmetic = NUMBERS) -> Values:
        travel, whole = instant.stretch.travel, instant.stretch.iterations
        since, length = instant.done - travel, self.over * (whole - travel)
        passed = maths.call("clamp", since / length, 0.0, 1.0) if length else 0.0 * since
        value = maths.where(since >= length, self.end, self._between(passed))
        return maths.where(since <= 0, self.start, value) if travel else value

    def final(self, stretch: Stretch) -> float:
        return self.end

    def _between(self, passed: Values) -> Values:
        if not self.geometric:
            return self.start + (self.end - self.start) * passed
        least = max(self.start, self.end) * ALMOST_NOTHING
        start, end = max(self.start, least), max(self.end, least)
        return start * (end / start) ** passed if start else 0.0


@dataclass(frozen=True)
class KeyFrame:
    """A value at a time; `ease`, where it has one of its own, is the way from it to the next."""

    when: When
    value: float | Formula
    ease: Ease | None = None
    mark: Mark = field(default=NO_MARK, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.when}: {self.value}"


@dataclass(frozen=True)
class Keyed(Motion):
    """Keys: the first one's value before it, the last one's after it.

    A number goes to the next key by its ease; a formula runs until the next key is there.
    """

    keys: tuple[KeyFrame, ...] = ()
    ease: Ease = field(default_factory=Ease)

    def __str__(self) -> str:
        return f"{{{', '.join(map(str, self.keys))}}}"

    @property
    def in_beats(self) -> bool:
        values = (key.value for key in self.keys if isinstance(key.value, Formula))
        return any(key.when.in_beats for key in self.keys) or any(v.in_beats for v in values)

    @property
    def cost(self) -> int:
        formulas = [key.value.cost for key in self.keys if isinstance(key.value, Formula)]
        curved = any((key.ease or self.ease).handles for key in self.keys)
        return 10 + sum(formulas) + 300 * curved

    def at(self, instant: Instant, maths: Arithmetic = NUMBERS) -> Values:
        knots = _knots(self, instant.stretch)
        here = instant.here(self.of_film)
        return maths.pieces(
            knots, here, lambda piece, some: self._piece(piece, knots, instant.only(some), maths)
        )

    def written(self) -> dict[str, Any]:
        written = {str(key.when): _key_written(key) for key in self.keys}
        return {**written, "ease": str(self.ease)} if self.ease != Ease() else written

    def misplaced(self, stretch: Stretch) -> KeyFrame | None:
        knots = _knots(self, stretch)
        wrong = (i for i in range(1, len(knots)) if knots[i] <= knots[i - 1])
        index = next(wrong, None)
        return None if index is None else self.keys[index]

    def _piece(
        self, piece: int, knots: tuple[float, ...], instant: Instant, maths: Arithmetic
    ) -> Values:
        if piece < 0:
            return self._on(0, knots, instant)
        key = self.keys[piece]
        if isinstance(key.value, Formula):
            return key.value.at(instant, maths)
        ease = key.ease or self.ease
        if piece + 1 == len(knots) or ease.name == "hold":
            return key.value
        start, end = knots[piece], knots[piece + 1]
        passed = (instant.here(self.of_film) - start) / (end - start)
        arrival = self._on(piece + 1, knots, instant)
        return key.value + (arrival - key.value) * ease.course(passed, maths)

    def _on(self, index: int, knots: tuple[float, ...], instant: Instant) -> float:
        """The value of a key at its own time."""
        value = self.keys[index].value
        if isinstance(value, Formula):
            return value.at(instant.moved_to(knots[index], self.of_film))
        return value


@functools.lru_cache(maxsize=4096)
def _knots(keyed: Keyed, stretch: Stretch) -> tuple[float, ...]:
    """The times of the keys in seconds."""
    return tuple(key.when.seconds(stretch, keyed.of_film) for key in keyed.keys)


def _key_written(key: KeyFrame) -> Any:
    value = key.value.text if isinstance(key.value, Formula) else key.value
    return value if key.ease is None else {"value": value, "ease": str(key.ease)}


def motions_in(value: Any, path: str = "") -> Iterator[tuple[str, Motion]]:
    """All that moves in a scene, or a part of one, by its dotted path."""
    if isinstance(value, Motion):
        yield path, value
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from motions_in(item, f"{path}[{index}]")
    elif hasattr(value, "__dataclass_fields__"):
        for name, inner in vars(value).items():
            if not isinstance(inner, float | str | None):
                yield from motions_in(inner, f"{path}.{name}".lstrip("."))


def stilled(value: Any, number: Callable[[Motion], float]) -> Any:
    """The same scene, or part of one, with a number in place of each motion; itself where nothing
    moves.
    """
    if isinstance(value, Motion):
        return number(value)
    if isinstance(value, tuple):
        items = tuple(stilled(item, number) for item in value)
        return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
    if not hasattr(value, "__dataclass_fields__"):
        return value
    changed = {}
    for each in fields(value):
        inner = getattr(value, each.name)
        if (still := stilled(inner, number)) is not inner:
            changed[each.name] = still
    return replace(value, **changed) if changed else value


def as_written(value: float | Motion) -> str:
    """A number, or what moves in its place, for a message."""
    return plain_number(value) if isinstance(value, float) else str(value)
