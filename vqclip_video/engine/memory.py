"""How much memory an iteration takes, running out of it, and giving it back."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import torch
from torch import Tensor

from ..errors import RenderError
from ..footprint import USABLE, available_host, cutouts_at_once
from ..models.clip.perceptor import Perceptor
from ..models.vqgan.first_stage import VQGAN
from ..storyboard.schema import Storyboard

# As CUDA and MPS, the host's allocator, cuDNN and cuBLAS, C++ and oneDNN (which tells no more) put
# it.
OUT_OF_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "STATUS_ALLOC_FAILED",
    "bad_alloc",
    "could not create a primitive",
    "could not execute a primitive",
)
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's malloc.h
USUAL_MALLOC = (65536, 128 * 1024)  # blocks that may be mapped, bytes kept at the heap's end
SAMPLE_SIDE = 4  # places along a side of the latent that is decoded to measure
# No published network keeps more for a pixel it paints or sees; a film that fits by these need not
# be measured.
MOST_BYTES_PAINTED, MOST_BYTES_SEEN = 50_000, 15_000


def fits(storyboard: Storyboard, perceptors: Sequence[Perceptor], vqgan: VQGAN) -> bool:
    """Whether the device can keep all that an iteration of this film needs for its backward
    pass.
    """
    available = available_bytes(vqgan.device)
    if available is None:
        return True
    width, height = storyboard.size
    most = (
        width * height * MOST_BYTES_PAINTED
        + cutouts_at_once(storyboard) * max(each.size for each in perceptors) ** 2 * MOST_BYTES_SEEN
    )
    return (
        most < USABLE * available
        or activation_bytes(storyboard, perceptors, vqgan) < USABLE * available
    )


def activation_bytes(storyboard: Storyboard, perceptors: Sequence[Perceptor], vqgan: VQGAN) -> int:
    """Bytes that the largest iteration keeps for its backward pass, scaled up from a small
    picture and one cutout. CLIPs look one after the other: the one that keeps most counts.
    """
    latents = [
        torch.zeros(n, vqgan.channels, SAMPLE_SIDE, SAMPLE_SIDE, device=vqgan.device)
        for n in (1, 2)
    ]
    low, vqgan.low_memory = vqgan.low_memory, False
    try:
        # What the second of two adds: what is kept once, such as rearranged weights, is no matter
        # of size.
        picture = saved_bytes(vqgan.decode, latents[1]) - saved_bytes(vqgan.decode, latents[0])
        cut = max(_bytes_of_a_cutout(perceptor) for perceptor in perceptors)
    finally:
        vqgan.low_memory = low
    width, height = (-(-side // vqgan.factor) for side in storyboard.size)
    return picture * width * height // SAMPLE_SIDE**2 + cut * cutouts_at_once(storyboard)


def _bytes_of_a_cutout(perceptor: Perceptor) -> int:
    size, device = perceptor.size, perceptor.device
    one, two = (
        saved_bytes(perceptor.embed_image, torch.zeros(n, 3, size, size, device=device))
        for n in (1, 2)
    )
    return two - one


def saved_bytes(function: Callable[[Tensor], Tensor], argument: Tensor) -> int:
    """Bytes of the tensors that `function(argument)` keeps for the backward pass, parameters
    aside.
    """
    sizes: dict[int, int] = {}

    def count(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            storage = tensor.untyped_storage()
            sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with (
        torch.enable_grad(),
        torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor),
    ):
        kept = function(argument.requires_grad_())  # noqa: F841 (while it lives, no address is used twice)
    return sum(sizes.values())


def available_bytes(device: torch.device) -> int | None:
    """Memory that a film may use: what is free on a GPU, all there is on a CPU; None where it is
    not known.
    """
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return available_host() if device.type == "cpu" else None


@contextmanager
def heap_kept() -> Iterator[None]:
    """Inside, glibc keeps freed memory for the process; elsewhere nothing happens.

    By default it returns large blocks to the system at once, and every iteration faults its
    activations in again, page by page: 5 to 10 % of the time on a CPU. Of large pictures (1024
    pixels a side) the process holds up to half more.
    """
    _set_malloc(0, 2**31 - 1)
    try:
        yield
    finally:
        _set_malloc(*USUAL_MALLOC)


def _set_malloc(mmaps: int, trim: int) -> None:
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            mallopt = ctypes.CDLL("libc.so.6").mallopt
            mallopt(M_MMAP_MAX, mmaps)
            mallopt(M_TRIM_THRESHOLD, trim)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that an allocation failed: CUDA's, MPS's, the host allocator's or
    Python's own.
    """
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    text = str(error)
    return any(sign in text for sign in OUT_OF_MEMORY)


def release(device: torch.device) -> None:
    """Hand unused memory of the device back to the system."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


@contextmanager
def explained_failures(size: tuple[int, int], device: torch.device) -> Iterator[None]:
    """Turn what torch raises while a picture of `size` (width, height) is rendered into a
    RenderError with a remedy.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        raise RenderError(_failure(error, size, device)) from error


def _failure(error: Exception, size: tuple[int, int], device: torch.device) -> str:
    """What torch's complaint means to the user, and the way out."""
    if is_out_of_memory(error):
        width, height = size
        return (
            f"out of memory on {device} at {width}x{height}; close other programs or take "
            f"memory=low, then try again; a film of {width // 2}x{height // 2} needs about a "
            "quarter of it"
        )
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return (
        f"the computation on {device} failed: {reason}; try again to go on from the last "
        "checkpoint, or render to another output with device=cpu"
    )
