"""What falls from the sky, over a finished scene."""

from __future__ import annotations

import numpy as np

from .scene import PaintedScene

PHRASES = {
    "rain": ("in the rain", "on a rainy day", "in heavy rain", "with rain falling"),
    "snow": ("while it snows", "in falling snow", "during a snowfall", "with snow falling"),
    "fog": ("in the fog", "in thick fog", "in the mist"),
}


def rain(scene: PaintedScene) -> None:
    """Slanting streaks."""
    canvas, dice = scene.canvas, scene.dice
    slant = dice.between(0.05, 0.3)
    count = int(dice.between(90, 200) * canvas.width * canvas.height / canvas.unit**2)
    length = np.maximum(2, (dice.numbers.random(count) * 0.05 + 0.03) * canvas.unit).astype(int)
    x, y = (
        dice.numbers.integers(0, canvas.width, count),
        dice.numbers.integers(-8, canvas.height, count),
    )
    canvas.cover(0.16, (150, 160, 174))
    mask = np.zeros((canvas.height, canvas.width), np.float32)
    for step in range(int(length.max())):
        rows, columns = y + step, (x - slant * step).astype(int)
        good = (
            (step < length)
            & (rows >= 0)
            & (rows < canvas.height)
            & (columns >= 0)
            & (columns < canvas.width)
        )
        mask[rows[good], columns[good]] = 0.5
    canvas.cover(mask, (222, 232, 244))


def snowfall(scene: PaintedScene) -> None:
    """Soft flakes of three sizes."""
    canvas, dice = scene.canvas, scene.dice
    canvas.cover(0.1, (226, 232, 240))
    for radius, count in ((0.004, 130), (0.007, 60), (0.012, 22)):
        side = int(radius * canvas.unit * 2) + 2
        down, across = np.mgrid[-side : side + 1, -side : side + 1]
        flake = np.clip(radius * canvas.unit + 0.7 - np.hypot(down, across), 0, 1)[..., None] * 0.9
        for _ in range(count):
            x, y = (
                dice.whole(side, canvas.width - side - 1),
                dice.whole(side, canvas.height - side - 1),
            )
            window = canvas.pixels[y - side : y + side + 1, x - side : x + side + 1]
            window += (np.float32(252) - window) * flake


def fog(scene: PaintedScene) -> None:
    """A veil that is thickest at the horizon."""
    canvas = scene.canvas
    thick = np.exp(-(((canvas.y - scene.horizon) / 0.3) ** 2)) * 0.65 + 0.2
    veil = np.clip(thick * (0.75 + 0.5 * canvas.noise(2, 5, 3)), 0, 0.9)
    canvas.cover(veil, scene.time.on((230, 234, 238)))


FALL = {"rain": rain, "snow": snowfall, "fog": fog}
