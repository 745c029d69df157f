"""Everything that can be shown: its names, its homes and its sprites."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..artwork import ACTIVITIES, ANIMALS, FACES, FOOD, OBJECTS, PEOPLE, PLACES, Artwork
from .bodies import BODIES, WHOLE, robot, seated
from .colours import COLOURS, PAINTS, main_colour, painted
from .dice import Dice
from .drawings import VARIANTS, drawing
from .subjects import COMMON, HOMES, RENAMED

STAR_WEIGHT, COMMON_WEIGHT = 20.0, 5.0
WEIGHTS = {
    ANIMALS: 1.0,
    FOOD: 0.8,
    PLACES: 0.8,
    ACTIVITIES: 0.6,
    OBJECTS: 0.5,
    PEOPLE: 0.5,
    FACES: 0.12,
}
FIERCE = {"dragon", "phoenix", "dinosaur", "bat", "eagle"}


@dataclass(frozen=True, eq=False)
class Look:
    """One sprite of a thing: `adjective` is always said of it ("black"), `colour` may be."""

    pixels: np.ndarray  # uint8 [128, 128, 4], premultiplied
    adjective: str | None
    colour: str | None


@dataclass(frozen=True, eq=False)
class Thing:
    """`names`: everyday names, the usual one first; `synonyms`: rarer words for it."""

    names: tuple[str, ...]
    synonyms: tuple[str, ...]
    homes: tuple[str, ...]
    looks: tuple[Look, ...]
    common: bool
    weight: float
    group: int  # emojibase's

    @property
    def name(self) -> str:
        return self.names[0]


@dataclass(frozen=True)
class Shown:
    """A sprite of a thing that was picked, and how it is called this time."""

    thing: Thing
    pixels: np.ndarray
    colour: str | None
    always: bool  # the colour belongs to the name

    def called(self, dice: Dice, plain: float = 0.0) -> str:
        """A name: the usual one mostly, with its colour half the time; `plain`: the chance of
        just the word.
        """
        thing = self.thing
        if thing.synonyms and dice.chance(0.12):
            name = dice.pick(thing.synonyms)
        else:
            name = (
                thing.name
                if len(thing.names) == 1 or dice.chance(0.7)
                else dice.pick(thing.names[1:])
            )
        said = self.always or (not dice.chance(plain) and dice.chance(0.4))
        if self.colour and said and not COLOURS.keys() & set(name.split()):
            return f"{self.colour} {name}"
        return name


def show(thing: Thing, dice: Dice, repaint: float = 0.0) -> Shown:
    """One of a thing's sprites, with probability `repaint` in another colour."""
    look = dice.pick(thing.looks)
    if dice.chance(repaint):
        name = dice.pick(PAINTS)
        pixels = np.clip(painted(look.pixels, dice.near(COLOURS[name], 6)), 0, 255).astype(np.uint8)
        return Shown(thing, pixels, name, always=True)
    return Shown(
        thing, look.pixels, look.adjective or look.colour, always=look.adjective is not None
    )


def catalogue(
    artwork: Artwork,
    synonyms: Callable[[str, int], tuple[str, ...]],
    is_allowed: Callable[[str], bool],
) -> tuple[Thing, ...]:
    """Every thing that `artwork` or a drawing shows, common ones first.

    `synonyms(name, group)` gives rarer words for a name, `is_allowed(name)` says whether captions
    may hold it.
    """
    by_label: dict[str, list[int]] = {}
    for index, sprite in enumerate(artwork.sprites):
        by_label.setdefault(sprite.label, []).append(index)
    things, used = [], set()
    common = {row.split("|")[0].strip("* ").lower() for row in COMMON.strip().splitlines()}

    def rarer(name: str, group: int) -> tuple[str, ...]:
        return (
            tuple(word for word in synonyms(name, group) if word not in common)
            if group != PEOPLE
            else ()
        )

    for row in COMMON.strip().splitlines():
        name, labels, others, homes = (part.strip("* ") for part in row.split("|"))
        weight = STAR_WEIGHT if row.startswith("*") else COMMON_WEIGHT
        looks = []
        for label in labels.split(", "):
            adjective, _, label = label.rpartition("=")
            looks += _looks(
                artwork, by_label, label, adjective or None, labels.split(", ").count(label)
            )
            used.add(label)
        if looks:
            names = tuple(
                word.lower()
                for word in (name, *others.split(", "))
                if word and is_allowed(word.lower())
            )
            group = _group(artwork, by_label, labels)
            places = (
                tuple(homes.split())
                + (("fierce",) if name in FIERCE else ())
                + (("train",) if "train" in name else ())
            )
            things.append(
                Thing(names, rarer(names[0], group), places, tuple(looks), True, weight, group)
            )
    for label, indices in by_label.items():
        name = RENAMED.get(label, label).lower().replace("-", " ").replace("mrs.", "mrs")
        if label not in used and is_allowed(name):
            sprite = artwork.sprites[indices[0]]
            home = (
                HOMES.get(sprite.subgroup, "object")
                if "face" not in name and sprite.group != FACES
                else "face"
            )
            looks = tuple(_looks(artwork, by_label, label, None, 1))
            things.append(
                Thing(
                    (name,),
                    rarer(name, sprite.group),
                    (home,),
                    looks,
                    False,
                    WEIGHTS[sprite.group],
                    sprite.group,
                )
            )
    return tuple(things)


def _looks(artwork: Artwork, by_label, label: str, adjective: str | None, count: int) -> list[Look]:
    if label.startswith("drawn "):
        # rows repeat a drawing that is to be seen more often
        variants = {1: 2, 2: 5}.get(count, VARIANTS)
        sprites = [
            drawing(label.removeprefix("drawn "), k) for k in range(max(1, variants // count))
        ]
    else:
        sprites = [_whole(artwork, index) for index in by_label.get(label, ())]
    if adjective == "black":  # drawn as a dark purple by some
        sprites = [
            np.clip(painted(pixels, np.array((44, 43, 50))), 0, 255).astype(np.uint8)
            for pixels in sprites
        ]
    return [
        Look(pixels, adjective, None if adjective else main_colour(pixels)) for pixels in sprites
    ]


def _whole(artwork: Artwork, index: int) -> np.ndarray:
    """A sprite, or the whole figure of an animal of which it shows only the head."""
    sprite = artwork.sprites[index]
    if sprite.label in BODIES and sprite.style not in WHOLE.get(sprite.label, ()):
        return seated(artwork.pixels[index], BODIES[sprite.label])
    return robot(artwork.pixels[index]) if sprite.label == "robot" else artwork.pixels[index]


def _group(artwork: Artwork, by_label, labels: str) -> int:
    for label in labels.split(", "):
        if label.rpartition("=")[2] in by_label:
            return artwork.sprites[by_label[label.rpartition("=")[2]][0]].group
    return PLACES
