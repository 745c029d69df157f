"""Every key a storyboard may hold, with its default, its range and its help text, written once.

The reader, the JSON Schema, the command line's `--set` and the README's settings table are all made
from these dataclasses. A value here is always complete and checked: film-wide settings have been
merged into each scene, paths are absolute, times are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from . import files
from .file_kinds import Architecture, FilePath, ModelName, Picture, TensorFile
from .kinds import internal, keys, option
from .moving import Moving
from .numbers import Number, Rate, Seed, Size, Time, Weight, Whole
from .sections import Parts, SceneList, Section
from .shorthands import (
    CLIPValue,
    GuideValue,
    GuideWeightSection,
    InitSection,
    ModelsSection,
    TransitionSection,
)
from .texts import Flag, PromptText, Text, Word

CURVES = ("linear", "ease-in", "ease-out", "ease-in-out", "cut")
BLENDS = ("slerp", "lerp")
MORPHS = ("dream", "blend")
LATENT_KEEP = ("scenes", "all")


@dataclass(frozen=True)
class PromptPart:
    """One thing the picture should (or should not) be like: a text or an image, never both."""

    text: str | None = option(None, "what to see, in words", PromptText())
    image: Path | None = option(None, "a picture to resemble, beside the storyboard", Picture())
    weight: float = option(
        1.0, "share of this part among the scene's prompts", Moving(Weight(above=0.0, most=1000.0))
    )


Prompt = tuple[PromptPart, ...]
PART = Section(PromptPart, {"oneOf": [{"required": ["text"]}, {"required": ["image"]}]})


@dataclass(frozen=True)
class Losses:
    """Weights of the terms that the optimiser minimises; 0 switches a term off."""

    clip: float = option(
        1.0, "closeness to the prompts, by CLIP", Moving(Number(least=0.0, most=1000.0))
    )
    vq: float = option(
        0.0,
        "distance of the latent to the nearest codebook entries",
        Moving(Number(least=0.0, most=1000.0)),
    )
    gan: float = option(
        0.0,
        "verdict of the VQGAN's own discriminator, where its file has one",
        Moving(Number(least=0.0, most=1000.0)),
    )
    tv: float = option(
        0.0,
        "total variation of the picture: higher is smoother",
        Moving(Number(least=0.0, most=1000.0)),
    )
    prior: float = option(
        3.0,
        "distance to what the pair's prior expects, in scenes without a guide; it fades as a scene "
        "goes on",
        Moving(Number(least=0.0, most=1000.0)),
    )


@dataclass(frozen=True)
class Augment:
    """How the cutouts differ from each other."""

    flip: float = option(
        0.5, "share of the cutouts that are mirrored", Moving(Number(least=0.0, most=1.0))
    )
    rotate: float = option(
        12.0, "largest rotation, in degrees", Moving(Number(least=0.0, most=180.0))
    )
    shear: float = option(5.0, "largest shear, in degrees", Moving(Number(least=0.0, most=45.0)))
    overview: float = option(
        0.4, "share of the cutouts that show the whole picture", Moving(Number(least=0.0, most=1.0))
    )
    smallest: float = option(
        0.45,
        "side of the smallest crop, as a share of the picture's shorter side",
        Moving(Number(above=0.0, most=1.0)),
    )
    pad: float = option(
        0.06,
        "how far a crop may reach beyond the border, as a share of the picture's shorter side",
        Moving(Number(least=0.0, most=0.5)),
    )
    gain: float = option(
        0.15, "largest change of contrast and brightness", Moving(Number(least=0.0, most=1.0))
    )


@dataclass(frozen=True)
class Guide:
    """What a scene's picture is drawn toward besides its prompt: `auto`, `dream`, `off`, an image,
    a sketch for these words, or a dream of them.

    A dream is a picture that the models' prior draws for the prompt before the film. `auto` is the
    picture that the prompt mainly is, else a dream where the models have a prior, else the sketch
    of their sketchbook that fits the prompt, where one does.
    """

    image: Path | None = option(
        None, "a picture of one's own, cropped to the film's shape", Picture()
    )
    sketch: str | None = option(
        None, "words to choose the sketch by, instead of the prompt", PromptText()
    )
    dream: str | None = option(None, "words to dream of, instead of the prompt", PromptText())
    # written as the word, in place of the mapping
    said: str = internal(default="auto")

    @property
    def word(self) -> str:
        """One of `GUIDE_WORDS`; nothing where an image, a sketch or words to dream of are named."""
        return "" if self.image or self.sketch or self.dream else self.said

    @property
    def may_dream(self) -> bool:
        """Whether the scene is drawn toward a dream where the models have a prior."""
        return self.word in ("auto", "dream") or self.dream is not None


GUIDE_WORDS = ("auto", "dream", "off")
GUIDE = Section(Guide, {"oneOf": [{"required": [name]} for name in keys(Guide)]})


@dataclass(frozen=True)
class Dream:
    """How a scene's dream is drawn."""

    tries: int = option(
        4, "dreams drawn, of which the one nearest to the prompt is taken", Whole(least=1, most=64)
    )
    seed: int | None = option(
        None,
        "the dream of this seed, of those that `vqclip-video dream` shows, instead of tries",
        Whole(least=0, most=2**63 - 1),
    )
    carry: float = option(
        0.0,
        "begins with the last scene's guide under this share of noise, so that things stand where "
        "the last ones stood; 0 begins with noise alone",
        Number(least=0.0, most=1.0),
    )


