"""Group norm with SiLU over channels-last feature maps in torch's operations, split as the kernels
split it: for a GPU without Triton, and to hold the kernels to.

All take x [n, c, h, w], channels last, of any floating type, and compute in float32. `bias` [c]
and `beside`, of x's shape, are added to x first where they are given. `moments` [n, 2, groups] are
mean and 1 / standard deviation.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .frozen_norm import FrozenNorm, Split

TILE = 8192


class Formulas:
    """The passes over a feature map."""

    @staticmethod
    def moments_of(
        x: Tensor, bias: Tensor | None, beside: Tensor | None, norm: FrozenNorm, keep: bool
    ) -> tuple[Tensor | None, Tensor]:
        """The sum, in x's type, where it is to be kept, and its moments: those of every part, put
        together (Chan et al. 1979).
        """
        values = _sum(x, bias, beside)
        total = values.to(x.dtype, memory_format=torch.channels_last) if keep else None
        rows = _rows(values if total is None else total)
        n, places, channels = rows.shape
        split = Split.of(places, channels, TILE)
        parts, counts = _parts(rows, split)
        inside = torch.arange(split.rows, device=x.device)[:, None] < counts[:, None, None]
        means = parts.sum(2) / counts[:, None]
        squares = ((parts - means[:, :, None]) * inside).square().sum(2)
        groups = (n, split.parts, norm.groups, -1)
        means, squares, counts = means.view(groups), squares.view(groups), counts.view(-1, 1, 1)
        all_values = places * (channels // norm.groups)
        mean = (means * counts).sum((1, 3)) / all_values
        squares = (squares + counts * (means - mean[:, None, :, None]).square()).sum((1, 3))
        return total, torch.stack([mean, (squares / all_values + norm.eps).rsqrt()], 1)

    @staticmethod
    def applied(
        x: Tensor, bias: Tensor | None, moments: Tensor, norm: FrozenNorm, activate: bool
    ) -> Tensor:
        """The normal values, weighted, and through SiLU where `activate`; in x's type."""
        weighted = _normal(x, bias, moments) * _wide(norm.weight) + _wide(norm.bias)
        found = F.silu(weighted) if activate else weighted
        return found.to(x.dtype, memory_format=torch.channels_last)

    @staticmethod
    def slope_of(
        x: Tensor,
        bias: Tensor | None,
        slope: Tensor,
        beside: Tensor | None,
        moments: Tensor,
        norm: FrozenNorm,
        activate: bool,
    ) -> Tensor:
        """The slope with respect to x, from that with respect to what `applied` gave; `beside`, a
        slope that x has from elsewhere, is added.
        """
        normal, slope = _normal(x, bias, moments), slope.float()
        if activate:
            weighted = normal * _wide(norm.weight) + _wide(norm.bias)
            s = weighted.sigmoid()
            slope = slope * s * (1 + weighted * (1 - s))
        slope = slope * _wide(norm.weight)
        plain, times = (_group_mean(each, norm.groups) for each in (slope, slope * normal))
        found = _of_channels(moments[:, 1], x) * (slope - plain - normal * times)
        if beside is not None:
            found = found + beside.float()
        return found.to(x.dtype, memory_format=torch.channels_last)


def _sum(x: Tensor, bias: Tensor | None, beside: Tensor | None) -> Tensor:
    found = x.float()
    if bias is not None:
        found = found + _wide(bias)
    return found if beside is None else found + beside.float()


def _normal(x: Tensor, bias: Tensor | None, moments: Tensor) -> Tensor:
    mean, inverse = (_of_channels(each, x) for each in moments.unbind(1))
    return (_sum(x, bias, None) - mean) * inverse


def _group_mean(x: Tensor, groups: int) -> Tensor:
    """The mean of each group, for each of its channels [n, c, 1, 1]; summed in parts."""
    rows = _rows(x)
    n, places, channels = rows.shape
    parts, _ = _parts(rows, Split.of(places, channels, TILE))
    sums = parts.sum(2).view(n, -1, groups, channels // groups).sum((1, 3))
    return _of_channels(sums / (places * (channels // groups)), x)


def _rows(x: Tensor) -> Tensor:
    """[n, places, c], float32; no copy where x is that and channels last."""
    return x.permute(0, 2, 3, 1).flatten(1, 2).float()


def _parts(rows: Tensor, split: Split) -> tuple[Tensor, Tensor]:
    """Rows as [n, parts, rows of a part, c], zeros where the last part has fewer, and how many each
    part has [parts].
    """
    first = torch.arange(split.parts, device=rows.device) * split.rows
    counts = (split.places - first).clamp(max=split.rows).float()
    padded = F.pad(rows, (0, 0, 0, split.parts * split.rows - split.places))
    return padded.unflatten(1, (split.parts, split.rows)), counts


def _of_channels(values: Tensor, x: Tensor) -> Tensor:
    """Values of groups [n, groups] for each channel [n, c, 1, 1]."""
    return values.repeat_interleave(x.shape[1] // values.shape[1], 1)[:, :, None, None]


def _wide(values: Tensor) -> Tensor:
    return values.view(1, -1, 1, 1)
