"""What a scene's picture begins as: the key `from`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..text import quoted
from .file_kinds import Picture
from .kinds import internal, keys, option
from .problems import Problems
from .sections import Given, Section
from .shorthands import WordOrOne
from .texts import Text

if TYPE_CHECKING:
    from .schema import Scene


@dataclass(frozen=True)
class SceneStart:
    """What a scene's picture begins as: `previous`, `noise`, an image, or where another scene
    ended.
    """

    image: Path | None = option(None, "a picture, taken through the VQGAN's encoder", Picture())
    scene: str | None = option(None, "the name of an earlier scene, or its number, from 1", Text())
    # written as the word, in place of the mapping
    said: str = internal(default="")

    @property
    def word(self) -> str:
        """One of `SCENE_START_WORDS`; nothing where an image or a scene is named."""
        return self.said


SCENE_START_WORDS = ("previous", "noise")
ONE_KEY = {"oneOf": [{"required": [name]} for name in keys(SceneStart)]}
SCENE_START = WordOrOne(
    Section(SceneStart, ONE_KEY), SCENE_START_WORDS, "a scene begins as one of them"
)


def scene_named(name: str, scenes: Sequence[Scene]) -> int | None:
    """The index of the scene of a name, or of a number from 1; the last of several."""
    found = [index for index, scene in enumerate(scenes) if scene.name == name]
    if not found and name.isdecimal() and 1 <= int(name) <= len(scenes):
        return int(name) - 1
    return found[-1] if found else None


def check_cut(transition: Given, where: str, problems: Problems) -> None:
    """A scene that begins as something else than the picture before has nothing to travel from."""
    if transition.get("curve", "cut") != "cut" or transition.get("duration", 0.0) != 0.0:
        message = (
            "`from` begins the picture anew, which is a cut; remove the transition, or begin from "
            "previous"
        )
        problems.at(f"{where}.transition", message)


def check_beginnings(scenes: list[Scene], problems: Problems) -> None:
    """Turn the names of scenes in `from` into what they stand for, and refuse others."""
    for index, scene in enumerate(scenes):
        where, origin = f"scenes[{index}].from", scene.from_
        if not origin:
            continue
        if index == 0:
            message = "nothing is before the first scene; what it starts from is the film's `init`"
            problems.at(where, message)
        elif origin.scene is not None and scene_named(origin.scene, scenes[:index]) is None:
            known = ", ".join(earlier.name or str(n) for n, earlier in enumerate(scenes[:index], 1))
            message = f"expected an earlier scene, found {quoted(origin.scene)}; there are {known}"
            problems.at(f"{where}.scene", message)
