"""Trees, flowers, clouds and other growing and drifting things, drawn."""

from __future__ import annotations

import numpy as np

from .easel import Easel

GREENS = ((74, 148, 66), (96, 166, 70), (52, 122, 62), (118, 174, 76))
AUTUMN = ((232, 130, 42), (214, 78, 48), (244, 184, 60), (190, 92, 44))
PINKS = ((250, 184, 208), (255, 206, 222), (244, 154, 190))
BARK = (112, 78, 54)


def round_tree(easel: Easel, leaves) -> None:
    """A broad tree with a crown of clumps, dark below and light on top."""
    dice = easel.dice
    colour = dice.near(dice.pick(leaves), 6)
    bark = dice.near(BARK, 6)
    wide = dice.between(0.3, 0.38)
    easel.polygon(
        [(0.46, 0.55), (0.54, 0.55), (0.56, 0.9), (0.61, 0.97), (0.39, 0.97), (0.44, 0.9)],
        bark,
        0.7,
    )
    easel.line([(0.5, 0.7), (0.36, 0.5)], 0.03, bark * 0.9)
    easel.line([(0.5, 0.66), (0.64, 0.48)], 0.03, bark * 0.8)
    for layer, (light, lift, count) in enumerate(
        ((0.72, 0.06, 9), (0.9, 0.0, 10), (1.08, -0.06, 9))
    ):
        for k in range(count):
            angle = 2 * np.pi * k / count + dice.between(-0.3, 0.3)
            reach = (1, 0.72, 0.42)[layer] * dice.between(0.75, 1)
            x = 0.5 + np.cos(angle) * wide * reach - 0.03 * layer
            y = 0.37 + np.sin(angle) * 0.23 * reach + lift
            size = dice.between(0.1, 0.15)
            easel.ball(x, y, size, size * 0.92, colour * light * dice.between(0.94, 1.06), 0.3)


def blossom_tree(easel: Easel) -> None:
    round_tree(easel, PINKS)
    for _ in range(60):
        angle, reach = easel.dice.between(0, 6.3), easel.dice.between(0, 1) ** 0.5
        x, y = 0.5 + np.cos(angle) * reach * 0.36, 0.36 + np.sin(angle) * reach * 0.26
        easel.ball(
            x,
            y,
            0.012,
            0.012,
            easel.dice.pick(((255, 240, 246), (255, 226, 236), (236, 130, 172))),
            flat=True,
        )


def bare_tree(easel: Easel) -> None:
    """A tree without leaves: branches that fork."""
    colour = easel.dice.near((84, 66, 58), 8)

    def branch(x, y, angle, length, width):
        to = x + np.sin(angle) * length, y - np.cos(angle) * length
        easel.line([(x, y), to], width, colour)
        if length > 0.05:
            for side in (-1, 1):
                branch(
                    *to,
                    angle + side * easel.dice.between(0.25, 0.6),
                    length * easel.dice.between(0.66, 0.8),
                    width * 0.66,
                )

    branch(0.5, 0.98, easel.dice.between(-0.05, 0.05), 0.27, 0.06)


def pine(
    easel: Easel, colours=((44, 104, 72), (54, 122, 74), (36, 88, 70)), snow: bool = False
) -> None:
    """A conifer of four skirts, snow on them or not."""
    dice = easel.dice
    colour, wide = dice.near(dice.pick(colours), 5), dice.between(0.24, 0.33)
    easel.box(0.46, 0.85, 0.54, 0.98, dice.near(BARK, 6), 0.8)
    for k in range(4, -1, -1):
        top, foot, half = 0.02 + 0.16 * k, 0.28 + 0.16 * k, wide * (0.36 + 0.16 * k)
        steps = np.linspace(-1, 1, 9)
        hem = [
            (0.5 + s * half, foot + (0.02 if n % 2 else -0.015) - 0.02 * abs(s))
            for n, s in enumerate(steps)
        ]
        easel.polygon([(0.5, top), *hem[::-1]], colour * (0.86 + 0.05 * (4 - k)), 0.55)
        if snow:
            cap = [
                (0.5 + s * half * 0.8, foot - 0.05 + (0.02 if n % 2 else -0.03))
                for n, s in enumerate(steps)
            ]
            easel.polygon([(0.5, top), *cap[::-1]], (242, 247, 252), 0.22)


