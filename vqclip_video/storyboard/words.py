"""Prompts, and the sound of a film, as a person reads them."""

from __future__ import annotations

from ..text import clock, plain_text
from .schema import Prompt, Storyboard


def prompt_text(prompt: Prompt, width: int = 60) -> str:
    """A scene's prompt on one line, at most `width` characters."""
    line = caption(prompt)
    return line if len(line) <= width else line[: width - 1] + "…"


def caption(prompt: Prompt) -> str:
    """A prompt in words, on one line: texts as they are, images by the name of their file."""
    return plain_text(
        " + ".join(part.text if part.image is None else part.image.name for part in prompt)
    )


def sound_in_words(storyboard: Storyboard) -> str:
    """What the film is heard with, and where its beats lie."""
    audio, grid, found = storyboard.audio, storyboard.grid, []
    if audio:
        start = f" from {clock(audio.start)} on" if audio.start else ""
        gain = "-14 LUFS" if audio.gain is None else f"{audio.gain:+g} dB"
        found.append(f"{audio.file.name}{start}, {gain}")
    if grid:
        found.append(f"{grid.bpm:.2f} beats a minute, the first at {grid.second(0):.3f}s")
    if storyboard.land:
        found.append(f"pictures change on {storyboard.land}")
    return "; ".join(found)
