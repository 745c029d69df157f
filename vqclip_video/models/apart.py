"""Computing apart from the caller, for what is made once and kept, or promised in float32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch


@contextmanager
def apart(device: torch.device, half: bool = False) -> Iterator[None]:
    """Inside, nothing depends on the caller's autocast, grad mode or inference mode.

    No gradients are kept, and tensors made inside may take part in a backward pass later, which
    those of inference mode may not. half: convolutions and products on `device` in bfloat16, the
    rest in float32, as autocast decides.
    """
    with ExitStack() as modes:
        modes.enter_context(torch.inference_mode(False))
        modes.enter_context(torch.no_grad())
        for kind in {"cpu", device.type}:
            modes.enter_context(torch.autocast(kind, enabled=False))
        if half:
            modes.enter_context(torch.autocast(device.type, torch.bfloat16))
        yield
