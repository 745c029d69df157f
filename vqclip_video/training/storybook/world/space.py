"""Deep space: stars, nebulae, galaxies, planets, the ground of the moon."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas
from .drawings import all_variants
from .scene import PaintedScene
from .skies import stars

NEBULAE = {
    "blue": (70, 120, 230), "purple": (150, 80, 220), "pink": (230, 100, 180), "red": (220, 80, 80),
    "green": (70, 190, 140), "orange": (240, 150, 80), "turquoise": (70, 190, 210),
}  # fmt: skip


def paint_space(canvas: Canvas, clouds: float = 0.35) -> str | None:
    """A black sky of stars, with probability `clouds` with faint nebulae; returns their colour's
    name.
    """
    canvas.pixels[:] = canvas.dice.near((8, 9, 24), 4)
    name = None
    if canvas.dice.chance(clouds):
        name = canvas.dice.pick(list(NEBULAE))
        _gas(canvas, NEBULAE[name], 0.55)
    stars(canvas, canvas.dice.whole(120, 260), canvas.bottom)
    return name


def _gas(canvas: Canvas, colour, strength: float) -> None:
    dice = canvas.dice
    heights = canvas.noise(2.2, octaves=5, falloff=0.55)
    wisps = np.clip((heights - 0.42) * 3.4, 0, 1) * (0.4 + canvas.noise(5, octaves=4))
    canvas.shine(np.clip(wisps * strength * 1.4, 0, 1), dice.near(colour, 10))


def nebula(canvas: Canvas) -> str:
    """Glowing gas of two colours; returns the first one's name."""
    name, other = canvas.dice.pick(list(NEBULAE)), canvas.dice.pick(list(NEBULAE))
    canvas.pixels[:] = (8, 8, 22)
    _gas(canvas, NEBULAE[other], 0.7)
    _gas(canvas, NEBULAE[name], 1.0)
    canvas.glow(
        canvas.across(0.6), canvas.dice.between(-0.3, 0.3), 0.25, np.array(NEBULAE[name]) * 0.7
    )
    stars(canvas, canvas.dice.whole(120, 220), canvas.bottom)
    return name


def galaxy(canvas: Canvas) -> str:
    """A spiral of two to four arms, tilted; returns the name of its arms' colour."""
    dice = canvas.dice
    paint_space(canvas, 0.15)
    name = dice.pick(("blue", "purple", "pink", "turquoise", "orange"))
    turn, tilt, size = dice.between(0, 6.3), dice.between(0.45, 1), dice.between(0.3, 0.42)
    x, y = canvas.x - dice.between(-0.06, 0.06), canvas.y - dice.between(-0.06, 0.06)
    along, over = x * np.cos(turn) + y * np.sin(turn), (y * np.cos(turn) - x * np.sin(turn)) / tilt
    away = np.sqrt(along**2 + over**2) / size
    angle = np.arctan2(over, along)
    count, spin = dice.whole(2, 3), dice.pick((-1, 1))
    wave = np.cos(count * (angle + spin * 2.2 * np.log(away + 0.06))) * 0.5 + 0.5
    dust = 0.45 + 0.9 * canvas.noise(14, octaves=4)
    arms = wave**2.4 * np.exp(-((away / 0.72) ** 2)) * dust
    canvas.shine(np.exp(-((away / 0.55) ** 2)) * 0.4, np.array(NEBULAE[name]) * 0.8)
    canvas.shine(np.clip(arms * 1.15, 0, 1), np.clip(np.array(NEBULAE[name]) * 0.8 + 70, 0, 255))
    canvas.shine(np.clip(np.exp(-((away / 0.16) ** 2)) * 1.1, 0, 1), (255, 238, 200))
    sparkle = (canvas.noise(90, octaves=1) > 0.8) * np.clip(arms * 2, 0, 1)
    canvas.shine(sparkle * 0.8, (255, 250, 255))
    return name


def deep_space(scene: PaintedScene) -> None:
    """A place among the stars, perhaps with a planet far away."""
    dice, canvas = scene.dice, scene.canvas
    paint_space(canvas, 0.5)
    if dice.chance(0.4):
        size = dice.between(0.12, 0.3)
        side = dice.pick((-1, 1))
        canvas.paste(
            dice.pick(all_variants(dice.pick(("planet", "ringed planet")))),
            side * dice.between(0.3, 0.46),
            dice.between(-0.2, 0.0),
            size,
        )
        scene.seen.append("a planet")
    scene.hour, scene.stand = "day", 0.34


def moon_ground(scene: PaintedScene) -> None:
    """The grey ground of the moon with craters, the earth above it."""
    dice, canvas = scene.dice, scene.canvas
    paint_space(canvas, 0.1)
    if dice.chance(0.7):
        x, y, size = dice.pick((-1, 1)) * dice.between(0.2, 0.4), -0.28, dice.between(0.16, 0.24)
        canvas.glow(x, y, size * 0.8, (70, 120, 200))
        canvas.cover(canvas.disc(x, y, size / 2), (66, 126, 206))
        land = np.clip((canvas.noise(9, octaves=4) - 0.52) * 12, 0, 1) * canvas.disc(x, y, size / 2)
        canvas.cover(land, (104, 164, 92))
        canvas.pixels *= (
            1
            - (
                0.75
                * canvas.disc(x, y, size / 2 + 0.004)
                * np.clip((canvas.x - x + canvas.y - y) / size + 0.1, 0, 1)
            )[..., None]
        )
    scene.hour = "day"
    line = 0.12 - 0.06 * canvas.curve(1.6, 3)
    canvas.cover(
        canvas.below(line),
        np.clip(
            np.array((178, 178, 184)) * (0.82 + 0.3 * canvas.noise(9, 20, 4))[..., None], 0, 255
        ),
    )
    for _ in range(dice.whole(5, 9)):
        x, y = canvas.across(), dice.between(0.18, 0.5)
        size = 0.02 + 0.12 * (y - 0.12) * dice.between(0.6, 1.4)
        away = np.sqrt((canvas.x - x) ** 2 + ((canvas.y - y) / 0.36) ** 2) / size
        canvas.pixels *= 1 - (0.3 * np.clip((1 - away) * 4, 0, 1))[..., None]
        canvas.cover(
            np.exp(-((away - 1.05) ** 2) * 60) * 0.5 * (canvas.y > y - 0.3 * size), (222, 222, 226)
        )
    scene.stand = 0.36
