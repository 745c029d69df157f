"""A song's words with their times become scenes: SubRip (.srt), WebVTT (.vtt), LRC (.lrc)."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError
from ..text import plain_text
from .draft import Draft, read_text

SUFFIXES = (".srt", ".vtt", ".lrc")
ARROW = re.compile(r"((?:\d+:)?\d+:\d+[.,]\d+|\d+:\d+)\s*-->\s*((?:\d+:)?\d+:\d+[.,]\d+|\d+:\d+)")
STAMP = re.compile(r"\[(\d+):(\d+(?:[.:]\d+)?)\]")
OFFSET = re.compile(r"\[offset:\s*([+-]?\d+)\s*\]", re.IGNORECASE)
MARKUP = re.compile(r"<[^>]*>|\{\\[^}]*\}")
MOST_LINES = 5000
LAST = 4.0  # seconds of a line that nothing ends
SHORTEST = 0.25  # seconds of a scene; of lines that come faster the later ones are joined to it


@dataclass(frozen=True)
class Line:
    """Words, and when they are sung, in seconds; end is None where it is not said."""

    start: float
    end: float | None
    text: str


def draft_of_lyrics(file: Path) -> Draft:
    """A scene for each line, at its time, with captions.

    Raises UsageError where the file holds no lines with times.
    """
    content = read_text(file)
    lines = _lrc(content) if file.suffix.lower() == ".lrc" else _cues(content)
    lines = _apart(sorted(lines, key=lambda line: line.start))
    if not lines:
        raise UsageError(f"{file}: no lines with times; {', '.join(SUFFIXES)} files have them")
    if len(lines) > MOST_LINES:
        raise UsageError(f"{file}: {len(lines):,} lines; at most {MOST_LINES:,} become a film")
    scenes = [
        {"at": 0.0 if number == 0 else line.start, "prompt": line.text, "caption": line.text}
        for number, line in enumerate(lines)
    ]
    end = max(lines[-1].end or 0.0, lines[-1].start + SHORTEST)
    scenes[-1]["duration"] = round(end - scenes[-1]["at"], 3) if lines[-1].end else LAST
    film = {"deliver": ["reel"], "captions": {"text": "own"}}
    return Draft(film, scenes, (), f"the lines of {file.name}")


def _cues(content: str) -> list[Line]:
    found = []
    for block in re.split(r"\n\s*\n", content):
        rows = block.splitlines()
        place = next((n for n, row in enumerate(rows) if ARROW.search(row)), None)
        if place is None:
            continue
        start, end = (_seconds(time) for time in ARROW.search(rows[place]).groups())
        text = _words(" ".join(rows[place + 1 :]))
        if text:
            found.append(Line(start, max(end, start), text))
    return found


def _lrc(content: str) -> list[Line]:
    late = OFFSET.search(content)
    earlier = int(late[1]) / 1000 if late and len(late[1]) < 9 else 0.0
    found, ends = [], []
    for row in content.splitlines():
        stamps = [60 * int(m) + float(s.replace(":", ".")) for m, s in STAMP.findall(row)]
        text = _words(STAMP.sub("", row))
        stamps = [max(stamp - earlier, 0.0) for stamp in stamps if stamp < 86400]
        ends += stamps
        found += [Line(stamp, None, text) for stamp in stamps if text]
    later = sorted(ends)
    return [Line(e.start, next((t for t in later if t > e.start), None), e.text) for e in found]


def _seconds(written: str) -> float:
    parts = [float(part) for part in written.replace(",", ".").split(":")]
    seconds = sum(part * 60**place for place, part in enumerate(reversed(parts)))
    return round(seconds, 3) if seconds < 86400 else 0.0


def _words(text: str) -> str:
    return plain_text(html.unescape(MARKUP.sub("", text)))


def _apart(lines: list[Line]) -> list[Line]:
    """Lines that begin with, or hardly after, the one before are said together with it."""
    found: list[Line] = []
    for line in lines:
        if not any(char.isalnum() for char in line.text):
            continue  # a note between verses
        if found and line.start - found[-1].start < SHORTEST:
            before = found.pop()
            line = Line(before.start, line.end, f"{before.text} {line.text}")
        found.append(line)
    return found
