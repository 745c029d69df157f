"""What a prior learns from: subjects in places, at hours, in looks and colours that are drawn at
random.

The world's usual pictures show what is likely. Whoever asks for a blue elephant in the snow asks for
something that is not, so here it is as usual as a grey one in the desert.
"""

from __future__ import annotations

from functools import cache

from .colours import PAINTS
from .dice import Dice
from .light import TIMES_OF_DAY
from .looks import PICTURE_LOOKS
from .places import PLACES
from .planning import Sketch, scene_sketches, settings_of
from .things import Thing
from .wanted import ASKED, GROUNDS

USUAL = 0.42  # share of the pictures that are the world's usual ones
EMPTY = 0.16  # of the others: a place, a sky or a surface without a subject
PLACED = 0.8  # of those with a subject: in a place, not on a plain ground
ANYWHERE = 0.2  # of the placed: in a place that does not suit the subject, or at another hour
COLOURED = 0.2  # of those with a subject: in a colour that is not its own
LOOKS_PLACED, LOOKS_ALONE = 0.12, 0.3  # in a look
TURNS = 12  # more than there are words for any place or hour


def random_sketch(thing: Thing, dice: Dice) -> Sketch:
    """What a picture is to show: a scene without a subject, or `thing`."""
    if dice.chance(EMPTY):
        return dice.pick(_scenes())
    turn, colour = dice.whole(0, TURNS - 1), dice.pick(PAINTS) if dice.chance(COLOURED) else None
    settings = list(settings_of(thing))
    if not settings or not dice.chance(PLACED):
        look = _look(dice, LOOKS_ALONE)
        return Sketch(thing.name, ground=dice.pick(GROUNDS), look=look, colour=colour, turn=turn)
    place, hour = _anywhere(dice) if dice.chance(ANYWHERE) else dice.pick(settings)
    look = _look(dice, LOOKS_PLACED)
    return Sketch(thing.name, place, hour, look, colour=colour, turn=turn)


def _anywhere(dice: Dice) -> tuple[str, str | None]:
    """A place that is asked for, at an hour that is known there."""
    place = dice.pick(list(ASKED))
    hours = PLACES[place].hours
    if hours == ():
        return place, None
    return place, dice.pick(list(TIMES_OF_DAY if hours is None else hours))


def _look(dice: Dice, chance: float) -> str | None:
    return dice.pick(list(PICTURE_LOOKS)) if dice.chance(chance) else None


@cache
def _scenes() -> list[Sketch]:
    return scene_sketches()
