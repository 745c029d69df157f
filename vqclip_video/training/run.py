"""`vqclip-video train vqgan`: from a folder of pictures to a checkpoint that a film is rendered with."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np
import torch
from lightning import Trainer, seed_everything
from lightning.pytorch.utilities.rank_zero import rank_zero_only
from torch import nn
from torch.utils.data import DataLoader

from ..engine.precision import pick_precision
from ..errors import ModelError, UsageError
from ..models import registry
from ..models.perceptor import Perceptor, load_perceptor
from ..models.vqgan_config import read_config
from ..models.weights import read_tensors
from ..output.files import atomic_write
from ..storyboard.schema import Models
from . import network
from .config import TrainConfig, read_training
from .data import SKIPPED, Batches, Pictures, hold_out, open_pictures, whole
from .keeper import CHECKPOINT, Keeper
from .vqgan import VQGANTraining

CONFIG = "model.yaml"


def train_vqgan(
    folder: Path,
    config_path: Path | None,
    output: Path,
    start: str | None = None,
    minutes: float | None = None,
    seed: int = 0,
    stop: Callable[[], bool] = lambda: False,
) -> Path:
    """Train on the pictures of `folder`, or go on where `output` holds a training; returns the checkpoint's path.

    start: name or path of the VQGAN to begin with. minutes: a budget of all runs together, to whose end the learning
    rate falls. stop: asked after every step. Raises UsageError and ModelError for what cannot be trained.
    """
    paths = registry.resolve(Models(vqgan=start)) if start else None
    config = read_training(config_path, paths and paths.vqgan_config)
    checkpoint = output / CHECKPOINT
    done = _steps_done(checkpoint, config)
    output.mkdir(parents=True, exist_ok=True)
    pictures = _look_through(folder, config, output / SKIPPED)
    learnt, apart = hold_out(len(pictures), config.data.held_out, seed)
    atomic_write(output / CONFIG, _as_yaml(config))
    seed_everything(seed, verbose=False)
    parts, known = _parts(config, paths)
    batches = Batches(pictures, learnt, config.data, (seed, done, rank_zero_only.rank))
    workers = 0 if isinstance(pictures, np.ndarray) else config.data.workers
    loader = DataLoader(batches, batch_size=None, num_workers=workers, persistent_workers=workers > 0)
    keeper = Keeper(output, whole(pictures, apart, config.network.factor), stop)
    with _quiet():
        trainer = _trainer(config, keeper)
        module = VQGANTraining(config, parts, _perceptor(config, trainer.strategy.root_device), minutes, known)
        resumed = {"ckpt_path": checkpoint, "weights_only": True} if done else {}
        trainer.fit(module, loader, **resumed)
    return checkpoint


def _trainer(config: TrainConfig, keeper: Keeper) -> Trainer:
    several = torch.cuda.device_count() > 1  # two optimisers, of which each leaves the other's weights alone
    return Trainer(
        accelerator=_device().type,
        max_epochs=-1,
        callbacks=[keeper],
        precision=_precision(config),
        strategy="ddp_find_unused_parameters_true" if several else "auto",
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
    )


def _look_through(folder: Path, config: TrainConfig, report: Path) -> Pictures:
    with click.progressbar(length=1, label="looking at the pictures") as bar:

        def show(done: int, total: int) -> None:
            bar.length = total
            bar.update(1)

        pictures, skipped = open_pictures(folder, config.data, report, show)
    if skipped:
        number = "1 picture" if skipped == 1 else f"{skipped} pictures"
        click.echo(f"{number} skipped, listed in {report}", err=True)
    return pictures


def _parts(config: TrainConfig, paths: registry.ModelPaths | None) -> tuple[nn.Module, bool]:
    """The network to train, and whether its codebook is one already."""
    if paths is None:
        return network.new_network(config.network), False
    theirs = read_config(paths.vqgan_config)
    parts = network.network_of(read_tensors(paths.vqgan), theirs, paths.vqgan, config.training.group_norm_eps)
    known = theirs.n_embed == config.network.n_embed
    if not known:
        parts.quantize.embedding = nn.Embedding(config.network.n_embed, theirs.embed_dim)
    return parts, known


def _perceptor(config: TrainConfig, device: torch.device) -> Perceptor | None:
    """The CLIP of the losses on the device that this process trains on; None where no loss needs it."""
    losses = config.losses
    if not losses.perceptual_weight and not losses.clip_weight:
        return None
    path = registry.resolve(Models(clip=losses.perceptual_clip)).clip
    # On CUDA the tower's float32 is computed in half precision wherever the training is.
    perceptor = load_perceptor(path, device, pick_precision("auto", device) if device.type == "cpu" else torch.float32)
    perceptor.forget_text()
    return perceptor


def _precision(config: TrainConfig) -> str:
    chosen = config.training.precision
    half = chosen == "bf16" or (chosen == "auto" and pick_precision("auto", _device()) == torch.bfloat16)
    return "bf16-mixed" if half else "32-true"


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _steps_done(checkpoint: Path, config: TrainConfig) -> int:
    """Steps of the training that `checkpoint` is of; 0 where there is none. It must be of the network in `config`."""
    if not checkpoint.is_file():
        return 0
    try:
        found = torch.load(checkpoint, map_location="cpu", mmap=True, weights_only=True)["training"]
        step, eps = found["step"], found["eps"]
    except Exception:  # whatever a broken or foreign file leads the reader to; torch's advice is not for this case
        raise ModelError(
            f"{checkpoint}: no training to go on with, or a damaged one; remove it or choose another -o"
        ) from None
    before = checkpoint.with_name(CONFIG)
    if read_config(before) != config.network or eps != config.training.group_norm_eps:
        raise UsageError(f"{checkpoint} is of another network; go on with the config it was begun with, {before}, "
                         f"or choose another folder with -o")  # fmt: skip
    return step


def _as_yaml(config: TrainConfig) -> str:
    from omegaconf import OmegaConf

    return OmegaConf.to_yaml(OmegaConf.create(config.tree))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without Lightning's hints for developers."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        yield
