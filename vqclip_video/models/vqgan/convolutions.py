"""Convolutions with frozen weights: torch's own numbers, with less kept and less computed for the
backward pass.

torch keeps a convolution's input for the gradient of its weight, which nobody asks for here. The
gradient of the input is the transposed convolution of the slope with the same weight, and needs the
weight alone.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# row and column of a pixel among the four that a place becomes
PHASES = ((0, 0), (0, 1), (1, 0), (1, 1))


def convolve(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """`layer(x)` for a stride of 1."""
    return _Convolution.apply(x, layer.weight, layer.bias, layer.padding)


def bare_convolve(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """The same without the bias."""
    return _Convolution.apply(x, layer.weight, None, layer.padding)


def silu_convolve(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """`layer(silu(x))` for a stride of 1."""
    return _SiLUConvolution.apply(x, layer.weight, layer.bias, layer.padding)


class UpsamplingConvolution:
    """Nearest-neighbour upsampling by 2 and a 3×3 convolution, as one convolution of 2×2 before the
    upsampling.

    Where every pixel is repeated, the nine taps of an output pixel fall on four places, and which
    taps fall together depends on the pixel's phase alone. So the sums of taps are taken once, in
    the weights: four 2×2 kernels compute the four phases of a place with 4/9 of the arithmetic
    (forward and backward 1.5 to 1.9 times faster on a CPU).
    """

    def __init__(self, layer: nn.Conv2d, device: torch.device, dtype: torch.dtype):
        kernels = [
            kernel for rows in _phases(layer.weight.float(), 2) for kernel in _phases(rows, 3)
        ]
        self.weight = torch.cat(kernels).to(device, dtype)
        self.bias = layer.bias.float().repeat(4).to(device, dtype)

    def __call__(self, x: Tensor) -> Tensor:
        return _UpsamplingConvolution.apply(x, self.weight, self.bias)


def _phases(kernel: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """The two taps of each phase along an axis: phase 0 reads the places -1 and 0, phase 1 the
    places 0 and 1.
    """
    a, b, c = kernel.unbind(axis)
    return torch.stack([a, b + c], axis), torch.stack([a + b, c], axis)


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int]
    ) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.padding = padding
        return F.conv2d(x, weight, bias, padding=padding)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        (weight,) = ctx.saved_tensors
        return F.conv_transpose2d(slope, weight, padding=ctx.padding), None, None, None


class _SiLUConvolution(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, padding: tuple[int, int]
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.padding = padding
        return F.conv2d(F.silu(x), weight, bias, padding=padding)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        slope = F.conv_transpose2d(slope, weight, padding=ctx.padding)
        return torch.ops.aten.silu_backward.grad_input(slope, x, grad_input=slope), None, None, None


class _UpsamplingConvolution(torch.autograd.Function):
    """x [n, i, h, w], weight [4·o, i, 2, 2], the phases outermost; returns [n, o, 2h, 2w]."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(weight)
        n, _, h, w = x.shape
        # Windows begin one place early; a phase 0 takes the first h of the h + 1 along its axis, a
        # phase 1 the last.
        windows = F.conv2d(x, weight, bias, padding=1).view(n, 4, -1, h + 1, w + 1)
        pixels = x.new_empty(n, windows.shape[2], h, 2, w, 2)
        for windows_of_phase, (i, j) in zip(windows.unbind(1), PHASES, strict=True):
            pixels[:, :, :, i, :, j] = windows_of_phase[:, :, i : i + h, j : j + w]
        return pixels.view(n, -1, 2 * h, 2 * w)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        (weight,) = ctx.saved_tensors
        n, channels, height, width = slope.shape
        h, w = height // 2, width // 2
        pixels = slope.reshape(n, channels, h, 2, w, 2)
        windows = slope.new_zeros(n, 4, channels, h + 1, w + 1)
        for windows_of_phase, (i, j) in zip(windows.unbind(1), PHASES, strict=True):
            windows_of_phase[:, :, i : i + h, j : j + w] = pixels[:, :, :, i, :, j]
        return F.conv_transpose2d(windows.view(n, -1, h + 1, w + 1), weight, padding=1), None, None
