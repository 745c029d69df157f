"""Patterns, crystals, paint and plain colours that fill a picture."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas
from .captions import with_article
from .colours import COLOURS
from .surfaces import Phrases, leaf, mapped

PATTERN_COLOURS = tuple(COLOURS)


def _two(canvas: Canvas) -> tuple[str, np.ndarray, str, np.ndarray]:
    first, second = (
        PATTERN_COLOURS[k] for k in canvas.dice.numbers.permutation(len(PATTERN_COLOURS))[:2]
    )
    return first, canvas.dice.near(COLOURS[first], 6), second, canvas.dice.near(COLOURS[second], 6)


def rainbow_colours(canvas: Canvas) -> Phrases:
    at = {0: canvas.y + 0 * canvas.x, 1: canvas.x + 0 * canvas.y, 2: (canvas.x + canvas.y) / 2}[
        canvas.dice.whole(0, 2)
    ] + 0.5
    canvas.pixels[:] = mapped(
        at + (canvas.noise(2) - 0.5) * 0.1,
        (232, 70, 76),
        (246, 156, 66),
        (252, 228, 96),
        (92, 196, 104),
        (76, 138, 232),
        (150, 92, 200),
    )
    return (
        "rainbow colors",
        "a rainbow gradient",
        "colorful rainbow stripes",
        "all the colors of the rainbow",
    )


def stripes(canvas: Canvas) -> Phrases:
    first, one, second, other = _two(canvas)
    angle, size = (
        canvas.dice.pick((0, np.pi / 2, np.pi / 4, -np.pi / 4)),
        canvas.dice.between(0.08, 0.22),
    )
    place = (canvas.x * np.cos(angle) + canvas.y * np.sin(angle)) / size
    canvas.pixels[:] = one
    canvas.cover(np.clip(np.sin(place * 2 * np.pi) * size * canvas.unit / 6 + 0.5, 0, 1), other)
    return (
        f"{first} and {second} stripes",
        f"a striped pattern in {first} and {second}",
        f"{second} stripes on {first}",
    )


def dots(canvas: Canvas) -> Phrases:
    first, one, second, other = _two(canvas)
    size = canvas.dice.between(0.1, 0.24)
    away = np.hypot((canvas.x / size) % 1 - 0.5, (canvas.y / size) % 1 - 0.5)
    canvas.pixels[:] = one
    canvas.cover(np.clip((0.3 - away) * size * canvas.unit + 0.5, 0, 1), other)
    return (
        f"{second} dots on {first}",
        f"{second} polka dots on {with_article(first)} background",
        f"a polka dot pattern in {first} and {second}",
    )


def checks(canvas: Canvas) -> Phrases:
    first, one, second, other = _two(canvas)
    size = canvas.dice.between(0.08, 0.2)
    canvas.pixels[:] = one
    canvas.cover((np.floor(canvas.x / size) + np.floor(canvas.y / size)) % 2, other)
    return (
        f"{with_article(first)} and {second} checkerboard",
        f"a checkered pattern in {first} and {second}",
        f"{first} and {second} squares",
    )


def swirl(canvas: Canvas) -> Phrases:
    first, one, second, other = _two(canvas)
    angle, away = np.arctan2(canvas.y, canvas.x), np.hypot(canvas.x, canvas.y)
    canvas.pixels[:] = one
    canvas.cover(
        np.clip(
            np.sin(angle * canvas.dice.whole(1, 4) + away * canvas.dice.between(16, 30)) * 4 + 0.5,
            0,
            1,
        ),
        other,
    )
    return (
        f"{with_article(first)} and {second} spiral",
        f"a swirl of {first} and {second}",
        f"a hypnotic spiral in {first} and {second}",
    )


def paint(canvas: Canvas) -> Phrases:
    """Abstract paint of three colours."""
    first, one, second, other = _two(canvas)
    third = canvas.dice.pick(PATTERN_COLOURS)
    heights = np.sin(canvas.noise(2, octaves=4) * 12 + canvas.noise(3) * 5) * 0.5 + 0.5
    canvas.pixels[:] = (
        mapped(heights, one, other, COLOURS[third])
        * (0.92 + 0.16 * canvas.noise(30, octaves=2))[..., None]
    )
    return (
        f"abstract paint in {first}, {second} and {third}",
        f"swirls of {first} and {second} paint",
        f"an abstract painting in {first} and {second}",
    )


def gems(canvas: Canvas) -> Phrases:
    name = canvas.dice.pick(("blue", "purple", "green", "pink", "red", "turquoise"))
    dice = canvas.dice
    x, y = dice.numbers.random((2, 60, 1, 1)).astype(np.float32) * 1.2 - 0.6
    away = (canvas.x - x * canvas.right * 2) ** 2 + (canvas.y - y * canvas.bottom * 2) ** 2
    light = dice.numbers.random(60)[away.argmin(0)] * 0.8 + 0.1 + 0.2 * (canvas.x + canvas.y)
    base = np.array(COLOURS[name], np.float32)
    canvas.pixels[:] = mapped(
        light, base * 0.35, base, np.clip(base * 0.6 + 120, 0, 255), (255, 255, 255)
    )
    return (
        f"{name} crystals",
        f"{name} crystal facets",
        f"a close up of {name} crystal",
        f"shining {name} gems",
    )


def confetti(canvas: Canvas) -> Phrases:
    name = canvas.dice.pick(PATTERN_COLOURS)
    canvas.pixels[:] = canvas.dice.near(COLOURS[name], 6)
    for _ in range(90):
        colour = COLOURS[
            canvas.dice.pick(("red", "orange", "yellow", "green", "blue", "purple", "pink"))
        ]
        leaf(
            canvas,
            canvas.across(1.1),
            canvas.dice.between(-0.5, 0.5),
            canvas.dice.between(0, 6.3),
            0.028,
            np.array(colour),
        )
    return ("confetti", "colorful confetti", f"confetti on {with_article(name)} background")


def plain_colours(canvas: Canvas) -> Phrases:
    """One colour, or a gradient between two."""
    if canvas.dice.chance(0.5):
        name = canvas.dice.pick(PATTERN_COLOURS)
        canvas.pixels[:] = canvas.dice.near(COLOURS[name], 8)
        return (
            f"plain {name}",
            f"a plain {name} background",
            f"the color {name}",
            f"{with_article(name)} wall",
        )
    first, one, second, other = _two(canvas)
    if canvas.dice.chance(0.3):
        canvas.pixels[:] = mapped(canvas.x + 0.5 + 0 * canvas.y, one, other)
        return (
            f"a gradient from {first} to {second}",
            f"{first} on the left fading into {second}",
            f"{with_article(first)} and {second} gradient",
        )
    canvas.gradient([one, other])
    return (
        f"a gradient from {first} to {second}",
        f"{first} fading into {second}",
        f"{with_article(first)} and {second} gradient",
    )
