"""What is known of a storyboard's models without loading them, nor needing their files here.

Never imports torch.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass

from .catalogue.known import MODELS
from .catalogue.names import find
from .catalogue.own_files import config_beside, own_checkpoint
from .catalogue.store import paths_of, status
from .catalogue.vqgan_config import DISCRIMINATOR, FIRST_STAGE, PUBLISHED, VQGANConfig, read_config
from .disk.safetensors_header import read_shapes
from .errors import ModelError, UsageError
from .storyboard.problems import Problems, setting_of
from .storyboard.schema import Models, Storyboard

HALVES = ("clip", "vqgan")


@dataclass(frozen=True)
class Outline:
    """The sizes of a film's networks."""

    config: VQGANConfig
    clip_side: int  # of the pictures that CLIP sees, in pixels
    clip_values: float  # that its image tower keeps for a pixel of them (see footprint.py)
    bytes: int  # of both checkpoints, as published or as they lie here; what is not known is none
    missing: tuple[str, ...]  # names of the known models whose files are not here, or not whole

    @property
    def factor(self) -> int:
        """Pixels along a side for one place of the VQGAN's latent."""
        return self.config.factor


def outline(storyboard: Storyboard) -> Outline:
    """The outline of a storyboard's models, which need not be here.

    Raises StoryboardError, with their places in the file, for models that it cannot be rendered
    with: an unknown name, a file of one's own that is not there, a VQGAN's YAML that is missing or
    of another network, and `losses.gan` without a discriminator.
    """
    problems = Problems(str(storyboard.source or "storyboard"), storyboard.marks)
    models, config = storyboard.models, None
    for half in HALVES:
        name = getattr(models, half)
        if find(half, name) is None:
            with _noted(problems, f"models.{half}"):
                own_checkpoint(half, name)
    # A VQGAN that is not there is found again here, and recorded once.
    with _noted(problems, "models.vqgan_config" if models.vqgan_config else "models.vqgan"):
        config = _config(models)
    if not _has_discriminator(models):
        _check_gan(storyboard, problems)
    if problems or config is None:
        problems.fail()
    return outline_of(models, config)


def outline_of(models: Models, config: VQGANConfig) -> Outline:
    """The outline of models whose VQGAN's config is known."""
    side, values = _clip(models)
    return Outline(config, side, values, _bytes(models), _missing(models))


@contextlib.contextmanager
def _noted(problems: Problems, where: str) -> Iterator[None]:
    try:
        yield
    except (ModelError, UsageError) as error:
        problems.at(where, str(error))


def _check_gan(storyboard: Storyboard, problems: Problems) -> None:
    for index, scene in enumerate(storyboard.scenes):
        if scene.settings.losses.gan:
            where = setting_of(f"scenes[{index}]", "losses.gan", storyboard.marks)
            having = ", ".join(model.name for model in MODELS.values() if model.discriminator)
            problems.at(
                where,
                f"found {scene.settings.losses.gan:g}, but the VQGAN {storyboard.models.vqgan} has "
                f"no discriminator; set it to 0, or take a VQGAN with one, such as {having}",
            )


def _config(models: Models) -> VQGANConfig:
    """The VQGAN's sizes; of a known one also without its files."""
    model = find("vqgan", models.vqgan)
    if model and not models.vqgan_config:
        return PUBLISHED[model.name] if model.name in PUBLISHED else read_config(paths_of(model)[1])
    return read_config(models.vqgan_config or config_beside(own_checkpoint("vqgan", models.vqgan)))


def _has_discriminator(models: Models) -> bool:
    """Whether `losses.gan` has something to ask; True where only loading the VQGAN can tell."""
    if model := find("vqgan", models.vqgan):
        return model.discriminator
    try:
        names = read_shapes(own_checkpoint("vqgan", models.vqgan))
    except (OSError, ValueError, ModelError, UsageError):  # a pickle, or not there
        return True
    return any(name.removeprefix(FIRST_STAGE).startswith(DISCRIMINATOR) for name in names)


def _clip(models: Models) -> tuple[int, float]:
    """The side of CLIP's pictures, and the values kept for a pixel of them.

    Of a file of one's own they are read off its tensors where it is a .safetensors file with a
    transformer, and are ViT-B/32's elsewhere.
    """
    if model := find("clip", models.clip):
        return model.side, model.kept
    with contextlib.suppress(OSError, ValueError, LookupError, ModelError, UsageError):
        return _transformer(read_shapes(own_checkpoint("clip", models.clip)))
    return MODELS["ViT-B/32"].side, MODELS["ViT-B/32"].kept


def _transformer(shapes: dict[str, tuple[int, ...]]) -> tuple[int, float]:
    width, _, patch, _ = shapes["visual.conv1.weight"]
    tokens = shapes["visual.positional_embedding"][0]
    blocks = {name.split(".")[3] for name in shapes if ".transformer.resblocks." in name[6:]}
    layers, side = len(blocks), patch * math.isqrt(tokens - 1)
    # Ten for each channel of a token in a block; of the last one, only the class token goes on.
    return side, 10 * tokens * width * (layers - 0.63) / side**2


def _bytes(models: Models) -> int:
    total = 0
    for half in HALVES:
        name = getattr(models, half)
        if model := find(half, name):
            total += model.files[0].bytes or 0
            continue
        with contextlib.suppress(OSError, ModelError, UsageError):
            total += own_checkpoint(half, name).stat().st_size
    return total


def _missing(models: Models) -> tuple[str, ...]:
    found = (find(half, getattr(models, half)) for half in HALVES)
    lacking = (model.name for model in found if model and status(model) != "present")
    return tuple(dict.fromkeys(lacking))
