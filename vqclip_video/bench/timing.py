"""Clocks and gauges: seconds of each stage, memory, arithmetic, and what the machine can do at
most.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from statistics import median

import torch

MATMUL_SIDE = {"cpu": 2048, "cuda": 8192}
MATMUL_RUNS = 5


@dataclass(frozen=True)
class Range:
    """Least, median and most of some measurements."""

    min: float
    median: float
    max: float

    @classmethod
    def of(cls, values: list[float]) -> Range:
        return cls(min(values), median(values), max(values))


class StageClock:
    """Adds up the time of each stage; it is the `stage` of a `Session`.

    On CUDA the times are those of events in the stream, read when they are taken, so that nothing
    waits in between.
    """

    def __init__(self, device: torch.device):
        self.device = device
        self._seconds: dict[str, float] = {}
        self._events: list[tuple[str, torch.cuda.Event, torch.cuda.Event]] = []

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        if self.device.type == "cuda":
            first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            first.record()
            yield
            last.record()
            self._events.append((stage, first, last))
            return
        began = time.perf_counter()
        yield
        self._seconds[stage] = self._seconds.get(stage, 0.0) + time.perf_counter() - began

    def take(self) -> dict[str, float]:
        """Seconds by stage since the last call; waits for the device."""
        synchronise(self.device)
        for stage, first, last in self._events:
            self._seconds[stage] = self._seconds.get(stage, 0.0) + first.elapsed_time(last) / 1000
        taken, self._seconds, self._events = self._seconds, {}, []
        return taken


def synchronise(device: torch.device) -> None:
    """Wait until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def seconds_of(work: Callable[[], object], device: torch.device) -> float:
    """How long `work` takes, the device's part included."""
    synchronise(device)
    began = time.perf_counter()
    work()
    synchronise(device)
    return time.perf_counter() - began


def host_peak() -> int | None:
    """Most bytes that this process has held in memory so far; None where the system does not say
    (Windows).
    """
    with suppress(ImportError):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return None


@contextmanager
def tf32(allowed: bool) -> Iterator[None]:
    """Inside, float32 convolutions and products on CUDA may be computed in TensorFloat-32, or not:
    about three digits, at a multiple of the speed.
    """
    places = torch.backends.cudnn, torch.backends.cuda.matmul
    before = [place.allow_tf32 for place in places]
    try:
        for place in places:
            place.allow_tf32 = allowed
        yield
    finally:
        for place, was in zip(places, before, strict=True):
            place.allow_tf32 = was


def device_peak(device: torch.device) -> int | None:
    """Most bytes that tensors have held on a GPU so far; None on a CPU."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None


def flops_of(work: Callable[[], object]) -> int:
    """Floating-point operations of the matrix products and convolutions in `work`, forward and
    backward.
    """
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def matmul_peak(device: torch.device, dtype: torch.dtype) -> float:
    """Floating-point operations a second of a large matrix product here: the fastest of a few."""
    side = MATMUL_SIDE.get(device.type, 4096)
    a, b = (torch.ones(side, side, device=device, dtype=dtype) for _ in range(2))
    torch.mm(a, b)
    return 2 * side**3 / min(seconds_of(lambda: torch.mm(a, b), device) for _ in range(MATMUL_RUNS))
