"""Texts broken into lines that fit."""

from __future__ import annotations

from typing import Protocol


class Ruled(Protocol):
    """What knows how long a text is, such as one of Pillow's fonts."""

    def getlength(self, text: str) -> float:
        """In pixels."""


def lines_that_fit(text: str, font: Ruled, width: int, lines: int) -> list[str]:
    """`text` broken into at most `lines` lines of `width` pixels, with an ellipsis where it is
    cut.
    """
    rows: list[str] = []
    while text and len(rows) < lines:
        whole = _longest(text, font, width)
        if len(whole) == len(text):
            return [*rows, text]
        if len(rows) == lines - 1:
            return [*rows, _longest(text, font, width - font.getlength("…")).rstrip() + "…"]
        at_space = whole.rfind(" ") + 1 if not text[len(whole)].isspace() else len(whole)
        cut = at_space or max(len(whole), 1)
        rows.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return rows


def _longest(text: str, font: Ruled, width: float) -> str:
    """The longest beginning of `text` that is at most `width` pixels long."""
    low, high = 0, min(len(text), int(width))  # no character is narrower than a pixel, near enough
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if font.getlength(text[:middle]) <= width else (low, middle - 1)
    return text[:low]
