"""What a scene's picture begins as: the key `from`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .file_kinds import Picture
from .kinds import internal, keys, option
from .sections import Section
from .shorthands import WordOrOne
from .texts import Text

if TYPE_CHECKING:
    from .schema import Scene


@dataclass(frozen=True)
class Beginning:
    """What a scene's picture begins as: `previous`, `noise`, an image, or where another scene
    ended.
    """

    image: Path | None = option(None, "a picture, taken through the VQGAN's encoder", Picture())
    scene: str | None = option(None, "the name of an earlier scene, or its number, from 1", Text())
    # written as the word, in place of the mapping
    said: str = internal(default="")

    @property
    def word(self) -> str:
        """One of `BEGINNING_WORDS`; nothing where an image or a scene is named."""
        return self.said


BEGINNING_WORDS = ("previous", "noise")
BEGINNING = Section(Beginning, {"oneOf": [{"required": [name]} for name in keys(Beginning)]})
BEGINNING_VALUE = WordOrOne(BEGINNING, BEGINNING_WORDS, "a scene begins as one of them")


def scene_named(name: str, scenes: Sequence[Scene]) -> int | None:
    """The index of the scene of a name, or of a number from 1; the last of several."""
    found = [index for index, scene in enumerate(scenes) if scene.name == name]
    if not found and name.isdecimal() and 1 <= int(name) <= len(scenes):
        return int(name) - 1
    return found[-1] if found else None
