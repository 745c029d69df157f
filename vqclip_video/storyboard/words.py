"""Prompts as a person reads them."""

from __future__ import annotations

from ..text import plain_text
from .schema import Prompt


def prompt_text(prompt: Prompt, width: int = 60) -> str:
    """A scene's prompt on one line, at most `width` characters."""
    line = caption(prompt)
    return line if len(line) <= width else line[: width - 1] + "…"


def caption(prompt: Prompt) -> str:
    """A prompt in words, on one line: texts as they are, images by the name of their file."""
    return plain_text(
        " + ".join(part.text if part.image is None else part.image.name for part in prompt)
    )
