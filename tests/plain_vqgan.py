"""What a VQGAN computes, written plainly from its published descriptions, tensor by tensor.

Of files under taming's names, and under LlamaGen's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

State = Mapping[str, Tensor]


def decoded(state: State, latent: Tensor) -> Tensor:
    """The picture, nominally -1..1, of a latent [n, channels, h, w]."""
    x = _conv(state, "post_quant_conv", latent)
    x = _middle(state, "decoder", _conv(state, "decoder.conv_in", x, padding=1))
    for level in _levels(state, "decoder"):
        x = _blocks(state, level, x)
        if f"{level}.upsample.conv.weight" in state:
            x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
            x = _conv(state, f"{level}.upsample.conv", x, padding=1)
    x = F.silu(_norm(state, "decoder.norm_out", x))
    return _conv(state, "decoder.conv_out", x, padding=1)


def encoded(state: State, images: Tensor) -> Tensor:
    """The latent, before it is quantised, of pictures [n, 3, H, W] of values -1..1."""
    x = _conv(state, "encoder.conv_in", images, padding=1)
    for level in _levels(state, "encoder"):
        x = _blocks(state, level, x)
        if f"{level}.downsample.conv.weight" in state:
            x = _conv(state, f"{level}.downsample.conv", F.pad(x, (0, 1, 0, 1)), stride=2)
    x = F.silu(_norm(state, "encoder.norm_out", _middle(state, "encoder", x)))
    return _conv(state, "quant_conv", _conv(state, "encoder.conv_out", x, padding=1))


def _levels(state: State, part: str) -> list[str]:
    """The prefixes of a part's levels in the order they are computed."""
    names = ("conv_blocks", "up", "down")
    name = next(n for n in names if any(k.startswith(f"{part}.{n}.") for k in state))
    numbers = sorted({int(key.split(".")[2]) for key in state if key.startswith(f"{part}.{name}.")})
    return [f"{part}.{name}.{number}" for number in (numbers[::-1] if name == "up" else numbers)]


def _numbered(state: State, prefix: str) -> Iterator[str]:
    number = 0
    while any(key.startswith(f"{prefix}.{number}.") for key in state):
        yield f"{prefix}.{number}"
        number += 1


def _blocks(state: State, level: str, x: Tensor) -> Tensor:
    kind = "res" if f"{level}.res.0.conv1.weight" in state else "block"
    attentions = list(_numbered(state, f"{level}.attn"))
    for number, block in enumerate(_numbered(state, f"{level}.{kind}")):
        x = _residual(state, block, x)
        if attentions:
            x = _attention(state, attentions[number], x)
    return x


def _middle(state: State, part: str, x: Tensor) -> Tensor:
    numbers = f"{part}.mid.0.conv1.weight" in state
    first, attention, last = ("0", "1", "2") if numbers else ("block_1", "attn_1", "block_2")
    x = _residual(state, f"{part}.mid.{first}", x)
    if f"{part}.mid.{attention}.q.weight" in state:
        x = _attention(state, f"{part}.mid.{attention}", x)
    return _residual(state, f"{part}.mid.{last}", x)


def _residual(state: State, block: str, x: Tensor) -> Tensor:
    h = _conv(state, f"{block}.conv1", F.silu(_norm(state, f"{block}.norm1", x)), padding=1)
    h = _conv(state, f"{block}.conv2", F.silu(_norm(state, f"{block}.norm2", h)), padding=1)
    return h + (_conv(state, f"{block}.nin_shortcut", x) if x.shape[1] != h.shape[1] else x)


def _attention(state: State, block: str, x: Tensor) -> Tensor:
    h = _norm(state, f"{block}.norm", x)
    query, key, value = (_conv(state, f"{block}.{letter}", h).flatten(2) for letter in "qkv")
    shares = torch.softmax(query.transpose(1, 2) @ key / x.shape[1] ** 0.5, dim=2)
    mixed = (value @ shares.transpose(1, 2)).view(x.shape)
    return x + _conv(state, f"{block}.proj_out", mixed)


def _conv(state: State, name: str, x: Tensor, padding: int = 0, stride: int = 1) -> Tensor:
    weight, bias = state[f"{name}.weight"].float(), state[f"{name}.bias"].float()
    return F.conv2d(x, weight, bias, stride, padding)


def _norm(state: State, name: str, x: Tensor) -> Tensor:
    return F.group_norm(
        x, 32, state[f"{name}.weight"].float(), state[f"{name}.bias"].float(), eps=1e-6
    )
