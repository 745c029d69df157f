"""Feature maps with each place's channels side by side (NHWC): the layout of CUDA's tensor cores.

Between two layers a map may be a sum that nobody has written down yet, a convolution's result with
its bias and what the block began with: the norm that reads it next adds it up in its own pass.
Group norms and biases stay float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .attention import attend_to_all
from .convolutions import PHASES, UpsamplingConvolution, bare_convolve, convolve
from .frozen_norm import FrozenNorm
from .group_norm import added_and_normalised, normalised

LAYOUT = torch.channels_last


@dataclass(frozen=True)
class OpenSum:
    """A feature map that is still a sum: value [n, c, h, w] + bias [c], float32 + beside, of
    value's shape.
    """

    value: Tensor
    bias: Tensor | None = None
    beside: Tensor | None = None

    @classmethod
    def of(cls, x: Features) -> OpenSum:
        return x if isinstance(x, OpenSum) else cls(x)

    def total(self) -> Tensor:
        found = self.value if self.beside is None else self.value + self.beside
        return found if self.bias is None else found + self.bias.view(1, -1, 1, 1).to(found.dtype)

    def normalised(self, norm: FrozenNorm, activate: bool = True) -> tuple[Tensor, Tensor]:
        """The sum, and its norm."""
        if self.bias is None and self.beside is None:
            return self.value, normalised(norm, self.value, None, activate)
        return added_and_normalised(norm, self.value, self.bias, self.beside, activate)


Features = Tensor | OpenSum
Step = Callable[[Features], Features]


class ChannelsLast:
    """A decoder's parts over maps with their channels last."""

    def __init__(self, device: torch.device, dtype: torch.dtype):
        self.device, self.dtype = device, dtype

    def take_over(self, part: nn.Module) -> None:
        """Bring a part's weights to the device."""
        part.to(self.device, self.dtype, memory_format=LAYOUT)

    def enter(self, layer: nn.Conv2d) -> Step:
        """The first convolution, of a latent."""
        return lambda z: convolve(layer, z.contiguous(memory_format=LAYOUT))

    def convolution(self, layer: nn.Conv2d) -> Step:
        bias = self.float32(layer.bias)
        return lambda x: OpenSum(bare_convolve(layer, x), bias)

    def residual(self, block: nn.Module, kept: object) -> Step:
        """kept: of no use here, where a block keeps the inputs of its norms alone."""
        return _Residual(block, self)

    def attention(self, block: nn.Module) -> Step:
        return _SelfAttention(block, self)

    def upsampling(self, layer: nn.Module) -> Step:
        """Twice the size by repetition, then smoothed where the model was trained so."""
        if layer.with_conv:
            return _Upsampling(layer.conv, self)
        return lambda x: F.interpolate(_total(x), scale_factor=2.0, mode="nearest")

    def leave(self, norm: nn.GroupNorm, layer: nn.Conv2d) -> Step:
        """The last norm and convolution, to a picture in planes."""
        last = FrozenNorm.of(norm, self.device)

        def picture(x: Features) -> Tensor:
            _, h = OpenSum.of(x).normalised(last)
            return convolve(layer, h).contiguous()

        return picture

    def settled(self, x: Features) -> Tensor:
        """A feature map that nothing is left to be done to."""
        return _total(x)

    def float32(self, *parts: Tensor) -> Tensor:
        """The sum of biases, float32, on the device, a copy."""
        return sum(part.detach().to(self.device, torch.float32, copy=True) for part in parts)


class _Residual:
    """Two units of norm, SiLU and convolution beside a shortcut."""

    def __init__(self, block: nn.Module, layout: ChannelsLast):
        self.block = block
        self.first, self.second = (
            FrozenNorm.of(norm, layout.device) for norm in (block.norm1, block.norm2)
        )
        self.shortcut = block.in_channels != block.out_channels
        biases = [block.conv2.bias, *([block.nin_shortcut.bias] if self.shortcut else [])]
        self.inner, self.outer = layout.float32(block.conv1.bias), layout.float32(*biases)

    def __call__(self, x: Features) -> OpenSum:
        block = self.block
        x, h = OpenSum.of(x).normalised(self.first)
        h = normalised(self.second, bare_convolve(block.conv1, h), self.inner)
        h = bare_convolve(block.conv2, h)
        if not self.shortcut:
            return OpenSum(h, self.outer, x)
        return OpenSum(_AddedProduct.apply(h, x, block.nin_shortcut.weight), self.outer)


