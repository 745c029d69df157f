"""Under the sea."""

from __future__ import annotations

import numpy as np

from .scene import PaintedScene

DEEPS = (  # colours of the water, near the surface and deep down
    ((92, 208, 226), (8, 58, 120)),
    ((70, 180, 220), (10, 44, 108)),
    ((110, 224, 214), (10, 84, 110)),
)
WEEDS = ((60, 150, 90), (90, 170, 80), (226, 110, 110), (236, 150, 90), (170, 90, 170))


def underwater(scene: PaintedScene) -> None:
    """Rays of light, bubbles, sand, weeds and corals."""
    canvas, dice = scene.canvas, scene.dice
    top, deep = dice.pick(DEEPS)
    canvas.gradient([dice.near(top, 6), (np.array(top) + deep) / 2, dice.near(deep, 6)])
    _rays(scene)
    _sea_floor(scene, deep)
    for _ in range(dice.whole(5, 11)):
        _weed(scene, canvas.across(), dice.between(0.42, 0.56), deep)
    for _ in range(dice.whole(5, 16)):
        _bubble(scene)
    scene.stand = 0.3
    scene.hour = "day"


def _rays(scene: PaintedScene) -> None:
    canvas, dice = scene.canvas, scene.dice
    slant = dice.between(-0.5, 0.5)
    place = (canvas.x - slant * (canvas.y + 0.5) + 1) * 5 + dice.between(0, 3)
    rays = np.clip(np.sin(place * 2.1) * np.sin(place * 1.3 + 1) * 1.3 - 0.2, 0, 1)
    canvas.shine(rays * np.clip(0.25 - canvas.y, 0, 1) * 0.6, (190, 240, 250))


def _sea_floor(scene: PaintedScene, deep) -> None:
    """A ridge far away and sand below."""
    canvas = scene.canvas
    far = 0.36 - 0.1 * canvas.curve(2, 2)
    canvas.cover(canvas.below(far, 0.02) * 0.7, np.array(deep) * 1.15)
    floor = 0.42 - 0.06 * canvas.curve(1.6, 2)
    grain = (0.92 + 0.2 * canvas.noise(20, 50, 2))[..., None]
    sand = (np.array((214, 200, 150)) * 0.62 + np.array(deep) * 0.38) * grain
    canvas.cover(canvas.below(floor), np.clip(sand, 0, 255))


def _bubble(scene: PaintedScene) -> None:
    canvas, dice = scene.canvas, scene.dice
    x, y, radius = canvas.across(), dice.between(-0.5, 0.36), dice.between(0.006, 0.02)
    rim = canvas.disc(x, y, radius) - 0.75 * canvas.disc(x, y, radius * 0.72)
    canvas.shine(rim, (200, 240, 250))


def _weed(scene: PaintedScene, x: float, foot: float, deep) -> None:
    canvas, dice = scene.canvas, scene.dice
    height, phase = dice.between(0.1, 0.34), dice.between(0, 6)
    along = np.clip((foot - canvas.y) / height, 0, 1)
    middle = x + 0.025 * np.sin(along * 7 + phase) * along
    half = 0.014 * (1 - along) ** 0.5 * (along > 0)
    inside = np.clip((half - np.abs(canvas.x - middle)) * canvas.unit + 0.5, 0, 1)
    colour = np.array(dice.pick(WEEDS)) * 0.75
    canvas.cover(inside * (along > 0) * (along < 1), colour + np.array(deep) * 0.25)
