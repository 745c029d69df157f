"""Places that people built: cities, roads, railways, villages, a table."""

from __future__ import annotations

import numpy as np

from .drawings import all_variants
from .grounds import hills, mountains
from .scene import PaintedScene
from .skies import is_dark
from .waters import mirror


def city(scene: PaintedScene) -> None:
    """A skyline in two rows, its windows lit at night, over a street, a park or water."""
    canvas, dice = scene.canvas, scene.dice
    foot = scene.horizon + 0.1
    for row, haze in enumerate((0.46, 0.16)):
        x = -canvas.right - 0.02
        while x < canvas.right:
            wide, tall = dice.between(0.06, 0.15), dice.between(0.14, 0.5) * (1, 0.66)[row]
            _block(scene, x, foot - tall, x + wide, foot, haze)
            x += wide + dice.between(-0.01, 0.02)
    if dice.chance(0.45):
        mirror(scene, foot, (50, 96, 140), 0.35)
        scene.seen.append("reflections on the water")
    else:
        colour = dice.pick(((128, 132, 140), (112, 164, 92)))
        scene.layer(foot + 0 * canvas.x, colour, grain=0.06, fine=24)
    scene.stand = 0.37


def _block(
    scene: PaintedScene, left: float, top: float, right: float, foot: float, haze: float
) -> None:
    canvas, dice = scene.canvas, scene.dice
    column, row = (
        [int((v + canvas.right) * canvas.unit) for v in (left, right)],
        [int((v + canvas.bottom) * canvas.unit) for v in (top, foot)],
    )
    column, row = np.clip(column, 0, canvas.width), np.clip(row, 0, canvas.height)
    wide, tall = column[1] - column[0], row[1] - row[0]
    if wide < 3 or tall < 3:
        return
    wall = dice.near(
        dice.pick(
            ((146, 158, 178), (180, 164, 150), (120, 138, 164), (200, 190, 178), (100, 114, 140))
        ),
        6,
    )
    paint = scene.time.hazed(wall, haze) * (0.72 if is_dark(scene.hour) else 1)
    window = canvas.pixels[row[0] : row[1], column[0] : column[1]]
    window[:] = paint * (1.06 - 0.2 * np.linspace(0, 1, wide)[None, :, None])
    step = max(3, round(0.026 * canvas.unit))
    down, across = np.mgrid[0:tall, 0:wide]
    pane = (
        (down % (step + 1) >= 2)
        & (across % step >= max(1, step // 3))
        & (down > step // 2)
        & (across < wide - 1)
    )
    lit = dice.numbers.random((tall // (step + 1) + 1, wide // step + 1)) < (
        0.5 if is_dark(scene.hour) else 0.08
    )
    lit = lit[down // (step + 1), across // step] & pane
    window[pane] = window[pane] * 0.8 + np.array(scene.time.sky[0]) * 0.2
    window[lit] = (
        np.array((255, 220, 132)) * (1 - 0.4 * haze) + np.array(scene.time.sky[-1]) * 0.4 * haze
    )


def road(scene: PaintedScene) -> None:
    """A road that runs to the horizon through fields."""
    canvas, dice = scene.canvas, scene.dice
    scene.ridge(scene.horizon - 0.14 * canvas.curve(1.8, 3), (110, 136, 130), haze=0.45)
    scene.layer(
        scene.horizon + 0 * canvas.x,
        dice.pick(((112, 172, 80), (196, 176, 110))),
        haze=0.1,
        grain=0.1,
    )
    depth = np.clip((canvas.y - scene.horizon) / (0.5 - scene.horizon), 0, 1)
    middle, half = 0.1 * (1 - depth) ** 2 * dice.between(-1.5, 1.5), 0.015 + 0.42 * depth
    away = np.abs(canvas.x - middle)
    asphalt = np.clip((half - away) * canvas.unit * 0.7, 0, 1) * canvas.below(scene.horizon)
    canvas.cover(asphalt, scene.time.hazed((104, 106, 114), 0.12))
    edge = (
        np.clip((0.02 * depth + 0.002 - np.abs(away - half * 0.92)) * canvas.unit, 0, 1) * asphalt
    )
    dash = (
        np.clip((0.014 * depth + 0.002 - away) * canvas.unit, 0, 1)
        * asphalt
        * (np.sin(np.log(depth + 0.08) * 14) > 0)
    )
    canvas.cover(np.maximum(edge, dash), scene.time.on((248, 246, 232)))
    scene.stand = 0.38


def rails(scene: PaintedScene) -> None:
    """A railway between hills."""
    hills(scene)
    _track(scene)


def mountain_rails(scene: PaintedScene) -> None:
    """A railway below mountains."""
    mountains(scene, snow=scene.dice.pick((0.0, 0.22)))
    _track(scene)


def _track(scene: PaintedScene) -> None:
    canvas = scene.canvas
    scene.layer(0.29 + 0 * canvas.x, (150, 136, 120), grain=0.22, fine=40)
    sleepers = (np.sin(canvas.x * 90) > 0.1) * canvas.below(0.345) * (1 - canvas.below(0.385))
    canvas.cover(sleepers * 0.8, scene.time.on((104, 76, 58)))
    for y in (0.35, 0.375):
        canvas.cover(
            np.clip(1 - np.abs(canvas.y - y) / 0.007, 0, 1) * np.ones_like(canvas.x),
            scene.time.on((170, 174, 182)),
        )
    scene.layer(0.41 - 0.02 * canvas.curve(5, 2), (108, 170, 76), grain=0.12)
    scene.stand = 0.365


def village(scene: PaintedScene) -> None:
    """Small houses on a green slope, lamps lit at night."""
    canvas, dice = scene.canvas, scene.dice
    scene.ridge(scene.horizon - 0.24 * canvas.peaks(1.8), (112, 128, 142), haze=0.42)
    line = scene.horizon + 0.02 - 0.05 * canvas.curve(1.5, 2)
    scene.layer(line, (112, 170, 82), grain=0.1)
    for y in np.sort([dice.between(scene.horizon + 0.05, 0.2) for _ in range(dice.whole(6, 9))]):
        kind = dice.pick(("house", "house", "cabin", "church", "tree", "tree"))
        scene.place(
            dice.pick(all_variants(kind)),
            canvas.across(),
            y,
            (0.1 + 0.34 * (y - scene.horizon)) * dice.between(0.9, 1.2),
            share=0.8,
        )
    scene.stand = 0.38


def room(scene: PaintedScene) -> None:
    """A wall, a table of wood, soft light from one side."""
    canvas, dice = scene.canvas, scene.dice
    wall = dice.near(
        dice.pick(
            (
                (236, 222, 196),
                (190, 208, 216),
                (212, 196, 220),
                (226, 196, 180),
                (176, 200, 176),
                (92, 104, 128),
            )
        ),
        6,
    )
    canvas.cover(1.0, wall)
    canvas.glow(dice.pick((-0.5, 0.5)), -0.4, 0.7, np.array((255, 240, 206)) * 0.5)
    edge = 0.22
    grain = np.sin(canvas.y * 60 + canvas.noise(2, 14, 3) * 9)[..., None]
    depth = np.clip((canvas.y - edge) / 0.3, 0, 1)[..., None]
    wood = dice.near(dice.pick(((176, 122, 78), (204, 156, 106), (130, 88, 60))), 6) * (
        1.02 + 0.04 * grain - 0.2 * depth
    )
    canvas.cover(canvas.below(edge), np.clip(wood, 0, 255))
    canvas.cover(np.exp(-np.abs(canvas.y - edge) * 40) * 0.25 * canvas.below(edge), (60, 40, 30))
    scene.stand = 0.38
    scene.hour = "day"
