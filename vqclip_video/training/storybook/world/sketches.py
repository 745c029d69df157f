"""The pictures that one would choose as illustrations: a subject large, whole and in the middle of
its place.

The sketchbook is made of them; planning.py says of which. The first caption of each is what somebody
would type for it.
"""

from __future__ import annotations

from . import objects, scenes
from .canvas import Canvas
from .captions import joined, plural, with_article
from .colours import COLOURS, PAINTS, painted
from .light import TIMES_OF_DAY
from .picture import WorldPicture, add_look, finished, space_picture, three_of
from .places import PLACES
from .planning import Sketch
from .scene import PaintedScene
from .skies import paint_sky
from .textures import TEXTURES
from .things import Shown, Thing, shown_of

__all__ = ["APART", "Sketch", "illustrate"]

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
ALOFT = ("air", "orb", "fierce")
SHORES = {"lake": "by a lake", "autumn lake": "beside a lake in autumn"}  # for what does not swim
# The words people type for a place, with what is in it and with what is above it; elsewhere the
# first of `where`.
TYPED = {
    "ocean": ("on the ocean", "on the sea"), "storm waves": ("on a stormy sea", "among big waves"),
    "beach": ("on a beach", "on a tropical beach"),
    "coast": ("by the ocean", "by the sea", "on the coast"), "desert": ("in the desert",),
    "mountains": ("in the mountains",), "snowy mountains": ("in the snowy mountains",),
    "lake": ("on a lake", "on a calm lake"), "hilltop": ("on a green hill", "on a hill"),
    "hills": ("on green hills",), "snow": ("in the snow",), "meadow": ("in a flower meadow",),
    "lawn": ("on the grass", "in a green field"), "space": ("in space", "among the stars"),
    "underwater": ("under the sea", "underwater", "in the ocean"), "rails": ("on the railway",),
    "mountain rails": ("in the mountains",), "wheat": ("in a wheat field",),
    "volcano": ("over a volcano",), "city": ("in the city",), "forest": ("in a forest",),
}  # fmt: skip
ABOVE = {
    "ocean": ("over the ocean", "over the sea"), "coast": ("over the sea",),
    "lake": ("over a lake",), "autumn lake": ("over an autumn lake",),
    "hilltop": ("over a green hill",), "hills": ("over green hills",),
    "desert": ("over the desert",), "city": ("over the city",),
    "mountains": ("over the mountains",), "snowy mountains": ("over snowy mountains",),
    "beach": ("over a beach",), "river": ("over a river",),
}  # fmt: skip
WHEN = {
    "day": ("under a blue sky", "", ""),
    "storm": ("in a storm", "during a storm"),
    "mist": ("in the fog", "in the mist"),
}


def illustrate(canvas: Canvas, sketch: Sketch, thing: Thing | None) -> WorldPicture:
    """Paint one illustration, of `thing` where its subject is one; each of its captions names
    all it shows.
    """
    subject = sketch.called or sketch.subject
    if sketch.surface is not None:
        phrases = TEXTURES[sketch.surface](canvas)
        captions = (phrases[sketch.turn % len(phrases)], *three_of(canvas.dice, phrases)[:2])
        if subject == "leaves" and "autumn" in " ".join(captions):
            subject = "autumn leaves"
    elif subject in ("galaxy", "nebula"):
        captions = space_picture(canvas, subject)
    elif thing is None:
        captions = _sky(canvas, sketch) if sketch.place == "sky" else _scene(canvas, sketch)
    elif sketch.place == "field":
        _, *others = objects.field(canvas, thing, sketch.hour, plain=0.5)
        captions = (joined("a field of", plural(thing.name), _when(sketch)), *others)
    elif sketch.place is None:
        captions = _portrait(canvas, thing, sketch)
    else:
        captions = _in_place(canvas, thing, sketch)
    if sketch.look:
        captions = add_look(canvas, sketch.look, captions)
    return finished(canvas, captions, subject)


def _when(sketch: Sketch) -> str:
    """The hour in the words people type; by day mostly nothing."""
    if sketch.hour is None:
        return ""
    phrases = WHEN.get(sketch.hour, TIMES_OF_DAY[sketch.hour].phrases[:1])
    return phrases[sketch.turn % len(phrases)]


def _where(sketch: Sketch, home: str) -> str:
    place = sketch.place
    if place in SHORES and home not in ("water", *ALOFT):
        return SHORES[place]
    phrases = ABOVE.get(place) if home in ALOFT else None
    phrases = phrases or TYPED.get(place) or PLACES[place].where[:1]
    return phrases[sketch.turn % len(phrases)]


