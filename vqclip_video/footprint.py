"""How much memory and disk a film takes, told before anything is loaded. Never imports torch.

What an iteration keeps for its backward pass is counted from the networks' shapes; what a process
takes beside that was measured, on Linux with a torch built for CUDA (docs/benchmarks.md), and
`bench` compares the whole with what it measures.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from .catalogue.vqgan_config import DDConfig, VQGANConfig
from .outline import Outline
from .storyboard.schema import Storyboard
from .storyboard.sizes import picture_size
from .storyboard.timeline import is_as_shot

MB = 1 << 20
HALF = 2  # bytes of a number in half precision
# of what there is, for what is kept: weights, gradients on their way and the system take their part
USABLE = 0.7
LOW_MEMORY_CUTOUTS = 8  # per CLIP call where memory is low
OF_THE_PICTURE, OF_A_VIEW = 10, 12  # values kept of a pixel before and after the networks
CLIPS = 1.2  # bytes held for one that CLIP keeps


@dataclass(frozen=True)
class Course:
    """Bytes held at most: `process`, and so many for each byte of the models' files and of what
    the decoder keeps.
    """

    process: int
    files: float
    decoder: float

    def total(self, files: int, decoder: int, clip: int) -> int:
        return int(self.process + self.files * files + self.decoder * decoder + CLIPS * clip)


HIGH, LOW = Course(790 * MB, 0.25, 1.67), Course(930 * MB, 0.6, 0.57)
# What the decoder for CUDA holds at most, counted from the sizes of its tensors (6.6 and 4.2 GiB at
# 1088x1920 in half precision, tests/test_footprint.py), as a share of what that for CPUs keeps. Not
# measured on a card yet; convolutions' workspaces and what the allocator rounds up are guessed.
DEVICE_HIGH, DEVICE_LOW = Course(600 * MB, 0.6, 0.69), Course(600 * MB, 0.6, 0.44)


@dataclass(frozen=True)
class Footprint:
    """Most bytes held at once, by the process on a CPU and by a GPU, as it is and with memory=low.

    `kept`: of them, what an iteration keeps for its backward pass where memory is not low.
    """

    host: int
    host_low: int
    device: int
    device_low: int
    kept: int

    def host_at(self, available: int | None) -> tuple[int, bool]:
        """What the process takes on a machine with so many bytes, and whether memory=low was
        chosen for it.
        """
        low = available is not None and self.kept >= USABLE * available
        return (self.host_low if low else self.host), low


def footprint(
    storyboard: Storyboard, outline: Outline, bytes_a_value: int = 4, mapped: bool = True
) -> Footprint:
    """What a film takes with its networks computed in numbers of so many bytes: 4 for float32, 2
    for half precision.

    mapped: whether its weights are in files, which count as the process's memory once they have
    been read. Raises ModelError and UsageError where the VQGAN's config cannot be had.
    """
    width, height = picture_size(storyboard.size, outline.factor)
    decoder = (
        bytes_a_value * width * height * (decoder_values(outline.config.ddconfig) + OF_THE_PICTURE)
    )
    view = bytes_a_value * outline.clip_side**2 * (outline.clip_values + OF_A_VIEW)
    at_once = cutouts_at_once(storyboard)
    few, many = int(view * min(at_once, LOW_MEMORY_CUTOUTS)), int(view * at_once)
    files = outline.bytes if mapped else 0
    return Footprint(
        HIGH.total(files, decoder, many),
        LOW.total(files, decoder, few),
        DEVICE_HIGH.total(files, decoder, many),
        DEVICE_LOW.total(files, decoder, few),
        decoder + many,
    )


def size_that_fits(
    storyboard: Storyboard, outline: Outline, available: int, bytes_a_value: int = 4
) -> tuple[int, int] | None:
    """The largest of half, a quarter, … of the film's size that memory=low renders in so many
    bytes.
    """
    width, height = storyboard.size
    while min(width, height) >= 32:
        width, height = width // 2, height // 2
        smaller = replace(storyboard, size=(width, height))
        if footprint(smaller, outline, bytes_a_value).host_low < available:
            return width, height
    return None


def frame_latent_bytes(storyboard: Storyboard, config: VQGANConfig) -> int:
    """Bytes on disk of the latent that is kept of each frame while rendering: 0 where only the
    scenes' ends are, and the film is not printed from the others.
    """
    if storyboard.latents == "ends" and is_as_shot(storyboard):
        return 0
    width, height = picture_size(storyboard.size, config.factor)
    places = width // config.factor * (height // config.factor)
    return places * config.embed_dim * HALF


def cutouts_at_once(storyboard: Storyboard) -> int:
    """Most cutouts that one CLIP call of the film takes."""
    settings = [scene.settings for scene in storyboard.scenes]
    return max(min(s.batch_size or s.cutouts, s.cutouts) for s in settings)


def decoder_values(config: DDConfig) -> int:
    """Values that the lean decoder keeps for a pixel: two for each channel of a norm and
    convolution.

    An attention keeps five for each channel of a place: its input, query, key, value and result.
    """
    levels = range(len(config.ch_mult))
    channels = config.ch * config.ch_mult[-1]
    attention = 5 if config.attn_type == "vanilla" else 0
    values = (8 + attention) * channels / 4 ** levels[-1]  # two residual blocks of four
    for level in reversed(levels):
        width = config.ch * config.ch_mult[level]
        for _ in range(config.num_res_blocks + 1):
            values += (2 * channels + 2 * width) / 4**level
            channels = width
            if config.resolution >> level in config.attn_resolutions:
                values += attention * width / 4**level
    return round(values + 2 * channels)


def available_host() -> int | None:
    """Memory of this machine, or what its control group may take of it; None where it is not known.

    All, free or not: on a CPU a film that is gone on with is promised the same pictures, so what
    the machine happens to be doing must not decide how they are computed.
    """
    limits = []
    with suppress(OSError, ValueError, AttributeError):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with suppress(OSError, ValueError):  # "max" is a ValueError
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(limits, default=None)
