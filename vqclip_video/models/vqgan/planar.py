"""Feature maps as planes (NCHW): the layout of CPUs, whose group norm is two to three times slower
channels last, and of Apple's GPUs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .convolutions import UpsamplingConvolution, convolve, silu_convolve

MANY_PLACES = 1024

Stage = Callable[[Tensor], Tensor]
Unit = Callable[[nn.GroupNorm, nn.Conv2d, Tensor], Tensor]
Kept = Callable[[Stage, Tensor], Tensor]


def at_once(stage: Stage, x: Tensor) -> Tensor:
    """A stage whose activations are kept as they come."""
    return stage(x)


class Planar:
    """A decoder's parts over planes."""

    def __init__(self, device: torch.device, dtype: torch.dtype):
        self.device, self.dtype = device, dtype

    def take_over(self, part: nn.Module) -> None:
        """Bring a part's weights to the device."""
        part.to(self.device, self.dtype, memory_format=torch.contiguous_format)

    def enter(self, layer: nn.Conv2d) -> Stage:
        """The first convolution, of a latent."""
        return partial(convolve, layer)

    def convolution(self, layer: nn.Conv2d) -> Stage:
        return partial(convolve, layer)

    def residual(self, block: nn.Module, kept: Kept) -> Stage:
        """kept: what decides what a unit's norm and convolution keep."""

        def unit(norm: nn.GroupNorm, layer: nn.Conv2d, x: Tensor) -> Tensor:
            return kept(partial(activated, norm, layer), x)

        return partial(residual, block, unit=unit)

    def attention(self, block: nn.Module) -> Stage:
        return partial(attend, block)

    def upsampling(self, layer: nn.Module) -> Stage:
        """Twice the size by repetition, then smoothed where the model was trained so."""
        if layer.with_conv:
            return UpsamplingConvolution(layer.conv, self.device, self.dtype)
        return partial(F.interpolate, scale_factor=2.0, mode="nearest")

    def leave(self, norm: nn.GroupNorm, layer: nn.Conv2d) -> Stage:
        """The last norm and convolution, to a picture."""
        return partial(activated, norm, layer)

    def settled(self, x: Tensor) -> Tensor:
        """A feature map that nothing is left to be done to."""
        return x


def activated(norm: nn.GroupNorm, layer: nn.Conv2d, x: Tensor) -> Tensor:
    """Group norm, SiLU, convolution: the unit everything here is made of."""
    return silu_convolve(layer, norm(x))


def residual(block: nn.Module, x: Tensor, unit: Unit = activated) -> Tensor:
    """Two of these units beside a shortcut."""
    h = unit(block.norm2, block.conv2, unit(block.norm1, block.conv1, x))
    return h.add_(x if block.in_channels == block.out_channels else convolve(block.nin_shortcut, x))


def attend(block: nn.Module, x: Tensor) -> Tensor:
    """Self-attention over all places of the feature map, with one head."""
    h = block.norm(x)
    read = [convolve(layer, h).flatten(2).transpose(1, 2) for layer in (block.q, block.k, block.v)]
    # On a CPU torch holds a matrix of all places by all, unless a place's channels lie side by
    # side; for few places that matrix costs less than moving them.
    query, key, value = (
        (part.contiguous() for part in read) if h[0, 0].numel() > MANY_PLACES else read
    )
    mixed = F.scaled_dot_product_attention(query[:, None], key[:, None], value[:, None])[:, 0]
    # A view would pass for channels last: slow group norms from here on, and torch's compiler
    # expects another layout.
    mixed = mixed.transpose(1, 2).contiguous().view(x.shape)
    return convolve(block.proj_out, mixed).add_(x)
