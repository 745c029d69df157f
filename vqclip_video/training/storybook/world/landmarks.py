"""Buildings and landmarks that the emoji lack or show poorly, drawn."""

from __future__ import annotations

import numpy as np

from .dice import Dice
from .easel import Easel

STONE, ROOFS = (
    (186, 180, 172),
    ((186, 74, 58), (150, 66, 62), (84, 98, 128), (116, 78, 60), (70, 110, 110)),
)
GLASS, GLOW = (122, 170, 206), (255, 218, 128)


def lighthouse(easel: Easel) -> None:
    """A tapering tower, white with bands, on a rock."""
    dice = easel.dice
    band = dice.pick(((206, 56, 52), (206, 56, 52), (52, 92, 156), (60, 60, 70)))
    rock = dice.near((124, 112, 104), 8)
    easel.polygon(
        [(0.16, 1), (0.22, 0.92), (0.36, 0.86), (0.66, 0.86), (0.8, 0.93), (0.86, 1)], rock, 0.6
    )
    top, foot = 0.3, 0.88
    half = lambda y: 0.075 + 0.05 * (y - top) / (foot - top)  # noqa: E731
    edges = np.linspace(top, foot, 6)
    for k, (above, below) in enumerate(zip(edges, edges[1:], strict=False)):
        corners = [
            (0.5 - half(above), above),
            (0.5 + half(above), above),
            (0.5 + half(below), below),
            (0.5 - half(below), below),
        ]
        easel.polygon(corners, band if k % 2 == 0 else (248, 246, 240), 0.5)
    easel.box(0.39, 0.275, 0.61, 0.305, (70, 70, 80), 0.4)
    easel.box(0.44, 0.17, 0.56, 0.275, GLOW, 0.15)
    easel.line([(0.5, 0.17), (0.5, 0.28)], 0.01, (70, 70, 80))
    easel.polygon([(0.41, 0.175), (0.5, 0.08), (0.59, 0.175)], band, 0.5)
    easel.line([(0.5, 0.1), (0.5, 0.03)], 0.012, (70, 70, 80))
    easel.box(0.47, 0.78, 0.53, 0.88, (96, 66, 48))
    for y in (0.42, 0.6):
        easel.box(0.485, y, 0.515, y + 0.05, (70, 84, 104))


def windmill(easel: Easel) -> None:
    """A mill with four sails."""
    dice = easel.dice
    wall = dice.pick(((242, 236, 222), (206, 160, 116), (176, 104, 82)))
    easel.polygon([(0.4, 0.4), (0.6, 0.4), (0.68, 1), (0.32, 1)], wall, 0.45)
    easel.polygon([(0.37, 0.41), (0.5, 0.24), (0.63, 0.41)], dice.pick(ROOFS), 0.5)
    easel.box(0.455, 0.84, 0.545, 1, (100, 70, 50))
    for y in (0.52, 0.68):
        easel.box(0.475, y, 0.525, y + 0.07, (84, 108, 136))
    start = dice.between(0.2, 1.2)
    for k in range(4):
        angle = start + k * np.pi / 2
        along, across = (
            np.array([np.cos(angle), np.sin(angle)]),
            np.array([-np.sin(angle), np.cos(angle)]),
        )
        hub = np.array([0.5, 0.36])
        easel.polygon(
            [
                hub + along * 0.08,
                hub + along * 0.35,
                hub + along * 0.35 + across * 0.075,
                hub + along * 0.08 + across * 0.075,
            ],
            (250, 246, 234),
            0.1,
        )
        for reach in (0.14, 0.21, 0.28):
            easel.line(
                [hub + along * reach, hub + along * reach + across * 0.075], 0.008, (140, 110, 84)
            )
        easel.line([hub, hub + along * 0.36], 0.018, (116, 84, 60))
    easel.ball(0.5, 0.36, 0.03, 0.03, (90, 66, 50))


def house(easel: Easel) -> None:
    """A small house with a gable roof and a chimney."""
    dice = easel.dice
    wall = dice.pick(
        ((246, 236, 214), (250, 246, 240), (222, 170, 140), (180, 206, 216), (240, 214, 150))
    )
    _cottage(easel, wall, dice.pick(ROOFS), planks=False)


def cabin(easel: Easel) -> None:
    """A house of logs."""
    walls = easel.dice.near((164, 112, 70), 6)
    _cottage(easel, walls, easel.dice.pick(((110, 74, 54), (86, 92, 84), (150, 80, 60))), True)


