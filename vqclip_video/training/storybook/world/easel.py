"""Drawing one thing by its shapes, three times as large as a sprite so that every edge comes out
smooth.

Points are in 0..1, x to the right and y down, colours 0..255. Light falls from the upper left.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from ..artwork import SPRITE_SIDE, sprite_of
from .dice import Dice

OVERSAMPLED = 3


class Easel:
    """A drawing in the making; `dice` decides what its makers leave to chance."""

    def __init__(self, dice: Dice):
        self.dice = dice
        self.side = SPRITE_SIDE * OVERSAMPLED
        self.layers = np.zeros((self.side, self.side, 4), np.float32)  # premultiplied, 0..255

    def sprite(self) -> np.ndarray:
        """The drawing as uint8 [128, 128, 4], premultiplied, tightly cropped and centred."""
        whole = np.clip(self.layers, 0, 255).astype(np.uint8)
        picture = Image.frombuffer("RGBa", (self.side, self.side), whole, "raw", "RGBa", 0, 1)
        sprite = sprite_of(picture)
        assert sprite is not None, "a drawing shows something"
        return sprite

    def polygon(self, points, colour, shade: float = 0.0, fade: float = 0.0) -> None:
        """Fill a polygon; `shade` darkens it towards the right, `fade` towards its foot (0..1)."""
        points = np.asarray(points, np.float32) * self.side
        self._part(
            points,
            lambda draw, at: draw.polygon([tuple(p) for p in points - at], fill=255),
            colour,
            shade,
            fade,
        )

    def box(self, left, top, right, bottom, colour, shade: float = 0.0) -> None:
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], colour, shade)

    def line(self, points, width: float, colour) -> None:
        points = np.asarray(points, np.float32) * self.side
        thick = max(1, round(width * self.side))
        edge = np.array([thick, thick])
        hull = np.concatenate([points - edge, points + edge])

        def stroke(draw, at):
            draw.line([tuple(p) for p in points - at], fill=255, width=thick, joint="curve")

        self._part(hull, stroke, colour, 0, 0)

    def ball(self, x, y, width, height, colour, shade: float = 0.35, flat: bool = False) -> None:
        """An ellipse lit as a ball (or evenly where `flat`), `width` and `height` from its
        middle to its edge.
        """
        corners = (
            np.array([(x - width, y - height), (x + width, y + height)], np.float32) * self.side
        )
        box = lambda at: [tuple(c) for c in corners - at]  # noqa: E731
        self._part(
            corners,
            lambda draw, at: draw.ellipse(sum(box(at), ()), fill=255),
            colour,
            shade,
            0,
            not flat,
        )

    def _part(
        self, hull, draw_mask, colour, shade: float, fade: float, round_: bool = False
    ) -> None:
        low = np.clip(np.floor(hull.min(0)).astype(int) - 1, 0, self.side)
        high = np.clip(np.ceil(hull.max(0)).astype(int) + 2, 0, self.side)
        width, height = high - low
        if width < 1 or height < 1:
            return
        mask = Image.new("L", (int(width), int(height)))
        draw_mask(ImageDraw.Draw(mask), low)
        cover = np.asarray(mask, np.float32)[..., None] / 255
        across, down = (
            np.linspace(-1, 1, width)[None, :, None],
            np.linspace(-1, 1, height)[:, None, None],
        )
        if round_:
            light = 1 + shade * (0.45 - np.hypot(across + 0.35, down + 0.4) * 0.85)
        else:
            light = 1 - shade * (across * 0.5 + 0.1) - fade * (down * 0.5 + 0.5)
        paint = np.clip(np.asarray(colour, np.float32) * light, 0, 255)
        window = self.layers[low[1] : high[1], low[0] : high[0]]
        window *= 1 - cover
        window += (
            np.concatenate(
                [np.broadcast_to(paint, (*cover.shape[:2], 3)), np.full_like(cover, 255)], -1
            )
            * cover
        )
