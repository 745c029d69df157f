"""Lists of beats that other programs write: Audacity's labels, .beats, CSV."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 4_000_000
MOST_BEATS = 100_000
DOWNBEAT = re.compile(r"(?:1(?:\.1)?|d|db|down|downbeat|bar)", re.IGNORECASE)
SECONDS = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+")


@dataclass(frozen=True)
class BeatList:
    """Beats in seconds of the sound, and which of them begin a bar; of none where that is not
    said.
    """

    seconds: tuple[float, ...]
    downbeats: tuple[int, ...]


def read_beats(path: Path) -> BeatList:
    """Reads a list with a beat in each line: its second first, a label or place in the bar last.

    Of Audacity's labels (start, end, text) the start counts; a first line of words is passed over.
    Raises ValueError with the line of what is wrong, OSError.
    """
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES:,} bytes; a list of beats is short")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError("this is no UTF-8 text; a list of beats has a time in each line") from None
    rows = [(n, _fields(line)) for n, line in enumerate(lines, 1) if _says_something(line)]
    if rows and not SECONDS.fullmatch(rows[0][1][0]):
        rows = rows[1:]  # names of columns
    seconds: list[float] = []
    for number, fields in rows:
        seconds.append(_second(fields[0], number, seconds))
    if len(seconds) < 2:
        raise ValueError("a grid needs two beats at least, each in a line of its own")
    if len(seconds) > MOST_BEATS:
        raise ValueError(f"more than {MOST_BEATS:,} beats")
    downs = [index for index, (_, fields) in enumerate(rows) if _is_downbeat(fields)]
    return BeatList(tuple(seconds), tuple(downs))


def _fields(line: str) -> list[str]:
    return [field.strip().strip('"') for field in re.split(r"[\t,;]|\s+", line.strip())]


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith(("#", "\\"))


def _second(text: str, number: int, before: list[float]) -> float:
    value = float(text) if len(text) <= 32 and SECONDS.fullmatch(text) else math.nan
    if not value < 86400:
        raise ValueError(f"line {number}: expected a time in seconds, found {text[:40]!r}")
    if before and value <= before[-1]:
        raise ValueError(f"line {number}: {text} is not after the beat before it")
    return value


def _is_downbeat(fields: list[str]) -> bool:
    return len(fields) > 1 and bool(DOWNBEAT.fullmatch(fields[-1]))
