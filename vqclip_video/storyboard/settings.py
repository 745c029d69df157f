"""What a scene is told and optimised with: the keys of `settings`, and the parts of a prompt.

The rest of a storyboard's keys stand in schema.py, from which all of them are imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .file_kinds import Picture
from .kinds import internal, keys, option
from .motions import Ramp
from .moving import Moving
from .numbers import Number, Weight, Whole
from .parts import Parts
from .sections import Section
from .shorthands import RampSection, WordOrOne
from .texts import PromptText


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

    tries: int = option(4, "dreams drawn, of which the best is taken", Whole(least=1, most=64))
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


def _over() -> float:
    """The key `over` of a ramp."""
    about = "how long that takes, as a share of the scene after its transition"
    return option(0.6, about, Number(least=0.0, most=1.0))


@dataclass(frozen=True)
class GuideWeight(Ramp):
    """Share of the way to its guide that the latent is moved each iteration; from `start` to
    `end` geometrically.
    """

    start: float = option(
        0.25,
        "share at the scene's start, held while the film travels there",
        Number(least=0.0, most=1.0),
    )
    end: float = option(
        0.25, "share at the end of `over` and from then on", Number(least=0.0, most=1.0)
    )
    over: float = _over()
    geometric: bool = internal(default=True)


@dataclass(frozen=True)
class StepSize(Ramp):
    """Step size of AdamW on the latent; from `start` to `end` geometrically.

    Where it falls, what a scene has found settles: steps of one size go on for ever around it.
    """

    start: float = option(
        0.08,
        "step size at the scene's start, held while the film travels there",
        Number(above=0.0, most=10.0),
    )
    end: float = option(
        0.03, "step size at the end of `over` and from then on", Number(above=0.0, most=10.0)
    )
    over: float = _over()
    geometric: bool = internal(default=True)


@dataclass(frozen=True)
class Settings:
    """What a scene is optimised with.

    `settings:` of the film are the defaults of each scene's own.
    """

    learning_rate: float = option(
        StepSize(),
        "step size of AdamW on the latent; a number alone is the same all through the scene",
        RampSection(StepSize),
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
    smoothing: float = option(
        0.0,
        "share of the frame before in what is shown of the latent, a running mean; the latent "
        "itself goes on",
        Moving(Number(least=0.0, most=0.99)),
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
        WordOrOne(GUIDE, GUIDE_WORDS, "a scene is drawn toward one of them"),
    )
    dream: Dream = option(Dream(), "how the dream is drawn", Section(Dream))
    guide_weight: float = option(
        GuideWeight(),
        "how strongly; a number alone is the same all through the scene",
        RampSection(GuideWeight),
    )
    losses: Losses = option(Losses(), "weights of the loss terms", Section(Losses))
    augment: Augment = option(Augment(), "how the cutouts are varied", Section(Augment))
