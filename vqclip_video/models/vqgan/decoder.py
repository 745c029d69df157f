"""The VQGAN's decoder and encoder, read for speed and memory: frozen weights, gradients of the
input only.

The packaged modules of `taming` hold the weights under their published names; the functions here
compute the same numbers with fewer passes and keep less for the backward pass. The structure of the
network stands here, what its parts compute in a layout: `planar.py` for CPUs, `channels_last.py`
for CUDA.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from .channels_last import ChannelsLast
from .planar import Kept, Planar, Stage, activated, at_once, attend, residual

Layout = Planar | ChannelsLast


def layout_for(device: torch.device, dtype: torch.dtype) -> Layout:
    """The layout that a kind of device computes fastest in."""
    return (ChannelsLast if device.type == "cuda" else Planar)(device, dtype)


class LeanDecoder:
    """Call it with a latent [n, channels, h, w] for a picture [n, 3, h·factor, w·factor], nominally
    -1..1.

    With `low_memory` each stage keeps only its input and is computed again in the backward pass, at
    the finest resolution block by block: about half more arithmetic for a fraction of the
    activations, the same gradients.
    """

    def __init__(
        self,
        decoder: nn.Module,
        post_quant_conv: nn.Module,
        layout: Layout,
        low_memory: bool = False,
    ):
        """layout: how the feature maps lie in memory; it brings the parts to its device."""
        enter = layout.enter(post_quant_conv)
        self.stages = [enter, *stages(decoder, layout, self._kept_small)]
        for part in (decoder, post_quant_conv):
            layout.take_over(part)
        self.layout, self.low_memory = layout, low_memory

    def __call__(self, x: Tensor) -> Tensor:
        for stage in self.stages:
            x = self._kept_small(stage, x)
        return x

    def _kept_small(self, stage: Stage, x: Tensor) -> Tensor:
        if self.low_memory and x.requires_grad:
            settled = partial(chain, (stage, self.layout.settled))
            return checkpoint(settled, x, use_reentrant=False, preserve_rng_state=False)
        return stage(x)


def stages(decoder: nn.Module, layout: Layout, kept: Kept) -> list[Stage]:
    """The decoder's steps, coarse to fine: one stage a resolution, but one a block at the finest.

    That is where nearly all of the memory is: what the coarser stages compute again fits beside it.
    There `kept` decides what a block's units keep, too.
    """
    middle = decoder.mid
    steps: list[Stage] = [
        layout.convolution(decoder.conv_in),
        layout.residual(middle.block_1, at_once),
        *([layout.attention(middle.attn_1)] if hasattr(middle, "attn_1") else []),
        layout.residual(middle.block_2, at_once),
    ]
    found = []
    for level in reversed(decoder.up):
        for i, block in enumerate(level.block):
            steps.append(layout.residual(block, kept if level is decoder.up[0] else at_once))
            if len(level.attn):
                steps.append(layout.attention(level.attn[i]))
        if hasattr(level, "upsample"):
            found.append(partial(chain, steps))
            steps = [layout.upsampling(level.upsample)]
    # The upsampling shares a stage with the block after it, whose large input then need not be
    # kept.
    last = layout.leave(decoder.norm_out, decoder.conv_out)
    return [*found, partial(chain, steps[:2]), *steps[2:], last]


def chain(steps: Sequence[Stage], x: Tensor) -> Tensor:
    """One step after the other."""
    for step in steps:
        x = step(x)
    return x


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
