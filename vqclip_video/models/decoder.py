"""The VQGAN decoder, read for speed: frozen weights, gradients of the input only.

The packaged modules of `taming` hold the weights under their published names; the functions here compute the same
numbers with fewer passes: SiLU and attention as single kernels, no time embedding. The layout stays NCHW, since group
norm is two to three times slower channels last on a CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

Stage = Callable[[Tensor], Tensor]


class LeanDecoder:
    """Call it with a latent [n, channels, h, w] for a picture [n, 3, h·factor, w·factor], nominally -1..1.

    With `low_memory` each stage keeps only its input and is computed again in the backward pass: about a quarter
    more arithmetic for a fraction of the activations, the same gradients.
    """

    def __init__(self, decoder: nn.Module, post_quant_conv: nn.Module, low_memory: bool = False):
        self.stages = [post_quant_conv, *stages(decoder)]
        self.low_memory = low_memory

    def __call__(self, x: Tensor) -> Tensor:
        for stage in self.stages:
            if self.low_memory and x.requires_grad:
                x = checkpoint(stage, x, use_reentrant=False, preserve_rng_state=False)
            else:
                x = stage(x)
        return x


def stages(decoder: nn.Module) -> Iterator[Stage]:
    """The decoder's steps in order, coarse to fine."""
    yield decoder.conv_in
    yield residual(decoder.mid.block_1)
    yield attention(decoder.mid.attn_1)
    yield residual(decoder.mid.block_2)
    for level in reversed(decoder.up):
        for i, block in enumerate(level.block):
            yield residual(block)
            if len(level.attn):
                yield attention(level.attn[i])
        if hasattr(level, "upsample"):
            yield level.upsample
    yield lambda x: decoder.conv_out(F.silu(decoder.norm_out(x)))


def residual(block: nn.Module) -> Stage:
    """Two convolutions beside a shortcut."""

    def run(x: Tensor) -> Tensor:
        h = block.conv1(F.silu(block.norm1(x)))
        h = block.conv2(F.silu(block.norm2(h)))
        return h.add_(x if block.in_channels == block.out_channels else block.nin_shortcut(x))

    return run


def attention(block: nn.Module) -> Stage:
    """Self-attention over all places of the feature map, with one head."""

    def run(x: Tensor) -> Tensor:
        h = block.norm(x)
        query, key, value = (layer(h).flatten(2).transpose(1, 2)[:, None] for layer in (block.q, block.k, block.v))
        mixed = F.scaled_dot_product_attention(query, key, value)
        return block.proj_out(mixed[:, 0].transpose(1, 2).reshape(x.shape)).add_(x)

    return run
