"""Running out of device or host memory, and giving it back."""

from __future__ import annotations

import gc

import torch


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that an allocation failed: CUDA's, MPS's, the host allocator's or Python's own."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    text = str(error)
    return any(sign in text for sign in ("out of memory", "can't allocate memory", "not enough memory"))


def release(device: torch.device) -> None:
    """Hand unused memory of the device back to the system."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
