"""Colours that have an everyday name."""

from __future__ import annotations

import numpy as np

COLOURS = {
    "red": (214, 44, 44), "orange": (244, 140, 44), "yellow": (250, 214, 64),
    "green": (62, 160, 74), "blue": (52, 108, 212), "purple": (132, 72, 184),
    "pink": (246, 146, 188), "brown": (130, 84, 52), "black": (30, 30, 36),
    "white": (246, 246, 248), "grey": (138, 142, 148), "teal": (36, 152, 152),
    "golden": (226, 174, 52), "light blue": (150, 204, 246), "dark blue": (26, 44, 104),
    "dark green": (26, 86, 52), "turquoise": (70, 208, 206), "magenta": (216, 52, 162),
    "beige": (234, 216, 182), "cream": (252, 242, 214), "lavender": (196, 174, 232),
    "mint green": (168, 226, 190), "peach": (252, 200, 164),
}  # fmt: skip
BASIC = (
    "red",
    "orange",
    "yellow",
    "green",
    "blue",
    "purple",
    "pink",
    "brown",
    "black",
    "white",
    "grey",
)
PAINTS = (
    "red",
    "orange",
    "yellow",
    "green",
    "blue",
    "purple",
    "pink",
    "black",
    "white",
    "golden",
    "brown",
    "grey",
)


def main_colour(sprite: np.ndarray, share: float = 0.55) -> str | None:
    """The basic colour of more than `share` of a sprite (uint8 [h, w, 4], premultiplied), or
    None.
    """
    solid = sprite[sprite[..., 3] > 200][::7, :3].astype(np.float32)
    if len(solid) < 30:
        return None
    table = np.array([COLOURS[name] for name in BASIC], np.float32)
    # Lightness tells colours apart less than the rest: a dark red is red and not brown.
    table, solid = _opponent(table), _opponent(solid)
    nearest = ((solid[:, None] - table) ** 2).sum(-1).argmin(1)
    counts = np.bincount(nearest, minlength=len(BASIC)) / len(nearest)
    return BASIC[int(counts.argmax())] if counts.max() > share else None


def painted(sprite: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """A sprite (premultiplied uint8 or float32) in shades of `colour` (0..255), as float32."""
    sprite = sprite.astype(np.float32)
    alpha = sprite[..., 3:] / 255
    light = (
        (sprite[..., :3] @ np.array([0.3, 0.59, 0.11], np.float32))[..., None]
        / np.maximum(alpha, 1e-3)
        / 255
    )
    light = light - np.average(light, weights=np.maximum(alpha, 1e-6))
    shades = np.asarray(colour, np.float32) * (1 + 0.9 * light) + 70 * np.clip(light, 0, 1)
    return np.concatenate([np.clip(shades, 0, 255) * alpha, sprite[..., 3:]], -1)


def _opponent(colours: np.ndarray) -> np.ndarray:
    red, green, blue = colours[..., 0], colours[..., 1], colours[..., 2]
    return np.stack([0.6 * (red + green + blue) / 3, red - green, (red + green) / 2 - blue], -1)
