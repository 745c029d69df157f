"""Places on open land."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas
from .drawings import all_variants
from .scene import PaintedScene

PETALS = (
    (226, 66, 66),
    (250, 206, 66),
    (244, 146, 190),
    (250, 250, 250),
    (150, 100, 206),
    (244, 150, 60),
    (110, 140, 226),
)


def hills(scene: PaintedScene) -> None:
    """Rolling green hills, the far ones bluish."""
    canvas, dice = scene.canvas, scene.dice
    for k, haze in enumerate((0.5, 0.26, 0.06)):
        line = scene.horizon - 0.06 + 0.13 * k - 0.16 * (canvas.curve(1.1 + 0.3 * k, 2) - 0.4)
        scene.layer(
            line,
            ((116, 170, 96), (112, 176, 82), (104, 172, 66))[k],
            haze=haze,
            grain=0.05 + 0.05 * k,
            fine=16,
        )
        if k == 1:
            for _ in range(dice.whole(0, 5)):
                x = canvas.across()
                column = int(np.clip((x + canvas.right) * canvas.unit, 0, canvas.width - 1))
                scene.place(
                    dice.pick(all_variants("tree")),
                    x,
                    float(line[0, column]) + 0.03,
                    dice.between(0.08, 0.14),
                    haze=0.15,
                )
    scene.stand = 0.34


def hilltop(scene: PaintedScene) -> None:
    """One round green hill in front of others, with its top in the middle."""
    canvas = scene.canvas
    far = scene.horizon + 0.02 - 0.1 * canvas.curve(1.6, 2)
    scene.layer(far, (120, 172, 100), haze=0.4, grain=0.05)
    scene.layer(0.2 + 0.75 * canvas.x**2, (106, 172, 70), grain=0.1, fine=18, deeper=0.4)
    scene.stand = 0.27


def lawn(scene: PaintedScene) -> None:
    scene.layer(
        scene.horizon + 0.02 * scene.canvas.curve(2, 2), (112, 178, 74), grain=0.14, fine=24
    )
    scene.stand = 0.36


def meadow(scene: PaintedScene) -> None:
    """Grass full of flowers that grow towards the viewer."""
    canvas, dice = scene.canvas, scene.dice
    scene.layer(
        scene.horizon - 0.1 * (canvas.curve(1.3, 2) - 0.3), (120, 176, 92), haze=0.3, grain=0.08
    )
    scene.layer(
        scene.horizon + 0.06 - 0.06 * canvas.curve(1.5, 2), (108, 172, 72), grain=0.16, fine=22
    )
    scatter(
        scene,
        scene.horizon + 0.07,
        dice.whole(110, 220),
        [dice.pick(PETALS) for _ in range(dice.whole(1, 4))],
    )
    scene.stand = 0.36


def scatter(scene: PaintedScene, top: float, count: int, colours, largest: float = 0.024) -> None:
    """Dots of light petals on the ground below y = `top`, larger towards the viewer."""
    canvas, dice = scene.canvas, scene.dice
    deep = np.sort(dice.numbers.random(count)) ** 1.5
    for depth in deep:
        radius = largest * (0.16 + 0.84 * depth) * canvas.unit
        x, y = (
            dice.between(0, canvas.width),
            (top + canvas.bottom + depth * (canvas.bottom - top)) * canvas.unit,
        )
        left, upper = int(max(0, x - radius - 1)), int(max(0, y - radius - 1))
        window = canvas.pixels[upper : int(y + radius + 2), left : int(x + radius + 2)]
        if window.size:
            down, across = np.ogrid[upper : upper + window.shape[0], left : left + window.shape[1]]
            disc = np.clip(
                radius + 0.5 - np.hypot(across + 0.5 - x, (down + 0.5 - y) * 1.35), 0, 1
            )[..., None]
            colour = scene.time.on(dice.near(dice.pick(colours), 8), 0.85)
            light = 1.08 - 0.3 * (down - upper) / max(1, window.shape[0])
            window += (np.clip(colour * light[..., None], 0, 255) - window) * disc


def wheat(scene: PaintedScene) -> None:
    """A golden field combed by the wind."""
    canvas = scene.canvas
    scene.layer(scene.horizon - 0.08 * (canvas.curve(1.5, 2) - 0.2), (140, 168, 96), haze=0.4)
    depth = np.clip((canvas.y - scene.horizon) / 0.5, 0, 1)
    scene.layer(scene.horizon + 0.03, (232, 190, 88), grain=0.05)
    stalks = (canvas.noise(60, 9, 2) - 0.5) * depth + (canvas.noise(4, 20, 3) - 0.5) * 0.7
    canvas.pixels *= 1 + (0.5 * stalks * canvas.below(scene.horizon + 0.03))[..., None]
    scene.stand = 0.4


def desert(scene: PaintedScene) -> None:
    """Dunes with a lit and a shadowed side."""
    canvas = scene.canvas
    for k, haze in enumerate((0.4, 0.2, 0.04)):
        crest = canvas.curve(1.0 + 0.3 * k, 1)
        line = scene.horizon - 0.03 + 0.13 * k - 0.17 * (crest - 0.4)
        scene.layer(
            line,
            ((232, 190, 128), (236, 186, 112), (238, 184, 104))[k],
            haze=haze,
            grain=0.03,
            fine=9,
        )
        shade = np.clip(np.gradient(crest[0]) * canvas.unit * 0.12, 0, 0.25)[None] * np.exp(
            -np.maximum(canvas.y - line, 0) * 9
        )
        canvas.pixels *= 1 - (shade * canvas.below(line))[..., None]
    ripples = np.sin(canvas.y * 120 + canvas.noise(3, octaves=3) * 26) * np.clip(
        (canvas.y - 0.22) * 3, 0, 1
    )
    canvas.pixels *= 1 + 0.03 * (ripples * canvas.below(line))[..., None]
    scene.stand = 0.34


def mountains(scene: PaintedScene, snow: float = 0.0) -> None:
    """Ranges behind one another over a meadow (or snow)."""
    canvas, dice = scene.canvas, scene.dice
    rock = dice.pick(((116, 122, 146), (128, 116, 110), (96, 116, 134)))
    for k, haze in enumerate((0.5, 0.26, 0.08)[: dice.whole(2, 3)]):
        line = scene.horizon + 0.02 + 0.05 * k - (0.42 - 0.12 * k) * canvas.peaks(1.6 + 0.7 * k)
        scene.ridge(
            line, np.array(rock) * (1 - 0.06 * k), haze=haze, snow=snow * dice.between(0.8, 1.3)
        )
    front = (238, 244, 250) if snow and dice.chance(0.4) else (98, 158, 82)
    scene.layer(
        scene.horizon + 0.1 - 0.06 * canvas.curve(1.6, 2), front, haze=0.04, grain=0.1, fine=16
    )
    scene.stand = 0.36


def snowy_mountains(scene: PaintedScene) -> None:
    mountains(scene, snow=0.22)


def snow(scene: PaintedScene) -> None:
    """Snow with blue shadows and firs."""
    canvas, dice = scene.canvas, scene.dice
    scene.layer(scene.horizon - 0.14 * canvas.curve(1.6, 3), (214, 226, 240), haze=0.4, deeper=0.1)
    for y in np.sort(
        [dice.between(scene.horizon - 0.02, scene.horizon + 0.08) for _ in range(dice.whole(3, 12))]
    ):
        kind = dice.pick(("pine", "snowy pine", "snowy pine"))
        scene.place(
            dice.pick(all_variants(kind)),
            canvas.across(),
            y + 0.03,
            dice.between(0.14, 0.3),
            haze=0.18,
            shadow=0,
        )
    for k in range(2):
        line = scene.horizon + 0.05 + 0.14 * k - 0.1 * (canvas.curve(1.2, 2) - 0.3)
        scene.layer(line, (244, 248, 253), haze=0.1 - 0.1 * k, deeper=0.16)
    canvas.pixels -= (12 * (canvas.noise(3, 9, 3) - 0.4) * canvas.below(line))[
        ..., None
    ] * np.array((1.3, 0.8, 0.1))
    np.clip(canvas.pixels, 0, 255, out=canvas.pixels)
    scene.stand = 0.36


def volcano(scene: PaintedScene) -> None:
    """A cone that spits fire and smoke, lava on its flanks."""
    canvas, dice = scene.canvas, scene.dice
    x, top, spread = dice.between(-0.12, 0.12), -0.14, 1.05
    _ash_cloud(scene, x, top)
    canvas.glow(x, top - 0.03, 0.2, (255, 130, 40))
    away = np.maximum(np.abs(canvas.x - x) - 0.06, 0)
    flank = top + spread * away**0.92 + 0.02 * canvas.curve(14, 3)
    scene.ridge(flank, (96, 76, 76), haze=0.06, rough=0.5)
    bend = (canvas.noise(5, 9, 3) - 0.5) * 0.16
    for slope in (-0.34, 0.05, 0.42)[: dice.whole(2, 3)]:
        _lava(canvas, x, top, flank, slope, bend)
    for _ in range(26):
        _spark(canvas, x, top)
    scene.layer(0.33 - 0.04 * canvas.curve(3, 2), (82, 74, 72), grain=0.3, fine=16)
    scene.stand = 0.4


def _ash_cloud(scene: PaintedScene, x: float, top: float) -> None:
    canvas = scene.canvas
    width = 0.1 + 0.42 * np.clip(top - canvas.y, 0, 1)
    ash = np.exp(-(((canvas.x - x - 0.2 * (canvas.y - top)) / width) ** 2))
    billows = np.clip((canvas.noise(5, octaves=5) - 0.24) * 2.4, 0, 1)
    smoke = ash * billows * np.clip((top + 0.02 - canvas.y) * 14, 0, 1)
    canvas.cover(np.clip(smoke, 0, 0.92), scene.time.on(scene.dice.near((108, 98, 102), 6)))


def _lava(canvas: Canvas, x: float, top: float, flank, slope: float, bend) -> None:
    """A stream down a flank, brightest in its middle."""
    depth = np.clip(canvas.y - top, 0, 1)
    away = np.abs(canvas.x - x - slope * depth * 1.3 - bend * depth * 3)
    lava, ground = np.clip(1 - away / (0.022 + 0.03 * depth), 0, 1), canvas.below(flank)
    canvas.cover(lava * ground * np.clip(1.3 - depth * 1.6, 0, 1), (255, 122, 30))
    bright = np.clip(lava - 0.55, 0, 1) * 2 * ground * np.clip(1.1 - depth * 1.8, 0, 1)
    canvas.cover(bright, (255, 226, 120))


def _spark(canvas: Canvas, x: float, top: float) -> None:
    dice = canvas.dice
    angle, reach = dice.between(-0.9, 0.9), dice.between(0.03, 0.22)
    x, y = x + np.sin(angle) * reach, top - np.cos(angle) * reach
    canvas.cover(canvas.disc(x, y, dice.between(0.004, 0.011)), (255, 190, 70))
