"""Every key a storyboard may hold, with its default, its range and its help text, written once.

The reader, the JSON Schema, the command line's `--set` and the README's settings table are all made
from these dataclasses. A value here is always complete and checked: film-wide settings have been
merged into each scene, paths are absolute, times are seconds.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

CURVES = ("linear", "ease-in", "ease-out", "ease-in-out", "cut")
BLENDS = ("slerp", "lerp")
LATENT_KEEP = ("scenes", "all")
TENSOR_FILES = ("latent", "sketchbook", "prior")  # kinds of keys that name a .safetensors file


def option(
    default, help, *, least=None, above=None, most=None, choices=None, kind=None, empty=None
):
    """A field with its allowed range: `least <= value <= most`, or `above < value`; `choices` for
    words.

    `kind` names how the value is written where its type alone does not say (see `Key.kind`);
    `empty`: whether a prompt may be none.
    """
    limits = {
        "least": least,
        "above": above,
        "most": most,
        "choices": choices,
        "kind": kind,
        "empty": empty,
    }
    return field(
        default=default,
        metadata={"help": help, **{k: v for k, v in limits.items() if v is not None}},
    )


@dataclass(frozen=True)
class PromptPart:
    """One thing the picture should (or should not) be like: a text or an image, never both."""

    text: str | None = option(None, "what to see, in words", kind="prompt text")
    image: Path | None = option(
        None, "a picture to resemble, beside the storyboard", kind="picture"
    )
    weight: float = option(
        1.0, "share of this part among the scene's prompts", above=0.0, most=1000.0
    )


Prompt = tuple[PromptPart, ...]


@dataclass(frozen=True)
class Losses:
    """Weights of the terms that the optimiser minimises; 0 switches a term off."""

    clip: float = option(1.0, "closeness to the prompts, by CLIP", least=0.0, most=1000.0)
    vq: float = option(
        0.0, "distance of the latent to the nearest codebook entries", least=0.0, most=1000.0
    )
    gan: float = option(
        0.0,
        "verdict of the VQGAN's own discriminator, where its file has one",
        least=0.0,
        most=1000.0,
    )
    tv: float = option(
        0.0, "total variation of the picture: higher is smoother", least=0.0, most=1000.0
    )
    prior: float = option(
        3.0,
        "distance to what the pair's prior expects, in scenes without a guide; it fades as a scene "
        "goes on",
        least=0.0,
        most=1000.0,
    )


@dataclass(frozen=True)
class Augment:
    """How the cutouts differ from each other."""

    flip: float = option(0.5, "share of the cutouts that are mirrored", least=0.0, most=1.0)
    rotate: float = option(12.0, "largest rotation, in degrees", least=0.0, most=180.0)
    shear: float = option(5.0, "largest shear, in degrees", least=0.0, most=45.0)
    overview: float = option(
        0.4, "share of the cutouts that show the whole picture", least=0.0, most=1.0
    )
    smallest: float = option(
        0.45,
        "side of the smallest crop, as a share of the picture's shorter side",
        above=0.0,
        most=1.0,
    )
    pad: float = option(
        0.06,
        "how far a crop may reach beyond the border, as a share of the picture's shorter side",
        least=0.0,
        most=0.5,
    )
    gain: float = option(0.15, "largest change of contrast and brightness", least=0.0, most=1.0)


@dataclass(frozen=True)
class Guide:
    """What a scene's picture is drawn toward besides its prompt: `auto`, `off`, an image, or a
    sketch for these words.

    `auto` (nothing is set) is the sketch of the models' sketchbook that fits the prompt, where one
    does.
    """

    image: Path | None = option(
        None, "a picture of one's own, cropped to the film's shape", kind="picture"
    )
    sketch: str | None = option(
        None, "words to choose the sketch by, instead of the prompt", kind="prompt text"
    )
    # written as the word, in place of the mapping
    off: bool = field(default=False, metadata={"internal": True})

    @property
    def word(self) -> str:
        """`auto` or `off`; nothing where an image or a sketch is named."""
        return "off" if self.off else "" if self.image or self.sketch else "auto"


@dataclass(frozen=True)
class GuideWeight:
    """Share of the way to its guide that the latent is moved each iteration; from `start` to
    `end` geometrically.
    """

    start: float = option(
        0.1, "share at the scene's start, held while the film travels there", least=0.0, most=1.0
    )
    end: float = option(0.03, "share at the end of `over` and from then on", least=0.0, most=1.0)
    over: float = option(
        0.6,
        "how long that takes, as a share of the scene after its transition",
        least=0.0,
        most=1.0,
    )


@dataclass(frozen=True)
class Settings:
    """What a scene is optimised with.

    `settings:` of the film are the defaults of each scene's own.
    """

    learning_rate: float = option(0.08, "step size of AdamW on the latent", above=0.0, most=10.0)
    weight_decay: float = option(0.0, "AdamW's decay of the latent", least=0.0, most=10.0)
    noise_factor: float = option(
        0.1, "strongest noise added to the cutouts (picture values are 0 to 1)", least=0.0, most=1.0
    )
    cutouts: int = option(
        24, "augmented views of the picture that CLIP sees each iteration", least=1, most=1024
    )
    batch_size: int = option(
        0,
        "cutouts per CLIP call, to save memory; 0 is all at once; the result is the same",
        least=0,
        most=1024,
    )
    show_step: int = option(2, "iterations between two frames of the film", least=1, most=10000)
    style: Prompt = option(
        (), "extra text, said once for every scene: a text, or a list like a prompt", empty=True
    )
    w1: float = option(1.0, "weight of the scene's prompt in the target", least=0.0, most=1000.0)
    w2: float = option(0.3, "weight of the style text in the target", least=0.0, most=1000.0)
    exclude: Prompt = option(
        (), "what the picture should not be like: a text, or a list like a prompt", empty=True
    )
    guide: Guide = option(
        Guide(),
        "what to draw the picture toward: `auto` (the sketchbook's fitting sketch), `off`, {image} "
        "or {sketch}",
        kind="guide",
    )
    guide_weight: GuideWeight = option(
        GuideWeight(), "how strongly; a number alone is the same all through the scene"
    )
    losses: Losses = option(Losses(), "weights of the loss terms")
    augment: Augment = option(Augment(), "how the cutouts are varied")


@dataclass(frozen=True)
class Transition:
    """How the target travels from the scene before to this one, counted from this scene's start."""

    duration: float = option(
        1.0,
        "seconds of film; by default 1s, or the whole scene where it is shorter",
        least=0.0,
        most=86400.0,
        kind="time",
    )
    curve: str = option(
        "ease-in-out", "course of the travel over time; `cut` begins afresh", choices=CURVES
    )
    blend: str = option(
        "slerp", "path between the two targets: along the sphere, or straight", choices=BLENDS
    )


