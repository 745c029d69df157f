"""torch.compile: when it pays, and what to say when it fails."""

from __future__ import annotations

import torch

from ..errors import RenderError

# Assumed, not measured: no GPU was at hand (docs/benchmarks.md). The saving is that of a GPU kept
# waiting by a thousand small kernels for each iteration.
COMPILE_SECONDS = 90.0
SECONDS_SAVED = 0.004  # by each iteration
COMPILERS = ("torch._dynamo", "torch._inductor", "torch._functorch")


def pick_compile(name: str, device: torch.device, iterations: int) -> bool:
    """Whether to compile the networks. auto: on CUDA, for a film long enough to win back twice the
    time it takes.

    `iterations` are the whole film's, also for one that is gone on with: a film is computed in one
    way throughout.
    """
    if name != "auto":
        return name == "on"
    return device.type == "cuda" and iterations * SECONDS_SAVED > 2 * COMPILE_SECONDS


def compiler_failure(
    error: BaseException, remedy: str = "render with compile=off"
) -> RenderError | None:
    """What to tell the user where `error` is torch's compiler giving up, with the way out; None
    where it is something else.
    """
    if not type(error).__module__.startswith(COMPILERS):
        return None
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return RenderError(f"torch.compile failed ({reason}); {remedy}")
