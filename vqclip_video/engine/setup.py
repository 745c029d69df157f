"""Which device and which precision, and the storyboard's models on them."""

from __future__ import annotations

import torch

from ..errors import UsageError
from ..models.perceptor import Perceptor, load_perceptor
from ..models.registry import ModelPaths, resolve
from ..models.vqgan import VQGAN, load_vqgan
from ..storyboard.schema import Storyboard

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def pick_device(name: str = "auto") -> torch.device:
    """The device a name means; `auto` is CUDA, then Apple's MPS, then the CPU. UsageError where it is not there."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"--device {name}: no such device; auto, cpu, cuda, cuda:N or mps") from error
    if device.type == "cuda" and not (torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()):
        raise UsageError(f"--device {name}: torch sees {torch.cuda.device_count()} CUDA devices here; try --device cpu")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise UsageError("--device mps: torch sees no Apple GPU here; try --device cpu")
    return device


def pick_precision(name: str, device: torch.device) -> torch.dtype:
    """The number format of the networks; the latent, the optimiser and the losses are always float32."""
    if name != "auto":
        return PRECISIONS[name]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.float32


def load_models(
    storyboard: Storyboard, device: str = "auto", precision: str = "auto", memory: str = "auto"
) -> tuple[Perceptor, VQGAN]:
    """The storyboard's CLIP and VQGAN; refused with how to get them where a file is missing."""
    return load_pair(resolve(storyboard.models), pick_device(device), precision, memory)


def load_pair(paths: ModelPaths, device: torch.device, precision: str = "auto", memory: str = "auto"):
    """(Perceptor, VQGAN) from their files."""
    dtype = pick_precision(precision, device)
    perceptor = load_perceptor(paths.clip, device, dtype)
    return perceptor, load_vqgan(paths.vqgan, paths.vqgan_config, device, dtype, memory)
