"""Every surface and pattern, as often as it is to be seen."""

from __future__ import annotations

from . import patterns, surfaces

TEXTURES = (
    surfaces.fire, surfaces.fire, surfaces.lava, surfaces.marble, surfaces.wood, surfaces.water,
    surfaces.ice, surfaces.sand, surfaces.grass, surfaces.brick, surfaces.cloudscape,
    surfaces.smoke, surfaces.gold, surfaces.leaves, surfaces.leaves, surfaces.fur,
    surfaces.starry, surfaces.sky, surfaces.sky, surfaces.sky, surfaces.blossom_petals,
    patterns.rainbow_colours, patterns.stripes, patterns.dots, patterns.checks, patterns.swirl,
    patterns.paint, patterns.gems, patterns.confetti,
)  # fmt: skip
