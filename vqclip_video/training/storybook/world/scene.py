"""A place at a time of day in the making, and what painters of skies, grounds and things know of
it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .canvas import Canvas
from .colours import painted
from .dice import Dice
from .light import TIMES_OF_DAY, Hour


@dataclass
class PaintedScene:
    """`horizon`, `stand` (the foot of a near subject) and `sun` (its middle, or the moon's) are on
    the canvas.

    `seen` holds what the painters added and a caption may name: "a full moon", "a rainbow".
    """

    canvas: Canvas
    hour: str
    horizon: float
    stand: float = 0.36
    sun: tuple[float, float] | None = None
    seen: list[str] = field(default_factory=list)

    @property
    def time(self) -> Hour:
        return TIMES_OF_DAY[self.hour]

    @property
    def dice(self) -> Dice:
        return self.canvas.dice

    def layer(
        self,
        line,
        colour,
        *,
        haze: float = 0.0,
        grain: float = 0.0,
        fine: float = 20.0,
        deeper: float = 0.25,
    ):
        """Fill below `line` with a colour of the ground in this light: lighter at its upper edge,
        `deeper` below.

        `haze` is the share of the sky's colour (distance), `grain` the strength of a texture of
        `fine` hills.
        """
        canvas = self.canvas
        paint = self.time.hazed(self.dice.near(colour, 5), haze)
        depth = np.clip((canvas.y - line) / 0.45, 0, 1)
        shades = 1.06 - deeper * depth
        if grain:
            shades = shades + grain * (canvas.noise(fine, fine * 2.2, 3) - 0.5) * 2
        canvas.cover(canvas.below(line), np.clip(paint * shades[..., None], 0, 255))

    def ridge(self, line, colour, *, haze: float, snow: float = 0.0, rough: float = 0.35) -> None:
        """A range of mountains whose silhouette is `line`; `snow` is how far down their heights
        are white.
        """
        canvas = self.canvas
        # Spurs run down from the line: noise that is sheared along with the slope, lit from the
        # left.
        rock = canvas.noise(5, 4, 5, 0.6)
        flank = (
            (np.gradient(rock, axis=1) * 1.5 - np.gradient(rock, axis=0))
            * canvas.unit
            * 0.11
            * rough
        )
        flank = np.clip(flank, -0.45, 0.4) + 0.1 * (canvas.noise(3, 3, 2) - 0.5)
        paint = self.time.hazed(self.dice.near(colour, 6), haze)
        canvas.cover(canvas.below(line), np.clip(paint * (1 + flank[..., None]), 0, 255))
        if snow:
            depth = canvas.y - line
            # Peaks carry more snow than saddles, and its lower edge is torn.
            reach = (
                snow
                * np.clip((line.max() - line) / (np.ptp(line) + 1e-6), 0, 1)
                * (0.6 + 0.8 * canvas.curve(24, 2))
            )
            white = self.time.hazed((246, 249, 254), haze * 0.6) * (1 + 0.5 * flank[..., None])
            canvas.cover(
                canvas.below(line) * np.clip((reach - depth) * 60, 0, 1), np.clip(white, 0, 255)
            )
        foot = np.clip((canvas.y - line) / 0.4, 0, 1) * canvas.below(line) * 0.35
        canvas.cover(foot, self.time.sky[-1])

    def place(
        self,
        sprite: np.ndarray,
        x: float,
        foot: float,
        height: float,
        *,
        shadow: float = 0.3,
        share: float = 1.0,
        haze: float = 0.0,
        mirrored: bool = False,
        colour=None,
        turn: float = 0.0,
    ) -> None:
        """A sprite standing on the ground in the light of the hour, over its shadow.

        `share` is how much of the light it takes (less keeps a subject visible at night),
        `haze` as for `layer`, `colour`
        repaints it.
        """
        sprite = painted(sprite, colour) if colour is not None else sprite.astype(np.float32)
        alpha = sprite[..., 3:] / 255
        lit = (
            self.time.on(sprite[..., :3], share) * (1 - haze)
            + alpha * np.array(self.time.sky[-1], np.float32) * haze
        )
        if shadow:
            self.shadow(x, foot - 0.01 * height, height * _foot_width(sprite) * 0.62, shadow)
        self.canvas.paste(
            np.concatenate([np.minimum(lit, sprite[..., 3:]), sprite[..., 3:]], -1),
            x,
            foot + height * _below(sprite),
            height,
            mirrored=mirrored,
            turn=turn,
        )

    def shadow(self, x: float, y: float, half: float, strength: float) -> None:
        """A soft dark ellipse on the ground."""
        canvas = self.canvas
        away = ((canvas.x - x - 0.15 * half) / max(half, 1e-3)) ** 2 + (
            (canvas.y - y) / max(half * 0.22, 1e-3)
        ) ** 2
        canvas.pixels *= 1 - strength * np.exp(-away * 1.4)[..., None]


def _foot_width(sprite: np.ndarray) -> float:
    """The width of what is near the ground, as a share of the sprite's side."""
    rows = np.flatnonzero(sprite[..., 3].max(1) > 100)
    if not len(rows):
        return 0.0
    low = sprite[max(0, rows[-1] - 18) : rows[-1] + 1, :, 3].max(0) > 100
    return float(low.mean())


def _below(sprite: np.ndarray) -> float:
    """The share of a sprite's side that is empty below its foot."""
    rows = np.flatnonzero(sprite[..., 3].max(1) > 100)
    return (sprite.shape[0] - 1 - rows[-1]) / sprite.shape[0] if len(rows) else 0.0
