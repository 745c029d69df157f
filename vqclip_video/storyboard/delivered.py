"""What is made of the finished film: the keys of `deliver` and `captions`.

The rest of a storyboard's keys stand in schema.py, from which all of them are imported.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..catalogue.platforms import CAPTION_WAYS, FITS, PLATFORMS
from .kinds import option
from .numbers import Number
from .sections import Section
from .texts import Word

CAPTION_TEXTS = ("prompt", "own")
CAPTION_STYLES = ("outline", "box")


@dataclass(frozen=True)
class Order:
    """One file to be made of the finished film, for a place where it is shown."""

    name: str = option("", "where it goes: tiktok, reel, youtube, …", Word(tuple(PLATFORMS)))
    fit: str = option(
        FITS[0],
        "what becomes of another shape: cut, with bars, or before itself, blurred",
        Word(FITS),
    )
    max_mb: float | None = option(
        None, "most megabytes, instead of the platform's own", Number(above=0.0, most=1e6)
    )
    captions: str | None = option(
        None, "how captions are shown, instead of the platform's own way", Word(CAPTION_WAYS)
    )


ORDER = Section(Order, {"required": ["name"]})


@dataclass(frozen=True)
class Captioning:
    """Words shown over the film in its deliveries."""

    text: str = option(
        "prompt",
        "each scene's prompt, or only its own `caption`, which comes first in any case",
        Word(CAPTION_TEXTS),
    )
    style: str = option(
        "outline", "white letters: outlined in black, or on a box", Word(CAPTION_STYLES)
    )


CAPTIONS = Section(Captioning)