@dataclass(frozen=True)
class GuideWeight:
    """Share of the way to its guide that the latent is moved each iteration; from `start` to
    `end` geometrically.
    """

    start: float = option(
        0.1,
        "share at the scene's start, held while the film travels there",
        Number(least=0.0, most=1.0),
    )
    end: float = option(
        0.03, "share at the end of `over` and from then on", Number(least=0.0, most=1.0)
    )
    over: float = option(
        0.6,
        "how long that takes, as a share of the scene after its transition",
        Number(least=0.0, most=1.0),
    )


@dataclass(frozen=True)
class Settings:
    """What a scene is optimised with.

    `settings:` of the film are the defaults of each scene's own.
    """

    learning_rate: float = option(
        0.08, "step size of AdamW on the latent", Moving(Number(above=0.0, most=10.0))
    )
    weight_decay: float = option(
        0.0, "AdamW's decay of the latent", Moving(Number(least=0.0, most=10.0))
    )
    noise_factor: float = option(
        0.1,
        "strongest noise added to the cutouts (picture values are 0 to 1)",
        Moving(Number(least=0.0, most=1.0)),
    )
    cutouts: int = option(
        24,
        "augmented views of the picture that CLIP sees each iteration",
        Whole(least=1, most=1024),
    )
    batch_size: int = option(
        0,
        "cutouts per CLIP call, to save memory; 0 is all at once; the result is the same",
        Whole(least=0, most=1024),
    )
    show_step: int = option(
        2, "iterations between two frames of the film", Whole(least=1, most=10000)
    )
    style: Prompt = option(
        (),
        "extra text, said once for every scene: a text, or a list like a prompt",
        Parts(PART, empty=True),
    )
    w1: float = option(
        1.0, "weight of the scene's prompt in the target", Moving(Number(least=0.0, most=1000.0))
    )
    w2: float = option(
        0.3, "weight of the style text in the target", Moving(Number(least=0.0, most=1000.0))
    )
    exclude: Prompt = option(
        (),
        "what the picture should not be like: a text, or a list like a prompt",
        Parts(PART, empty=True),
    )
    guide: Guide = option(
        Guide(),
        "what to draw the picture toward: `auto` (a dream where the models have a prior, else the "
        "fitting sketch), `dream`, `off`, {image}, {sketch} or {dream}",
        GuideValue(GUIDE, GUIDE_WORDS),
    )
    dream: Dream = option(Dream(), "how the dream is drawn", Section(Dream))
    guide_weight: GuideWeight = option(
        GuideWeight(),
        "how strongly; a number alone is the same all through the scene",
        GuideWeightSection(GuideWeight),
    )
    losses: Losses = option(Losses(), "weights of the loss terms", Section(Losses))
    augment: Augment = option(Augment(), "how the cutouts are varied", Section(Augment))


@dataclass(frozen=True)
class Transition:
    """How the target travels from the scene before to this one, counted from this scene's start."""

    duration: float = option(
        1.0,
        "seconds of film; by default 1s, or the whole scene where it is shorter",
        Time(least=0.0, most=86400.0),
    )
    curve: str = option(
        "ease-in-out", "course of the travel over time; `cut` begins afresh", Word(CURVES)
    )
    blend: str = option(
        "slerp", "path between the two targets: along the sphere, or straight", Word(BLENDS)
    )
    morph: str = option(
        "dream",
        "how the guide travels: through dreams of what lies between, where both scenes have one, "
        "or in a straight `blend` of the two",
        Word(MORPHS),
    )
    keyframes: int = option(
        9,
        "dreams of a morph at most, both ends included; they are placed where it changes most",
        Whole(least=2, most=64),
    )


@dataclass(frozen=True)
class Scene:
    """One prompt held for a time.

    Exactly one of `duration` and `iterations` is set once `at` is resolved.
    """

    prompt: Prompt = option(
        (), "a text, or a list of texts and {text|image, weight} entries", Parts(PART)
    )
    duration: float | None = option(
        None,
        "seconds of film: 3, 3s, 500ms, 1:30, 100f; 3s where nothing is said",
        Time(above=0.0, most=86400.0),
    )
    iterations: int | None = option(
        None, "optimiser steps, instead of a duration", Whole(least=1, most=100_000_000)
    )
    at: float | None = option(
        None,
        "when the scene starts, instead of a duration; then every scene says so",
        Time(least=0.0, most=86400.0),
    )
    transition: Transition | None = option(
        None, "how the target travels here from the scene before", TransitionSection(Transition)
    )
    settings: Settings = option(Settings(), "overrides of the film's settings", Section(Settings))

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


