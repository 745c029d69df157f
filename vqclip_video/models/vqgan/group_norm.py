"""Group norm over channels-last feature maps, with what stands before and after it taken in: the
sum that it normalises, SiLU, and in the backward pass the slope that the sum has from elsewhere.

One pass for the moments, one to apply them. Of all this only the sum and its moments are kept for
the backward pass, half of what torch's group norm and SiLU keep. Gradients of the input only.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor

from ..apart import apart
from .frozen_norm import FrozenNorm
from .group_norm_formulas import Formulas

NEAR = 1e-3  # of what the formulas give


def normalised(norm: FrozenNorm, x: Tensor, bias: Tensor | None, activate: bool = True) -> Tensor:
    """The norm of x + bias [n, c, h, w], through SiLU where `activate`."""
    return _Normalised.apply(x, bias, norm, activate)


def added_and_normalised(
    norm: FrozenNorm, x: Tensor, bias: Tensor | None, beside: Tensor | None, activate: bool = True
) -> tuple[Tensor, Tensor]:
    """x + bias + beside, in x's type, and the norm of that. Two terms at least."""
    return _Added.apply(x, bias, beside, norm, activate)


def ways(device: torch.device) -> type:
    """Triton's kernels where they work on a device, else the formulas."""
    return _kernels(device) or Formulas


@functools.cache
def _kernels(device: torch.device) -> type | None:
    """The kernels, if they are there and give on this device what the formulas give.

    Triton is there for Linux, and for cards since Volta or Ampere, by its version; a card it does
    not know it refuses in many ways, when the first kernel is compiled.
    """
    if device.type != "cuda":
        return None
    try:
        from .group_norm_kernels import Kernels
    except ImportError:
        return None
    try:
        return Kernels if _agree(Kernels, device) else None
    except Exception:  # whatever a compiler raises
        return None


@torch.no_grad()
def _agree(kernels: type, device: torch.device) -> bool:
    with apart(device):
        x = torch.linspace(0, 9999, 64 * 12 * 10, device=device).sin().view(1, 64, 12, 10)
        x = x.contiguous(memory_format=torch.channels_last)
        ones = torch.ones(64, device=device)
        norm = FrozenNorm(ones, ones / 2, 32, 1e-6)
        found = []
        for way in (kernels, Formulas):
            total, moments = way.moments_of(x, ones, x, norm, True)
            y = way.applied(total, None, moments, norm, True)
            found.append(torch.cat([y, way.slope_of(total, None, y, x, moments, norm, True)]))
    return bool((found[0] - found[1]).abs().max() < NEAR)


class _Normalised(torch.autograd.Function):
    """The norm of a sum that nobody else reads."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, bias: Tensor | None, norm: FrozenNorm, activate: bool
    ) -> Tensor:
        return _forward(ctx, x, bias, None, norm, activate, False)[1]

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        return _backward(ctx, None, slope), None, None, None


class _Added(torch.autograd.Function):
    """The same, with the sum handed out."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        bias: Tensor | None,
        beside: Tensor | None,
        norm: FrozenNorm,
        activate: bool,
    ) -> tuple[Tensor, Tensor]:
        ctx.set_materialize_grads(False)
        return _forward(ctx, x, bias, beside, norm, activate, True)

    @staticmethod
    def backward(
        ctx: Any, of_sum: Tensor | None, slope: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        found = _backward(ctx, of_sum, slope)
        return found, None, found if ctx.is_sum else None, None, None


def _forward(
    ctx: Any,
    x: Tensor,
    bias: Tensor | None,
    beside: Tensor | None,
    norm: FrozenNorm,
    activate: bool,
    handed_out: bool,
) -> tuple[Tensor | None, Tensor]:
    way = ways(x.device)
    x = x.contiguous(memory_format=torch.channels_last)
    total, moments = way.moments_of(x, bias, beside, norm, handed_out)
    # The bias alone is added once more where the sum is not written down: it costs no memory.
    kept, bias = (x, bias) if total is None else (total, None)
    ctx.save_for_backward(kept, moments, bias)
    ctx.norm, ctx.activate, ctx.is_sum = norm, activate, beside is not None
    return total, way.applied(kept, bias, moments, norm, activate)


def _backward(ctx: Any, of_sum: Tensor | None, slope: Tensor | None) -> Tensor | None:
    kept, moments, bias = ctx.saved_tensors
    found = of_sum
    if slope is not None:
        slope, of_sum = (
            each if each is None else each.contiguous(memory_format=torch.channels_last)
            for each in (slope, of_sum)
        )
        way = ways(kept.device)
        found = way.slope_of(kept, bias, slope, of_sum, moments, ctx.norm, ctx.activate)
    return found