def _cottage(easel: Easel, wall, roof, planks: bool) -> None:
    wall, roof = np.array(wall), np.array(roof)
    easel.box(0.68, 0.16, 0.78, 0.4, roof * 0.75, 0.5)
    easel.box(0.14, 0.5, 0.86, 0.96, wall, 0.25)
    easel.polygon([(0.14, 0.52), (0.86, 0.52), (0.5, 0.24)], wall * 0.97, 0.25)
    if planks:
        for y in np.linspace(0.52, 0.92, 7):
            easel.line([(0.14, y), (0.86, y)], 0.01, wall * 0.72)
    easel.polygon(
        [(0.5, 0.16), (0.96, 0.53), (0.91, 0.58), (0.5, 0.26), (0.09, 0.58), (0.04, 0.53)],
        roof,
        0.4,
    )
    easel.box(0.42, 0.66, 0.58, 0.96, (118, 78, 52), 0.3)
    easel.ball(0.55, 0.82, 0.012, 0.012, GLOW, flat=True)
    for x in (0.21, 0.65):
        easel.box(x - 0.012, 0.648, x + 0.152, 0.812, (250, 250, 248))
        easel.box(x, 0.66, x + 0.14, 0.8, GLOW if easel.dice.chance(0.5) else GLASS, 0.2)
        easel.line([(x + 0.07, 0.66), (x + 0.07, 0.8)], 0.012, (250, 250, 248))
        easel.line([(x, 0.73), (x + 0.14, 0.73)], 0.012, (250, 250, 248))
    easel.ball(0.5, 0.42, 0.05, 0.05, GLASS, 0.2)


def barn(easel: Easel) -> None:
    red = easel.dice.near((186, 62, 52), 6)
    easel.polygon(
        [(0.1, 0.96), (0.1, 0.5), (0.22, 0.3), (0.5, 0.16), (0.78, 0.3), (0.9, 0.5), (0.9, 0.96)],
        red,
        0.3,
    )
    easel.line(
        [(0.06, 0.54), (0.2, 0.29), (0.5, 0.13), (0.8, 0.29), (0.94, 0.54)], 0.045, (104, 92, 92)
    )
    easel.box(0.34, 0.58, 0.66, 0.96, red * 0.86)
    for points in (
        [(0.34, 0.58), (0.66, 0.96)],
        [(0.66, 0.58), (0.34, 0.96)],
        [(0.34, 0.96), (0.34, 0.58), (0.66, 0.58), (0.66, 0.96)],
        [(0.5, 0.58), (0.5, 0.96)],
    ):
        easel.line(points, 0.018, (250, 246, 240))
    easel.box(0.44, 0.32, 0.56, 0.45, (70, 52, 48))


def church(easel: Easel) -> None:
    dice = easel.dice
    wall, roof = (
        np.array(dice.pick(((246, 240, 228), (206, 196, 184), (226, 200, 170)))),
        np.array(dice.pick(ROOFS)),
    )
    easel.box(0.4, 0.58, 0.9, 0.97, wall, 0.3)
    easel.polygon([(0.36, 0.6), (0.46, 0.42), (0.86, 0.42), (0.95, 0.6)], roof, 0.4)
    easel.box(0.16, 0.36, 0.42, 0.97, wall * 1.02, 0.35)
    easel.polygon([(0.13, 0.37), (0.29, 0.1), (0.45, 0.37)], roof, 0.5)
    easel.line([(0.29, 0.0), (0.29, 0.12)], 0.016, (120, 96, 50))
    easel.line([(0.25, 0.04), (0.33, 0.04)], 0.016, (120, 96, 50))
    for x, y in ((0.29, 0.46), (0.52, 0.68), (0.66, 0.68), (0.8, 0.68)):
        easel.ball(x, y, 0.035, 0.05, GLASS, flat=True)
        easel.box(x - 0.035, y, x + 0.035, y + 0.09, GLASS)
    easel.box(0.24, 0.8, 0.34, 0.97, (104, 72, 52))
    easel.ball(0.29, 0.8, 0.05, 0.05, (104, 72, 52), flat=True)


def castle(easel: Easel) -> None:
    """A keep between towers with pointed roofs and flags."""
    dice = easel.dice
    stone = dice.near(dice.pick((STONE, (206, 190, 168), (168, 172, 186), (226, 218, 214))), 5)
    roof = np.array(dice.pick(((84, 104, 160), (170, 70, 66), (96, 82, 132), (70, 120, 120))))
    _wall(easel, 0.16, 0.62, 0.84, 0.98, stone * 0.94)
    _wall(easel, 0.36, 0.42, 0.64, 0.98, stone)
    for x, top, wide in (
        (0.5, 0.28, 0.08),
        (0.36, 0.36, 0.07),
        (0.66, 0.34, 0.07),
        (0.16, 0.48, 0.085),
        (0.84, 0.46, 0.085),
    ):
        easel.box(x - wide, top, x + wide, 0.98 if wide > 0.08 else 0.66, stone * 1.03, 0.5)
        easel.box(x - wide * 1.15, top, x + wide * 1.15, top + 0.035, stone * 0.86, 0.4)
        easel.polygon(
            [(x - wide * 1.25, top + 0.005), (x, top - 0.22), (x + wide * 1.25, top + 0.005)],
            roof,
            0.6,
        )
        easel.line([(x, top - 0.2), (x, top - 0.27)], 0.008, (90, 80, 70))
        easel.polygon([(x, top - 0.27), (x + 0.07, top - 0.25), (x, top - 0.23)], (224, 70, 60))
        easel.box(x - 0.015, top + 0.08, x + 0.015, top + 0.15, (74, 72, 84))
    easel.ball(0.5, 0.82, 0.07, 0.08, (84, 60, 46), flat=True)
    easel.box(0.43, 0.82, 0.57, 0.98, (84, 60, 46))


