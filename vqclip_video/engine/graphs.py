"""CUDA graphs: the work of an iteration, captured once and replayed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from ..errors import UsageError
from .memory import release
from .objective import Outcome


class Lane:
    """A stream of its own for a film's work: what runs on torch's first one cannot be captured.

    Whatever is done inside comes after what was given to the caller's stream before, and before
    what the caller's stream is given afterwards. On a CPU nothing of this is needed, or done.
    """

    def __init__(self, device: torch.device):
        self.device = device
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._pool = None

    @contextmanager
    def __call__(self) -> Iterator[None]:
        if self.stream is None:
            yield
            return
        outside = torch.cuda.current_stream(self.device)
        self.stream.wait_stream(outside)
        before = torch.backends.cudnn.deterministic
        # Some of cuDNN's ways add up in any order.
        torch.backends.cudnn.deterministic = True
        try:
            with torch.cuda.stream(self.stream):
                yield
        finally:
            torch.backends.cudnn.deterministic = before
        outside.wait_stream(self.stream)

    def capture(self, work: Callable[[], Outcome]) -> tuple[torch.cuda.CUDAGraph, Outcome]:
        """The work as a graph, and the places of its outcome. A film's graphs share their memory:
        one runs after the other, and outcomes are copied before the next.
        """
        # What earlier iterations have left lies in another pool, where a graph cannot take it from.
        torch.cuda.synchronize(self.device)
        release(self.device)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, stream=self.stream):
            outcome = work()
        self._pool = graph.pool()
        return graph, outcome


def pick_graphs(name: str, device: torch.device) -> bool:
    """Whether iterations are captured. auto: on CUDA. Raises UsageError where graphs are asked of
    another device.
    """
    if name == "on" and device.type != "cuda":
        raise UsageError(f"graphs=on: {device.type} has none, CUDA alone has; take graphs=auto")
    return name != "off" and device.type == "cuda"