def _scene(canvas: Canvas, sketch: Sketch) -> tuple[str, ...]:
    """A place with nobody in it; an hour that is the subject comes first: "a sunset over the
    sea".
    """
    setting = scenes.random_setting(canvas.dice, sketch.place, sketch.hour)
    scene = scenes.paint_setting(canvas, setting)
    scenes.finish(scene, setting)
    _, *others = scenes.empty_captions(scene, setting)
    names = PLACES[sketch.place].names
    named = [name for name in names if sketch.called.removesuffix("s") in name]
    if named:
        return (joined(named[sketch.turn % len(named)], _when(sketch)), *others)
    if (
        sketch.called == PLACES[sketch.place].subject
        or sketch.hour is None
        or sketch.called in ("flowers", "grass")
    ):
        return (joined(names[sketch.turn % len(names)], _when(sketch)), *others)
    return (f"{_article(sketch.called)} over {names[sketch.turn % 2]}", *others)


def _sky(canvas: Canvas, sketch: Sketch) -> tuple[str, ...]:
    """The sky alone."""
    scene = PaintedScene(canvas, sketch.hour, canvas.dice.between(0.4, 0.6))
    paint_sky(scene)
    looks = scene.time.look
    named = [look for look in looks if sketch.called.removesuffix("s") in look] or looks
    return (named[sketch.turn % len(named)], *three_of(canvas.dice, looks)[:2])


def _article(subject: str) -> str:
    if subject == "fog":
        return subject
    return (
        f"the {subject}" if subject in ("night sky", "northern lights") else with_article(subject)
    )


def _in_place(canvas: Canvas, thing: Thing, sketch: Sketch) -> tuple[str, ...]:
    dice, place = canvas.dice, sketch.place
    setting = scenes.random_setting(dice, place, sketch.hour)
    home = scenes.home_in(thing, PLACES[place])
    scene = scenes.paint_setting(canvas, setting)
    if place in SHORES and home not in ("water", *ALOFT):
        _bank(scene)
    shown = _shown(thing, sketch, dice)
    size = LARGE.get(home, 0.64) * dice.between(0.9, 1.06)
    scenes.put(scene, setting, shown, dice.between(-0.04, 0.04), size, 0.03)
    scenes.finish(scene, setting)
    typed = joined(with_article(_typed_name(shown, sketch)), _where(sketch, home), _when(sketch))
    others = [
        joined(with_article(shown.called(dice, 0.5)), _where(sketch, home), _when(sketch))
        for _ in range(2)
    ]
    return typed, *others


def _bank(scene: PaintedScene) -> None:
    """Grass along the near shore, for what does not swim to stand on."""
    canvas = scene.canvas
    scene.layer(0.22 + 0.05 * canvas.curve(1.4, 2), (104, 160, 84), grain=0.12, fine=30)
    scene.stand = 0.37


def _shown(thing: Thing, sketch: Sketch, dice) -> Shown:
    """A sprite of the colour that is asked for: one that has it, else one that is painted with
    it.
    """
    if sketch.colour is None:
        return shown_of(thing, dice)
    having = [look for look in thing.looks if sketch.colour in (look.adjective, look.colour)]
    look = dice.pick(having or [look for look in thing.looks if not look.adjective] or thing.looks)
    pixels = look.pixels
    if not having:
        pixels = painted(pixels, COLOURS[sketch.colour]).clip(0, 255).astype(pixels.dtype)
    return Shown(thing, pixels, sketch.colour, always=True)


def _typed_name(shown: Shown, sketch: Sketch) -> str:
    """The usual name, with the colour where it is asked for or belongs to the sprite."""
    named = shown.always and shown.colour and shown.colour not in shown.thing.name.split()
    return f"{shown.colour} {shown.thing.name}" if named else shown.thing.name


def _portrait(canvas: Canvas, thing: Thing, sketch: Sketch) -> tuple[str, ...]:
    """A thing on a coloured ground, which captions of a look leave out."""
    dice = canvas.dice
    shown = _shown(thing, sketch, dice)
    colour = sketch.ground or dice.pick(PAINTS)
    while colour == shown.colour or {colour, shown.colour} == {"golden", "yellow"}:
        colour = dice.pick(PAINTS)
    behind = objects.coloured_ground(canvas, colour)
    objects.hover(canvas, shown.pixels, 0.0, 0.0, dice.between(0.66, 0.8))
    names = [
        with_article(name)
        for name in (_typed_name(shown, sketch), *(shown.called(dice, 0.5) for _ in range(2)))
    ]
    return tuple(name if sketch.look else f"{name} {behind}" for name in names)
