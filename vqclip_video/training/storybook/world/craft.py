"""Boats, balloons, rockets, islands, and bodies of the sky, drawn."""

from __future__ import annotations

import numpy as np

from .easel import Easel
from .foliage import palm

BRIGHT = (
    (220, 70, 62),
    (244, 174, 60),
    (70, 130, 204),
    (98, 170, 96),
    (240, 130, 170),
    (146, 96, 190),
    (250, 246, 236),
)


def sailboat(easel: Easel) -> None:
    dice = easel.dice
    hull, sail = (
        dice.pick(((150, 92, 58), (190, 62, 56), (50, 92, 150), (244, 242, 236))),
        dice.pick(((252, 250, 244), *BRIGHT)),
    )
    easel.line([(0.5, 0.04), (0.5, 0.8)], 0.018, (120, 84, 60))
    curve = np.linspace(0, 1, 12)
    belly = 0.06 * np.sin(np.pi * curve)
    easel.polygon(
        [*zip(0.52 + 0.34 * curve + belly, 0.06 + 0.64 * curve, strict=True), (0.52, 0.7)],
        sail,
        0.25,
    )
    easel.polygon(
        [*zip(0.48 - 0.28 * curve - belly, 0.12 + 0.58 * curve, strict=True), (0.48, 0.7)],
        np.array(sail) * 0.93,
        0.25,
    )
    easel.polygon([(0.08, 0.76), (0.92, 0.76), (0.78, 0.94), (0.22, 0.94)], hull, 0.35, 0.2)
    easel.line([(0.08, 0.77), (0.92, 0.77)], 0.025, np.clip(np.array(hull) * 1.25, 0, 255))


def hot_air_balloon(easel: Easel) -> None:
    """An envelope of coloured gores with a basket."""
    dice = easel.dice
    first, second = dice.numbers.permutation(len(BRIGHT))[:2]
    down = np.linspace(0, 1, 30)
    taper = np.clip((down - 0.5) / 0.5, 0, 1)
    wide = np.where(
        down < 0.5, np.sqrt(np.maximum(1 - (1 - 2 * down) ** 2, 0)), 1 - 0.84 * taper**1.7
    )
    y = 0.02 + 0.7 * down
    edges = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 8))
    for k, (left, right) in enumerate(zip(edges, edges[1:], strict=False)):
        colour = np.array(BRIGHT[second if k % 2 else first]) * (1.06 - 0.07 * k)
        one, other = 0.5 + 0.36 * wide * left, 0.5 + 0.36 * wide * right + 0.002
        easel.polygon(
            [*zip(one, y, strict=True), *zip(other[::-1], y[::-1], strict=True)], colour, 0.1, 0.12
        )
    for x in (0.45, 0.55):
        easel.line([(x, 0.72), (0.5 + (x - 0.5) * 0.9, 0.87)], 0.008, (96, 72, 56))
    easel.polygon([(0.44, 0.86), (0.56, 0.86), (0.55, 0.97), (0.45, 0.97)], (156, 110, 70), 0.5)
    easel.line([(0.435, 0.865), (0.565, 0.865)], 0.018, (120, 80, 50))


def balloon(easel: Easel) -> None:
    colour = np.array(easel.dice.pick(BRIGHT[:6]))
    easel.line([(0.5, 0.62), (0.47, 0.76), (0.53, 0.88), (0.5, 1.0)], 0.01, (110, 104, 104))
    easel.polygon([(0.46, 0.66), (0.54, 0.66), (0.5, 0.6)], colour * 0.8)
    easel.ball(0.5, 0.32, 0.26, 0.31, colour, 0.5)
    easel.ball(0.4, 0.2, 0.045, 0.07, np.clip(colour * 0.4 + 150, 0, 255), flat=True)


