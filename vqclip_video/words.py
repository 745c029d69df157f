"""How durations and prompts are said in one line."""

from __future__ import annotations

from .output.metadata import caption
from .storyboard.schema import Prompt


def prompt_text(prompt: Prompt, width: int = 60) -> str:
    """A scene's prompt on one line, at most `width` characters."""
    line = caption(prompt)
    return line if len(line) <= width else line[: width - 1] + "…"


def clock(seconds: float) -> str:
    """A duration a person reads: 0.8s, 42s, 3:07, 1:02:03."""
    if seconds < 10:
        return f"{seconds:.1f}s"
    if seconds < 60:
        return f"{seconds:.0f}s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def gigabytes(size: int) -> str:
    """Bytes as GB with one digit."""
    return f"{size / 1e9:,.1f} GB"
