"""A finished picture with its captions, and what several painters do to finish one."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from . import space
from .canvas import Canvas
from .captions import with_article
from .dice import Dice
from .looks import PICTURE_LOOKS

KINDS = re.compile(r"^an? (picture|illustration|close up) of ")
SPACE_CAPTIONS = {
    "galaxy": (
        "a spiral galaxy in deep space",
        "{} spiral galaxy",
        "a galaxy of stars",
        "{} galaxy in space",
    ),
    "nebula": (
        "{} nebula",
        "{} nebula among the stars",
        "{} cloud glowing in space",
        "a nebula in deep space",
    ),
}


@dataclass(frozen=True)
class WorldPicture:
    """`pixels`: uint8 [height, width, 3]; `captions`: three that fit it; `subject`: the thing or
    place it shows.
    """

    pixels: np.ndarray
    captions: tuple[str, ...]
    subject: str | None


def space_picture(canvas: Canvas, kind: str) -> tuple[str, ...]:
    """A "galaxy" or a "nebula" and three captions."""
    colour = {"galaxy": space.galaxy, "nebula": space.nebula}[kind](canvas)
    return three_of(
        canvas.dice, tuple(phrase.format(with_article(colour)) for phrase in SPACE_CAPTIONS[kind])
    )


def add_look(canvas: Canvas, look: str, captions: tuple[str, ...]) -> tuple[str, ...]:
    """Change the finished picture to a look; returns the captions that say so."""
    np.clip(canvas.pixels, 0, 255, out=canvas.pixels)
    PICTURE_LOOKS[look].change(canvas)
    plain = [KINDS.sub("", caption) for caption in captions]  # no watercolor of an illustration
    return tuple(canvas.dice.pick(PICTURE_LOOKS[look].phrases).format(caption) for caption in plain)


def finished(canvas: Canvas, captions: tuple[str, ...], subject: str | None) -> WorldPicture:
    return WorldPicture(
        np.clip(canvas.pixels + 0.5, 0, 255).astype(np.uint8), tuple(captions), subject
    )


def three_of(dice: Dice, captions: tuple[str, ...]) -> tuple[str, ...]:
    """Three of the captions that fit a picture, different ones where there are as many."""
    order = dice.numbers.permutation(len(captions))
    return tuple(captions[order[k % len(order)]] for k in range(3))
