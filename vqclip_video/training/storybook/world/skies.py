"""Skies: their colours, clouds, sun, moon and stars, and what weather puts into them."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas
from .drawings import all_variants, drawing
from .light import TIMES_OF_DAY
from .scene import PaintedScene

RAINBOW = (
    (226, 70, 70),
    (244, 150, 60),
    (250, 224, 90),
    (96, 190, 100),
    (80, 140, 230),
    (140, 90, 190),
)


def paint_sky(scene: PaintedScene, busy: bool = True) -> None:
    """The whole sky of the scene's hour down to its horizon; `busy` ones have bodies and clouds
    more often.
    """
    canvas, dice, time = scene.canvas, scene.dice, scene.time
    canvas.gradient(
        [dice.near(colour, 5) for colour in time.sky], -canvas.bottom, scene.horizon + 0.02
    )
    if scene.hour in ("night", "aurora"):
        stars(canvas, dice.whole(70, 160), scene.horizon)
    if scene.hour == "night" and dice.chance(0.3):
        milky_way(canvas, scene.horizon)
    if scene.hour == "aurora":
        aurora(canvas)
    if scene.hour in ("night", "dusk", "aurora") and dice.chance(0.55 if busy else 0.25):
        night_moon(scene)
    if scene.hour in ("sunset", "sunrise", "gold") and dice.chance(0.8):
        low_sun(scene)
    if scene.hour in ("day", "dream") and dice.chance(0.4):
        high_sun(scene)
    sky_clouds(scene)
    if scene.hour == "storm" and dice.chance(0.6):
        lightning(scene)
    if scene.hour in ("day", "cloudy") and dice.chance(0.07):
        sky_rainbow(scene)


def sky_clouds(scene: PaintedScene) -> None:
    """Heaps of cloud where the day is fair, streaks at its ends, a lid in bad weather."""
    dice = scene.dice
    if scene.hour in ("storm", "overcast"):
        _veil(scene, cover=0.7, hills=2.4, strength=0.85)
    elif scene.hour in ("sunset", "sunrise", "dusk", "gold"):
        if dice.chance(0.75):
            _veil(scene, cover=dice.between(0.38, 0.5), hills=1.6, strength=0.6, stretch=4)
    elif scene.hour == "cloudy":
        _veil(scene, cover=0.45, hills=2, strength=0.5, stretch=2)
        _heaps(scene, dice.whole(3, 6))
        scene.seen.append("white clouds")
    elif scene.hour in ("day", "dream") and dice.chance(0.55):
        if dice.chance(0.6):
            _heaps(scene, dice.whole(1, 4))
            scene.seen.append("white clouds")
        else:
            _veil(scene, cover=0.42, hills=1.8, strength=0.55, stretch=2.5)
    elif scene.hour == "night" and dice.chance(0.2):
        _veil(scene, cover=0.4, hills=1.5, strength=0.45, stretch=3)


def _veil(
    scene: PaintedScene, cover: float, hills: float, strength: float, stretch: float = 2
) -> None:
    canvas = scene.canvas
    heights = canvas.noise(hills, hills * stretch, 5)
    mask = np.clip((heights - (1 - cover)) * 5 + 0.3, 0, 1) * np.clip(
        (scene.horizon + 0.05 - canvas.y) * 5, 0, 1
    )
    shade = 0.86 + 0.5 * (canvas.noise(hills * 1.5, hills * stretch * 1.5, 3) - 0.4)
    canvas.cover(
        mask * strength, np.clip(scene.dice.near(scene.time.clouds, 5) * shade[..., None], 0, 255)
    )


def _heaps(scene: PaintedScene, count: int) -> None:
    canvas, dice = scene.canvas, scene.dice
    for _ in range(count):
        y = dice.between(-canvas.bottom + 0.1, max(-canvas.bottom + 0.16, scene.horizon - 0.1))
        size = dice.between(0.2, 0.46) * (0.6 + 0.4 * (scene.horizon - y))
        tint = np.array(scene.time.clouds, np.float32) / 255
        sprite = dice.pick(all_variants("cloud")).astype(np.float32)
        sprite[..., :3] *= tint
        canvas.paste(
            sprite, canvas.across(), y + size / 2, size, mirrored=dice.chance(0.5), alpha=0.92
        )


def stars(canvas: Canvas, count: int, low: float) -> None:
    """Points of light of many strengths above y = `low`."""
    dice = canvas.dice
    x = dice.numbers.integers(1, canvas.width - 1, count)
    y = dice.numbers.integers(
        1, max(2, min(canvas.height - 1, int((low + canvas.bottom) * canvas.unit))), count
    )
    strength = (90 + 165 * dice.numbers.random(count) ** 2)[:, None]
    warm = 1 - np.array([0, 0.06, 0.16]) * dice.numbers.random((count, 1))
    canvas.pixels[y, x] = np.maximum(canvas.pixels[y, x], strength * warm)
    bright = strength[:, 0] > 200
    for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        canvas.pixels[y[bright] + down, x[bright] + right] += 0.4 * strength[bright] * warm[bright]


def milky_way(canvas: Canvas, low: float) -> None:
    """A slanting band of light with dust in it."""
    dice = canvas.dice
    slope, offset = dice.between(-1.4, 1.4), dice.between(-0.25, 0.05)
    away = np.abs(canvas.y - offset - slope * canvas.x) / np.hypot(1, slope)
    band = (
        np.exp(-((away / 0.16) ** 2))
        * (0.25 + canvas.noise(4, octaves=5))
        * np.clip((low - canvas.y) * 6, 0, 1)
    )
    canvas.shine(
        band * 0.7, dice.near(dice.pick(((150, 130, 210), (120, 160, 220), (200, 150, 190))), 8)
    )


def aurora(canvas: Canvas) -> None:
    """Curtains of light with a sharp foot and long rays."""
    dice = canvas.dice
    for _ in range(dice.whole(1, 3)):
        foot = (canvas.curve(1.6, 3) - 0.5) * 0.5 - dice.between(0.02, 0.2)
        above = foot - canvas.y
        rays = 0.45 + 0.55 * canvas.curve(18, 3)
        curtain = np.where(
            above > 0,
            np.exp(-np.maximum(above, 0) / dice.between(0.12, 0.24)),
            np.exp(np.minimum(above, 0) / 0.02),
        )
        colour = dice.pick(((60, 250, 150), (60, 250, 150), (80, 230, 210), (190, 90, 230)))
        canvas.shine(curtain * rays * 0.85, dice.near(colour, 8))


def night_moon(scene: PaintedScene) -> None:
    canvas, dice = scene.canvas, scene.dice
    x, y, size = (
        canvas.across(0.8),
        dice.between(-0.4, min(-0.2, scene.horizon - 0.2)),
        dice.between(0.1, 0.2),
    )
    crescent = dice.chance(0.4)
    canvas.glow(x, y, size * 1.3, (90, 100, 130))
    canvas.paste(
        drawing("crescent" if crescent else "moon", dice.whole(0, 3)),
        x,
        y + size / 2,
        size,
        turn=dice.between(-15, 15),
    )
    scene.sun = (x, y)
    scene.seen.append("a crescent moon" if crescent else "a full moon")


def low_sun(scene: PaintedScene) -> None:
    """The sun near the horizon in its glow."""
    canvas, dice = scene.canvas, scene.dice
    x, y, radius = (
        canvas.across(0.7),
        scene.horizon - dice.between(-0.02, 0.16),
        dice.between(0.05, 0.1),
    )
    warm = {"sunset": (255, 170, 80), "sunrise": (255, 210, 160), "gold": (255, 230, 170)}[
        scene.hour
    ]
    canvas.glow(x, y, 0.5, np.array(warm) * 0.5)
    canvas.glow(x, y, radius * 2, warm)
    canvas.cover(canvas.disc(x, y, radius, 0.012), dice.near((255, 236, 176), 4))
    scene.sun = (x, y)
    scene.seen.append("the sun")


def high_sun(scene: PaintedScene) -> None:
    canvas, dice = scene.canvas, scene.dice
    x, y, radius = canvas.across(0.85), dice.between(-0.42, -0.26), dice.between(0.05, 0.09)
    canvas.glow(x, y, radius * 3, (255, 230, 150))
    canvas.cover(canvas.disc(x, y, radius, 0.014), (255, 240, 150))
    scene.sun = (x, y)
    scene.seen.append("the sun")


def lightning(scene: PaintedScene) -> None:
    """A forked bolt from the clouds to the horizon."""
    canvas, dice = scene.canvas, scene.dice
    x, y = canvas.across(0.7), -canvas.bottom
    canvas.glow(x, (y + scene.horizon) / 2, 0.35, (120, 120, 170))
    lit = np.zeros((canvas.height, canvas.width), np.float32)
    while y < scene.horizon:
        to_x, to_y = x + dice.between(-0.08, 0.08), y + dice.between(0.05, 0.1)
        along = np.clip((canvas.y - y) / (to_y - y), 0, 1)
        inside = (canvas.y >= y) & (canvas.y <= to_y)
        away = np.abs(canvas.x - x - (to_x - x) * along)
        lit = np.maximum(lit, inside * np.clip((0.009 - away) * canvas.unit + 0.5, 0, 1))
        x, y = to_x, to_y
    canvas.cover(lit, (255, 255, 232))
    scene.seen.append("lightning")


def sky_rainbow(scene: PaintedScene) -> None:
    canvas, dice = scene.canvas, scene.dice
    x, radius = canvas.across(0.4), dice.between(0.42, 0.6)
    away = np.sqrt((canvas.x - x) ** 2 + (canvas.y - scene.horizon - 0.06) ** 2)
    for k, colour in enumerate(RAINBOW):
        canvas.cover(np.clip(1 - np.abs(away - radius + 0.022 * k) / 0.018, 0, 1) * 0.6, colour)
    scene.seen.append("a rainbow")


def is_dark(hour: str) -> bool:
    """Whether lamps and windows are lit."""
    return TIMES_OF_DAY[hour].dark or hour == "dusk"
