"""The pictures that one would choose as illustrations: a subject large, whole and in the middle of its place.

The sketchbook is made of them: every common thing in many places, at many hours and in many looks, every other thing
once, and the places, skies and surfaces themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import objects, scenes
from .canvas import Canvas
from .captions import with_article
from .colours import PAINTS
from .light import LIKELY
from .picture import Picture, add_look, finished, space_picture, three_of
from .places import PLACES
from .textures import TEXTURES
from .things import Thing, show

HOURS = (
    "day",
    "sunset",
    "night",
    "cloudy",
    "sunrise",
    "day",
    "dusk",
    "storm",
    "gold",
    "mist",
    "aurora",
    "dream",
    "overcast",
)
SHOWY_LOOKS = ("watercolor", "stained glass", "pixel art", "oil painting", "pencil sketch", "mosaic", "neon", "comic",
               "black and white", "poster", "pastel", "sepia")  # fmt: skip
LARGE = {
    "air": 0.56,
    "orb": 0.42,
    "person": 0.66,
    "fierce": 0.6,
    "tree": 0.76,
    "building": 0.68,
    "coast": 0.72,
    "train": 0.6,
}
APART = 1_000_003  # keeps the chances of sketches apart from those of training pictures


@dataclass(frozen=True)
class Sketch:
    """What one illustration is to show; `place` None: a quiet ground; "field": rows of the subject."""

    subject: str | None
    place: str | None = None
    hour: str | None = None
    look: str | None = None
    surface: int | None = None  # a texture by its number


def plan(things: tuple[Thing, ...], count: int) -> list[Sketch]:
    """`count` illustrations, the most important first: of each common thing as many as fit beside all the rest."""
    common = [thing for thing in things if thing.common]
    rest = [Sketch(thing.name, *_setting(thing, 0)) for thing in things if not thing.common] + _scenes()
    rounds = max(1, -(-(count - len(rest)) // max(1, len(common))))
    often = [variant(thing, turn) for turn in range(rounds) for thing in common]
    first = 3 * len(common)
    return [*often[:first], *rest, *often[first:]][:count]


def variant(thing: Thing, turn: int) -> Sketch:
    """Illustration `turn` of a common thing: mostly in another place or at another hour, at times in a look."""
    if turn % 6 == 2:
        return Sketch(thing.name)
    if turn % 6 == 5:
        look = SHOWY_LOOKS[(turn // 6 * 5 + len(thing.name)) % len(SHOWY_LOOKS)]
        place, hour = _setting(thing, turn) if turn % 4 == 1 else (None, None)
        return Sketch(thing.name, place, hour, look)
    if thing.name in objects.FIELDS and turn % 6 == 4:
        return Sketch(thing.name, "field", HOURS[turn // 6 % 7])
    return Sketch(thing.name, *_setting(thing, turn))


def _setting(thing: Thing, turn: int) -> tuple[str | None, str | None]:
    """Place and hour number `turn` of those that suit a thing, its usual home first."""
    suiting = [name for name, place in PLACES.items() if scenes.suits(thing, place)]
    if not suiting:
        return None, None
    # First where most of its kind are: a place names its dwellers in this order.
    home = thing.homes[0]
    suiting.sort(key=lambda name: PLACES[name].homes.index(home) if home in PLACES[name].homes else 99)
    place = suiting[turn % len(suiting)]
    hours = PLACES[place].hours
    fitting = [hour for hour in HOURS if hours is None or hour in hours]
    return place, fitting[(turn + turn // len(suiting) + len(thing.name)) % len(fitting)] if fitting else None


def _scenes() -> list[Sketch]:
    """Places at all their hours, in two looks, and every surface three times."""
    found = []
    for name, place in PLACES.items():
        hours = [hour for hour in LIKELY if place.hours is None or hour in place.hours] or [None] * 4
        found += [Sketch(None, name, hour) for hour in hours]
        found += [
            Sketch(None, name, hours[0], "watercolor"),
            Sketch(None, name, hours[len(hours) // 2], "oil painting"),
        ]
    found += [Sketch(None, surface=number) for number in range(len(TEXTURES)) for _ in range(3)]
    return found + [Sketch(kind) for kind in ("galaxy", "nebula") for _ in range(12)]


def illustrate(canvas: Canvas, sketch: Sketch, thing: Thing | None) -> Picture:
    """Paint one illustration, of `thing` where its subject is one; each of its captions names all it shows."""
    dice, subject = canvas.dice, sketch.subject
    if sketch.surface is not None:
        captions = three_of(dice, TEXTURES[sketch.surface](canvas))
    elif subject in ("galaxy", "nebula"):
        captions = space_picture(canvas, subject)
    elif thing is None:
        setting = scenes.random_setting(dice, sketch.place, sketch.hour)
        scene = scenes.paint_setting(canvas, setting)
        scenes.finish(scene, setting)
        captions, subject = scenes.empty_captions(scene, setting), PLACES[sketch.place].subject
    elif sketch.place == "field":
        captions = objects.field(canvas, thing, sketch.hour, plain=0.5)
    elif sketch.place is None:
        captions = _portrait(canvas, thing, bool(sketch.look))
    else:
        captions = _in_place(canvas, thing, sketch.place, sketch.hour)
    if sketch.look:
        captions = add_look(canvas, sketch.look, captions)
    return finished(canvas, captions, subject)


def _in_place(canvas: Canvas, thing: Thing, place: str, hour: str | None) -> tuple[str, ...]:
    dice = canvas.dice
    setting = scenes.random_setting(dice, place, hour)
    scene = scenes.paint_setting(canvas, setting)
    shown = show(thing, dice)
    size = LARGE.get(scenes.home_in(thing, PLACES[place]), 0.64) * dice.between(0.9, 1.06)
    scenes.put(scene, setting, shown, dice.between(-0.04, 0.04), size, 0.03)
    scenes.finish(scene, setting)
    return scenes.full_captions(dice, setting, shown)


def _portrait(canvas: Canvas, thing: Thing, bare: bool) -> tuple[str, ...]:
    """A thing on a coloured ground; `bare` leaves the ground out of the captions."""
    dice = canvas.dice
    colour = dice.pick(PAINTS)
    behind = objects.coloured_ground(canvas, colour)
    shown = show(thing, dice)
    while colour == shown.colour or {colour, shown.colour} == {"golden", "yellow"}:
        colour = dice.pick(PAINTS)
        behind = objects.coloured_ground(canvas, colour)
    objects.hover(canvas, shown.pixels, 0.0, 0.0, dice.between(0.66, 0.8))
    names = [with_article(shown.called(dice, plain=0.5)) for _ in range(3)]
    return tuple(name if bare else f"{name} {behind}" for name in names)