class _SelfAttention:
    """All places ask all, with one head; a 1×1 convolution is a product of places with a matrix."""

    def __init__(self, block: nn.Module, layout: ChannelsLast):
        place = {"device": layout.device, "dtype": layout.dtype}
        layers = (block.q, block.k, block.v)
        self.norm = FrozenNorm.of(block.norm, layout.device)
        self.weight = torch.cat([layer.weight.detach().flatten(1) for layer in layers]).to(**place)
        self.bias = torch.cat([layer.bias.detach() for layer in layers]).to(**place)
        self.projection = block.proj_out
        self.outer = layout.float32(block.proj_out.bias)

    def __call__(self, x: Features) -> OpenSum:
        x, h = OpenSum.of(x).normalised(self.norm, activate=False)
        mixed = attend_to_all(F.linear(_places(h), self.weight, self.bias))
        mixed = F.linear(mixed, self.projection.weight.flatten(1))
        return OpenSum(_map(mixed, x), self.outer, x)


class _Upsampling(UpsamplingConvolution):
    """The same four 2×2 kernels (see `UpsamplingConvolution`), their windows dealt out by a single
    copy.
    """

    def __init__(self, layer: nn.Conv2d, layout: ChannelsLast):
        super().__init__(layer, layout.device, layout.dtype)
        self.weight = self.weight.contiguous(memory_format=LAYOUT)
        self.added = layout.float32(layer.bias)

    def __call__(self, x: Features) -> OpenSum:
        return OpenSum(_Dealt.apply(_total(x), self.weight), self.added)


class _Dealt(torch.autograd.Function):
    """x [n, i, h, w], weight [4·o, i, 2, 2], the phases outermost; returns [n, o, 2h, 2w]."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(weight)
        windows = F.conv2d(x, weight, padding=1).contiguous(memory_format=LAYOUT)
        n, _, h, w = x.shape
        pixels = _of_phases(windows, weight.shape[0] // len(PHASES)).contiguous()
        return pixels.view(n, 2 * h, 2 * w, -1).permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        (weight,) = ctx.saved_tensors
        n, channels, height, width = slope.shape
        h, w = height // 2, width // 2
        size = (n, len(PHASES) * channels, h + 1, w + 1)
        windows = slope.new_zeros(size).contiguous(memory_format=LAYOUT)
        pixels = slope.permute(0, 2, 3, 1).reshape(n, h, 2, w, 2, channels)
        _of_phases(windows, channels).copy_(pixels)
        return F.conv_transpose2d(windows, weight, padding=1), None


def _of_phases(windows: Tensor, channels: int) -> Tensor:
    """Windows [n, 4·c, h + 1, w + 1], channels last, seen as [n, h, 2, w, 2, c], without a copy.

    Windows begin one place early: phase 0 of an axis has the first of its windows, phase 1 the
    last.
    """
    n, _, height, width = windows.shape
    of_map, _, of_row, of_place = windows.stride()
    size = (n, height - 1, 2, width - 1, 2, channels)
    steps = (of_map, of_row, of_row + 2 * channels, of_place, of_place + channels, 1)
    return windows.as_strided(size, steps)


class _AddedProduct(torch.autograd.Function):
    """h [n, o, height, width] plus the 1×1 convolution of x [n, i, height, width], written over
    h.
    """

    @staticmethod
    def forward(ctx: Any, h: Tensor, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.mark_dirty(h)
        _places(h).flatten(0, 1).addmm_(_places(x).flatten(0, 1), weight.flatten(1).T)
        return h

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        (weight,) = ctx.saved_tensors
        slope = slope.contiguous(memory_format=LAYOUT)
        return slope, _map(_places(slope) @ weight.flatten(1), slope), None


def _total(x: Features) -> Tensor:
    return OpenSum.of(x).total()


def _places(x: Tensor) -> Tensor:
    """A map's places [n, h·w, c], a view."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)


def _map(places: Tensor, like: Tensor) -> Tensor:
    """Places [n, h·w, c] as a map of `like`'s size, a view."""
    return places.unflatten(1, like.shape[-2:]).permute(0, 3, 1, 2)
