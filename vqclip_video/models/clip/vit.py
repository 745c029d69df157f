"""CLIP's transformers, read for speed: frozen weights, gradients of the input only.

The packaged modules of OpenAI's `clip` hold the weights under their published names; the functions
here compute the same numbers with fewer passes: batch first, scaled_dot_product_attention,
activations folded into the weights.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...catalogue.clip_config import CLIPConfig

QUICK_GELU = 1.702


def prepare_block(block: nn.Module, head: int, quick_gelu: bool) -> None:
    """Ready a packaged block for the functions here: heads of `head` channels, GELU or QuickGELU.

    The packaged block is of no use as it was afterwards.
    """
    block.head, block.activation = head, F.gelu
    if quick_gelu:
        fold_quick_gelu(block)
        block.activation = F.silu


def fold_quick_gelu(block: nn.Module) -> None:
    """Scale the block's MLP so that plain SiLU computes its QuickGELU: x·σ(ax) = silu(ax) / a."""
    for layer, name, factor in (
        (block.mlp.c_fc, "weight", QUICK_GELU),
        (block.mlp.c_fc, "bias", QUICK_GELU),
        (block.mlp.c_proj, "weight", 1 / QUICK_GELU),
    ):
        setattr(layer, name, nn.Parameter(getattr(layer, name) * factor, requires_grad=False))


def attend_one(
    query: Tensor, tokens: Tensor, key: Tensor, value: Tensor, value_bias: Tensor, head: int
) -> Tensor:
    """Multi-head attention of one query over all tokens, without projecting the tokens.

    With a single query it is cheaper to carry the query through the key matrix, and the mixed
    tokens through the value matrix, than to project every token. The key's bias shifts all scores
    alike, so softmax drops it.

    query [n, c], tokens [n, l, c], key and value [c, c] weights, value_bias [c], head channels a
    head; returns [n, c].
    """
    n, c = query.shape
    heads = c // head
    query = query.view(n, heads, head) * head**-0.5
    carried = torch.einsum("nhd,hdc->nhc", query, key.view(heads, head, c))
    shares = (carried @ tokens.transpose(1, 2)).softmax(-1)
    mixed = torch.einsum("nhc,hdc->nhd", shares @ tokens, value.view(heads, head, c))
    return mixed.reshape(n, c) + value_bias


def norm(layer: nn.LayerNorm, x: Tensor) -> Tensor:
    """Layer norm in x's dtype; torch's kernels gather the statistics of half-precision input in
    float32.
    """
    return F.layer_norm(x, layer.normalized_shape, layer.weight, layer.bias, layer.eps)


def mlp(block: nn.Module, x: Tensor) -> Tensor:
    """The MLP of a prepared block."""
    return block.mlp.c_proj(block.activation(block.mlp.c_fc(norm(block.ln_2, x))))


def residual_block(block: nn.Module, x: Tensor, causal: bool = False) -> Tensor:
    """One prepared block on x [n, l, c]."""
    n, length, c = x.shape
    packed = F.linear(norm(block.ln_1, x), block.attn.in_proj_weight, block.attn.in_proj_bias)
    query, key, value = packed.view(n, length, 3, c // block.head, block.head).permute(
        2, 0, 3, 1, 4
    )
    mixed = F.scaled_dot_product_attention(query, key, value, is_causal=causal)
    x = x + block.attn.out_proj(mixed.transpose(1, 2).reshape(n, length, c))
    return x + mlp(block, x)


def class_token_block(block: nn.Module, x: Tensor) -> Tensor:
    """The last block, for the class token alone: nothing else of its output is read.

    x [n, l, c]; returns [n, c].
    """
    tokens = norm(block.ln_1, x)
    query, key, value = block.attn.in_proj_weight.chunk(3)
    query_bias, _, value_bias = block.attn.in_proj_bias.chunk(3)
    query = F.linear(tokens[:, 0], query, query_bias)
    mixed = attend_one(query, tokens, key, value, value_bias, block.head)
    x = x[:, 0] + block.attn.out_proj(mixed)
    return x + mlp(block, x)


