"""Places among trees."""

from __future__ import annotations

import numpy as np

from .drawings import all_variants
from .grounds import scatter
from .scene import PaintedScene


def stand_of(
    scene: PaintedScene,
    kinds: tuple[str, ...],
    ground,
    undergrowth=(),
    gap: float = 0.2,
    rows: int = 4,
) -> None:
    """Trees of `kinds` row behind row, hazier with distance, with a clearing of half-width `gap`
    in the middle.
    """
    canvas, dice = scene.canvas, scene.dice
    wood = scene.time.hazed(ground, 0.3) * 0.62
    canvas.cover(canvas.below(scene.horizon - 0.2 - 0.08 * canvas.curve(7, 3), 0.03) * 0.75, wood)
    scene.layer(scene.horizon + 0.02 * canvas.curve(2, 2), ground, haze=0.12, grain=0.14, fine=18)
    for row in range(rows):
        near = row / (rows - 1)
        foot, size = scene.horizon + 0.03 + 0.2 * near**1.5, 0.3 + 0.42 * near
        step = size * 0.42
        for x in np.arange(-canvas.right - 0.1, canvas.right + 0.1, step):
            x += dice.between(-0.4, 0.4) * step
            if abs(x) > gap * near or near == 0:
                sprite = dice.pick(all_variants(dice.pick(kinds)))
                scene.place(
                    sprite,
                    x,
                    foot + dice.between(-0.01, 0.03),
                    size * dice.between(0.8, 1.15),
                    haze=0.42 * (1 - near) ** 1.3,
                    shadow=0.25 * near,
                    mirrored=dice.chance(0.5),
                )
    if undergrowth:
        scatter(scene, scene.horizon + 0.12, dice.whole(30, 90), undergrowth, 0.018)
    scene.stand = 0.38


def forest(scene: PaintedScene) -> None:
    stand_of(
        scene, ("tree", "tree", "tree", "pine"), (92, 148, 70), ((130, 190, 90), (80, 140, 60))
    )
    if scene.hour in ("day", "gold", "sunrise", "mist"):
        _beams(scene)


def _beams(scene: PaintedScene) -> None:
    """Light that falls through the crowns."""
    canvas, dice = scene.canvas, scene.dice
    lean = dice.between(0.3, 0.7) * dice.pick((-1, 1))
    place = (canvas.x + lean * canvas.y) * 6 + dice.between(0, 6)
    beams = np.clip(np.sin(place * 2.3) * np.sin(place + 1) - 0.25, 0, 1)
    canvas.shine(beams * np.clip(0.45 - canvas.y, 0, 1) * 0.5, (255, 246, 200))


def pines(scene: PaintedScene) -> None:
    stand_of(scene, ("pine",), (94, 138, 84), ((110, 160, 90),))


def snowy_forest(scene: PaintedScene) -> None:
    stand_of(scene, ("snowy pine", "snowy pine", "bare tree"), (238, 244, 250))


def autumn(scene: PaintedScene) -> None:
    stand_of(
        scene, ("autumn tree",), (186, 136, 70), ((236, 140, 50), (214, 84, 50), (248, 192, 70))
    )


def blossoms(scene: PaintedScene) -> None:
    stand_of(scene, ("cherry tree",), (140, 192, 104), ((255, 206, 224), (250, 180, 206)), rows=3)


def bare_woods(scene: PaintedScene) -> None:
    stand_of(scene, ("bare tree",), (122, 116, 100))


def jungle(scene: PaintedScene) -> None:
    stand_of(
        scene,
        ("palm", "tree", "palm"),
        (70, 134, 66),
        ((60, 150, 80), (240, 90, 110), (250, 190, 60)),
    )
