"""One storyboard in several forms: the product of seeds and of values for its keys."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import UsageError
from ..text import quoted, safe_name, shortened
from .reader import read
from .schema import Storyboard

SEEDS = re.compile(r"([0-9]{1,19})(?:-([0-9]{1,19}))?")
MOST_SEEDS = 100_000
NAME_BYTES = 24  # of one value in a variant's name
OPENING, CLOSING, QUOTES = "[{(", "]})", "'\""


@dataclass(frozen=True)
class Variant:
    """A storyboard with its values, and what to call its film: the storyboard's name, then each
    key that varies with its value, such as voyage-seed-3-cutouts-16.
    """

    name: str
    storyboard: Storyboard


def variants(
    path: Path, seeds: Sequence[int] = (), settings: Sequence[str] = ()
) -> Iterator[Variant]:
    """The storyboard at `path` with every seed and every combination of values.

    settings: each `path=value,value,…`; one of a single value holds for all and is in no name.
    Raises StoryboardError and UsageError.
    """
    keyed = [choices(text) for text in settings]
    stem = safe_name(path.stem)
    for values in itertools.product(*keyed):
        board = read(path, values)
        varied = [_told(value) for value, all in zip(values, keyed, strict=True) if len(all) > 1]
        for seed in seeds or (None,):
            told = [*varied, f"seed-{seed}"] if seed is not None else varied
            film = board if seed is None else replace(board, seed=seed)
            yield Variant(safe_name("-".join([stem, *told])), film)


def choices(text: str) -> tuple[str, ...]:
    """`key=a,b` as `key=a` and `key=b`.

    A comma in quotes or brackets separates nothing. Raises UsageError where there is no key.
    """
    key, equals, values = text.partition("=")
    if not (key.strip() and equals):
        raise UsageError(f"override={text}: expected KEY=VALUE, or KEY=VALUE,VALUE")
    return tuple(f"{key}={value}" for value in _split(values))


def seeds_in(text: str) -> tuple[int, ...]:
    """The seeds of `1-12`, `3,7` or `1-4,9`, each once. Raises UsageError."""
    found: dict[int, None] = {}
    for part in text.split(","):
        match = SEEDS.fullmatch(part.strip())
        if not match:
            raise UsageError(f"seeds={text}: {quoted(part)} is no seed and no range such as 1-12")
        first, last = int(match[1]), int(match[2] or match[1])
        if not first <= last < 2**63 or last - first >= MOST_SEEDS:
            raise UsageError(
                f"seeds={text}: {part.strip()} is no range from a seed to a larger one, of at most "
                f"{MOST_SEEDS:,}"
            )
        found |= dict.fromkeys(range(first, last + 1))
    return tuple(found)


def _split(values: str) -> list[str]:
    parts, depth, quote = [""], 0, ""
    for char in values:
        if quote:
            quote = "" if char == quote else quote
        elif char in QUOTES:
            quote = char
        depth += 0 if quote else (char in OPENING) - (char in CLOSING)
        if char == "," and not quote and depth <= 0:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts]


def _told(override: str) -> str:
    """An override in a name: the last word of its path, and its value."""
    key, _, value = override.partition("=")
    word = re.split(r"[.\[]", key.strip("]. "))[-1]
    plain = re.sub(r"[^\w.+-]+", "-", value).strip("-.")
    return f"{word}-{shortened(plain, NAME_BYTES)}"
