"""Scenes: a place at an hour, with or without somebody in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .canvas import Canvas
from .captions import counted, joined
from .light import LIKELY, TIMES_OF_DAY
from .places import PLACES, WorldPlace
from .scene import PaintedScene
from .skies import paint_sky
from .things import Shown, Thing, shown_of
from .weather import FALL, PHRASES

# of what touches no ground: where its middle is on the canvas
HEIGHTS = {"sea": -0.02, "space": -0.02, "air": -0.08, "orb": -0.22, "fierce": -0.1}
NEVER_HAZED = ("underwater", "space", "moon", "table")


@dataclass(frozen=True)
class Setting:
    """Where and when a scene plays; `hour` and `fall` (rain, snow, fog) None where none shows."""

    place: str
    hour: str | None
    fall: str | None = None


def random_setting(dice, place: str | None = None, hour: str | None = None) -> Setting:
    """A place as likely as its weight, at an hour that suits it, sometimes with rain, snow or
    fog.
    """
    place = place or dice.weighed({name: p.likely for name, p in PLACES.items()})
    hours = PLACES[place].hours
    if hours == ():
        return Setting(place, None)
    hour = hour or dice.weighed(
        {name: likely for name, likely in LIKELY.items() if hours is None or name in hours}
    )
    return Setting(place, hour, _fall(dice, place, hour))


def _fall(dice, place: str, hour: str) -> str | None:
    wintry = "snow" in place
    if (
        wintry
        and hour in ("day", "overcast", "night", "dusk", "cloudy", "mist")
        and dice.chance(0.3)
    ):
        return "snow"
    if not wintry and hour in ("overcast", "storm") and dice.chance(0.35):
        return "rain"
    return "fog" if hour == "mist" else None


def paint_setting(canvas: Canvas, setting: Setting) -> PaintedScene:
    """The empty place, without what falls from its sky."""
    dice = canvas.dice
    scene = PaintedScene(canvas, setting.hour or "day", horizon=dice.between(-0.06, 0.1))
    if setting.place not in NEVER_HAZED:
        paint_sky(scene)
    PLACES[setting.place].paint(scene)
    if setting.fall == "fog":
        FALL["fog"](scene)  # behind what will stand near
    np.clip(canvas.pixels, 0, 255, out=canvas.pixels)
    return scene


def finish(scene: PaintedScene, setting: Setting) -> None:
    """Let fall what falls in front of everything."""
    if setting.fall in ("rain", "snow"):
        FALL[setting.fall](scene)


def where_and_when(dice, setting: Setting) -> tuple[str, str]:
    """A phrase for the place and one for the hour or the weather ("" where none shows)."""
    where = dice.pick(PLACES[setting.place].where)
    return where, _when(dice, setting)


def _when(dice, setting: Setting) -> str:
    if setting.hour is None:
        return ""
    if setting.fall and (setting.fall == "fog" or dice.chance(0.6)):
        return dice.pick(PHRASES[setting.fall])
    return dice.pick(TIMES_OF_DAY[setting.hour].phrases)


def empty_captions(scene: PaintedScene, setting: Setting) -> tuple[str, ...]:
    """Three captions of a place with nobody in it."""
    dice, names = scene.dice, PLACES[setting.place].names
    captions = [joined(dice.pick(names), _when(dice, setting)) for _ in range(2)]
    if scene.seen and dice.chance(0.5):
        captions.append(joined(dice.pick(names), "with", dice.pick(scene.seen)))
    elif setting.hour and dice.chance(0.3):
        captions.append(f"{dice.pick(TIMES_OF_DAY[setting.hour].look)} over {dice.pick(names)}")
    else:
        captions.append(joined(dice.pick(names), _when(dice, setting)))
    return tuple(captions)


def inhabited(
    canvas: Canvas, setting: Setting, thing: Thing, largest: float = 0.5
) -> tuple[str, ...]:
    """A place with one to three of a thing in it, and three captions."""
    dice = canvas.dice
    scene = paint_setting(canvas, setting)
    alone = dice.chance(0.72) or thing.homes[0] in ("orb", "person", "span")
    count = 1 if alone else dice.whole(2, 4)
    shown = shown_of(thing, dice, repaint=0.05)
    size = dice.between(0.26, largest) * (1 if count == 1 else 0.66)
    if count == 1:
        spots = [dice.between(-0.2, 0.2)]
    else:
        spots = list(
            (np.arange(count) - (count - 1) / 2) * min(0.86 / count, size * 0.95)
            + dice.numbers.uniform(-0.03, 0.03, count)
        )
    lifts = sorted(dice.between(-0.1, 0.08) for _ in spots)
    for x, lift in zip(dice.numbers.permutation(spots), lifts, strict=True):
        put(scene, setting, shown, float(x), size * (1 + 0.6 * lift), lift)
    finish(scene, setting)
    return captions(dice, setting, shown, count, size)


def captions(
    dice, setting: Setting, shown: Shown, count: int = 1, size: float = 0.5
) -> tuple[str, ...]:
    """Three captions: who and where and when; who and where; who and when, or the place first."""
    who = [
        counted(count, joined(sized, shown.called(dice))) for sized in (_sized(dice, size), "", "")
    ]
    (where, when), (other_where, other_when) = (where_and_when(dice, setting) for _ in range(2))
    full = joined(who[0], where, when)
    short = joined(who[1], other_where) if dice.chance(0.6) else joined(who[1], when or where)
    third = joined(who[2], other_where, other_when)
    if dice.chance(0.2) and shown.thing.homes[0] not in ("air", "water", "space"):
        third = joined(PLACES[setting.place].names[0], other_when, "with", who[2])
    return full, short, third


def _sized(dice, size: float) -> str:
    """A word for how large a thing is in the picture, seldom."""
    if size < 0.32 and dice.chance(0.35):
        return dice.pick(("small", "little", "tiny"))
    return dice.pick(("big", "large", "giant")) if size > 0.56 and dice.chance(0.25) else ""


def put(
    scene: PaintedScene, setting: Setting, shown: Shown, x: float, size: float, lift: float = 0.0
) -> None:
    """A sprite where such a thing would be in this place: on the ground, floating, swimming or
    in the air.
    """
    home = home_in(shown.thing, PLACES[setting.place])
    how = {"share": 0.55 if scene.time.dark else 0.8, "mirrored": scene.dice.chance(0.5)}
    if home in HEIGHTS:
        _hang(scene, home, shown, x, size, lift, how)
    elif home == "person":
        # Heads and shoulders: a portrait that rises from the lower edge.
        foot = scene.canvas.bottom + 0.01
        scene.place(shown.pixels, x, foot, max(0.5, size * 1.15), shadow=0, **how)
    elif home == "water" and home in PLACES[setting.place].homes:
        foot = scene.stand + lift * 0.5
        reflect(scene, shown, x, foot, size, how["mirrored"])
        scene.place(shown.pixels, x, foot, size, shadow=0.2, **how)
        ripples(scene, x, foot, size)
    else:
        scene.place(shown.pixels, x, scene.stand + lift * 0.6, size, shadow=0.32, **how)


def _hang(
    scene: PaintedScene, home: str, shown: Shown, x: float, size: float, lift: float, how: dict
) -> None:
    """A sprite that touches nothing, its middle at the height of its home."""
    canvas, high = scene.canvas, HEIGHTS[home] + lift * 1.4
    if home == "orb":
        glow = np.array((90, 84, 64)) if scene.time.dark else np.array((40, 38, 30))
        canvas.glow(x, high, size * 0.7, glow)
        how = how | {"share": 0.0}
    if home == "sea":
        scene, how = PaintedScene(canvas, "day", 0), {"haze": 0.1, "mirrored": how["mirrored"]}
    scene.place(shown.pixels, x, high + size / 2, size, shadow=0, **how)


def reflect(
    scene: PaintedScene, shown: Shown, x: float, foot: float, size: float, mirrored: bool
) -> None:
    """The faint upside-down picture of what floats."""
    lit = shown.pixels.astype(np.float32)
    lit[..., :3] = scene.time.on(lit[..., :3]) * 0.8
    rows = np.flatnonzero(lit[..., 3].max(1) > 100)
    empty = (lit.shape[0] - 1 - rows[-1]) / lit.shape[0]
    scene.canvas.paste(
        lit, x, foot + size * (0.7 - empty * 0.7), size, mirrored=mirrored, alpha=0.3, squeeze=-0.7
    )


def ripples(scene: PaintedScene, x: float, foot: float, size: float) -> None:
    """Short bright lines where a hull meets the water."""
    canvas = scene.canvas
    band = np.exp(-(((canvas.y - foot + 0.004) / 0.008) ** 2)) * np.exp(
        -(((canvas.x - x) / (0.42 * size)) ** 4)
    )
    canvas.cover(band * 0.5, scene.time.hazed((236, 246, 252), 0.2))


def home_in(thing: Thing, place: WorldPlace) -> str:
    """The way in which a thing is at home in a place."""
    return next((home for home in thing.homes if home in place.homes), thing.homes[0])


def places_for(thing: Thing) -> dict[str, float]:
    """The places where a thing may be, each with its weight: most where its usual home is."""
    found = {name: place for name, place in PLACES.items() if suits(thing, place)}
    usual = thing.homes[0]
    return {name: p.likely * (1.0 if usual in p.homes else 0.3) for name, p in found.items()}


def suits(thing: Thing, place: WorldPlace) -> bool:
    return any(home in place.homes for home in thing.homes)
