"""Places by and on the water."""

from __future__ import annotations

import numpy as np

from .drawings import all_variants
from .scene import PaintedScene


def mirror(
    scene: PaintedScene, shore: float, tint, share: float = 0.4, ripple: float = 0.012
) -> None:
    """Water below y = `shore` that reflects what stands above it, rippled, mixed with its own
    colour `tint`.
    """
    canvas = scene.canvas
    first = int(np.clip(round((shore + canvas.bottom) * canvas.unit), 1, canvas.height - 1))
    depth = np.arange(canvas.height - first)
    shake = (
        (canvas.noise(5, 40, 2)[first:] - 0.5)
        * ripple
        * 4
        * canvas.unit
        * (0.2 + depth[:, None] / max(1, len(depth)))
    )
    rows = np.clip(first - 1 - depth[:, None] * 0.9 + shake * 2, 0, first - 1).astype(int)
    columns = np.clip(np.arange(canvas.width)[None] + shake, 0, canvas.width - 1).astype(int)
    own = scene.time.on(scene.dice.near(tint, 5))
    canvas.pixels[first:] = canvas.pixels[rows, columns] * (1 - share) + own * share
    glints = np.clip((canvas.noise(7, 60, 2)[first:] - 0.56) * 5, 0, 1)[..., None]
    canvas.pixels[first:] += glints * (np.array(scene.time.sky[-1]) - canvas.pixels[first:]) * 0.4


def swell(scene: PaintedScene, shore: float, colour, rough: float = 0.5) -> None:
    """Open water with rows of waves that grow towards the viewer, and the path of the sun or
    moon on it.
    """
    canvas, time = scene.canvas, scene.time
    near, far = time.on(colour), time.hazed(colour, 0.45)
    depth = np.clip((canvas.y - shore) / (canvas.bottom - shore + 1e-6), 0, 1)
    paint = far + (near - far) * depth[..., None] ** 0.6
    # Perspective: equal waves are the thinner the nearer to the horizon.
    warped = np.log(depth + 0.06) * 9
    bend = canvas.noise(5, 16, 3) - 0.5
    crest = np.sin(warped * 3.2 + canvas.x * 4 + bend * 13)
    light = (0.24 * rough * crest + 0.3 * rough * bend)[..., None]
    paint = paint * (1 + light) + np.clip(crest - 0.72, 0, 1)[..., None] * rough * 120 * np.array(
        time.light
    )
    canvas.cover(canvas.below(shore), np.clip(paint, 0, 255))
    if scene.sun:
        path = np.exp(-(((canvas.x - scene.sun[0]) / (0.035 + 0.22 * depth)) ** 2)) * canvas.below(
            shore
        )
        colour = (255, 226, 160) if scene.hour in ("sunset", "sunrise", "gold") else (226, 234, 250)
        canvas.shine(path * np.clip(crest * 0.7 + 0.5, 0, 1) * 0.85, colour)


def ocean(scene: PaintedScene) -> None:
    rough = 0.95 if scene.hour == "storm" else scene.dice.between(0.35, 0.6)
    swell(scene, scene.horizon, (30, 112, 178), rough)
    scene.stand = 0.3


def stormy_waves(scene: PaintedScene) -> None:
    """Mountains of water with foam on their crests."""
    canvas, dice = scene.canvas, scene.dice
    swell(scene, scene.horizon, (40, 92, 124), 0.9)
    for k in range(3):
        line = (
            scene.horizon
            + 0.1
            + 0.14 * k
            - canvas.curve(2.6 - 0.4 * k, 3, pointed=False) * (0.16 + 0.05 * k)
        )
        scene.layer(
            line,
            np.array((34, 96, 128)) * (1.06 - 0.1 * k),
            haze=0.2 - 0.08 * k,
            grain=0.2,
            fine=9,
            deeper=0.5,
        )
        below = canvas.y - line
        foam = (
            np.exp(-np.maximum(below, 0) / (0.018 + 0.01 * k))
            * canvas.below(line)
            * (0.4 + canvas.noise(26, octaves=2))
        )
        canvas.cover(
            np.clip(foam * 1.1, 0, 1), scene.time.on((244, 250, 252)) * dice.between(0.96, 1.04)
        )
    scene.stand = 0.26