SCENE = Section(Scene, {"required": ["prompt"], "not": {"required": ["duration", "iterations"]}})


@dataclass(frozen=True)
class ChosenCLIP:
    """A CLIP, by its name or by a file of one's own: exactly one of `name` and `file` is set."""

    name: str | None = option(None, "a name of `vqclip-video models list`", ModelName())
    file: Path | None = option(None, "a checkpoint of one's own", FilePath())
    arch: str | None = option(
        None,
        "what the weights of that file are, where neither they nor a config beside them say it: a "
        "name of open_clip's, such as ViT-H-14 or ViT-B-32-quickgelu, or of a CLIP known here",
        Architecture(),
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


CHOSEN_CLIP = Section(ChosenCLIP, {"oneOf": [{"required": ["name"]}, {"required": ["file"]}]})


@dataclass(frozen=True)
class Models:
    """Which CLIP and which VQGAN: names of `vqclip-video models list`, or absolute paths of
    files of one's own.

    A CLIP given as a text is the `ChosenCLIP` of that name or path.
    """

    clip: tuple[ChosenCLIP, ...] = option(
        (ChosenCLIP("storybook"),),
        "a name, the path of a CLIP's checkpoint, or {file, arch}",
        CLIPValue(CHOSEN_CLIP),
    )
    vqgan: str = option(
        "storybook", "a name, or the path of a taming VQGAN checkpoint", ModelName()
    )
    vqgan_config: Path | None = option(
        None, "the VQGAN's YAML; by default the one beside the checkpoint", FilePath()
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
        named = (*self.clips, self.vqgan)
        return " + ".join(
            dict.fromkeys(Path(name).name if Path(name).is_absolute() else name for name in named)
        )


@dataclass(frozen=True)
class Init:
    """What the latent starts from: noise, unless an image or a saved latent is named."""

    noise: float = option(
        0.3,
        "strength of the noise, in standard deviations of the codebook",
        Number(least=0.0, most=10.0),
    )
    image: Path | None = option(None, "a picture, taken through the VQGAN's encoder", Picture())
    latent: Path | None = option(
        None, "a latent saved by an earlier film (.safetensors)", TensorFile(files.latent, own=True)
    )


@dataclass(frozen=True)
class Storyboard:
    """A whole film, checked and complete."""

    title: str = option("", "name of the film, written into the MP4", Text())
    size: tuple[int, int] = option(
        (256, 256),
        "delivered pixels, WIDTHxHEIGHT, or a word such as square, reel or 16:9",
        Size(least=16, most=8192),
    )
    fps: Fraction = option(
        Fraction(24), "frames a second: 24, 23.976, 30000/1001", Rate(least=1.0, most=240.0)
    )
    seed: int | None = option(
        0,
        "the film's random numbers; the same seed gives the same film; `random` draws one (here "
        "None)",
        Seed(least=0, most=2**63 - 1),
    )
    models: Models = option(Models(), "a named pair, or {clip, vqgan}", ModelsSection(Models))
    init: Init = option(
        Init(),
        "what the first picture starts from",
        InitSection(Init, {"not": {"required": ["image", "latent"]}}),
    )
    sketchbook: Path | None = option(
        None,
        "a sketchbook for these models; by default the one that comes with the pair",
        TensorFile(files.sketchbook_file, own=False),
    )
    prior: Path | None = option(
        None,
        "a prior for these models; by default the one that comes with the pair",
        TensorFile(files.prior_file, own=False),
    )
    grids: int = option(
        4,
        "resolutions the latent is the sum of, each half of the one before; 1 is the plain latent",
        Whole(least=1, most=8),
    )
    grow: bool = option(
        False,
        "optimise the first half of the first scene at half the resolution, which is faster",
        Flag(),
    )
    latents: str = option(
        "scenes",
        "which latents are kept: those of the scenes' ends, or one for each frame",
        Word(LATENT_KEEP),
    )
    settings: Settings = option(Settings(), "defaults for every scene", Section(Settings))
    scenes: tuple[Scene, ...] = option((), "the scenes, in order", SceneList(SCENE))
    source: Path | None = internal(default=None, compare=False)
    # What may not mean what its writer thinks, each a problems.Problem with its place.
    warnings: tuple = internal(default=(), compare=False, repr=False)
    # Where each value was written (problems.Mark: line, column), by its dotted path, for checks
    # that come later.
    marks: dict = internal(default_factory=dict, compare=False, repr=False)

    @property
    def home(self) -> Path:
        """The folder that the film's files belong to: the storyboard's own, or the current one."""
        return self.source.absolute().parent if self.source else Path.cwd()


FILM = Section(Storyboard, {"required": ["scenes"]})
