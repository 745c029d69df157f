"""Which pictures the sketchbook holds: what people ask for most in all its places, at all its
hours, in all its looks.

Pairs come first, repeats last: a thing is planned once in every place where it makes sense, each at
the hours that are asked for with that place; then in looks, in colours and before a plain ground.
After the most-wanted things come the scenes without a subject, and everything else once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest

from .light import TIMES
from .objects import FIELDS
from .places import PLACES
from .scenes import suits
from .textures import TEXTURES
from .things import STAR_WEIGHT, Thing

WANTED_SHARE = 0.56  # of all sketches, for the most-wanted things
# Places in the order in which they are asked for, each with its hours in that order.
ASKED = {
    "hilltop": ("day", "cloudy", "sunset", "storm", "night", "sunrise"),
    "snow": ("night", "day", "sunset", "mist", "sunrise"),
    "forest": ("day", "night", "mist", "sunrise", "storm"),
    "beach": ("sunset", "day", "night", "storm"),
    "coast": ("sunset", "storm", "day", "night", "sunrise", "mist"),
    "ocean": ("sunset", "day", "storm", "night", "sunrise", "mist"),
    "desert": ("sunset", "day", "night", "storm"),
    "mountains": ("sunrise", "day", "night", "storm", "sunset", "mist"),
    "lake": ("sunrise", "day", "sunset", "night", "mist", "storm"),
    "city": ("night", "day", "sunset", "storm", "mist"),
    "meadow": ("day", "sunset", "sunrise", "storm"),
    "river": ("mist", "day", "sunset"),
    "space": (None, None),
    "volcano": ("sunset", "night", "storm"),
    "underwater": (None, None, None),
    "mountain rails": ("day", "sunset", "night", "storm", "sunrise", "mist"),
    "rails": ("night", "sunset", "storm", "day", "mist"),
    "table": (None,),
    "storm waves": ("storm", "night", "sunset"),
    "hills": ("storm", "sunset", "mist", "night"),
    "village": ("night", "day", "sunset"),
    "road": ("day", "sunset", "night", "storm", "mist"),
    "wheat": ("sunset", "day"),
    "snowy mountains": ("day", "aurora", "sunset", "night"),
    "autumn": ("day", "mist", "sunset"),
    "moon": (None,),
    "jungle": ("day", "night"),
    "autumn lake": ("day", "sunset", "mist"),
    "blossoms": ("day", "sunset"),
    "snowy forest": ("day", "night"),
    "lawn": ("cloudy", "sunrise", "storm", "night"),
    "waterfall": ("day",),
    "bare woods": ("night", "mist"),
    "cliff": ("storm", "sunset"),
    "pines": ("mist", "night"),
}  # fmt: skip
# homes that are everywhere
GENERAL = {"land", "person", "building", "tree", "air", "orb", "plant", "food", "object"}
NIGHTLY = {
    "owl",
    "wolf",
    "bat",
    "ghost",
    "moon",
    "crescent moon",
    "star",
    "campfire",
    "lantern",
    "candle",
}
# Where else than in training pictures an illustration may show things of a home.
ALSO = {
    "land": ("city", "lake", "autumn lake", "road"),
    "air": ("desert", "snow", "snowy forest"),
    "building": ("desert", "beach", "lake", "autumn lake", "city"),
    "tree": ("snow", "desert", "lake", "autumn lake", "beach"),
    "flower": ("hilltop", "snow", "forest", "beach", "lake", "mountains", "wheat"),
    "plant": ("hilltop", "snow"),
    "food": ("hilltop", "beach", "snow", "forest"),
    "object": ("hilltop", "beach", "snow", "forest", "desert"),
    "road": ("desert", "snow", "forest", "beach", "lake", "hilltop"),
    "span": ("forest", "mountains", "snow"),
    "coast": ("hilltop", "cliff"),
    "snow": ("snowy mountains",),
}  # fmt: skip
LOOKS = ("watercolor", "stained glass", "oil painting", "pixel art", "pencil sketch")
# the others are for the thing alone: they leave little of a landscape
IN_PLACE = ("watercolor", "oil painting")
GROUNDS = ("blue", "white", "black", "green", "yellow", "red", "pink", "purple")
# The colours in which a thing is asked for.
TINTS = {
    "cat": ("black", "white"), "dog": ("black", "white"), "horse": ("white", "black"),
    "bird": ("blue", "red"), "rabbit": ("white",), "wolf": ("white", "black"), "bear": ("black",),
    "swan": ("black",), "fish": ("golden",), "butterfly": ("blue", "yellow"), "snake": ("green",),
    "dragon": ("red", "green"), "house": ("red", "white"), "car": ("red", "blue"),
    "bus": ("red", "yellow"), "truck": ("red",), "bicycle": ("red",), "sailboat": ("white", "red"),
    "hot air balloon": ("red",), "apple": ("red", "green"), "heart": ("red", "blue"),
    "flower": ("white", "red", "blue", "yellow"), "rose": ("red", "white", "blue"),
    "tulip": ("red", "yellow"), "mushroom": ("red",), "guitar": ("red",), "planet": ("blue", "red"),
}  # fmt: skip
# A scene's subject, where people have another word for it than for the place, and the hours that
# are subjects too.
CALLED = {
    "ocean": ("sea", "ocean"), "autumn": ("autumn trees", "autumn forest"),
    "autumn lake": ("autumn trees", "lake"), "wheat": ("wheat field",),
    "meadow": ("flowers", "meadow"), "lawn": ("grass", "field"), "mountain rails": ("railway",),
    "underwater": ("coral reef", "sea"), "pines": ("pine forest",),
    "snowy mountains": ("mountains",), "snowy forest": ("snowy forest",), "bare woods": ("forest",),
}  # fmt: skip
OCCASIONS = {
    "sunset": "sunset", "sunrise": "sunrise", "storm": "storm", "night": "night sky", "mist": "fog",
    "aurora": "northern lights",
}  # fmt: skip
OVERLOOKED = (
    "ocean",
    "ocean",
    "mountains",
    "beach",
    "lake",
    "city",
    "desert",
    "hills",
    "forest",
    "snowy mountains",
    "meadow",
)
SKIES = {
    "day": ("sky",), "cloudy": ("clouds", "sky"), "sunset": ("sunset", "sky"),
    "sunrise": ("sunrise", "sky"), "storm": ("storm", "sky"), "night": ("night sky", "stars"),
    "aurora": ("northern lights",), "dream": ("sky",), "overcast": ("clouds", "sky"),
    "gold": ("sky",), "dusk": ("sky",),
}  # fmt: skip
# By the painter of a surface.
SURFACES = {
    "fire": "fire", "lava": "lava", "marble": "marble", "wood": "wood", "water": "water",
    "ice": "ice", "sand": "sand", "grass": "grass", "brick": "brick wall", "clouds": "clouds",
    "smoke": "smoke", "gold": "gold", "leaves": "leaves", "fur": "fur", "starry": "stars",
    "blossom_petals": "cherry blossoms", "rainbow": "rainbow", "stripes": "stripes", "dots": "dots",
    "checks": "checks", "swirl": "swirl", "paint": "paint", "gems": "crystals",
    "confetti": "confetti",
}  # fmt: skip
# Other words for the subjects of scenes.
SCENE_WORDS = {
    "sea": ("seas", "seascape"), "ocean": ("oceans",),
    "snow": ("winter", "snowfall", "winter landscape"),
    "autumn trees": ("autumn", "fall", "fall foliage", "autumn woods"),
    "wheat field": ("wheat", "cornfield", "grain"),
    "flowers": ("wildflowers", "flower meadow", "flower field"), "sunset": ("sundown", "evening"),
    "sunrise": ("dawn", "morning"),
    "storm": ("thunderstorm", "lightning", "thunder", "storm clouds"),
    "night sky": ("night", "starry night", "starry sky"), "stars": ("starry sky",),
    "fog": ("mist", "haze"), "northern lights": ("aurora", "aurora borealis", "polar lights"),
    "sky": ("heaven", "blue sky"), "clouds": ("cloudy sky",), "brick wall": ("brick", "bricks"),
    "leaves": ("foliage",), "lava": ("magma",), "coral reef": ("coral", "reef", "seabed"),
    "crystals": ("gems", "facets"), "city": ("skyline", "cityscape", "town"),
    "space": ("outer space", "deep space", "universe", "cosmos"), "forest": ("woods", "trees"),
    "water": ("pool",), "mountain": ("mountains",), "hills": ("countryside",), "fire": ("flames",),
    "grass": ("lawn",),
}  # fmt: skip


@dataclass(frozen=True)
class Sketch:
    """What one illustration is to show.

    `place` None: a quiet ground of the colour `ground`; "field": rows of the subject; "sky":
    nothing but the sky. `subject` is a thing's name, or None for a scene, whose file name is
    `called`.
    """

    subject: str | None
    place: str | None = None
    hour: str | None = None
    look: str | None = None
    surface: int | None = None  # a texture by its number
    colour: str | None = None  # of the subject; None: as it comes
    ground: str | None = None
    called: str | None = None
    turn: int = 0  # which of the words for the place its caption takes


def plan(things: tuple[Thing, ...], count: int) -> list[Sketch]:
    """`count` illustrations, the most important first."""
    wanted = [thing for thing in things if thing.weight >= STAR_WEIGHT]
    others = [thing for thing in things if thing.weight < STAR_WEIGHT]
    often = _in_turn([list(variants(thing)) for thing in wanted])
    named = [
        sketch
        for turn in range(2)
        for thing in others
        if thing.common
        for sketch in [_nth(thing, turn)]
    ]
    rest = [*named, *(_nth(thing, 0) for thing in others if not thing.common)]
    more = _in_turn([list(variants(thing))[2:] for thing in others if thing.common])
    first = 3 * len(wanted)
    many = max(first, round(WANTED_SHARE * count))
    return [*often[:first], *scene_sketches(), *often[first:many], *rest, *often[many:], *more][
        :count
    ]


def variants(thing: Thing) -> Iterator[Sketch]:
    """Every illustration of a thing, the most asked for first: six places, then a look, a colour
    or a ground, ...
    """
    settings = list(_settings(thing))
    tints = TINTS.get(thing.name, ())
    tinted = [
        Sketch(
            thing.name,
            *settings[(k // len(tints) + k) % len(settings)],
            colour=tints[k % len(tints)],
        )
        for k in range(3 * len(tints))
        if settings
    ]
    looks = []
    for number, look in enumerate(LOOKS):
        where = (
            settings[(number + 1) % len(settings)]
            if settings and look in IN_PLACE
            else (None, None)
        )
        looks.append(Sketch(thing.name, *where, look, ground=GROUNDS[number]))
    first = 0 if tints else len(thing.name)  # things of their own colour begin on different grounds
    grounds = [
        Sketch(
            thing.name,
            ground=GROUNDS[(first + k) % len(GROUNDS)],
            colour=tints[0] if tints else None,
        )
        for k in range(3 if settings else len(GROUNDS))
    ]
    beside = [
        sketch for group in zip_longest(grounds[:1], looks, tinted) for sketch in group if sketch
    ]
    beside += grounds[1:]
    placed = [
        Sketch(thing.name, place, hour, turn=turn) for turn, (place, hour) in enumerate(settings)
    ]
    yield from _woven(placed, beside)


def _woven(placed: list[Sketch], beside: list[Sketch]) -> Iterator[Sketch]:
    """Three in a place to two others, until both have ended."""
    a, b = iter(placed), iter(beside)
    for _ in range(len(placed) + len(beside)):
        yield from (
            sketch
            for sketch in (
                next(a, None),
                next(a, None),
                next(b, None),
                next(a, None),
                next(b, None),
            )
            if sketch
        )


def _settings(thing: Thing) -> Iterator[tuple[str, str | None]]:
    """The places and hours that suit a thing: each place at its first hour, then each at its
    second, ...
    """
    also = {place for home in thing.homes for place in ALSO.get(home, ())}
    fitting = [name for name in ASKED if suits(thing, PLACES[name]) or name in also]
    special = set(thing.homes) - GENERAL
    at_home = [name for name in fitting if special & set(PLACES[name].homes)]
    places = [*at_home, *(name for name in fitting if name not in at_home)]
    if thing.name in FIELDS:
        places.insert(0 if "flower" in thing.homes else 6, "field")
    for turn in range(6):
        for number, place in enumerate(places):
            hours = ASKED.get(place, ("day", "sunset", "cloudy"))
            if thing.name in NIGHTLY and number % 2 == 0:
                hours = sorted(hours, key=lambda hour: hour != "night")
            if turn < len(hours):
                yield place, hours[turn]


def _nth(thing: Thing, turn: int) -> Sketch:
    """One illustration of a thing that has few: places differ from thing to thing."""
    settings = list(_settings(thing))
    if not settings:
        return Sketch(thing.name, ground=GROUNDS[(turn + len(thing.name)) % len(GROUNDS)])
    place, hour = settings[
        0 if thing.common and turn == 0 else (turn * 2 + len(thing.name)) % min(6, len(settings))
    ]
    return Sketch(thing.name, place, hour)


def scene_sketches() -> list[Sketch]:
    """Places at all their hours, hours over all the wide places, skies, surfaces, space, and
    places in two looks.
    """
    rounds: list[list[Sketch]] = []
    for name, place in PLACES.items():
        subjects = CALLED.get(name, (place.subject,))
        asked = ASKED.get(name, ())
        suit = [
            hour
            for hour in TIMES
            if (place.hours is None or hour in place.hours) and hour not in asked
        ]
        hours = [
            *(hour for hour in asked if place.hours is None or hour in place.hours),
            *suit,
        ] or [None] * 4
        hours[2:2] = hours[:2]  # the usual hours twice, with another of the place's names
        rounds.append(
            [
                Sketch(
                    None, name, hour, called=subjects[k % len(subjects)], turn=k // len(subjects)
                )
                for k, hour in enumerate(hours[:10])
            ]
        )
        rounds[-1][4:4] = [
            Sketch(None, name, hours[0], look, called=subjects[0]) for look in IN_PLACE
        ]
    for hour, subject in OCCASIONS.items():
        places = [
            name for name in OVERLOOKED if PLACES[name].hours is None or hour in PLACES[name].hours
        ]
        rounds.append(
            [Sketch(None, name, hour, called=subject, turn=k) for k, name in enumerate(places)]
        )
    for hour, subjects in SKIES.items():
        rounds.append(
            [Sketch(None, "sky", hour, called=name, turn=k) for k in range(2) for name in subjects]
        )
    for number, paint in enumerate(TEXTURES):
        if (subject := SURFACES.get(paint.__name__)) is not None:
            turn = 3 * TEXTURES[:number].count(paint)
            rounds.append(
                [Sketch(None, surface=number, called=subject, turn=turn + k) for k in range(3)]
            )
    rounds += [[Sketch(None, called=kind)] * 12 for kind in ("galaxy", "nebula")]
    return _in_turn(rounds)


def _in_turn(lists: list[list[Sketch]]) -> list[Sketch]:
    """The first of every list, then the second of every list, ..."""
    return [sketch for sketch in chain.from_iterable(zip_longest(*lists)) if sketch is not None]