def beach(scene: PaintedScene) -> None:
    """The sea, a line of foam, sand, often palms."""
    canvas, dice = scene.canvas, scene.dice
    swell(scene, scene.horizon, (46, 166, 196), 0.35)
    shore = scene.horizon + dice.between(0.16, 0.22) + (canvas.curve(1.2, 2) - 0.5) * 0.12
    canvas.cover(
        np.clip(1 - np.abs(canvas.y - shore + 0.01) / 0.03, 0, 1) * 0.85,
        scene.time.on((252, 254, 255)),
    )
    scene.layer(shore, (242, 216, 164), grain=0.06, fine=30, deeper=0.1)
    if dice.chance(0.5):
        side = dice.pick((-1, 1))
        for k in range(dice.whole(1, 2)):
            x, size = side * dice.between(0.32, 0.52), dice.between(0.5, 0.72)
            scene.place(
                dice.pick(all_variants("palm")), x, float(shore.mean()) + 0.08 + 0.05 * k, size
            )
        scene.seen.append("palm trees")
    scene.stand = 0.36


def coast(scene: PaintedScene) -> None:
    """A grassy headland above the sea."""
    canvas, dice = scene.canvas, scene.dice
    swell(scene, scene.horizon, (36, 124, 184), 0.5)
    side = dice.pick((-1, 1))
    slope = np.clip((side * canvas.x + 0.34) * 2.4, 0, 1) ** 0.8
    line = 0.56 - 0.3 * slope - canvas.curve(3, 2) * 0.04
    scene.layer(line + 0.02, (126, 112, 100), grain=0.24, fine=12)
    grass = np.clip((line + 0.1 - canvas.y) * 22 + canvas.curve(22, 2), 0, 1)
    canvas.cover(canvas.below(line) * grass, scene.time.on(dice.near((104, 164, 76), 6)))
    foam = np.clip(1 - np.abs(canvas.y - 0.47 - 0.04 * canvas.curve(9, 2)) / 0.02, 0, 1) * (
        1 - canvas.below(line)
    )
    canvas.cover(foam * 0.7, scene.time.on((248, 252, 254)))
    scene.stand = 0.3


def cliff(scene: PaintedScene) -> None:
    """A wall of rock over the sea."""
    canvas, dice = scene.canvas, scene.dice
    swell(scene, scene.horizon + 0.02, (36, 120, 180), 0.5)
    side = dice.pick((-1, 1))
    edge = 0.05 + (canvas.noise(2, 8, 3) - 0.5) * 0.16 - 0.18 * np.clip(canvas.y, -0.2, 0.5)
    top = -0.14 - 0.06 * canvas.curve(2, 2)
    rock = np.clip((side * canvas.x - edge) * canvas.unit * 0.5, 0, 1) * canvas.below(top)
    strata = 1 + 0.22 * (canvas.noise(3, 22, 3) - 0.5) * 2
    canvas.cover(
        rock, np.clip(scene.time.on(dice.near((196, 172, 146), 8)) * strata[..., None], 0, 255)
    )
    canvas.cover(rock * np.clip((top + 0.05 - canvas.y) * 30, 0, 1), scene.time.on((110, 168, 80)))
    scene.stand = -0.1


def lake(scene: PaintedScene) -> None:
    """Mountains behind a lake that mirrors them."""
    canvas, dice = scene.canvas, scene.dice
    for k in range(2):
        line = scene.horizon - (0.34 - 0.2 * k) * canvas.peaks(2 + k) + 0.02
        scene.ridge(
            line,
            ((112, 126, 154), (78, 118, 96))[k],
            haze=0.3 - 0.16 * k,
            snow=0.1 * (k == 0) * dice.chance(0.5),
        )
    _fringe(scene, ("pine",), 12)
    mirror(scene, scene.horizon + 0.03, (64, 128, 164))
    scene.stand = 0.3


def autumn_lake(scene: PaintedScene) -> None:
    """A lake between autumn trees."""
    scene.ridge(scene.horizon - 0.2 * scene.canvas.curve(2, 3), (168, 124, 100), haze=0.35)
    _fringe(scene, ("autumn tree",), 14, 0.26)
    mirror(scene, scene.horizon + 0.03, (110, 120, 130), 0.3)
    scene.stand = 0.3


