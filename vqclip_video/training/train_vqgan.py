"""`vqclip-video train vqgan`: from a folder of pictures to a checkpoint that a film is rendered
with.
"""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
from lightning import Trainer, seed_everything
from lightning.pytorch.utilities.rank_zero import rank_zero_only
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from ..catalogue.vqgan_config import read_config
from ..disk.files import atomic_write
from ..engine.precision import pick_precision
from ..errors import ModelError, UsageError
from ..materials import ModelFiles, find_models
from ..models.clip.perceptor import Perceptor, load_perceptor
from ..models.weights import read_tensors, read_values
from ..storyboard.schema import Models
from . import network
from .budget import Budget
from .comparison import Comparison
from .config import Data, TrainConfig, read_training
from .data import SKIPPED, Pictures, RandomSquares, hold_out, open_pictures, whole
from .keeper import CHECKPOINT, Keeper
from .vqgan import VQGANTraining

MODEL_YAML = "model.yaml"
WATCHED, WATCHED_SIDE = 4, 128  # pictures to judge the first steps by, and their longest side


def train_vqgan(
    folder: Path,
    config_path: Path | None,
    output: Path,
    start: str | None = None,
    minutes: float | None = None,
    seed: int = 0,
    stop: Callable[[], bool] = lambda: False,
    report: Callable[[str], None] = print,
) -> Path:
    """Train on the pictures of `folder`, or go on where `output` holds a training; returns the
    checkpoint's path.

    start: name or path of the VQGAN to begin with. minutes: a budget of all runs together, to whose
    end the learning rate falls. stop: asked after every step. Raises UsageError and ModelError for
    what cannot be trained.
    """
    paths = find_models(Models(vqgan=start)) if start else None
    config = read_training(config_path, paths and paths.vqgan_config)
    checkpoint = output / CHECKPOINT
    begun = _begun(checkpoint, config)
    output.mkdir(parents=True, exist_ok=True)
    pictures = _look_through(folder, config, output / SKIPPED, report)
    learnt, apart = hold_out(len(pictures), config.data.held_out, seed)
    seed_everything(seed, verbose=False)
    parts, known = _parts(config, paths, begun.eps if begun else config.training.group_norm_eps)
    config = config.with_eps(network.eps_of(parts))
    atomic_write(output / MODEL_YAML, _as_yaml(config))
    watched = (apart if len(apart) else learnt)[:WATCHED] if paths else []
    factor = config.network.factor
    keeper = Keeper(
        output, whole(pictures, apart, factor), whole(pictures, watched, factor, WATCHED_SIDE), stop
    )
    seeds = (seed, begun.step if begun else 0, rank_zero_only.rank)
    loader = _loader(pictures, learnt, config.data, seeds)
    with _quiet():
        trainer = _trainer(config, keeper)
        module = _module(config, parts, known, minutes, trainer.strategy.root_device)
        _fit(trainer, module, loader, checkpoint if begun else None)
    return checkpoint


def _module(
    config: TrainConfig, parts: nn.Module, known: bool, minutes: float | None, device: torch.device
) -> VQGANTraining:
    comparison = Comparison(config.losses, _perceptor(config, device))
    return VQGANTraining(config, parts, comparison, Budget(minutes, config.training.steps), known)


def _fit(trainer: Trainer, module: VQGANTraining, loader: DataLoader, begun: Path | None) -> None:
    """Train, from the checkpoint of what is `begun`."""
    resumed = {"ckpt_path": begun, "weights_only": True} if begun else {}
    try:
        trainer.fit(module, loader, **resumed)
    except UnpicklingError:  # of a checkpoint that would run something, which torch refuses
        raise _no_training(begun) from None


def _loader(
    pictures: Pictures, chosen: np.ndarray, data: Data, seeds: tuple[int, ...]
) -> DataLoader:
    workers = 0 if isinstance(pictures, np.ndarray) else data.workers
    batches = RandomSquares(pictures, chosen, data, seeds)
    return DataLoader(batches, batch_size=None, num_workers=workers, persistent_workers=workers > 0)


def _trainer(config: TrainConfig, keeper: Keeper) -> Trainer:
    # two optimisers, of which each leaves the other's weights alone
    several = torch.cuda.device_count() > 1
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


def _look_through(
    folder: Path, config: TrainConfig, faults: Path, report: Callable[[str], None]
) -> Pictures:
    with tqdm(desc="looking at the pictures", unit="", leave=False, disable=None) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update()

        pictures, skipped = open_pictures(folder, config.data, faults, show)
    if skipped:
        number = "1 picture" if skipped == 1 else f"{skipped} pictures"
        report(f"{number} skipped, listed in {faults}")
    return pictures


def _parts(
    config: TrainConfig, paths: ModelFiles | None, eps: float | None
) -> tuple[nn.Module, bool]:
    """The network to train, and whether its codebook is one already.

    eps: of its norms; None is what suits the weights it starts from, or taming's.
    """
    if paths is None:
        parts = network.new_network(config.network)
        network.set_eps(parts, eps or network.PUBLISHED_EPS)
        return parts, False
    theirs = read_config(paths.vqgan_config)
    parts = network.network_of(read_tensors(paths.vqgan), theirs, paths.vqgan, eps)
    known = theirs.n_embed == config.network.n_embed
    if not known:
        parts.quantize.embedding = nn.Embedding(config.network.n_embed, theirs.embed_dim)
    return parts, known


def _perceptor(config: TrainConfig, device: torch.device) -> Perceptor | None:
    """The CLIP of the losses on the device that this process trains on; None where no loss needs
    it.
    """
    losses = config.losses
    if not losses.perceptual_weight and not losses.clip_weight:
        return None
    clip = find_models(Models(clip=losses.perceptual_clip)).clips[0]
    # On CUDA the tower's float32 is computed in half precision wherever the training is.
    precision = pick_precision("auto", device) if device.type == "cpu" else torch.float32
    perceptor = load_perceptor(clip.path, device, precision, clip.config)
    perceptor.forget_text()
    return perceptor


def _precision(config: TrainConfig) -> str:
    chosen = config.training.precision
    half = chosen == "bf16" or (
        chosen == "auto" and pick_precision("auto", _device()) == torch.bfloat16
    )
    return "bf16-mixed" if half else "32-true"


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass(frozen=True)
class Begun:
    """What a training that goes on has behind it: its steps, and the norms' eps that it keeps."""

    step: int
    eps: float


def _begun(checkpoint: Path, config: TrainConfig) -> Begun | None:
    """The training that `checkpoint` is of; None where there is none.

    Raises ModelError for a damaged file, UsageError where it is not of the network in `config`.
    """
    if not checkpoint.is_file():
        return None
    try:
        found = read_values(checkpoint)["training"]
        begun = Begun(int(found["step"]), float(found["eps"]))
    except (ModelError, LookupError, TypeError, ValueError):
        raise _no_training(checkpoint) from None
    before = checkpoint.with_name(MODEL_YAML)
    same_eps = config.training.group_norm_eps in (None, begun.eps)
    if read_config(before) != config.network or not same_eps:
        raise UsageError(
            f"{checkpoint} is of another network; go on with the config it was begun with, "
            f"{before}, or choose another folder with -o"
        )
    return begun


def _no_training(checkpoint: Path) -> ModelError:
    return ModelError(
        f"{checkpoint}: no training to go on with, or a damaged one; remove it or choose another -o"
    )


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
