"""Every key a storyboard may hold, with its default, its range and its help text, written once.

The reader, the JSON Schema, the command line's `--set` and the README's settings table are all made
from these dataclasses. A value here is always complete and checked: film-wide settings have been
merged into each scene, paths are absolute, times are seconds. Those of a scene's settings stand in
settings.py, those of the models in chosen_models.py, what is made of the film in delivered.py; all
are imported from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from . import files
from .audio import AUDIO, DRIVES
from .audio import Audio as Audio
from .audio import Drive as Drive
from .beginnings import SCENE_START, SceneStart
from .camera import CAMERA, Camera
from .chosen_models import CHOSEN_MODELS
from .chosen_models import ChosenCLIP as ChosenCLIP
from .chosen_models import Models as Models
from .delivered import CAPTIONS, ORDER
from .delivered import Captioning as Captioning
from .delivered import Order as Order
from .file_kinds import Picture, TensorFile
from .grid import Grid
from .kinds import internal, option
from .numbers import Number, Rate, Seed, Size, Time, Whole
from .orders import CaptionsValue, Orders
from .parts import Parts
from .sections import SceneList, Section
from .settings import PART as PART
from .settings import Augment as Augment
from .settings import Dream as Dream
from .settings import Guide as Guide
from .settings import GuideWeight as GuideWeight
from .settings import Losses as Losses
from .settings import Prompt as Prompt
from .settings import PromptPart as PromptPart
from .settings import Settings as Settings
from .settings import StepSize as StepSize
from .shorthands import InitSection, TransitionSection
from .sounds import BeatFile, BeatsOfABar
from .texts import Flag, FlagOrWord, Text, Word

CURVES = ("linear", "ease-in", "ease-out", "ease-in-out", "cut")
BLENDS = ("slerp", "lerp")
MORPHS = ("dream", "blend")
PACINGS = ("even", "steady")
LATENT_KEEP = ("auto", "frames", "ends")


@dataclass(frozen=True)
class Transition:
    """How the target travels from the scene before to this one, counted from this scene's start."""

    duration: float = option(
        1.0,
        "seconds of film, or beats; by default 1s, or the whole scene where it is shorter",
        Time(least=0.0, most=86400.0, beats=True),
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
        "seconds of film: 3, 3s, 500ms, 1:30, 100f; or 4b, 2bars; 3s where nothing is said",
        Time(above=0.0, most=86400.0, beats=True),
    )
    iterations: int | None = option(
        None, "optimiser steps, instead of a duration", Whole(least=1, most=100_000_000)
    )
    at: float | None = option(
        None,
        "when the scene starts, instead of a duration; then every scene says so",
        Time(least=0.0, most=86400.0, beats=True),
    )
    transition: Transition | None = option(
        None, "how the target travels here from the scene before", TransitionSection(Transition)
    )
    pacing: str | None = option(
        None, "how its frames are placed, instead of the film's way", Word(PACINGS)
    )
    hold: float | None = option(
        None,
        "seconds at the scene's end in which the picture stands still, within its length",
        Time(least=0.0, most=86400.0),
    )
    caption: str | None = option(
        None, "words to show over the scene, where the film has captions", Text()
    )
    name: str | None = option(None, "what another scene's `from` calls it", Text())
    from_: SceneStart | None = option(
        None,
        "what the picture begins as: `previous`, `noise`, {image} or {scene}; by default the "
        "picture before it, and after a `cut` the scene's guide, or noise",
        SCENE_START,
    )
    camera: Camera = option(Camera(), "overrides of the film's camera", CAMERA)
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
        if self.from_:
            return self.from_.word != "previous"
        return self.transition is not None and self.transition.curve == "cut"

    @property
    def begins_from_noise(self) -> bool:
        """Whether it does so without a picture to begin as, its guide aside."""
        return self.begins_afresh and (self.from_ is None or self.from_.word == "noise")


SCENE = Section(Scene, {"required": ["prompt"], "not": {"required": ["duration", "iterations"]}})


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
    models: Models = option(Models(), "a named pair, or {clip, vqgan}", CHOSEN_MODELS)
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
    pacing: str = option(
        "even",
        "how a scene's frames are placed on the way of its picture: at equal distances, or as it "
        "was optimised, steadily in time",
        Word(PACINGS),
    )
    loop: bool | str = option(
        False,
        "true: the end leads back to the first picture; pingpong: the film, then backwards",
        FlagOrWord("pingpong"),
    )
    hold: float = option(
        0.0,
        "seconds at the film's end in which the picture stands still, within the last scene",
        Time(least=0.0, most=86400.0),
    )
    latents: str = option(
        "auto",
        "which latents are kept: one for each frame, from which other films are printed, or those "
        "of the scenes' ends; auto: frames, where they take at most a tenth of the free disk",
        Word(LATENT_KEEP),
    )
    audio: Audio | None = option(
        None, "what the film is heard with: a file, or {file, start, gain, …}", AUDIO
    )
    length: str | None = option(
        None, "`audio`: the film lasts as long as its sound", Word(("audio",))
    )
    bpm: float | None = option(
        None, "beats a minute, for times in beats", Number(least=20.0, most=400.0)
    )
    offset: float | None = option(
        None,
        "when the first beat is in the sound; by default it is listened to",
        Time(least=0.0, most=86400.0),
    )
    beats: Path | None = option(
        None, "a list of beats, instead of bpm: Audacity labels, .beats, CSV", BeatFile()
    )
    bar: int = option(4, "beats of a bar", BeatsOfABar(least=1, most=32))
    land: str | None = option(
        None,
        "which beats the pictures change on: `beats` or `downbeats`",
        Word(("beats", "downbeats")),
    )
    drive: tuple[Drive, ...] = option(
        (), "settings that move with a band of a sound: {band, to, amount, …}", DRIVES
    )
    deliver: tuple[Order, ...] = option(
        (),
        "files to make of the finished film: a list of names or {name, fit, max_mb}",
        Orders(ORDER),
    )
    captions: Captioning | None = option(
        None, "words over the deliveries: true, false, or {text, style}", CaptionsValue(CAPTIONS)
    )
    provenance: str = option(
        "on", "whether every file says that it was generated", Word(("on", "off"))
    )
    camera: Camera = option(Camera(), "how the camera moves, in every scene", CAMERA)
    settings: Settings = option(Settings(), "defaults for every scene", Section(Settings))
    scenes: tuple[Scene, ...] = option((), "the scenes, in order", SceneList(SCENE))
    source: Path | None = internal(default=None, compare=False)
    # Where the beats lie; made of bpm, offset, beats and the sound.
    grid: Grid | None = internal(default=None, compare=False, repr=False)
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
