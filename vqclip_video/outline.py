"""What is known of a storyboard's models without loading them, nor needing their files here.

Never imports torch.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from .catalogue.clip_beside import hugging_face_beside, open_clip_beside
from .catalogue.clip_sizes import Sizes, sizes_of
from .catalogue.known import MODELS
from .catalogue.names import find, made_like
from .catalogue.own_files import config_beside, own_checkpoint
from .catalogue.store import paths_of, status
from .catalogue.vqgan_config import DISCRIMINATOR, FIRST_STAGE, PUBLISHED, VQGANConfig, read_config
from .disk.safetensors_header import read_shapes
from .errors import ModelError, UsageError
from .storyboard.motions import as_written
from .storyboard.problems import Problems, setting_of
from .storyboard.schema import ChosenCLIP, Models, Storyboard


@dataclass(frozen=True)
class Outline:
    """The sizes of a film's networks."""

    config: VQGANConfig
    # Of the CLIP that keeps most for its cutouts, as several look one after the other:
    clip_side: int  # of the pictures that it sees, in pixels
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
    for half, name in _named(models):
        if find(half, name) is None:
            with _noted(problems, f"models.{half}"):
                own_checkpoint(half, name)
    for chosen in models.clip:
        with _noted(problems, "models.clip"):
            _sizes(chosen)
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
    seen = (_seen(chosen) for chosen in models.clip)
    side, values = max(seen, key=lambda found: found[0] ** 2 * found[1])
    return Outline(config, side, values, _bytes(models), _missing(models))


@contextlib.contextmanager
def _noted(problems: Problems, where: str) -> Iterator[None]:
    try:
        yield
    except (ModelError, UsageError) as error:
        problems.at(where, str(error))


def _check_gan(storyboard: Storyboard, problems: Problems) -> None:
    for index, scene in enumerate(storyboard.scenes):
        if gan := scene.settings.losses.gan:
            where = setting_of(f"scenes[{index}]", "losses.gan", storyboard.marks)
            having = ", ".join(model.name for model in MODELS.values() if model.discriminator)
            problems.at(
                where,
                f"found {as_written(gan)}, but the VQGAN {storyboard.models.vqgan} has "
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


def _seen(chosen: ChosenCLIP) -> tuple[int, float]:
    """The side of a CLIP's pictures, and the values kept for a pixel of them.

    Of a file of one's own whose sizes are not known they are ViT-B/32's.
    """
    if model := find("clip", chosen.model):
        return model.side, model.kept
    with contextlib.suppress(ModelError, UsageError):
        if sizes := _sizes(chosen):
            return sizes.side, sizes.kept
    return MODELS["ViT-B/32"].side, MODELS["ViT-B/32"].kept


def _sizes(chosen: ChosenCLIP) -> Sizes | None:
    """The sizes of a CLIP of one's own, as its architecture, its tensors or a config beside it say.

    None where only reading the file could tell. Raises ModelError for a config that is of no CLIP.
    """
    if find("clip", chosen.model):
        return None
    if chosen.arch and (sizes := made_like(chosen.arch).sizes):
        return sizes
    try:
        path = own_checkpoint("clip", chosen.model)
    except (ModelError, UsageError):  # said elsewhere
        return None
    with contextlib.suppress(OSError, ValueError):
        return sizes_of(read_shapes(path))
    beside = open_clip_beside(path) or hugging_face_beside(path)
    return beside.sizes if beside else None


def _named(models: Models) -> list[tuple[str, str]]:
    """Each model's kind and name, or path."""
    return [*(("clip", name) for name in models.clips), ("vqgan", models.vqgan)]


def _bytes(models: Models) -> int:
    total = 0
    for half, name in _named(models):
        if model := find(half, name):
            total += model.files[0].bytes or 0
            continue
        with contextlib.suppress(OSError, ModelError, UsageError):
            total += own_checkpoint(half, name).stat().st_size
    return total


def _missing(models: Models) -> tuple[str, ...]:
    found = (find(half, name) for half, name in _named(models))
    lacking = (model.name for model in found if model and status(model) != "present")
    return tuple(dict.fromkeys(lacking))
