"""Which device a film is computed on."""

from __future__ import annotations

import re

import torch
import torch.nn.functional as F

from ..errors import UsageError


def pick_device(name: str = "auto") -> torch.device:
    """The device a name means; `auto` is CUDA, then Apple's MPS, then the CPU.

    UsageError where it is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if _mps_works() else "cpu"
    # torch knows more words (xpu, hpu, vulkan, meta, …), on which nothing of this has ever run.
    if not re.fullmatch(r"cpu|mps|cuda(:[0-9]{1,3})?", name):
        raise UsageError(f"device={name}: no such device; auto, cpu, cuda, cuda:N or mps")
    device = torch.device(name)
    if device.type == "cuda" and not (
        torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()
    ):
        raise UsageError(
            f"device={name}: torch sees {torch.cuda.device_count()} CUDA devices here; try "
            "device=cpu"
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise UsageError("device=mps: torch sees no Apple GPU here; try device=cpu")
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
