"""Everything that can be shown: its names, its homes and its sprites."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..artwork import ACTIVITIES, ANIMALS, FACES, FOOD, OBJECTS, PEOPLE, TRAVEL, Artwork, Sprite
from .bodies import BODIES, SHOWN_WHOLE, robot, seated
from .colours import COLOURS, PAINTS, main_colour, painted
from .dice import Dice
from .drawings import VARIANTS, drawing
from .subjects import COMMON, HOMES, RENAMED

STAR_WEIGHT, COMMON_WEIGHT = 20.0, 5.0
WEIGHTS = {
    ANIMALS: 1.0,
    FOOD: 0.8,
    TRAVEL: 0.8,
    ACTIVITIES: 0.6,
    OBJECTS: 0.5,
    PEOPLE: 0.5,
    FACES: 0.12,
}
FIERCE = {"dragon", "phoenix", "dinosaur", "bat", "eagle"}


@dataclass(frozen=True, eq=False)
class SpriteLook:
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
    looks: tuple[SpriteLook, ...]
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


def shown_of(thing: Thing, dice: Dice, repaint: float = 0.0) -> Shown:
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
    sprites = _Sprites(artwork)
    rows = [_Row.read(line) for line in COMMON.strip().splitlines()]
    common = {row.name.lower() for row in rows}

    def rarer(name: str, group: int) -> tuple[str, ...]:
        if group == PEOPLE:
            return ()
        return tuple(word for word in synonyms(name, group) if word not in common)

    things = [_common(row, sprites, rarer, is_allowed) for row in rows]
    used = {label for row in rows for _, label in row.labels}
    others = [_uncommon(label, sprites, rarer) for label in sprites.numbers if label not in used]
    found = [thing for thing in things if thing]
    return (*found, *(thing for thing in others if is_allowed(thing.name)))


@dataclass(frozen=True)
class _Row:
    """A line of `COMMON`, in its words."""

    name: str
    labels: tuple[tuple[str | None, str], ...]  # each with the adjective that is said of it
    others: tuple[str, ...]
    homes: tuple[str, ...]
    star: bool

    @classmethod
    def read(cls, line: str) -> _Row:
        name, labels, others, homes = (part.strip("* ") for part in line.split("|"))
        parted = (label.rpartition("=") for label in labels.split(", "))
        return cls(
            name,
            tuple((adjective or None, label) for adjective, _, label in parted),
            tuple(others.split(", ")),
            tuple(homes.split()),
            line.startswith("*"),
        )


class _Sprites:
    """The sprites of artwork by their labels."""

    def __init__(self, artwork: Artwork):
        self.artwork = artwork
        self.numbers: dict[str, list[int]] = {}
        for number, sprite in enumerate(artwork.sprites):
            self.numbers.setdefault(sprite.label, []).append(number)

    def first(self, label: str) -> Sprite:
        return self.artwork.sprites[self.numbers[label][0]]

    def pixels(self, label: str, count: int) -> list[np.ndarray]:
        """Those of a label; of a drawing the fewer, the more often (`count`) its row names it."""
        if label.startswith("drawn "):
            name, variants = label.removeprefix("drawn "), {1: 2, 2: 5}.get(count, VARIANTS)
            return [drawing(name, k) for k in range(max(1, variants // count))]
        return [_whole(self.artwork, number) for number in self.numbers.get(label, ())]


def _common(row: _Row, sprites: _Sprites, rarer, is_allowed) -> Thing | None:
    """A thing of everyday; None where nothing shows it."""
    labels = [label for _, label in row.labels]
    looks = []
    for adjective, label in row.labels:
        written = [each for each in row.labels if each == (None, label)]
        looks += _looks(sprites.pixels(label, len(written)), adjective)
    if not looks:
        return None
    words = (word.lower() for word in (row.name, *row.others) if word)
    names = tuple(word for word in words if is_allowed(word))
    group = next(
        (sprites.first(label).group for label in labels if label in sprites.numbers), TRAVEL
    )
    homes = row.homes
    homes += ("fierce",) if row.name in FIERCE else ()
    homes += ("train",) if "train" in row.name else ()
    weight = STAR_WEIGHT if row.star else COMMON_WEIGHT
    return Thing(names, rarer(names[0], group), homes, tuple(looks), True, weight, group)


def _uncommon(label: str, sprites: _Sprites, rarer) -> Thing:
    """A thing that only artwork names."""
    name = RENAMED.get(label, label).lower().replace("-", " ").replace("mrs.", "mrs")
    sprite = sprites.first(label)
    is_face = "face" in name or sprite.group == FACES
    home = "face" if is_face else HOMES.get(sprite.subgroup, "object")
    looks = tuple(_looks(sprites.pixels(label, 1), None))
    weight, group = WEIGHTS[sprite.group], sprite.group
    return Thing((name,), rarer(name, group), (home,), looks, False, weight, group)


def _looks(sprites: list[np.ndarray], adjective: str | None) -> list[SpriteLook]:
    if adjective == "black":  # drawn as a dark purple by some
        dark = np.array((44, 43, 50))
        sprites = [np.clip(painted(pixels, dark), 0, 255).astype(np.uint8) for pixels in sprites]
    return [
        SpriteLook(pixels, adjective, None if adjective else main_colour(pixels))
        for pixels in sprites
    ]


def _whole(artwork: Artwork, index: int) -> np.ndarray:
    """A sprite, or the whole figure of an animal of which it shows only the head."""
    sprite = artwork.sprites[index]
    if sprite.label in BODIES and sprite.style not in SHOWN_WHOLE.get(sprite.label, ()):
        return seated(artwork.pixels[index], BODIES[sprite.label])
    return robot(artwork.pixels[index]) if sprite.label == "robot" else artwork.pixels[index]
