"""Kinds of values that name sounds, and say how they are heard."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..disk.web_page import HEAD, WORDS, is_web_page
from ..errors import VqclipError
from ..sound.envelope import NAMED_BANDS
from ..sound.listen import facts_of
from ..text import quoted
from . import files
from .beat_files import read_beats
from .file_kinds import PATH, CheckedFile
from .kinds import (
    BAD,
    Kind,
    Naming,
    OneOrSeveral,
    Place,
    Refusal,
    Schema,
    Shortened,
    keys,
    mapping_with,
)
from .numbers import NUMBER, Number, Whole, is_number, plain_number
from .sections import Section
from .yaml_nodes import Mapping, Node, Scalar, Sequence

MOST_HERTZ = 96_000
MOST_DECIBELS = 60.0
MOST_DRIVES = 100
USUAL_BAR = 4
LOWEST_HERTZ, HIGHEST_HERTZ = 20.0, 12_000.0
DECIBELS = rf"({NUMBER})\s*(?:dB)?"


def sound_file(path: Path) -> Path:
    """The path itself, if a sound is there that can be decoded to its end. Raises Refusal."""
    files.regular_file(path)
    name = quoted(path.name)
    try:
        with path.open("rb") as file:
            if is_web_page(file.read(HEAD)):
                raise Refusal(f"{name} cannot be read: {WORDS.format(what='a sound')}")
        facts_of(path)
    except VqclipError as error:
        raise Refusal(f"{name} {error}") from None
    except OSError as error:
        raise Refusal(f"cannot read {name}: {files.reason(error)}") from None
    return path


def beat_file(path: Path) -> Path:
    """The path itself, if it lists beats. Raises Refusal."""
    files.regular_file(path)
    try:
        read_beats(path)
    except (ValueError, OSError) as error:
        raise Refusal(f"{quoted(path.name)}: {error}") from None
    return path


@dataclass(frozen=True)
class SoundFile(CheckedFile):
    """A sound; where it will not be heard as it is, that is pointed out."""

    check: Callable[[Path], Path] = sound_file
    own: bool = True

    def expected(self) -> str:
        return "the path of a sound"

    def read(self, node: Node, place: Place) -> Path:
        path = super().read(node, place)
        facts = facts_of(path)
        doubts = []
        if facts.channels > 2:
            doubts.append(f"{facts.channels} channels are mixed down to two")
        if facts.hertz > MOST_HERTZ:
            doubts.append(f"{facts.hertz / 1000:g} kHz become 48 kHz; nothing above 24 kHz is kept")
        place.doubt(node, doubts)
        return path


@dataclass(frozen=True)
class BeatFile(CheckedFile):
    """Beats that another program found."""

    check: Callable[[Path], Path] = beat_file
    own: bool = True

    def expected(self) -> str:
        return "the path of a list of beats: Audacity labels, .beats or CSV"


@dataclass(frozen=True)
class Gain(Kind):
    """How much louder or quieter, -3dB or 1.5; None for the word `auto`."""

    def expected(self) -> str:
        most = plain_number(MOST_DECIBELS)
        return f"auto, or decibels such as -3dB, from -{most} to {most}"

    def read(self, node: Node, place: Place) -> float | None:
        text = self.scalar(node).text.strip()
        if text == "auto":
            return None
        match = re.fullmatch(DECIBELS, text, re.IGNORECASE) if len(text) <= 64 else None
        if not match or not abs(float(match[1])) <= MOST_DECIBELS:
            raise self.refusal(node)
        return float(match[1])

    def schema(self, sections: dict[str, Schema]) -> Schema:
        number = Number(least=-MOST_DECIBELS, most=MOST_DECIBELS).schema(sections)
        written = {"type": "string", "pattern": rf"^\s*(?:auto|{DECIBELS})\s*$"}
        return {"anyOf": [number, written]}

    def write(self, value: float | None, name: Naming) -> str:
        return "auto" if value is None else f"{plain_number(value)}dB"

    def says(self, value: float | None) -> bool:
        return True


@dataclass(frozen=True)
class BeatsOfABar(Whole):
    """Beats of a bar; the usual four need not be said."""

    def says(self, value: int) -> bool:
        return value != USUAL_BAR


@dataclass(frozen=True)
class Band(Kind):
    """A band of a sound: its name, or [lowest, highest] in Hz."""

    def expected(self) -> str:
        return f"{', '.join(NAMED_BANDS)}, or two frequencies from 20 to 12000 Hz, as in [40, 120]"

    def read(self, node: Node, place: Place) -> str | tuple[float, float]:
        if isinstance(node, Scalar) and node.text in NAMED_BANDS:
            return node.text
        if not isinstance(node, Sequence) or len(node.items) != 2:
            raise self.refusal(node)
        if not all(is_number(item) for item in node.items):
            raise self.refusal(node)
        low, high = (float(item.text) for item in node.items)
        if not all(LOWEST_HERTZ <= each <= HIGHEST_HERTZ for each in (low, high)):
            raise self.refusal(node)
        if low >= high:
            raise Refusal(f"of two frequencies the lower comes first, found {low:g} and {high:g}")
        return low, high

    def schema(self, sections: dict[str, Schema]) -> Schema:
        hertz = {"type": "number", "minimum": LOWEST_HERTZ, "maximum": HIGHEST_HERTZ}
        pair = {"type": "array", "items": hertz, "minItems": 2, "maxItems": 2}
        return {"anyOf": [{"enum": list(NAMED_BANDS)}, pair]}

    def write(self, value: str | tuple[float, float], name: Naming) -> Any:
        return value if isinstance(value, str) else list(value)


@dataclass(frozen=True)
class DriveList(OneOrSeveral):
    """A list of mappings, each with what it moves and how far; one alone needs no list."""

    drive: Section

    def expected(self) -> str:
        return "a list of {file, band, to, amount, attack, release} entries"

    def read(self, node: Node, place: Place) -> Any:
        listed = isinstance(node, Sequence)
        items = node.items if listed else [node]
        if len(items) > MOST_DRIVES:
            raise Refusal(f"expected at most {MOST_DRIVES} entries, found {len(items)}")
        found = [
            self._one(item, place.item(index) if listed else place)
            for index, item in enumerate(items)
        ]
        return BAD if BAD in found else tuple(found)

    def within(self, step: str | int) -> Kind | None:
        return self if isinstance(step, int) else self.drive.within(step)

    def _one(self, node: Node, place: Place) -> Any:
        place.mark(node)
        if not isinstance(node, Mapping):
            return place.wrong(node, str(self.refusal(node)))
        given = self.drive.read(node, place)
        for name, asked in (("to", "what moves with the sound?"), ("amount", "how far?")):
            if name not in given:
                return place.wrong(node, f"{quoted(name)} is missing: {asked}")
        return BAD if BAD in given.values() else self.drive.type(**given)

    def schema(self, sections: dict[str, Schema]) -> Schema:
        one = self.drive.schema(sections)
        return {"anyOf": [one, {"type": "array", "items": one, "maxItems": MOST_DRIVES}]}

    def write(self, value: tuple, name: Naming) -> list[Any]:
        return [self.drive.write(each, name) for each in value]

    def says(self, value: tuple) -> bool:
        return bool(value)

    def files(self, value: tuple) -> Iterator[tuple[Path, Kind]]:
        for each in value:
            yield from self.drive.files(each)


@dataclass(frozen=True)
class AudioValue(Shortened):
    """A path stands for the mapping with its defaults."""

    section: Section

    def expected(self) -> str:
        return "the path of a sound, or a mapping with file, start, fade_in, fade_out or gain"

    def read(self, node: Node, place: Place) -> Any:
        if isinstance(node, Scalar) and not node.is_null:
            path = keys(self.section.type)["file"].read(node, place.key("file"))
            return BAD if path is BAD else self.section.type(file=path)
        if not isinstance(node, Mapping):
            raise self.refusal(node)
        given = self.section.read(node, place)
        if "file" not in given:
            raise Refusal("the file is missing: which sound?")
        return BAD if BAD in given.values() else self.section.type(**given)

    def within(self, step: str | int) -> Kind | None:
        return self.section.within(step)

    def mapping_of(self, node: Scalar) -> Node:
        return mapping_with(node, "file")

    def schema(self, sections: dict[str, Schema]) -> Schema:
        return {"anyOf": [PATH, self.section.schema(sections)]}

    def write(self, value: Any, name: Naming) -> Any:
        return self.section.write(value, name)

    def files(self, value: Any) -> Iterator[tuple[Path, Kind]]:
        yield from self.section.files(value)