def tower(easel: Easel) -> None:
    stone = easel.dice.near(STONE, 8)
    easel.polygon([(0.37, 0.3), (0.63, 0.3), (0.67, 0.99), (0.33, 0.99)], stone, 0.5)
    for k in range(26):
        x, y = easel.dice.between(0.38, 0.6), 0.36 + 0.6 * k / 26
        easel.box(x, y, x + 0.06, y + 0.018, stone * easel.dice.pick((0.86, 1.08)))
    _wall(easel, 0.31, 0.2, 0.69, 0.32, stone * 0.95)
    if easel.dice.chance(0.5):
        easel.polygon([(0.28, 0.21), (0.5, 0.0), (0.72, 0.21)], easel.dice.pick(ROOFS), 0.5)
    for y in (0.42, 0.62):
        easel.box(0.47, y, 0.53, y + 0.1, (66, 66, 80))
    easel.box(0.44, 0.84, 0.56, 0.99, (96, 68, 50))


def _wall(easel: Easel, left, top, right, bottom, stone) -> None:
    """A wall with battlements."""
    easel.box(left, top, right, bottom, stone, 0.25)
    teeth = max(3, round((right - left) / 0.07))
    step = (right - left) / (2 * teeth - 1)
    for k in range(0, 2 * teeth, 2):
        easel.box(left + k * step, top - 0.035, left + (k + 1) * step, top + 0.005, stone, 0.1)


def bridge(easel: Easel) -> None:
    """An arched bridge of stone."""
    stone = easel.dice.near(easel.dice.pick((STONE, (190, 150, 120), (170, 160, 150))), 6)
    deck = [(x, 0.44 - 0.09 * np.sin(np.pi * x)) for x in np.linspace(0, 1, 20)]
    easel.polygon([*deck, (1, 0.74), (0, 0.74)], stone, 0.2)
    for x in (0.2, 0.5, 0.8):
        half = 0.115 if x != 0.5 else 0.13
        easel.ball(x, 0.7, half + 0.018, 0.21 if x != 0.5 else 0.24, stone * 0.8, flat=True)
    hole = np.zeros((easel.side, easel.side), np.float32)
    down, across = np.mgrid[0 : easel.side, 0 : easel.side] / easel.side
    for x, half, rise in ((0.2, 0.115, 0.19), (0.5, 0.13, 0.22), (0.8, 0.115, 0.19)):
        hole = np.maximum(
            hole,
            (np.hypot((across - x) / half, (down - 0.7) / rise) < 1)
            | ((down > 0.7) & (abs(across - x) < half)),
        )
    easel.layers *= 1 - hole[..., None]
    easel.line([(x, y - 0.015) for x, y in deck], 0.035, stone * 1.08)
    for x, y in deck[1:-1:2]:
        easel.line([(x, y - 0.02), (x, y - 0.075)], 0.014, stone * 0.9)
    easel.line([(x, y - 0.075) for x, y in deck], 0.016, stone)


def pyramid(easel: Easel) -> None:
    sand = easel.dice.near((226, 182, 112), 6)
    easel.polygon([(0.0, 0.9), (0.5, 0.2), (0.66, 0.95)], sand * 1.04)
    easel.polygon([(0.5, 0.2), (1, 0.88), (0.66, 0.95)], sand * 0.72)
    for t in np.linspace(0.15, 0.95, 9):
        easel.line(
            [(0.5 - 0.5 * t, 0.2 + 0.7 * t), (0.5 + 0.16 * t, 0.2 + 0.75 * t)], 0.006, sand * 0.9
        )
        easel.line(
            [(0.5 + 0.16 * t, 0.2 + 0.75 * t), (0.5 + 0.5 * t, 0.2 + 0.68 * t)], 0.006, sand * 0.64
        )


def skyscraper(easel: Easel) -> None:
    dice = easel.dice
    wall = dice.near(
        dice.pick(((96, 128, 164), (150, 160, 172), (84, 104, 128), (170, 150, 136))), 6
    )
    half = dice.between(0.14, 0.22)
    easel.box(0.5 - half, 0.14, 0.5 + half, 1, wall, 0.5)
    easel.polygon(
        [(0.5 - half * 0.7, 0.14), (0.5, 0.04), (0.5 + half * 0.7, 0.14)], wall * 0.9, 0.5
    )
    easel.line([(0.5, 0.06), (0.5, 0.0)], 0.01, (90, 90, 100))
    for y in np.arange(0.18, 0.96, 0.05):
        for x in np.linspace(0.5 - half + 0.03, 0.5 + half - 0.06, 5):
            easel.box(
                x,
                y,
                x + 0.03,
                y + 0.028,
                dice.pick((GLOW, (176, 206, 226), (196, 220, 236), wall * 0.7)),
            )


def random_drawing(draw, number: int) -> np.ndarray:
    """The sprite that `draw` makes of a dice of its own."""
    easel = Easel(Dice(number, 77))
    draw(easel)
    return easel.sprite()
