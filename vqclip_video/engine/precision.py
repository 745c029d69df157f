"""Which number format the networks are computed in.

Half precision halves the memory and, on hardware that multiplies it natively, the time; elsewhere
it is emulated and costs more than it saves. The latent, the optimiser and the losses are float32
always.
"""

from __future__ import annotations

import functools
import platform
import time
from contextlib import suppress
from itertools import product
from pathlib import Path

import torch
import torch.nn.functional as F

from ..disk import cache
from ..models.apart import apart
from ..speed import PRECISION_NOTES

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
GAIN = 1.3  # bfloat16 must be this much faster: it costs digits, so a tie is no reason for it
PROBE_RUNS = 12


def pick_precision(name: str, device: torch.device) -> torch.dtype:
    """The dtype that `name` (auto, fp32, bf16 or fp16) means on a device.

    auto: on CUDA bfloat16 from Ampere on and float16 before; on a CPU bfloat16 where its
    instructions are there and a short probe finds them faster, which is remembered; float32
    elsewhere.
    """
    if name != "auto":
        return PRECISIONS[name]
    if device.type == "cuda":
        return (
            torch.bfloat16
            if torch.cuda.is_bf16_supported(including_emulation=False)
            else torch.float16
        )
    if device.type == "cpu" and has_native_bf16() and bf16_pays():
        return torch.bfloat16
    return torch.float32


@functools.cache
def has_native_bf16() -> bool:
    """Whether this CPU has instructions that multiply bfloat16: avx512_bf16 or AMX on x86."""
    with suppress(
        AttributeError, RuntimeError
    ):  # private functions of torch, and only of some versions
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return bool(cpu_flags() & {"avx512_bf16", "amx_bf16"})


def cpu_flags() -> set[str]:
    """What /proc/cpuinfo says that the CPU can do; empty where there is no such file."""
    return set(_cpuinfo("flags").split())


@functools.cache
def bf16_pays() -> bool:
    """Whether bfloat16 convolutions are faster than float32 ones here.

    Measured once for each CPU and version of torch, then remembered on disk: an answer that came
    out differently the next time would refuse to go on with a film that was begun with the other.
    Where it cannot be remembered, the instructions being there decides.
    """
    machine = (
        f"{_cpuinfo('model name') or platform.processor() or platform.machine()}, torch "
        f"{torch.__version__}"
    )
    if not isinstance(cache.recall(PRECISION_NOTES).get(machine), bool):
        cache.remember(PRECISION_NOTES, {machine: half_gain() >= GAIN})
    return cache.recall(PRECISION_NOTES).get(machine) is not False


def half_gain() -> float:
    """How many times faster a decoder-like convolution is in bfloat16 than in float32; takes about
    0.1 s.

    One thread, runs of a few milliseconds that alternate, the fastest of each: so that a machine
    busy with something else gives the same answer as an idle one.
    """
    threads = torch.get_num_threads()
    picture, weight = torch.ones(1, 128, 24, 24), torch.ones(128, 128, 3, 3)
    pairs = {
        dtype: (picture.to(dtype), weight.to(dtype)) for dtype in (torch.float32, torch.bfloat16)
    }
    seconds = dict.fromkeys(pairs, float("inf"))
    torch.set_num_threads(1)
    try:
        with apart(
            torch.device("cpu")
        ):  # the answer is kept, and autocast would time bfloat16 twice
            for _, (dtype, (x, w)) in product(range(PROBE_RUNS), pairs.items()):
                began = time.perf_counter()
                F.conv2d(x, w, padding=1)
                seconds[dtype] = min(seconds[dtype], time.perf_counter() - began)
    finally:
        torch.set_num_threads(threads)
    return seconds[torch.float32] / seconds[torch.bfloat16]


def _cpuinfo(key: str) -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == key:
                return value.strip()
    return ""
