"""The drawn sprites by name; each is made once in a process."""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np

from . import craft, foliage, landmarks
from .landmarks import random_drawing

VARIANTS = 8
DRAWINGS = {
    "tree": partial(foliage.round_tree, leaves=foliage.GREENS),
    "autumn tree": partial(foliage.round_tree, leaves=foliage.AUTUMN),
    "cherry tree": foliage.blossom_tree,
    "bare tree": foliage.bare_tree,
    "pine": foliage.pine,
    "snowy pine": partial(foliage.pine, snow=True),
    "palm": foliage.palm,
    "sunflower": foliage.sunflower,
    "daisy": foliage.daisy,
    "poppy": foliage.poppy,
    "cloud": foliage.cloud,
    "pumpkin": foliage.pumpkin,
    "lighthouse": landmarks.lighthouse,
    "windmill": landmarks.windmill,
    "house": landmarks.house,
    "cabin": landmarks.cabin,
    "barn": landmarks.barn,
    "church": landmarks.church,
    "castle": landmarks.castle,
    "tower": landmarks.tower,
    "bridge": landmarks.bridge,
    "pyramid": landmarks.pyramid,
    "skyscraper": landmarks.skyscraper,
    "sailboat": craft.sailboat,
    "hot air balloon": craft.hot_air_balloon,
    "balloon": craft.balloon,
    "rocket": craft.rocket,
    "island": craft.island,
    "campfire": craft.campfire,
    "moon": craft.moon_drawing,
    "crescent": craft.crescent,
    "sun": craft.sun,
    "planet": craft.planet,
    "ringed planet": partial(craft.planet, ringed=True),
    "mountain": craft.mountain,
}


@lru_cache(maxsize=1024)
def drawing(name: str, variant: int = 0) -> np.ndarray:
    """Sprite `variant` (0..VARIANTS-1) of the drawing `name`: uint8 [128, 128, 4],
    premultiplied.
    """
    return random_drawing(DRAWINGS[name], variant + 100 * list(DRAWINGS).index(name))


def all_variants(name: str) -> list[np.ndarray]:
    """All variants of the drawing `name`."""
    return [drawing(name, variant) for variant in range(VARIANTS)]


def draw_all() -> None:
    """Make every drawing now, so that processes forked from this one share them."""
    for name in DRAWINGS:
        all_variants(name)
