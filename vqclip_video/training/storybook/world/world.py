"""The illustrated world as a whole: endless captioned pictures, and the chosen ones for the
sketchbook.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from . import objects, patterns, scenes, sketches
from .canvas import Canvas
from .dice import Dice
from .drawings import draw_all
from .looks import PICTURE_LOOKS
from .picture import WorldPicture, add_look, finished, space_picture, three_of
from .places import PLACES
from .planning import planned_sketches
from .textures import TEXTURES
from .things import Thing
from .wider import USUAL, random_sketch

MIXTURE = {"scene": 0.38, "single": 0.32, "several": 0.04, "pattern": 0.015, "pair": 0.025, "texture": 0.10,
           "space": 0.05,
           "field": 0.06, "plain": 0.03}  # fmt: skip
LOOK_CHANCE, EMPTY_CHANCE = 0.16, 0.3
WIDER = 2_000_003  # keeps the chances of wider pictures apart from those of others


class World:
    """Pictures of `things` (see `things.catalogue`), `size` (width, height) pixels each."""

    def __init__(self, things: tuple[Thing, ...], size: tuple[int, int] = (192, 192)):
        self.things, self.size = things, size
        draw_all()
        self._by_name = {thing.name: thing for thing in reversed(things)}
        self._weights = np.cumsum([thing.weight for thing in things])
        self._places = {thing.name: scenes.places_for(thing) for thing in things}

    def thing(self, name: str) -> Thing:
        return self._by_name[name]

    def picture(self, seed: int, index: int) -> WorldPicture:
        """Picture `index` of the world of `seed`: the same whenever and wherever it is painted."""
        dice = Dice(seed, index)
        canvas = Canvas(self.size, dice)
        captions, subject = getattr(self, f"_{dice.weighed(MIXTURE)}")(canvas)
        if dice.chance(LOOK_CHANCE):
            captions = add_look(canvas, dice.pick(list(PICTURE_LOOKS)), captions)
        return finished(canvas, captions, subject)

    def wider_picture(self, seed: int, index: int) -> WorldPicture:
        """Picture `index` of the wider world of `seed` (see wider.py), for what learns to compose."""
        dice = Dice(seed, WIDER, index)
        if dice.chance(USUAL):
            return self.picture(seed, index)
        return self.illustrate(random_sketch(self._any(dice), dice), dice)

    def sketches(self, seed: int, count: int) -> Iterator[WorldPicture]:
        """`count` illustrations for the sketchbook (see sketches.py), the most important first."""
        for index, sketch in enumerate(planned_sketches(self.things, count)):
            yield self.illustrate(sketch, Dice(seed, sketches.APART, index))

    def illustrate(self, sketch: sketches.Sketch, dice: Dice) -> WorldPicture:
        """One chosen subject, large and whole, in the place, at the hour and in the look of
        `sketch`.
        """
        thing = self._by_name.get(sketch.subject) if sketch.subject else None
        return sketches.illustrate(Canvas(self.size, dice), sketch, thing)

    def _any(self, dice: Dice) -> Thing:
        return self.things[_drawn(dice, self._weights)]

    def _scene(self, canvas: Canvas):
        dice = canvas.dice
        if dice.chance(EMPTY_CHANCE):
            return _empty(canvas, scenes.random_setting(dice))
        thing = self._any(dice)
        places = self._places[thing.name]
        if not places:
            return objects.single(canvas, thing), thing.name
        setting = scenes.random_setting(dice, dice.weighed(places))
        return scenes.inhabited(canvas, setting, thing, 0.62), thing.name

    def _single(self, canvas: Canvas):
        thing = self._any(canvas.dice)
        return objects.single(canvas, thing), thing.name

    def _several(self, canvas: Canvas):
        thing = self._any(canvas.dice)
        return objects.several(canvas, thing), thing.name

    def _pattern(self, canvas: Canvas):
        thing = self._any(canvas.dice)
        return objects.pattern(canvas, thing), thing.name

    def _pair(self, canvas: Canvas):
        thing, other = self._any(canvas.dice), self._any(canvas.dice)
        return objects.pair(canvas, thing, other), thing.name

    def _field(self, canvas: Canvas):
        thing = self._by_name.get(canvas.dice.pick(objects.FIELDS)) or self._any(canvas.dice)
        return objects.field(canvas, thing), thing.name

    def _texture(self, canvas: Canvas):
        return three_of(canvas.dice, canvas.dice.pick(TEXTURES)(canvas)), None

    def _plain(self, canvas: Canvas):
        return three_of(canvas.dice, patterns.plain_colours(canvas)), None

    def _space(self, canvas: Canvas):
        dice = canvas.dice
        kind = dice.pick(("galaxy", "galaxy", "nebula", "scene"))
        if kind == "scene":
            setting = scenes.Setting(dice.pick(("space", "space", "moon")), None)
            dwellers = {thing: thing.weight for thing in self.things if "space" in thing.homes}
            if not dwellers or dice.chance(0.2):
                return _empty(canvas, setting)
            thing = dice.weighed(dwellers)
            return scenes.inhabited(canvas, setting, thing, 0.6), thing.name
        return space_picture(canvas, kind), kind


def _empty(canvas: Canvas, setting: scenes.Setting):
    scene = scenes.paint_setting(canvas, setting)
    scenes.finish(scene, setting)
    return scenes.empty_captions(scene, setting), PLACES[setting.place].subject


def _drawn(dice: Dice, cumulative: np.ndarray) -> int:
    return int(np.searchsorted(cumulative, dice.numbers.random() * cumulative[-1], side="right"))
