"""Whole figures for the animals of which the emoji show only a head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from .dice import Dice
from .easel import Easel


@dataclass(frozen=True)
class Body:
    """Colours of a seated body: fur, belly, paws; `tail`: "bushy", "tuft", "ringed" or "" for
    none that shows.
    """

    fur: tuple[int, int, int]
    belly: tuple[int, int, int]
    paws: tuple[int, int, int]
    tail: str = ""


BODIES = {
    "fox": Body((234, 122, 50), (252, 240, 226), (92, 56, 44), "bushy"),
    "wolf": Body((150, 154, 166), (228, 230, 236), (112, 116, 128), "bushy"),
    "bear": Body((148, 96, 60), (192, 142, 102), (116, 74, 46)),
    "polar bear": Body((240, 242, 248), (252, 252, 254), (222, 226, 234)),
    "panda": Body((244, 244, 248), (252, 252, 254), (46, 46, 54)),
    "koala": Body((150, 156, 168), (226, 228, 232), (120, 126, 138)),
    "lion": Body((230, 178, 98), (248, 220, 168), (216, 160, 84), "tuft"),
    "raccoon": Body((124, 126, 136), (186, 188, 196), (70, 70, 80), "ringed"),
    "frog": Body((112, 190, 78), (222, 240, 170), (84, 160, 62)),
    "hamster": Body((228, 172, 112), (252, 242, 228), (240, 190, 160)),
}
SHOWN_WHOLE = {"raccoon": ("noto",)}  # styles that already show the whole animal


def seated(head: np.ndarray, body: Body) -> np.ndarray:
    """The sprite of an animal that sits and looks at us, from the sprite of its head (uint8,
    premultiplied).
    """
    easel = Easel(Dice(1))
    fur, paws = np.array(body.fur), np.array(body.paws)
    _tail(easel, body)
    for side in (-1, 1):
        easel.ball(0.5 + side * 0.17, 0.85, 0.115, 0.105, fur * 0.94)
        easel.ball(0.5 + side * 0.22, 0.93, 0.09, 0.05, paws)
    easel.ball(0.5, 0.72, 0.2, 0.25, fur)
    easel.ball(0.5, 0.72, 0.115, 0.18, body.belly, 0.12)
    for side in (-1, 1):
        x = 0.5 + side * 0.085
        legs = paws if body.paws == (46, 46, 54) else fur
        easel.polygon(
            [(x - 0.052, 0.62), (x + 0.052, 0.62), (x + 0.046, 0.93), (x - 0.046, 0.93)], legs, 0.3
        )
        easel.ball(x, 0.94, 0.064, 0.042, paws, 0.2)
    _head(easel, head, 0.54)
    return easel.sprite()


def robot(head: np.ndarray) -> np.ndarray:
    """A robot that stands, from the sprite of its head."""
    easel = Easel(Dice(1))
    steel, dark = np.array((176, 184, 198)), np.array((98, 106, 124))
    for side in (-1, 1):
        easel.box(0.5 + side * 0.1 - 0.045, 0.74, 0.5 + side * 0.1 + 0.045, 0.93, dark, 0.4)
        easel.ball(0.5 + side * 0.11, 0.95, 0.085, 0.04, steel * 0.8)
        easel.line([(0.5 + side * 0.19, 0.53), (0.5 + side * 0.29, 0.68)], 0.06, dark)
        easel.ball(0.5 + side * 0.3, 0.71, 0.055, 0.055, steel * 0.9)
    easel.box(0.31, 0.46, 0.69, 0.8, steel, 0.35)
    easel.box(0.38, 0.54, 0.62, 0.7, (70, 82, 106), 0.2)
    for k, colour in enumerate(((232, 84, 76), (250, 204, 80), (104, 196, 120))):
        easel.ball(0.43 + 0.07 * k, 0.62, 0.024, 0.024, colour)
    _head(easel, head, 0.48)
    return easel.sprite()


def _tail(easel: Easel, body: Body) -> None:
    fur = np.array(body.fur)
    if body.tail == "tuft":
        easel.line([(0.66, 0.88), (0.82, 0.84), (0.84, 0.66)], 0.035, fur * 0.9)
        easel.ball(0.84, 0.63, 0.05, 0.06, fur * 0.6)
    elif body.tail:
        points = [(0.64, 0.92), (0.74, 0.9), (0.82, 0.83), (0.86, 0.74), (0.86, 0.66)]
        for k, (x, y) in enumerate(points):
            dark = 0.5 if body.tail == "ringed" and k % 2 else 1
            size = 0.075 if k < 4 else 0.062
            easel.ball(x, y, size, size, fur * 0.95 * dark)
        if body.tail == "bushy":
            easel.ball(0.86, 0.62, 0.05, 0.06, body.belly)


def _head(easel: Easel, head: np.ndarray, size: float) -> None:
    side = round(size * easel.side)
    picture = Image.frombuffer(
        "RGBa", head.shape[1::-1], np.ascontiguousarray(head), "raw", "RGBa", 0, 1
    )
    pixels = np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC), np.float32)
    left, top = round((0.5 - size / 2) * easel.side), round(0.02 * easel.side)
    window = easel.layers[top : top + side, left : left + side]
    window *= 1 - pixels[..., 3:] / 255
    window += pixels
