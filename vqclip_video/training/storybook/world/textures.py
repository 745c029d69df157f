"""Every surface and pattern, as often as it is to be seen."""

from __future__ import annotations

from .patterns import checks, confetti, dots, gems, paint, rainbow, stripes, swirl
from .surfaces import (
    blossom_petals,
    brick,
    clouds,
    fire,
    fur,
    gold,
    grass,
    ice,
    lava,
    leaves,
    marble,
    sand,
    sky,
    smoke,
    starry,
    water,
    wood,
)

TEXTURES = (
    *(
        fire,
        fire,
        lava,
        marble,
        wood,
        water,
        ice,
        sand,
        grass,
        brick,
        clouds,
        smoke,
        gold,
        leaves,
        leaves,
        fur,
    ),
    *(starry, sky, sky, sky, blossom_petals),
    *(rainbow, stripes, dots, checks, swirl, paint, gems, confetti),
)
