"""Times of tracks: those of `Time`, frames that stay frames, and shares."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path

from .instants import When, counted_time
from .kinds import Place, Reading, Refusal
from .numbers import Time
from .problems import Mark, Problems
from .yaml_nodes import Node, Scalar

TIMES = "a time such as 2s, 500ms, 1:30, 100f (frames), 4b (beats) or 50% (of the scene or film)"
TIME = Time(least=0.0, most=86400.0)
# Frames are found before seconds are looked for, so the rate is never asked for.
ANY_RATE = Place(Reading(Path(), Problems(""), Fraction(1)))


def when_of(node: Node) -> When | None:
    """The time that a key is written as; None where it is none."""
    text = node.text.strip() if isinstance(node, Scalar) else ""
    if len(text) > 64:
        return None
    if found := counted_time(text):
        return found
    with suppress(Refusal, ValueError):
        return When(TIME.read(node, ANY_RATE))
    return None


def period_of(text: str) -> When | None:
    """The same of a text; None where it is none, or no time at all."""
    found = when_of(Scalar(Mark(1, 1), text, plain=True))
    return found if found and found.amount > 0 else None
