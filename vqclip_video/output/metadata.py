"""What the film's file says about itself: title, comment and a chapter for each scene, as
ffmetadata text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from ..storyboard.schema import Scene
from ..storyboard.words import caption
from ..text import plain_text, shortened
from .provenance import Label

if TYPE_CHECKING:
    from ..storyboard.timeline import Showing

TITLE_BYTES = 240  # MP4's chapter list gives a title 255 bytes


@dataclass(frozen=True)
class Chapter:
    """Frames `start` to `end` (the latter not included) of the film."""

    start: int
    end: int
    title: str


@dataclass(frozen=True)
class FilmMetadata:
    title: str = ""
    comment: str = ""  # any text: the storyboard, seed, models and version
    chapters: tuple[Chapter, ...] = ()
    label: Label = Label()  # what it says of its origin

    def text(self, fps: Fraction) -> str:
        """The ffmetadata file; texts of any kind are escaped, shortened or cleaned so that it
        always parses.
        """
        lines = [";FFMETADATA1"]
        if title := shortened(plain_text(self.title), TITLE_BYTES):
            lines.append(f"title={escaped(title)}")
        if self.label.sentence:
            lines.append(f"description={escaped(self.label.sentence)}")
        if comment := "".join(filter(_storable, self.comment)):
            lines.append(f"comment={escaped(comment)}")
        for chapter in self.chapters:
            title = shortened(plain_text(chapter.title), TITLE_BYTES)
            timing = [
                f"TIMEBASE={fps.denominator}/{fps.numerator}",
                f"START={chapter.start}",
                f"END={chapter.end}",
            ]
            lines += ["[CHAPTER]", *timing, f"title={escaped(title)}"]
        return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """A value of an ffmetadata file: a backslash before each of `=`, `;`, `#`, the backslash and
    the newline.

    ffmpeg takes any backslash before a line's end for a continued line, an escaped one too; so a
    space follows one that ends the text.
    """
    value = re.sub(r"([=;#\\\n])", r"\\\1", text)
    return value + " " if text.endswith("\\") else value


def chapters(scenes: Sequence[Scene], showings: Iterable[Showing]) -> tuple[Chapter, ...]:
    """One chapter for each time that a scene is seen, called by its prompt."""
    return tuple(
        Chapter(seen.start, seen.end, caption(scenes[seen.scene].prompt)) for seen in showings
    )


def _storable(char: str) -> bool:
    """Whether a comment can hold it: MP4 texts end at a NUL, and other control characters
    confuse players.
    """
    return char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs")