def palm(easel: Easel) -> None:
    """A leaning trunk with a fountain of fronds."""
    dice = easel.dice
    lean = dice.between(-0.16, 0.16)
    trunk = [(0.5 + lean * (1 - t) ** 2 * 1.4, 0.32 + 0.66 * t) for t in np.linspace(0, 1, 12)][
        ::-1
    ]
    top = trunk[-1]
    for k, (x, y) in enumerate(trunk[:-1]):
        half = 0.032 - 0.0012 * k
        easel.polygon(
            [
                (x - half, y),
                (x + half, y),
                (trunk[k + 1][0] + half * 0.8, trunk[k + 1][1]),
                (trunk[k + 1][0] - half * 0.8, trunk[k + 1][1]),
            ],
            (150 - 14 * (k % 2), 112 - 10 * (k % 2), 74),
            0.6,
        )
    for angle in np.linspace(-2.9, -0.25, 8) + dice.between(-0.1, 0.1):
        along = np.linspace(0, 1, 9)
        x = top[0] + np.cos(angle) * along * 0.36
        y = top[1] + np.sin(angle) * along * 0.24 + 0.26 * along**2
        width = 0.05 * np.sin(np.pi * np.clip(along + 0.08, 0, 1))
        blade = [
            *zip(x, y - width, strict=True),
            *zip(x[::-1], (y + width * 0.6)[::-1], strict=True),
        ]
        easel.polygon(
            blade, dice.near(dice.pick(((64, 146, 70), (88, 170, 76), (48, 120, 62))), 6), 0.4
        )
    for x in (-0.03, 0.03):
        easel.ball(top[0] + x, top[1] + 0.03, 0.026, 0.026, (128, 82, 48))


def flower_head(
    easel: Easel, petals, middle, count: int, wide: float = 0.09, rows: int = 1
) -> None:
    """Petals around a middle."""
    for row in range(rows):
        for k in range(count):
            angle = 2 * np.pi * (k + row / 2) / count
            reach = 0.29 - 0.07 * row
            _petal(easel, angle, reach, wide, easel.dice.near(petals, 5) * (0.9 + 0.1 * row))
    easel.ball(0.5, 0.4, 0.14, 0.14, middle, 0.4)


def _petal(easel, angle, reach, wide, colour):
    along = np.linspace(0, np.pi, 8)
    across = np.sin(along) * wide
    out = 0.08 + (1 - np.cos(along)) / 2 * reach
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    sides = np.concatenate([np.stack([out, across], 1), np.stack([out, -across], 1)[::-1]])
    easel.polygon(np.array([0.5, 0.4]) + sides @ turn, colour, 0.15)


def stem(easel: Easel) -> None:
    green = easel.dice.near((72, 144, 62), 6)
    easel.line([(0.5, 0.45), (0.49, 0.7), (0.51, 1.0)], 0.03, green)
    easel.polygon([(0.5, 0.86), (0.3, 0.72), (0.24, 0.76), (0.36, 0.86)], green * 1.1)
    easel.polygon([(0.51, 0.92), (0.7, 0.76), (0.77, 0.8), (0.62, 0.92)], green * 0.9)


def sunflower(easel: Easel) -> None:
    stem(easel)
    flower_head(easel, (250, 194, 40), (104, 66, 36), 14, 0.055, 2)
    for k in range(40):
        angle, reach = k * 2.4, 0.018 * k**0.5
        easel.ball(
            0.5 + np.cos(angle) * reach,
            0.4 + np.sin(angle) * reach,
            0.009,
            0.009,
            (66, 40, 26),
            flat=True,
        )


def daisy(easel: Easel) -> None:
    stem(easel)
    flower_head(easel, (250, 250, 252), (250, 200, 60), 12, 0.06)


def poppy(easel: Easel) -> None:
    stem(easel)
    flower_head(easel, (222, 52, 44), (52, 36, 40), 5, 0.2)


def cloud(easel: Easel) -> None:
    """A heap of white puffs over a flat foot, bluish below."""
    dice = easel.dice
    puffs = [
        (x + dice.between(-0.04, 0.04), dice.between(0.13, 0.2)) for x in np.linspace(0.2, 0.8, 8)
    ]
    for light, lift in (((214, 224, 238), 0.03), ((240, 245, 250), 0.0), ((255, 255, 255), -0.03)):
        for x, size in puffs:
            size *= 1.1 - 1.2 * abs(x - 0.5)
            easel.ball(x, 0.6 - size * 0.6 + lift, size, size * 0.86, light, 0.06)
    easel.layers[int(0.6 * easel.side) :] = 0


def pumpkin(easel: Easel) -> None:
    easel.polygon([(0.46, 0.3), (0.44, 0.12), (0.52, 0.08), (0.54, 0.3)], (92, 120, 56), 0.6)
    for x, width in ((0.24, 0.2), (0.76, 0.2), (0.34, 0.2), (0.66, 0.2), (0.5, 0.18)):
        easel.ball(x, 0.6, width, 0.34, easel.dice.near((238, 130, 40), 5), 0.6)
