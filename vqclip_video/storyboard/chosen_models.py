"""Which CLIPs and which VQGAN: the keys of a storyboard's `models`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .file_kinds import Architecture, FilePath, ModelName
from .kinds import option
from .numbers import Number
from .sections import Section
from .shorthands import CLIPValue, ModelsSection
from .texts import Flag


@dataclass(frozen=True)
class ChosenCLIP:
    """A CLIP, by its name or by a file of one's own: exactly one of `name` and `file` is set.

    Where several judge a film, each counts by its share of their weights.
    """

    name: str | None = option(None, "a name of `vqclip-video models list`", ModelName())
    file: Path | None = option(None, "a checkpoint of one's own", FilePath())
    arch: str | None = option(
        None,
        "what the weights of that file are, where neither they nor a config beside them say it: a "
        "name of open_clip's, such as ViT-H-14 or ViT-B-32-quickgelu, or of a CLIP known here",
        Architecture(),
    )
    weight: float = option(
        1.0, "how much it counts among several CLIPs", Number(above=0.0, most=1000.0)
    )

    @classmethod
    def of(cls, name: str | None = None, file: Path | None = None, **rest: Any) -> ChosenCLIP:
        """The same; a name that is an absolute path is a file."""
        if name is not None and Path(name).is_absolute():
            name, file = None, Path(name)
        return cls(name, file, **rest)

    @property
    def model(self) -> str:
        """The name, or the path, in one word."""
        return self.name if self.file is None else str(self.file)

    @property
    def label(self) -> str:
        """The name; a file of one's own by its bare name."""
        return Path(self.model).name if Path(self.model).is_absolute() else self.model


CHOSEN_CLIP = Section(ChosenCLIP, {"oneOf": [{"required": ["name"]}, {"required": ["file"]}]})


@dataclass(frozen=True)
class Models:
    """Which CLIP and which VQGAN: names of `vqclip-video models list`, or absolute paths of
    files of one's own.

    A CLIP given as a text is the `ChosenCLIP` of that name or path.
    """

    clip: tuple[ChosenCLIP, ...] = option(
        (ChosenCLIP("storybook"),),
        "a name, the path of a CLIP's checkpoint, {file, arch}, or a list of several, each with a "
        "weight; the first is the one that sketchbook and prior belong to",
        CLIPValue(CHOSEN_CLIP),
    )
    vqgan: str = option(
        "storybook", "a name, or the path of a taming VQGAN checkpoint", ModelName()
    )
    vqgan_config: Path | None = option(
        None, "the VQGAN's YAML; by default the one beside the checkpoint", FilePath()
    )
    alternate: bool = option(
        False,
        "show each iteration to one of several CLIPs, in turns, which takes the time of one",
        Flag(),
    )

    def __post_init__(self) -> None:
        if isinstance(self.clip, str):
            object.__setattr__(self, "clip", (ChosenCLIP.of(self.clip),))

    @property
    def clips(self) -> tuple[str, ...]:
        """The names, or paths, of the CLIPs."""
        return tuple(clip.model for clip in self.clip)

    @property
    def names(self) -> str:
        """All in a few words: the name of the pair, or the names; files of one's own by their
        bare names.
        """
        vqgan = ChosenCLIP.of(self.vqgan).label
        return " + ".join(dict.fromkeys([*(clip.label for clip in self.clip), vqgan]))

    @property
    def labels(self) -> tuple[str, ...]:
        """What to call each CLIP: no two alike."""
        found: list[str] = []
        for clip in self.clip:
            alike = sum(other.label == clip.label for other in self.clip[: len(found)])
            found.append(f"{clip.label} ({alike + 1})" if alike else clip.label)
        return tuple(found)


# Turns are taken by several.
CHOSEN_MODELS = ModelsSection(
    Models,
    {
        "if": {"properties": {"alternate": {"const": True}}, "required": ["alternate"]},
        "then": {"properties": {"clip": {"type": "array", "minItems": 2}}, "required": ["clip"]},
    },
)
