"""A surface to paint on, with soft edges everywhere.

Lengths are in units of the shorter side and coordinates start in the middle: the central square is
-0.5..0.5 both ways, y downwards, whatever the picture's shape. Colours are 0..255, masks 0..1.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image

from .dice import Dice


@lru_cache(maxsize=8)
def _grid(width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    unit = min(width, height)
    x = (np.arange(width, dtype=np.float32) + 0.5 - width / 2) / unit
    y = (np.arange(height, dtype=np.float32) + 0.5 - height / 2) / unit
    return x[None], y[:, None]


class Canvas:
    """`pixels` is float32 [height, width, 3]; `x` [1, width] and `y` [height, 1] are the
    coordinates of its pixels.
    """

    def __init__(self, size: tuple[int, int], dice: Dice, colour=(0, 0, 0)):
        self.width, self.height = size
        self.size, self.dice, self.unit = size, dice, min(size)
        self.x, self.y = _grid(*size)
        self.pixels = np.empty((self.height, self.width, 3), np.float32)
        self.pixels[:] = colour

    @property
    def right(self) -> float:
        return self.width / self.unit / 2

    @property
    def bottom(self) -> float:
        return self.height / self.unit / 2

    def across(self, share: float = 1.0) -> float:
        """A place from left to right, within the central `share` of the width."""
        return self.dice.between(-self.right, self.right) * share

    def noise(
        self, across: float, down: float | None = None, octaves: int = 4, falloff: float = 0.5
    ) -> np.ndarray:
        """Smooth random heights [height, width], about 0..1, with `across` x `down` hills in a
        square of one unit.
        """
        down = across if down is None else down
        total, weight, heights = 0.0, 1.0, np.zeros((self.height, self.width), np.float32)
        for _ in range(octaves):
            columns = max(2, round(across * self.width / self.unit) + 1)
            rows = max(2, round(down * self.height / self.unit) + 1)
            if columns > self.width or rows > self.height:
                break
            coarse = Image.fromarray(self.dice.numbers.random((rows, columns), dtype=np.float32))
            heights += weight * np.asarray(coarse.resize(self.size, Image.Resampling.BICUBIC))
            total, weight, across, down = total + weight, weight * falloff, across * 2, down * 2
        return heights / max(total, 1e-6)

    def curve(
        self, hills: float, octaves: int = 3, falloff: float = 0.5, pointed: bool = False
    ) -> np.ndarray:
        """Random heights [1, width], about 0..1, with `hills` hills in a unit; `pointed` ones
        have straight flanks.
        """
        total, weight, heights = 0.0, 1.0, np.zeros(self.width, np.float32)
        for _ in range(octaves):
            knots = self.dice.numbers.random(
                max(3, round(hills * self.width / self.unit) + 2)
            ).astype(np.float32)
            at = np.linspace(0, len(knots) - 1.001, self.width) - 0.5 * self.dice.numbers.random()
            at = np.maximum(at, 0)
            step = at - np.floor(at)
            if not pointed:
                step = step * step * (3 - 2 * step)
            left = at.astype(int)
            heights += weight * (knots[left] * (1 - step) + knots[left + 1] * step)
            total, weight, hills = total + weight, weight * falloff, hills * 2
        return (heights / total)[None]

    def peaks(self, hills: float) -> np.ndarray:
        """Heights [1, width], 0..1, of pointed mountains, about `hills` in one unit, with jagged
        flanks.
        """
        dice, count = self.dice, max(2, round(hills * self.width / self.unit) + 1)
        at = (
            np.arange(count) + dice.numbers.uniform(0.2, 0.8, count)
        ) / count * self.width / self.unit - self.right
        tall, steep = (
            dice.numbers.uniform(0.6, 1, count),
            dice.numbers.uniform(0.8, 1.35, count) * hills,
        )
        tents = tall[:, None] - steep[:, None] * np.abs(self.x - at[:, None])
        jagged = self.curve(hills * 5, 4, 0.55, pointed=True)[0] - 0.5
        return np.clip(tents.max(0) + 0.3 * jagged, 0.02, 1)[None].astype(np.float32)

    def below(self, line: np.ndarray | float, softness: float = 0.0) -> np.ndarray:
        """The mask of what lies below `line` (a y, or one for each column)."""
        return np.clip((self.y - line) / max(softness, 1 / self.unit) + 0.5, 0, 1)

    def disc(self, x: float, y: float, radius: float, softness: float = 0.0) -> np.ndarray:
        """The mask of a disc."""
        away = np.sqrt((self.x - x) ** 2 + (self.y - y) ** 2)
        return np.clip((radius - away) / max(softness, 1 / self.unit) + 0.5, 0, 1)

    def cover(self, mask: np.ndarray | float, colour) -> None:
        """Paint `colour` (three numbers, or [height, width, 3]) where `mask` is."""
        mask = mask[..., None] if isinstance(mask, np.ndarray) else mask
        self.pixels += (np.asarray(colour, np.float32) - self.pixels) * mask

    def shine(self, mask: np.ndarray, colour) -> None:
        """Add light of `colour` as two lights add on a screen, so that nothing burns out."""
        light = np.asarray(colour, np.float32) * mask[..., None]
        self.pixels += light * np.clip(1 - self.pixels / 255, 0, 1)

    def glow(self, x: float, y: float, radius: float, colour) -> None:
        """Light that fades away from a point."""
        self.shine(np.exp(-(((self.x - x) ** 2 + (self.y - y) ** 2) / radius**2)), colour)

    def gradient(self, stops, low: float | None = None, high: float | None = None) -> None:
        """Fill from the line y = `low` down to `high` (default: the whole) with `stops`, evenly
        spaced colours.
        """
        low, high = -self.bottom if low is None else low, self.bottom if high is None else high
        at = np.clip((self.y[:, 0] - low) / max(high - low, 1e-6), 0, 1) * (len(stops) - 1)
        stops = np.asarray(stops, np.float32)
        column = np.stack([np.interp(at, np.arange(len(stops)), stops[:, c]) for c in range(3)], -1)
        self.pixels[:] = column[:, None].astype(np.float32)

    def paste(
        self,
        sprite: np.ndarray,
        x: float,
        foot: float,
        height: float,
        *,
        turn: float = 0.0,
        mirrored: bool = False,
        alpha: float = 1.0,
        squeeze: float = 1.0,
    ) -> None:
        """Paste a square sprite [side, side, 4], premultiplied 0..255, centred on `x`, its lower
        edge at y = `foot`.

        `squeeze` scales its height alone (negative: upside down), `turn` is in degrees.
        """
        sprite = _resized(sprite, max(2, round(height * self.unit)), turn, mirrored, squeeze)
        rows, columns = sprite.shape[:2]
        left = round(x * self.unit + self.width / 2 - columns / 2)
        top = round(foot * self.unit + self.height / 2 - rows)
        cut_left, cut_top = max(0, -left), max(0, -top)
        sprite = sprite[cut_top : max(0, self.height - top), cut_left : max(0, self.width - left)]
        if sprite.size:
            target = self.pixels[top + cut_top :, left + cut_left :][
                : sprite.shape[0], : sprite.shape[1]
            ]
            target *= 1 - sprite[..., 3:] * (alpha / 255)
            target += sprite[..., :3] * alpha


def _resized(
    sprite: np.ndarray, side: int, turn: float, mirrored: bool, squeeze: float
) -> np.ndarray:
    side_up = max(2, round(side * abs(squeeze)))
    whole = np.clip(sprite, 0, 255).astype(np.uint8) if sprite.dtype != np.uint8 else sprite
    whole = whole[:, ::-1] if mirrored else whole
    whole = whole[::-1] if squeeze < 0 else whole
    image = Image.frombuffer(
        "RGBa", whole.shape[1::-1], np.ascontiguousarray(whole), "raw", "RGBa", 0, 1
    )
    if turn:
        image = image.rotate(turn, Image.Resampling.BILINEAR)
    method = Image.Resampling.BOX if side < whole.shape[1] // 2 else Image.Resampling.BILINEAR
    return np.asarray(image.resize((side, side_up), method), np.float32)