def _fringe(scene: PaintedScene, kinds: tuple[str, ...], count: int, size: float = 0.16) -> None:
    """A row of trees along the far shore."""
    dice = scene.dice
    for x in np.linspace(-scene.canvas.right, scene.canvas.right, count):
        sprite = dice.pick(all_variants(dice.pick(kinds)))
        scene.place(
            sprite,
            x + dice.between(-0.04, 0.04),
            scene.horizon + 0.04,
            size * dice.between(0.7, 1.2),
            shadow=0,
            haze=0.1,
        )


def river(scene: PaintedScene) -> None:
    """A river that winds through meadows towards the viewer."""
    canvas, dice = scene.canvas, scene.dice
    scene.ridge(scene.horizon - 0.16 * canvas.curve(2, 3), (96, 132, 130), haze=0.4)
    scene.layer(scene.horizon + 0.0 * canvas.x, (108, 170, 78), haze=0.08, grain=0.12)
    depth = np.clip((canvas.y - scene.horizon) / (canvas.bottom - scene.horizon), 0, 1)
    phase = dice.between(0, 6)
    middle = 0.16 * np.sin(depth * 7 + phase) * (1.1 - depth) - 0.05
    half = 0.012 + 0.24 * depth**1.5
    water = np.clip((half - np.abs(canvas.x - middle)) * canvas.unit * 0.6, 0, 1) * canvas.below(
        scene.horizon
    )
    flow = canvas.noise(6, 40, 2)[..., None] - 0.5
    canvas.cover(water, np.clip(scene.time.hazed((70, 144, 186), 0.3) * (1 + 0.4 * flow), 0, 255))
    for y in np.sort([dice.between(scene.horizon + 0.02, 0.3) for _ in range(7)]):
        side = dice.pick((-1, 1))
        scene.place(
            dice.pick(all_variants(dice.pick(("tree", "pine")))),
            side * dice.between(0.3, 0.62),
            y,
            0.14 + 0.5 * (y - scene.horizon),
        )
    scene.stand = 0.34


def waterfall(scene: PaintedScene) -> None:
    """Water that falls over a wall of rock into a pool."""
    canvas, dice = scene.canvas, scene.dice
    top = -0.26 - 0.1 * canvas.curve(3, 3) + 0.5 * np.clip(0.12 - np.abs(canvas.x), 0, 1)
    rock = (
        scene.time.on(dice.near((112, 116, 112), 8))
        * (0.7 + 0.6 * canvas.noise(14, 5, 4))[..., None]
    )
    canvas.cover(canvas.below(top), np.clip(rock, 0, 255))
    moss = np.clip((canvas.noise(6, octaves=3) - 0.55) * 8, 0, 1) * canvas.below(top)
    canvas.cover(moss * 0.8, scene.time.on(dice.near((84, 140, 68), 8)))
    half = dice.between(0.08, 0.15) * (1 + 0.5 * np.clip(canvas.y + 0.2, 0, 1))
    fall = np.clip((half - np.abs(canvas.x)) * canvas.unit * 0.25, 0, 1) * canvas.below(top + 0.01)
    threads = canvas.noise(46, 3, 2)[..., None]
    canvas.cover(
        fall * 0.95, np.clip(scene.time.on((206, 230, 244)) * (0.78 + 0.42 * threads), 0, 255)
    )
    pool = 0.26 + 0.02 * canvas.curve(4, 2)
    swell(scene, float(pool.mean()), (66, 148, 168), 0.4)
    mist = np.exp(-((canvas.x / 0.26) ** 2) - ((canvas.y - 0.27) / 0.05) ** 2)
    canvas.cover(np.clip(mist, 0, 0.85), scene.time.on((240, 248, 252)))
    for side in (-1, 1):
        for _ in range(3):
            scene.place(
                dice.pick(all_variants(dice.pick(("pine", "tree")))),
                side * dice.between(0.3, 0.52),
                dice.between(0.2, 0.42),
                dice.between(0.24, 0.4),
            )
    scene.stand = 0.42
