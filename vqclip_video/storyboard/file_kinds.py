"""Kinds of values that name files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..catalogue.names import MADE_LIKE, made_like
from ..errors import UsageError
from . import files
from .kinds import Kind, Naming, Place, Refusal, Schema
from .texts import TEXT, text_of
from .yaml_nodes import Node

PATH: Schema = {**TEXT, "pattern": r"\S"}


@dataclass(frozen=True)
class FilePath(Kind):
    """A path, as seen from the storyboard's folder; whether a file is there is not looked at."""

    def expected(self) -> str:
        return "a path"

    def read(self, node: Node, place: Place) -> Path:
        return files.absolute(text_of(self, node), place.reading.base)

    def schema(self, sections: dict[str, Schema]) -> Schema:
        return PATH

    def write(self, value: Path, name: Naming) -> str:
        return name(value)


@dataclass(frozen=True)
class CheckedFile(FilePath):
    """A file that has to be there and to be what it should.

    check: returns the path, or raises Refusal. own: whether it is the film's own, so that its
    content is a part of what the storyboard says; what belongs to the models is known by them.
    """

    check: Callable[[Path], Path]
    own: bool

    def read(self, node: Node, place: Place) -> Path:
        path, checked = super().read(node, place), place.reading.checked
        slot = (self.check.__name__, path)
        if slot not in checked:
            try:
                self.check(path)
                checked[slot] = None
            except Refusal as refusal:
                checked[slot] = refusal
        if refusal := checked[slot]:
            raise refusal
        return path

    def files(self, value: Path) -> Iterator[tuple[Path, Kind]]:
        if self.own:
            yield value, self


@dataclass(frozen=True)
class Picture(CheckedFile):
    """A picture that can be read; where its values had to be interpreted, that is pointed out."""

    check: Callable[[Path], Path] = files.picture
    own: bool = True

    def expected(self) -> str:
        return "the path of a picture"

    def read(self, node: Node, place: Place) -> Path:
        path = super().read(node, place)
        place.doubt(node, filter(None, [files.picture_doubt(path)]))
        return path


@dataclass(frozen=True)
class TensorFile(CheckedFile):
    """A .safetensors file with certain tensors in it."""

    def expected(self) -> str:
        return "the path of a .safetensors file"

    def schema(self, sections: dict[str, Schema]) -> Schema:
        return {**PATH, "type": "string", "pattern": r"\.safetensors$"}


@dataclass(frozen=True)
class Architecture(Kind):
    """What a CLIP's weights are made like, in a word of the catalogue."""

    def expected(self) -> str:
        return "the name of an architecture, such as ViT-B-32"

    def read(self, node: Node, place: Place) -> str:
        value = text_of(self, node)
        try:
            made_like(value)
        except UsageError as error:
            raise Refusal(str(error)) from None
        return value

    def schema(self, sections: dict[str, Schema]) -> Schema:
        return {"enum": list(MADE_LIKE)}


@dataclass(frozen=True)
class ModelName(Kind):
    """A model's name, or the path of a file of one's own made absolute."""

    def expected(self) -> str:
        return "a name or a path"

    def read(self, node: Node, place: Place) -> str:
        return files.model(text_of(self, node), place.reading.base)

    def schema(self, sections: dict[str, Schema]) -> Schema:
        return PATH

    def write(self, value: str, name: Naming) -> str:
        return name(Path(value)) if Path(value).is_absolute() else value
