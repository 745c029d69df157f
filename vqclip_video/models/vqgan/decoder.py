"""The VQGAN's decoder and encoder, read for speed and memory: frozen weights, gradients of the
input only.

The packaged modules of `taming` hold the weights under their published names; the functions here
compute the same numbers with fewer passes and keep less for the backward pass. The layout stays
NCHW, since group norm is two to three times slower channels last on a CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from .convolutions import UpsamplingConvolution, convolve, silu_convolve

MANY_PLACES = 1024

Stage = Callable[[Tensor], Tensor]
Unit = Callable[[nn.GroupNorm, nn.Conv2d, Tensor], Tensor]


class LeanDecoder:
    """Call it with a latent [n, channels, h, w] for a picture [n, 3, h·factor, w·factor], nominally
    -1..1.

    With `low_memory` each stage keeps only its input and is computed again in the backward pass, at
    the finest
    resolution unit by unit: about half more arithmetic for a fraction of the activations, the same
        gradients.
    """

    def __init__(
        self,
        decoder: nn.Module,
        post_quant_conv: nn.Module,
        device: torch.device,
        dtype: torch.dtype,
        low_memory: bool = False,
    ):
        self.stages = [
            partial(convolve, post_quant_conv),
            *stages(decoder, device, dtype, self._unit),
        ]
        for part in (decoder, post_quant_conv):
            part.to(device, dtype)
        self.low_memory = low_memory

    def __call__(self, x: Tensor) -> Tensor:
        for stage in self.stages:
            x = self._kept_small(stage, x)
        return x

    def _unit(self, norm: nn.GroupNorm, layer: nn.Conv2d, x: Tensor) -> Tensor:
        return self._kept_small(partial(activated, norm, layer), x)

    def _kept_small(self, stage: Stage, x: Tensor) -> Tensor:
        if self.low_memory and x.requires_grad:
            return checkpoint(stage, x, use_reentrant=False, preserve_rng_state=False)
        return stage(x)


def stages(
    decoder: nn.Module, device: torch.device, dtype: torch.dtype, finest_unit: Unit
) -> list[Stage]:
    """The decoder's steps, coarse to fine: one stage a resolution, but one a block at the finest.

    That is where nearly all of the memory is: what the coarser stages compute again fits beside it.
    There `finest_unit` stands for `activated` too.
    """
    middle = decoder.mid
    steps: list[Stage] = [
        partial(convolve, decoder.conv_in),
        partial(residual, middle.block_1),
        *([partial(attend, middle.attn_1)] if hasattr(middle, "attn_1") else []),
        partial(residual, middle.block_2),
    ]
    found = []
    for level in reversed(decoder.up):
        unit = finest_unit if level is decoder.up[0] else activated
        for i, block in enumerate(level.block):
            steps.append(partial(residual, block, unit=unit))
            if len(level.attn):
                steps.append(partial(attend, level.attn[i]))
        if hasattr(level, "upsample"):
            found.append(partial(chain, steps))
            steps = [upsampling(level.upsample, device, dtype)]
    # The upsampling shares a stage with the block after it, whose large input then need not be
    # kept.
    return [
        *found,
        partial(chain, steps[:2]),
        *steps[2:],
        partial(activated, decoder.norm_out, decoder.conv_out),
    ]


def chain(steps: Sequence[Stage], x: Tensor) -> Tensor:
    """One step after the other."""
    for step in steps:
        x = step(x)
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


def run_encoder(encoder: nn.Module, x: Tensor) -> Tensor:
    """What taming's Encoder makes of pictures [n, 3, H, W], -1..1, its attention without a matrix
    of all places by all.

    Such a matrix takes a gigabyte where a picture has 1024 pixels a side and a place of the latent
    8.
    """
    x = encoder.conv_in(x)
    for level in encoder.down:
        for i, block in enumerate(level.block):
            x = residual(block, x)
            if len(level.attn):
                x = attend(level.attn[i], x)
        if hasattr(level, "downsample"):
            x = level.downsample(x)
    x = residual(encoder.mid.block_1, x)
    if hasattr(encoder.mid, "attn_1"):
        x = attend(encoder.mid.attn_1, x)
    x = residual(encoder.mid.block_2, x)
    return activated(encoder.norm_out, encoder.conv_out, x)


def upsampling(layer: nn.Module, device: torch.device, dtype: torch.dtype) -> Stage:
    """Twice the size by repetition, then smoothed where the model was trained so."""
    if layer.with_conv:
        return UpsamplingConvolution(layer.conv, device, dtype)
    return partial(F.interpolate, scale_factor=2.0, mode="nearest")
