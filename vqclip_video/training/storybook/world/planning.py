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

from .light import TIMES_OF_DAY
from .objects import FIELDS
from .places import PLACES, WorldPlace
from .scenes import suits
from .textures import TEXTURES
from .things import STAR_WEIGHT, Thing
from .wanted import (
    ALSO,
    ASKED,
    CALLED,
    GENERAL,
    GROUNDS,
    IN_PLACE,
    NIGHTLY,
    OCCASIONS,
    OVERLOOKED,
    SKETCHED_LOOKS,
    SKIES,
    SURFACES,
    TINTS,
)

WANTED_SHARE = 0.56  # of all sketches, for the most-wanted things
PlaceAndHour = tuple[str, str | None]


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


def planned_sketches(things: tuple[Thing, ...], count: int) -> list[Sketch]:
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
    settings = list(settings_of(thing))
    tints = TINTS.get(thing.name, ())
    grounds = _on_grounds(thing, tints, 3 if settings else len(GROUNDS))
    others = (grounds[:1], _in_looks(thing, settings), _tinted(thing, tints, settings))
    beside = [sketch for group in zip_longest(*others) for sketch in group if sketch]
    placed = [
        Sketch(thing.name, place, hour, turn=turn) for turn, (place, hour) in enumerate(settings)
    ]
    yield from _woven(placed, [*beside, *grounds[1:]])


def _tinted(thing: Thing, tints: tuple[str, ...], settings: list[PlaceAndHour]) -> list[Sketch]:
    """Three of each colour in which a thing is asked for, each in another place."""
    found = []
    for k in range(3 * len(tints) if settings else 0):
        place, hour = settings[(k // len(tints) + k) % len(settings)]
        found.append(Sketch(thing.name, place, hour, colour=tints[k % len(tints)]))
    return found


def _in_looks(thing: Thing, settings: list[PlaceAndHour]) -> list[Sketch]:
    found = []
    for number, look in enumerate(SKETCHED_LOOKS):
        placed = settings and look in IN_PLACE
        where = settings[(number + 1) % len(settings)] if placed else (None, None)
        found.append(Sketch(thing.name, *where, look, ground=GROUNDS[number]))
    return found


def _on_grounds(thing: Thing, tints: tuple[str, ...], count: int) -> list[Sketch]:
    """On plain grounds; things of their own colour begin on different ones."""
    first, tint = (0, tints[0]) if tints else (len(thing.name), None)
    grounds = (GROUNDS[(first + k) % len(GROUNDS)] for k in range(count))
    return [Sketch(thing.name, ground=ground, colour=tint) for ground in grounds]


def _woven(placed: list[Sketch], beside: list[Sketch]) -> Iterator[Sketch]:
    """Three in a place to two others, until both have ended."""
    a, b = iter(placed), iter(beside)
    for _ in range(len(placed) + len(beside)):
        for source in (a, a, b, a, b):
            if sketch := next(source, None):
                yield sketch


def settings_of(thing: Thing) -> Iterator[PlaceAndHour]:
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
    settings, letters = list(settings_of(thing)), len(thing.name)
    if not settings:
        return Sketch(thing.name, ground=GROUNDS[(turn + letters) % len(GROUNDS)])
    usual = thing.common and turn == 0
    return Sketch(
        thing.name, *settings[0 if usual else (turn * 2 + letters) % min(6, len(settings))]
    )


def scene_sketches() -> list[Sketch]:
    """Places at all their hours, hours over all the wide places, skies, surfaces, space, and
    places in two looks.
    """
    rounds = [
        *(_of_place(name, place) for name, place in PLACES.items()),
        *(_of_hour(hour, called) for hour, called in OCCASIONS.items()),
        *(_of_sky(hour, subjects) for hour, subjects in SKIES.items()),
        *(_of_surface(number) for number in range(len(TEXTURES))),
        *([Sketch(None, called=kind)] * 12 for kind in ("galaxy", "nebula")),
    ]
    return _in_turn(rounds)


def _of_place(name: str, place: WorldPlace) -> list[Sketch]:
    """A place at its hours, the usual ones twice, with another of its names; and in two looks."""
    subjects = CALLED.get(name, (place.subject,))
    asked = ASKED.get(name, ())
    hours = [
        *(hour for hour in asked if _at_home_in(hour, place)),
        *(hour for hour in TIMES_OF_DAY if _at_home_in(hour, place) and hour not in asked),
    ] or [None] * 4
    hours[2:2] = hours[:2]
    found = [
        Sketch(None, name, hour, called=subjects[k % len(subjects)], turn=k // len(subjects))
        for k, hour in enumerate(hours[:10])
    ]
    found[4:4] = [Sketch(None, name, hours[0], look, called=subjects[0]) for look in IN_PLACE]
    return found


def _at_home_in(hour: str, place: WorldPlace) -> bool:
    return place.hours is None or hour in place.hours


def _of_hour(hour: str, called: str) -> list[Sketch]:
    """An hour that is a subject too, over the wide places."""
    places = [name for name in OVERLOOKED if _at_home_in(hour, PLACES[name])]
    return [Sketch(None, name, hour, called=called, turn=k) for k, name in enumerate(places)]


def _of_sky(hour: str, subjects: tuple[str, ...]) -> list[Sketch]:
    return [Sketch(None, "sky", hour, called=name, turn=k) for k in range(2) for name in subjects]


def _of_surface(number: int) -> list[Sketch]:
    """Three of a texture, with words that its repeats do not use; none where nobody asks for it."""
    subject = SURFACES.get(TEXTURES[number])
    turn = 3 * TEXTURES[:number].count(TEXTURES[number])
    sketches = [Sketch(None, surface=number, called=subject, turn=turn + k) for k in range(3)]
    return sketches if subject else []


def _in_turn(lists: list[list[Sketch]]) -> list[Sketch]:
    """The first of every list, then the second of every list, ..."""
    return [sketch for sketch in chain.from_iterable(zip_longest(*lists)) if sketch is not None]
