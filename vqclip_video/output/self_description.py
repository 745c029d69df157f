"""What a finished file says of itself: its scenes, by chapters and by the storyboard in its
comment, and by what it was made.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

from ..disk.ffmpeg import find_ffmpeg, run, temporary_folder
from ..disk.files import explained
from ..disk.web_page import HEAD, is_web_page
from ..errors import OutputError
from .captions import Cue
from .media_facts import is_film
from .origin import Origin, from_json, unpacked
from .provenance import read_label

SECONDS = 60  # that ffmpeg is given to read what a film says
STYLES = ("outline", "box")
MOST_REPORT = 64_000_000  # bytes of a page that are looked through
REPORT_ORIGIN = r'<script type="application/json" id="origin">(.*?)</script>'


@dataclass(frozen=True)
class Description:
    """Words for each scene, and whether the storyboard asks that they be shown."""

    cues: tuple[Cue, ...] = ()
    asked: bool = False
    style: str = STYLES[0]


def described(film: Path) -> Description:
    """Reads what a film says; one that says nothing, or what we did not write, has no more than
    its chapters.

    Raises OutputError where it cannot be read.
    """
    tags, chapters = read_ffmetadata(_ffmetadata(film))
    board = _storyboard(tags.get("comment", ""))
    wanted, scenes = board.get("captions"), board.get("scenes")
    scenes = scenes if isinstance(scenes, list) and len(scenes) == len(chapters) else []
    own = [scene.get("caption") if isinstance(scene, dict) else None for scene in scenes]
    own += [None] * (len(chapters) - len(own))
    asked = isinstance(wanted, dict)
    only_own = asked and wanted.get("text") == "own"
    texts = [
        str(said or ("" if only_own else cue.text)) for said, cue in zip(own, chapters, strict=True)
    ]
    cues = (Cue(cue.start, cue.end, text) for cue, text in zip(chapters, texts, strict=True))
    style = wanted.get("style") if asked else None
    return Description(
        tuple(cue for cue in cues if cue.text.strip()),
        asked,
        style if style in STYLES else STYLES[0],
    )


def read_origin(path: Path) -> Origin | None:
    """By what a film, picture or report of ours was made; None where it does not say so.

    Of a picture and a delivery by its XMP packet, of a film by its comment too. Raises OutputError
    where it cannot be read.
    """
    with explained(path), path.open("rb") as file:
        head = file.read(HEAD)
    if is_web_page(head):
        return _of_report(path)
    found = unpacked(read_label(path).origin)
    if found is None and is_film(path):
        with suppress(OutputError):  # one that ffmpeg does not know says nothing
            tags, _ = read_ffmetadata(_ffmetadata(path))
            found = from_json(tags.get("comment", ""))
    return found


def _of_report(path: Path) -> Origin | None:
    with explained(path), path.open("rb") as file:
        text = file.read(MOST_REPORT).decode("utf-8", "replace")
    found = re.search(REPORT_ORIGIN, text, re.DOTALL)
    return from_json(found[1]) if found else None


def read_ffmetadata(text: str) -> tuple[dict[str, str], list[Cue]]:
    """An ffmetadata file: its tags, and its chapters, called by their titles."""
    sections: list[dict[str, str]] = [{}]
    # A backslash keeps the sign after it, a line's end too, from being read.
    for line in re.findall(r"(?:\\.|[^\\\n])+", text, re.DOTALL):
        if line.startswith("["):
            sections.append({})
        elif not line.startswith((";", "#")):
            name, _, value = _split(line)
            sections[-1][name.lower()] = value
    return sections[0], list(_chapters(sections[1:]))


def _split(line: str) -> tuple[str, str, str]:
    found = re.match(r"((?:\\.|[^\\=])*)=(.*)", line, re.DOTALL)
    name, value = found.groups() if found else (line, "")
    plain = (re.sub(r"\\(.)", r"\1", part, flags=re.DOTALL) for part in (name, value))
    return next(plain), "=", next(plain)


def _chapters(sections: list[dict[str, str]]) -> Iterator[Cue]:
    for section in sections:
        with suppress(KeyError, ValueError, ZeroDivisionError):
            tick = Fraction(section["timebase"])
            start, end = (int(section[name]) * tick for name in ("start", "end"))
            yield Cue(start, end, section.get("title", ""))


def _storyboard(comment: str) -> dict[str, Any]:
    """The storyboard that a film of ours holds in its comment, as plain values."""
    with suppress(ValueError, TypeError, AttributeError, RecursionError, yaml.YAMLError):
        board = yaml.safe_load(json.loads(comment)["storyboard"])
        return board if isinstance(board, dict) else {}
    return {}


def _ffmetadata(film: Path) -> str:
    with (
        explained(temporary_folder() / "metadata"),
        tempfile.TemporaryDirectory(prefix="vqclip-metadata-") as folder,
    ):
        target = Path(folder) / "about"
        arguments = ["-i", f"file:{film.absolute()}", "-f", "ffmetadata", target.name]
        outcome = run(find_ffmpeg(), arguments, Path(folder), SECONDS)
        if not outcome.ok:
            raise OutputError(f"{film}: ffmpeg cannot read it ({outcome.message})")
        return target.read_text("utf-8", "replace")