class VisionTransformer:
    """CLIP's ViT image tower.

    Call it with pictures [n, 3, size, size], values 0..1, for features [n, dim].
    """

    def __init__(
        self, tower: nn.Module, config: CLIPConfig, device: torch.device, dtype: torch.dtype
    ):
        tower.float()
        for block in tower.transformer.resblocks:
            prepare_block(block, config.image_head, config.quick_gelu)
        # The patch embedding is one matmul, and takes CLIP's normalisation (x - mean) / std with
        # it.
        mean, std = (torch.tensor(c).view(1, 3, 1, 1) for c in (config.mean, config.std))
        weight = tower.conv1.weight / std
        self.patch = tower.conv1.kernel_size[0]
        place = {"device": device, "dtype": dtype}
        self.patch_weight = weight.flatten(1).to(**place)
        positions = tower.positional_embedding.clone()
        positions[0] += tower.class_embedding
        positions[1:] -= (weight * mean).sum((1, 2, 3))
        self.first, self.positions = positions[:1].to(**place), positions[1:].to(**place)
        tower.to(**place)
        self.pre, self.post, self.projection = tower.ln_pre, tower.ln_post, tower.proj
        *self.blocks, self.last = tower.transformer.resblocks
        self.dtype = dtype

    def compute_in(self, dtype: torch.dtype) -> None:
        """Compute in another number format from now on."""
        self.dtype = dtype
        for part in (self.pre, self.post, *self.blocks, self.last):
            part.to(dtype)
        for name in ("patch_weight", "first", "positions", "projection"):
            setattr(self, name, getattr(self, name).detach().to(dtype))

    def __call__(self, images: Tensor) -> Tensor:
        x = self._tokens(images)
        for block in self.blocks:
            x = residual_block(block, x)
        return norm(self.post, class_token_block(self.last, x)) @ self.projection

    def features(self, images: Tensor) -> list[Tensor]:
        """Maps [n, c, h, w]: of the patches at a quarter, a half and three quarters of the way."""
        x, maps = self._tokens(images), []
        wanted = [len(self.blocks) * quarter // 4 for quarter in (1, 2, 3)]
        for i in range(wanted[-1] + 1):
            maps.extend(x[:, 1:].transpose(1, 2) for place in wanted if place == i)
            x = residual_block(self.blocks[i], x)
        side = images.shape[-1] // self.patch
        return [patches.unflatten(2, (-1, side)) for patches in maps]

    def _tokens(self, images: Tensor) -> Tensor:
        n, colours, height, width = images.shape
        side = self.patch
        x = images.to(self.dtype).reshape(n, colours, height // side, side, width // side, side)
        x = x.permute(0, 2, 4, 1, 3, 5).reshape(n, -1, colours * side * side)
        x = F.linear(x, self.patch_weight) + self.positions
        return norm(self.pre, torch.cat([self.first.expand(n, 1, -1), x], 1))


class TextTransformer:
    """CLIP's text tower in float32.

    Call it with token ids [n, l], zeros after the end token, for features [n, dim].
    """

    def __init__(self, clip: nn.Module, config: CLIPConfig, device: torch.device):
        self.device = device
        self.tokens = clip.token_embedding.weight
        self.positions = clip.positional_embedding.float().to(device)
        self.blocks = clip.transformer.resblocks.float()
        for block in self.blocks:
            prepare_block(block, config.text_head, config.quick_gelu)
        self.blocks.to(device)
        self.final = clip.ln_final.float().to(device)
        self.projection = clip.text_projection.float().to(device)

    def __call__(self, ids: Tensor) -> Tensor:
        # Only the rows of the words at hand are converted: the table is most of the tower.
        x = self.tokens[ids].float().to(self.device) + self.positions[: ids.shape[1]]
        for block in self.blocks:
            x = residual_block(block, x, causal=True)
        ends = ids.argmax(-1).to(self.device)  # the end token has the highest id
        return (
            norm(self.final, x[torch.arange(len(ids), device=self.device), ends]) @ self.projection
        )
