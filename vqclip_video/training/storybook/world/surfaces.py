"""Surfaces that fill a picture: elements, materials, leaves, skies."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas
from .captions import with_article
from .colours import COLOURS
from .drawings import all_variants
from .scene import PaintedScene
from .skies import paint_sky

Phrases = tuple[str, ...]


def mapped(heights: np.ndarray, *stops) -> np.ndarray:
    """Heights 0..1 as colours, `stops` evenly spaced."""
    at = np.clip(heights, 0, 1) * (len(stops) - 1)
    table = np.asarray(stops, np.float32)
    return np.stack(
        [np.interp(at, np.arange(len(stops)), table[:, c]) for c in range(3)], -1
    ).astype(np.float32)


def fire(canvas: Canvas) -> Phrases:
    heights = canvas.noise(5, 2.2, 5, 0.55) * 0.75 + (canvas.y + 0.5) * 0.62 - 0.22
    canvas.pixels[:] = mapped(
        heights,
        (10, 4, 6),
        (90, 14, 8),
        (214, 60, 16),
        (250, 140, 30),
        (255, 214, 90),
        (255, 248, 214),
    )
    return (
        "fire",
        "burning flames",
        "orange and yellow flames",
        "a fire burning in the dark",
        "a wall of fire",
        "hot flames",
    )


def lava(canvas: Canvas) -> Phrases:
    cracks = 1 - np.clip(np.abs(canvas.noise(5, octaves=5) - 0.5) * 9, 0, 1)
    canvas.pixels[:] = mapped(
        cracks, (34, 24, 26), (60, 32, 30), (190, 48, 20), (250, 130, 30), (255, 226, 120)
    )
    return (
        "lava",
        "glowing lava",
        "hot lava with black crust",
        "molten rock",
        "cracks of glowing lava",
    )


def marble(canvas: Canvas) -> Phrases:
    name, base, vein = canvas.dice.pick((("white", (244, 242, 240), (150, 148, 156)), ("black", (38, 38, 44),
                                                                                       (220, 216, 210)),
                                         ("green", (60, 116, 92), (196, 222, 200)), ("pink", (240, 200, 200),
                                                                                     (190, 130, 136)),
                                         ("blue", (70, 104, 150), (214, 224, 236))))  # fmt: skip
    bend = canvas.noise(2.5, octaves=5)
    veins = np.abs(np.sin((canvas.x * 1.4 + canvas.y) * 5 + bend * 13)) ** 0.35
    canvas.pixels[:] = mapped(1 - veins, base, base, vein)
    return (
        f"{name} marble",
        f"a {name} marble surface",
        f"polished {name} marble",
        f"a slab of {name} marble with veins",
    )


def wood(canvas: Canvas) -> Phrases:
    grain = np.sin((canvas.noise(2, 5, 3) * 7 + canvas.y * 3) * 7) * 0.5 + 0.5
    canvas.pixels[:] = mapped(
        grain * 0.6 + canvas.noise(4, 60, 2) * 0.4, (116, 72, 42), (168, 114, 68), (208, 156, 102)
    )
    plank = (canvas.y * 5) % 1
    canvas.pixels *= (
        1 - (0.5 * np.exp(-np.minimum(plank, 1 - plank) * 40) * np.ones_like(canvas.x))[..., None]
    )
    return ("wooden planks", "a wooden wall", "brown wood", "wood grain", "old wooden boards")


def water(canvas: Canvas) -> Phrases:
    heights = canvas.noise(6, 9, 4)
    light = (1 - np.clip(np.abs(canvas.noise(7, 9, 3) - 0.5) * 9, 0, 1)) ** 2
    canvas.pixels[:] = mapped(heights, (14, 86, 150), (40, 150, 196), (110, 206, 224))
    canvas.shine(light * 0.8, (230, 250, 255))
    return (
        "a water surface",
        "clear blue water",
        "sunlight on water",
        "the water of a pool",
        "rippling blue water",
    )


def ice(canvas: Canvas) -> Phrases:
    cracks = np.clip(np.abs(canvas.noise(4, octaves=5) - 0.5) * 7, 0, 1)
    canvas.pixels[:] = mapped(
        cracks * 0.7 + canvas.noise(2) * 0.3, (252, 254, 255), (196, 228, 244), (118, 180, 220)
    )
    return ("ice", "blue ice with cracks", "a frozen surface", "cracked ice", "frost and ice")


def sand(canvas: Canvas) -> Phrases:
    waves = np.sin(canvas.y * 46 + canvas.noise(3, octaves=3) * 16) * 0.5 + 0.5
    heights = waves * 0.7 + canvas.noise(40, octaves=2) * 0.3
    canvas.pixels[:] = mapped(heights, (196, 152, 100), (226, 188, 132), (246, 222, 172))
    return ("sand", "ripples in the sand", "yellow sand", "desert sand seen from above")


def grass(canvas: Canvas) -> Phrases:
    blades = canvas.noise(46, 8, 3) * 0.8 + canvas.noise(3) * 0.3
    canvas.pixels[:] = mapped(blades, (36, 92, 40), (84, 158, 62), (164, 212, 96))
    return ("green grass", "grass", "a lawn seen up close", "fresh green grass")


def brick(canvas: Canvas) -> Phrases:
    row = np.floor(canvas.y * 11)
    along, down = (canvas.x * 5 + 0.5 * (row % 2)) % 1, (canvas.y * 11) % 1
    joint = np.maximum(np.abs(along - 0.5) > 0.465, np.abs(down - 0.5) > 0.42)
    shade = (
        0.8
        + 0.4
        * np.modf(
            np.abs(np.sin(row * 12.9 + np.floor(canvas.x * 5 + 0.5 * (row % 2)) * 78.2) * 43.7)
        )[0]
    )
    canvas.pixels[:] = np.where(
        joint[..., None],
        (212, 204, 194),
        np.array((178, 84, 64)) * (shade * (0.85 + 0.3 * canvas.noise(30, octaves=2)))[..., None],
    )
    return ("a brick wall", "a wall of red bricks", "red bricks", "an old brick wall")


def cloudscape(canvas: Canvas) -> Phrases:
    heights = np.clip((canvas.noise(2.4, 3.4, 6) - 0.36) * 3, 0, 1)
    canvas.pixels[:] = mapped(
        heights, (76, 148, 226), (160, 202, 242), (240, 246, 252), (255, 255, 255)
    )
    return ("white clouds", "fluffy clouds in a blue sky", "clouds", "a sky full of clouds")


def smoke(canvas: Canvas) -> Phrases:
    bend = canvas.noise(3, octaves=3) * 0.4
    heights = np.sin((canvas.noise(3, 2, 5) + bend) * 9) * 0.3 + 0.5
    canvas.pixels[:] = mapped(heights, (24, 24, 30), (96, 98, 106), (206, 208, 214))
    return ("grey smoke", "swirling smoke", "smoke in the dark", "thick smoke")


def gold(canvas: Canvas) -> Phrases:
    heights = canvas.noise(3, 1.2, 4) * 0.75 + canvas.noise(60, 3, 1) * 0.25
    canvas.pixels[:] = mapped(
        (heights - 0.2) * 1.6, (110, 70, 16), (206, 150, 46), (250, 214, 110), (255, 246, 200)
    )
    return ("shiny gold", "gold", "a golden surface", "polished gold metal")


def leaves(canvas: Canvas) -> Phrases:
    autumn = canvas.dice.chance(0.5)
    shades = (
        ((226, 120, 40), (206, 70, 44), (244, 184, 60), (150, 84, 44))
        if autumn
        else ((52, 140, 62), (92, 176, 72), (36, 110, 56), (130, 190, 80))
    )
    canvas.pixels[:] = np.array(shades[-1]) * 0.5
    dice = canvas.dice
    for depth in np.linspace(0.5, 1.05, 150):
        leaf(
            canvas,
            canvas.across(1.1),
            dice.between(-0.55, 0.55),
            dice.between(0, 6.3),
            0.1,
            dice.near(dice.pick(shades), 8) * depth,
        )
    if autumn:
        return (
            "autumn leaves",
            "fallen leaves",
            "orange and red leaves",
            "a pile of autumn leaves",
        )
    return ("green leaves", "lush green foliage", "a bush of green leaves", "jungle leaves")


def leaf(canvas: Canvas, x, y, angle, size, colour) -> None:
    """A leaf with its vein around (x, y), `size` from its middle to its tip."""
    left, right = (
        int(np.clip((x + s * size + canvas.right) * canvas.unit, 0, canvas.width)) for s in (-1, 1)
    )
    upper, lower = (
        int(np.clip((y + s * size + canvas.bottom) * canvas.unit, 0, canvas.height))
        for s in (-1, 1)
    )
    across, down = canvas.x[:, left:right] - x, canvas.y[upper:lower] - y
    along = (across * np.cos(angle) + down * np.sin(angle)) / size
    over = (down * np.cos(angle) - across * np.sin(angle)) / size
    mask = np.clip(
        (0.42 * (1 - along**2) * (1 - 0.25 * along) - np.abs(over)) * size * canvas.unit, 0, 1
    ) * (np.abs(along) < 1)
    light = 1 + 0.22 * np.sign(over) - 0.3 * (np.abs(over) < 0.03)
    window = canvas.pixels[upper:lower, left:right]
    window += (np.clip(colour * light[..., None], 0, 255) - window) * mask[..., None]


def fur(canvas: Canvas) -> Phrases:
    name = canvas.dice.pick(("white", "brown", "grey", "black", "orange"))
    strands = canvas.noise(50, 6, 3) * 0.7 + canvas.noise(3) * 0.3
    base = np.array(COLOURS[name], np.float32)
    canvas.pixels[:] = mapped(strands, base * 0.5, base * 0.85, np.clip(base * 1.15 + 20, 0, 255))
    return (f"{name} fur", f"soft {name} fur", f"the fur of {with_article(name)} animal")


def starry(canvas: Canvas) -> Phrases:
    scene = PaintedScene(canvas, "night", 0.6)
    paint_sky(scene, busy=False)
    return ("a night sky full of stars", "a starry sky", "stars", "the night sky with stars")


def sky(canvas: Canvas) -> Phrases:
    hour = canvas.dice.pick(
        (
            "day",
            "cloudy",
            "sunset",
            "sunrise",
            "dusk",
            "storm",
            "overcast",
            "aurora",
            "dream",
            "gold",
        )
    )
    scene = PaintedScene(canvas, hour, canvas.dice.between(0.35, 0.6))
    paint_sky(scene)
    return scene.time.look


def blossom_petals(canvas: Canvas) -> Phrases:
    canvas.gradient([(250, 226, 236), (244, 190, 212)])
    for _ in range(9):
        sprite = canvas.dice.pick(all_variants("cherry tree"))
        canvas.paste(
            sprite,
            canvas.across(1.1),
            canvas.dice.between(0.1, 0.9),
            canvas.dice.between(0.5, 0.8),
            alpha=0.9,
        )
    for _ in range(60):
        leaf(
            canvas,
            canvas.across(1.1),
            canvas.dice.between(-0.5, 0.5),
            canvas.dice.between(0, 6.3),
            0.024,
            np.array((255, 234, 242)),
        )
    return (
        "cherry blossoms",
        "pink cherry blossoms in spring",
        "pink blossoms",
        "cherry trees in full bloom",
    )