@dataclass(frozen=True)
class Scene:
    """One prompt held for a time.

    Exactly one of `duration` and `iterations` is set once `at` is resolved.
    """

    prompt: Prompt = option((), "a text, or a list of texts and {text|image, weight} entries")
    duration: float | None = option(
        None,
        "seconds of film: 3, 3s, 500ms, 1:30, 100f; 3s where nothing is said",
        above=0.0,
        most=86400.0,
        kind="time",
    )
    iterations: int | None = option(
        None, "optimiser steps, instead of a duration", least=1, most=100_000_000
    )
    at: float | None = option(
        None,
        "when the scene starts, instead of a duration; then every scene says so",
        least=0.0,
        most=86400.0,
        kind="time",
    )
    transition: Transition | None = option(
        None, "how the target travels here from the scene before"
    )
    settings: Settings = option(Settings(), "overrides of the film's settings")

    @property
    def parts(self) -> dict[str, Prompt]:
        """All that CLIP is told of this scene, by the key that it stands under."""
        settings = self.settings
        return {
            "prompt": self.prompt,
            "settings.exclude": settings.exclude,
            "settings.style": settings.style,
        }

    @property
    def begins_afresh(self) -> bool:
        """Whether nothing of the scene before is carried into this one."""
        return self.transition is not None and self.transition.curve == "cut"


@dataclass(frozen=True)
class Models:
    """Which CLIP and which VQGAN: names of `vqclip-video models list`, or absolute paths of
    files of one's own.
    """

    clip: str = option(
        "storybook", "a name, or the path of an OpenAI-CLIP checkpoint", kind="model"
    )
    vqgan: str = option(
        "storybook", "a name, or the path of a taming VQGAN checkpoint", kind="model"
    )
    vqgan_config: Path | None = option(
        None, "the VQGAN's YAML; by default the one beside the checkpoint", kind="path"
    )

    @property
    def names(self) -> str:
        """Both in a few words: the name of the pair, or the two names; files of one's own by
        their bare names.
        """
        named = (self.clip, self.vqgan)
        return " + ".join(
            dict.fromkeys(Path(name).name if Path(name).is_absolute() else name for name in named)
        )


