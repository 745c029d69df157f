"""What the recipe does in which order, what it leaves, and how much of everything. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

CLIP_FILE, VQGAN_FILE = "clip.safetensors", "vqgan.safetensors"
PRIOR_FILE, SKETCHBOOK_FILE = "prior.safetensors", "sketchbook.safetensors"
VQGAN_CONFIG = Path(__file__).with_name("vqgan.yaml")  # of its training


@dataclass(frozen=True)
class RecipeStage:
    """A stage of the recipe: its `share` of the minutes of training, and the file it `leaves`."""

    share: float = 0.0
    leaves: str | None = None


RECIPE_STAGES = {  # in order
    "pictures": RecipeStage(),
    "image-tower": RecipeStage(share=0.33),
    "text-tower": RecipeStage(share=0.10, leaves=CLIP_FILE),
    "vqgan": RecipeStage(share=0.30, leaves=VQGAN_FILE),
    "prior": RecipeStage(share=0.27, leaves=PRIOR_FILE),
    "sketchbook": RecipeStage(leaves=SKETCHBOOK_FILE),
}
PAIR_FILES = tuple(
    stage.leaves for stage in RECIPE_STAGES.values() if stage.leaves
)  # of a finished pair


@dataclass(frozen=True)
class TowerBatches:
    """How the image tower is taught: the sizes of its batches and the strength of disturbances."""

    pictures: int = 104
    sprites: int = 64
    # L2 length of the adversarial step, on a view of 3 x 64 x 64 values of 0..1
    strongest: float = 1.8
    noise: float = 0.25  # standard deviation of the strongest noise on a view
    learning_rate: float = 1.5e-3


@dataclass(frozen=True)
class PriorTraining:
    """How the prior is taught.

    pictures: how many of each shape, (width, height) in pixels. fine, coarse, blocks: the sizes of
    a new `Denoiser`. batch: pictures in a step, all of one shape. compiled: whether the network
    goes through torch.compile.
    """

    pictures: Mapping[tuple[int, int], int]
    batch: int
    fine: int
    coarse: int
    blocks: int
    learning_rate: float = 1e-3
    compiled: bool = False


@dataclass(frozen=True)
class Preset:
    """How much of everything, for a kind of machine."""

    minutes: float  # of training, by default
    pictures: int
    texts: int
    sketches: int
    batches: TowerBatches
    prior: PriorTraining
    held_out: int = 1000
    vqgan: Mapping = field(default_factory=dict)  # over vqgan.yaml


SQUARE, WIDE, TALL = (192, 192), (256, 160), (160, 256)  # shapes that the prior learns
# docs/storybook.md says how long a step of each takes.
PRESETS = {
    "cpu": Preset(
        minutes=240, pictures=20_000, texts=60_000, sketches=3_100, batches=TowerBatches(),
        prior=PriorTraining(
            {SQUARE: 10_000, WIDE: 5_000, TALL: 5_000}, batch=64, fine=128, coarse=192, blocks=2,
        ),
    ),
    "gpu": Preset(
        minutes=40, pictures=60_000, texts=120_000, sketches=3_100,
        batches=TowerBatches(pictures=640, sprites=384, strongest=2.5),
        prior=PriorTraining(
            {SQUARE: 150_000, WIDE: 60_000, TALL: 60_000}, batch=1024, fine=192, coarse=384,
            blocks=3, compiled=True,
        ),
        vqgan={"data": {"crop": 96, "batch_size": 96, "workers": 8}, "training": {"steps": 15_000}},
    ),
}  # fmt: skip
