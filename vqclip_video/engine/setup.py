"""Which device, and the storyboard's models on it, set up for the film."""

from __future__ import annotations

import re
from pathlib import Path

import torch
import torch.nn.functional as F

from ..errors import UsageError
from ..models.perceptor import Perceptor, load_perceptor
from ..models.prior import Prior
from ..models.prior import load as load_prior
from ..models.registry import ModelPaths, companion, resolve
from ..models.vqgan import VQGAN, load_vqgan
from ..storyboard.schema import Storyboard
from ..storyboard.timeline import Timeline
from .compilation import pick_compile
from .memory import fits, keep_heap
from .precision import pick_precision


def pick_device(name: str = "auto") -> torch.device:
    """The device a name means; `auto` is CUDA, then Apple's MPS, then the CPU.

    UsageError where it is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if _mps_works() else "cpu"
    # torch knows more words (xpu, hpu, vulkan, meta, …), on which nothing of this has ever run.
    if not re.fullmatch(r"cpu|mps|cuda(:[0-9]{1,3})?", name):
        raise UsageError(f"--device {name}: no such device; auto, cpu, cuda, cuda:N or mps")
    device = torch.device(name)
    if device.type == "cuda" and not (
        torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()
    ):
        raise UsageError(
            f"--device {name}: torch sees {torch.cuda.device_count()} CUDA devices here; try "
            "--device cpu"
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise UsageError("--device mps: torch sees no Apple GPU here; try --device cpu")
    return device


def _mps_works() -> bool:
    """Whether this torch can take a cutout's gradient on an Apple GPU; older ones lack the
    kernel.
    """
    if not torch.backends.mps.is_available():
        return False
    try:
        picture = torch.zeros(1, 1, 2, 2, device="mps", requires_grad=True)
        F.grid_sample(
            picture, torch.zeros(1, 2, 2, 2, device="mps"), align_corners=False
        ).sum().backward()
    except (RuntimeError, NotImplementedError):
        return False
    return True


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
