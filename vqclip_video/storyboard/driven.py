"""Settings that move with a sound: what a band of it adds to what the storyboard says."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..sound.envelope import Envelope, envelope_of
from ..sound.listen import samples_of
from ..text import did_you_mean, quoted
from .audio import Drive
from .camera import Camera
from .instants import Instant, Stretch
from .kinds import keys
from .maths import NUMBERS, Arithmetic, Values
from .motions import KeyFrame, Motion, stilled
from .moving import Moving
from .problems import Problems
from .schema import Settings, Storyboard
from .sections import Section, TwoValues
from .shorthands import RampSection
from .timeline import film_seconds

AXES = ("x", "y")  # what the two values of a pair are called


@dataclass(frozen=True, kw_only=True)
class HeardPart:
    """A stretch of a sound file that is heard, in seconds."""

    file: Path
    start: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Driven(Motion):
    """A number, or what moves in its place, and drives of it, each with the sound it listens to."""

    base: float | Motion
    drives: tuple[tuple[Drive, HeardPart], ...]

    @property
    def cost(self) -> int:
        own = self.base.cost if isinstance(self.base, Motion) else 1
        return own + 20 * len(self.drives)

    @property
    def in_beats(self) -> bool:
        return isinstance(self.base, Motion) and self.base.in_beats

    def at(self, instant: Instant, maths: Arithmetic = NUMBERS) -> Values:
        value = self.base.at(instant, maths) if isinstance(self.base, Motion) else self.base
        for drive, part in self.drives:
            level = _envelope(part, drive.hertz, drive.attack, drive.release)
            value = value + drive.amount * level.at(instant.film_seconds)
        return value

    def misplaced(self, stretch: Stretch) -> KeyFrame | None:
        return self.base.misplaced(stretch) if isinstance(self.base, Motion) else None


@functools.lru_cache(maxsize=128)
def _envelope(
    part: HeardPart, band: tuple[float, float], attack: float, release: float
) -> Envelope:
    return envelope_of(samples_of(part.file, part.start, part.seconds), band, attack, release)


def with_drives(film: Storyboard, problems: Problems) -> Storyboard:
    """The film with its drives in its scenes' settings; one that drives nothing is recorded."""
    start, seconds = film.audio.start if film.audio else 0.0, film_seconds(film)
    by_setting: dict[str, list[tuple[Drive, HeardPart]]] = {}
    places: dict[str, str] = {}
    for index, drive in enumerate(film.drive):
        where = f"drive[{index}]" if f"drive[{index}]" in problems.marks else "drive"
        setting = drive.to.removeprefix("settings.")
        file = drive.file or (film.audio and film.audio.file)
        if setting not in drivable():
            problems.at(f"{where}.to", _no_such(setting))
        elif file is None:
            problems.at(where, "to which sound? name its file, or a sound for the film")
        else:
            part = HeardPart(file=file, start=start, seconds=seconds)
            by_setting.setdefault(setting, []).append((drive, part))
            places.setdefault(setting, f"{where}.amount")
    scenes = film.scenes
    for setting, drives in by_setting.items():
        known = {"mark": problems.marks[places[setting]], "limits": drivable()[setting].number}
        make = functools.partial(Driven, of_film=True, drives=tuple(drives), **known)
        scenes = tuple(_replaced(scene, _in_a_scene(setting), make) for scene in scenes)
    return replace(film, scenes=scenes)


def without_drives(film: Storyboard) -> Storyboard:
    """The film as it was written."""
    if not film.drive:
        return film
    own = lambda motion: motion.base if isinstance(motion, Driven) else motion  # noqa: E731
    return replace(film, scenes=tuple(stilled(scene, own) for scene in film.scenes))


@functools.cache
def drivable() -> dict[str, Moving]:
    """What may move, by its dotted path: of a scene's settings, and of its camera."""
    return _moving_in(Settings, "") | _moving_in(Camera, "camera.")


def _moving_in(section: type, before: str) -> dict[str, Moving]:
    found: dict[str, Moving] = {}
    for name, key in keys(section).items():
        if isinstance(key.kind, RampSection):
            found[before + name] = key.kind.moving
        elif isinstance(key.kind, Moving):
            found[before + name] = key.kind
        elif isinstance(key.kind, TwoValues):
            found |= {f"{before}{name}.{axis}": key.kind.each for axis in AXES}
        elif isinstance(key.kind, Section):
            found |= _moving_in(key.kind.type, f"{before}{name}.")
    return found


def _in_a_scene(setting: str) -> str:
    return setting if setting.startswith("camera.") else f"settings.{setting}"


def _no_such(setting: str) -> str:
    known = list(drivable())
    hint = did_you_mean(setting, known) or f"; these can: {', '.join(known)}"
    return f"{quoted(setting)} cannot be driven{hint}"


def _replaced(section: Any, path: str, make: Any) -> Any:
    """The section with what `make` makes of the value at a dotted path."""
    name, _, rest = path.partition(".")
    value = getattr(section, name)
    if isinstance(value, tuple):
        pairs = zip(AXES, value, strict=True)
        new: Any = tuple(make(base=one) if axis == rest else one for axis, one in pairs)
    else:
        new = _replaced(value, rest, make) if rest else make(base=value)
    return replace(section, **{name: new})