def rocket(easel: Easel) -> None:
    """An upright rocket with its fire below."""
    dice = easel.dice
    body, red = (
        np.array((244, 244, 248)),
        np.array(dice.pick(((216, 62, 58), (62, 112, 190), (240, 150, 56)))),
    )
    for wide, length, fire in (
        (0.1, 0.22, (246, 120, 40)),
        (0.065, 0.16, (255, 200, 70)),
        (0.03, 0.1, (255, 250, 210)),
    ):
        easel.polygon([(0.5 - wide, 0.78), (0.5, 0.78 + length), (0.5 + wide, 0.78)], fire)
    for side in (-1, 1):
        easel.polygon(
            [
                (0.5 + side * 0.12, 0.54),
                (0.5 + side * 0.27, 0.74),
                (0.5 + side * 0.25, 0.86),
                (0.5 + side * 0.1, 0.76),
            ],
            red * (0.95 - 0.12 * side),
            0.2,
        )
    along = np.linspace(0, 1, 16)
    half = 0.15 * np.sin(np.pi * (0.08 + 0.72 * along)) ** 0.8 * np.minimum(1, along * 3) ** 0.6
    y = 0.04 + 0.74 * along
    easel.polygon(
        [*zip(0.5 - half, y, strict=True), *zip(0.5 + half[::-1], y[::-1], strict=True)], body, 0.6
    )
    nose = 6
    easel.polygon(
        [
            *zip(0.5 - half[:nose], y[:nose], strict=True),
            *zip(0.5 + half[:nose][::-1], y[:nose][::-1], strict=True),
        ],
        red,
        0.5,
    )
    easel.ball(0.5, 0.42, 0.07, 0.07, red * 0.8)
    easel.ball(0.5, 0.42, 0.05, 0.05, (130, 196, 232), 0.5)
    easel.polygon([(0.47, 0.6), (0.53, 0.6), (0.53, 0.86), (0.47, 0.86)], red, 0.4)


def island(easel: Easel) -> None:
    """A hump of sand with palms."""
    grown = Easel(easel.dice)
    palm(grown)
    half = grown.layers[::2, ::2]
    easel.ball(0.5, 0.92, 0.48, 0.14, (238, 214, 156), 0.25)
    easel.ball(0.48, 0.85, 0.27, 0.08, (112, 172, 84), 0.3)
    side = half.shape[0]
    for x, top in ((0.12, 0.36), (0.4, 0.3)) if easel.dice.chance(0.6) else ((0.25, 0.33),):
        left, down = int(x * easel.side), int(top * easel.side)
        window = easel.layers[down : down + side, left : left + side]
        window *= 1 - half[..., 3:] / 255
        window += half
    easel.layers[int(0.985 * easel.side) :] = 0


def campfire(easel: Easel) -> None:
    dice = easel.dice
    for angle in (-0.35, 0.35, -0.12):
        x, y = np.cos(angle) * 0.34, np.sin(angle) * 0.34
        easel.line([(0.5 - x, 0.86 - y), (0.5 + x, 0.86 + y)], 0.075, (122 + 40 * angle, 78, 50))
    for wide, top, colour in (
        (0.25, 0.08, (236, 92, 34)),
        (0.18, 0.26, (250, 156, 46)),
        (0.1, 0.46, (255, 226, 110)),
    ):
        tongue = [(0.5 - wide, 0.72), (0.5 - wide * 0.9, 0.52), (0.5 - wide * 0.5, top + 0.2),
                  (0.5 + dice.between(-0.06, 0.06), top),
                  (0.5 + wide * 0.35, top + 0.24), (0.5 + wide * 0.6, top + 0.16), (0.5 + wide, 0.56),
                  (0.5 + wide * 0.9, 0.74)]  # fmt: skip
        easel.polygon(tongue, colour)
        easel.ball(0.5, 0.72, wide * 0.95, 0.12, colour, flat=True)
    for k in range(9):
        easel.ball(
            0.12 + 0.095 * k, 0.93 - 0.02 * (k % 2), 0.06, 0.045, dice.near((128, 124, 124), 8)
        )