@dataclass(frozen=True)
class Init:
    """What the latent starts from: noise, unless an image or a saved latent is named."""

    noise: float = option(
        0.3, "strength of the noise, in standard deviations of the codebook", least=0.0, most=10.0
    )
    image: Path | None = option(
        None, "a picture, taken through the VQGAN's encoder", kind="picture"
    )
    latent: Path | None = option(
        None, "a latent saved by an earlier film (.safetensors)", kind="latent"
    )


@dataclass(frozen=True)
class Storyboard:
    """A whole film, checked and complete."""

    title: str = option("", "name of the film, written into the MP4")
    size: tuple[int, int] = option(
        (256, 256),
        "delivered pixels, WIDTHxHEIGHT, or a word such as square, reel or 16:9",
        least=16,
        most=8192,
        kind="size",
    )
    fps: Fraction = option(
        Fraction(24), "frames a second: 24, 23.976, 30000/1001", least=1.0, most=240.0, kind="rate"
    )
    seed: int | None = option(
        0,
        "the film's random numbers; the same seed gives the same film; `random` draws one (here "
        "None)",
        least=0,
        most=2**63 - 1,
        kind="seed",
    )
    models: Models = option(Models(), "a named pair, or {clip, vqgan}")
    init: Init = option(Init(), "what the first picture starts from")
    sketchbook: Path | None = option(
        None,
        "a sketchbook for these models; by default the one that comes with the pair",
        kind="sketchbook",
    )
    prior: Path | None = option(
        None, "a prior for these models; by default the one that comes with the pair", kind="prior"
    )
    grids: int = option(
        4,
        "resolutions the latent is the sum of, each half of the one before; 1 is the plain latent",
        least=1,
        most=8,
    )
    grow: bool = option(
        False, "optimise the first half of the first scene at half the resolution, which is faster"
    )
    latents: str = option(
        "scenes",
        "which latents are kept: those of the scenes' ends, or one for each frame",
        choices=LATENT_KEEP,
    )
    settings: Settings = option(Settings(), "defaults for every scene")
    scenes: tuple[Scene, ...] = option((), "the scenes, in order")
    source: Path | None = field(default=None, compare=False, metadata={"internal": True})
    # What may not mean what its writer thinks, each a problems.Problem with its place.
    warnings: tuple = field(default=(), compare=False, repr=False, metadata={"internal": True})
    # Where each value was written (problems.Mark: line, column), by its dotted path, for checks
    # that come later.
    marks: dict = field(
        default_factory=dict, compare=False, repr=False, metadata={"internal": True}
    )

    @property
    def home(self) -> Path:
        """The folder that the film's files belong to: the storyboard's own, or the current one."""
        return self.source.absolute().parent if self.source else Path.cwd()


@dataclass(frozen=True)
class Key:
    """One key of a storyboard, as its dataclass field declares it."""

    name: str
    type: Any  # without `| None`
    kind: str  # how it is written: a kind of `option`, or that of its type
    default: Any
    help: str
    least: float | None = None
    above: float | None = None
    most: float | None = None
    choices: tuple[str, ...] | None = None
    empty: bool = False


KIND_OF_TYPE = {
    float: "number",
    int: "whole",
    bool: "flag",
    str: "text",
    Prompt: "prompt",
    tuple[Scene, ...]: "scenes",
}


@functools.cache
def keys(section: type) -> dict[str, Key]:
    """The keys that the mapping for a dataclass of this module may hold, in order."""
    hints = typing.get_type_hints(section)
    return {
        item.name: _key(item, _without_none(hints[item.name]))
        for item in dataclasses.fields(section)
        if "internal" not in item.metadata
    }


def _key(item: dataclasses.Field, type_: Any) -> Key:
    metadata = dict(item.metadata)
    kind = metadata.pop("kind", None)
    if kind is None:
        kind = "section" if dataclasses.is_dataclass(type_) else KIND_OF_TYPE[type_]
    if "choices" in metadata:
        kind = "word"
    return Key(name=item.name, type=type_, kind=kind, default=item.default, **metadata)


def _without_none(hint: Any) -> Any:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        (hint,) = (part for part in typing.get_args(hint) if part is not type(None))
    return hint
