"""Which device, and the storyboard's models on it, set up for the film."""

from __future__ import annotations

from pathlib import Path

import torch

from ..catalogue.registry import ModelPaths, companion, resolve
from ..models.clip.perceptor import Perceptor, load_perceptor
from ..models.prior.prior import Prior
from ..models.prior.prior import load as load_prior
from ..models.vqgan.first_stage import VQGAN, load_vqgan
from ..storyboard.schema import Storyboard
from ..storyboard.timeline import Timeline
from .compilation import pick_compile
from .device import pick_device
from .memory import fits, keep_heap
from .precision import pick_precision


def load_models(
    storyboard: Storyboard,
    device: str = "auto",
    precision: str = "auto",
    memory: str = "auto",
    compile: str = "auto",
) -> tuple[Perceptor, VQGAN]:
    """The storyboard's CLIP and VQGAN, ready to render it; refused with how to get them where a
    file is missing.

    `device` is auto, cpu, cuda, cuda:N or mps; `precision` auto, fp32, bf16 or fp16; `memory` auto,
    low or high; `compile` auto, on or off.
    """
    perceptor, vqgan = load_pair(resolve(storyboard.models), pick_device(device), precision)
    prepare(storyboard, perceptor, vqgan, memory, compile)
    return perceptor, vqgan


def load_pair(
    paths: ModelPaths, device: torch.device, precision: str = "auto"
) -> tuple[Perceptor, VQGAN]:
    """The networks of these files."""
    dtype = pick_precision(precision, device)
    perceptor = load_perceptor(paths.clip, device, dtype)
    return perceptor, load_vqgan(paths.vqgan, paths.vqgan_config, device, dtype)


def prior_path(storyboard: Storyboard) -> Path | None:
    """The file of the prior that a film asks; None where there is none, or no scene may ask it."""
    settings = [scene.settings for scene in storyboard.scenes]
    asking = any(
        each.losses.prior and not each.guide.image and not each.guide.sketch for each in settings
    )
    return (storyboard.prior or companion("prior", storyboard.models)) if asking else None


def open_prior(
    storyboard: Storyboard, paths: ModelPaths, perceptor: Perceptor, vqgan: VQGAN
) -> Prior | None:
    """The prior of `prior_path`, where and as precise as the VQGAN's decoder is.

    Raises ModelError where it is damaged, or was made for other models than those of `paths`.
    """
    path = prior_path(storyboard)
    if path is None:
        return None
    prior = load_prior(path, vqgan.device, vqgan.dtype)
    prior.require(paths, vqgan.channels, perceptor.dim)
    return prior


def prepare(
    storyboard: Storyboard, perceptor: Perceptor, vqgan: VQGAN, memory: str, compile: str
) -> None:
    """Set loaded networks up for this film: how much they keep for the backward pass, and
    whether they are compiled.
    """
    vqgan.low_memory = memory == "low" or (
        memory == "auto" and not fits(storyboard, perceptor, vqgan)
    )
    if perceptor.device.type == "cpu" and not vqgan.low_memory:
        keep_heap()
    if pick_compile(compile, perceptor.device, Timeline(storyboard).total_iter):
        perceptor.compile()
        vqgan.compile()