def moon_drawing(easel: Easel) -> None:
    easel.ball(0.5, 0.5, 0.48, 0.48, (246, 240, 214), 0.18)
    for _ in range(14):
        angle, reach = easel.dice.between(0, 6.3), easel.dice.between(0, 0.38)
        size = easel.dice.between(0.02, 0.09)
        easel.ball(
            0.5 + np.cos(angle) * reach,
            0.5 + np.sin(angle) * reach,
            size,
            size,
            (222, 214, 188),
            0.1,
        )


def crescent(easel: Easel) -> None:
    easel.ball(0.5, 0.5, 0.48, 0.48, (250, 236, 180), 0.12)
    down, across = np.mgrid[0 : easel.side, 0 : easel.side] / easel.side
    easel.layers *= (
        1 - np.clip((0.4 - np.hypot(across - 0.66, down - 0.42)) * easel.side, 0, 1)[..., None]
    )


def sun(easel: Easel) -> None:
    for k in range(12):
        angle = k * np.pi / 6
        tip = 0.5 + 0.49 * np.cos(angle), 0.5 + 0.49 * np.sin(angle)
        foot = [(0.5 + 0.3 * np.cos(angle + d), 0.5 + 0.3 * np.sin(angle + d)) for d in (-0.2, 0.2)]
        easel.polygon([tip, *foot], (252, 186, 50))
    easel.ball(0.5, 0.5, 0.3, 0.3, (255, 214, 74), 0.2)


def planet(easel: Easel, ringed: bool = False) -> None:
    """A banded or spotted ball, with a ring or without."""
    dice = easel.dice
    base = np.array(
        dice.pick(
            ((206, 120, 80), (90, 140, 206), (150, 110, 190), (222, 184, 120), (96, 176, 160))
        ),
        np.float32,
    )
    radius = 0.3 if ringed else 0.47
    easel.ball(0.5, 0.5, radius, radius, base, 0.0)
    down, across = np.mgrid[0 : easel.side, 0 : easel.side].astype(np.float32) / easel.side - 0.5
    waves = np.sin(
        down * dice.between(24, 50)
        + np.sin(across * 9 + dice.between(0, 6)) * dice.between(0.3, 1.4)
    )
    light = (1 + 0.14 * waves) * (
        1.25 - 1.15 * np.hypot(across + 0.35 * radius, down + 0.4 * radius) / (2 * radius)
    )
    easel.layers[..., :3] = np.clip(
        easel.layers[..., :3] * np.maximum(light, 0.12)[..., None], 0, 255
    )
    if ringed:
        tilt, ring = dice.between(-0.5, 0.5), np.clip(base * 0.5 + 120, 0, 255)
        along, over = (
            across * np.cos(tilt) + down * np.sin(tilt),
            down * np.cos(tilt) - across * np.sin(tilt),
        )
        away = np.hypot(along, over / 0.26)
        mask = np.clip((0.06 - abs(away - 0.42)) * 90, 0, 1) * (
            1 - 0.5 * (abs(away - 0.42) < 0.008)
        )
        mask *= 1 - ((over < 0) & (np.hypot(across, down) < radius))
        easel.layers *= 1 - mask[..., None]
        easel.layers += np.append(ring, 255) * mask[..., None]


def mountain(easel: Easel) -> None:
    """One big mountain with snow on its peak."""
    dice = easel.dice
    rock = dice.near((118, 124, 146), 8)
    peak = dice.between(0.42, 0.58)
    easel.polygon(
        [(0, 1), (0.16, 0.78), (0.3, 0.5), (peak, 0.1), (0.7, 0.44), (0.84, 0.72), (1, 1)],
        rock,
        0.3,
    )
    easel.polygon(
        [(peak, 0.1), (0.7, 0.44), (0.84, 0.72), (1, 1), (0.6, 1), (peak + 0.04, 0.5)], rock * 0.76
    )
    easel.polygon(
        [
            (peak, 0.1),
            (0.34, 0.42),
            (0.42, 0.4),
            (0.46, 0.5),
            (peak, 0.38),
            (peak + 0.06, 0.48),
            (0.66, 0.42),
            (0.69, 0.43),
        ],
        (246, 249, 253),
        0.2,
    )
