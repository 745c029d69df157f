"""Group norm with SiLU over channels-last feature maps in Triton, split over many blocks.

torch's kernel gives each group to one block, 32 of them on a GPU that runs hundreds at a time.
Here each block takes some rows (places) of all channels, so that it reads memory as it lies, and
leaves its partial result; a second, small kernel puts those together in a fixed order. There are
no atomic additions: the same input gives the same bits.

`Kernels` has the functions of `Formulas` in `group_norm_formulas.py`, which say what they compute.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from .frozen_norm import FrozenNorm, Split

FORWARD, BACKWARD = 8192, 4096  # values in a tile: what a block holds at a time


@triton.jit
def _moments(
    x, bias, beside, total, parts, places, rows,
    C: tl.constexpr, CP: tl.constexpr, R: tl.constexpr,
    BIAS: tl.constexpr, BESIDE: tl.constexpr, KEEP: tl.constexpr,
):  # fmt: skip
    """Mean and summed squares of the distances to it, of each channel in this block's rows."""
    part, n = tl.program_id(0), tl.program_id(1).to(tl.int64)
    c = tl.arange(0, CP)
    there = c < C
    left = tl.maximum(places - part * rows, 0)
    mean, squares = tl.zeros([CP], tl.float32), tl.zeros([CP], tl.float32)
    for begin in range(0, rows, R):
        r = part * rows + begin + tl.arange(0, R)
        inside = (r < places)[:, None] & there[None, :]
        at = n * places * C + r[:, None] * C + c[None, :]
        v = tl.load(x + at, mask=inside, other=0.0).to(tl.float32)
        if BIAS:
            v += tl.load(bias + c, mask=there, other=0.0)[None, :]
        if BESIDE:
            v += tl.load(beside + at, mask=inside, other=0.0).to(tl.float32)
        if KEEP:
            kept = v.to(total.dtype.element_ty)
            tl.store(total + at, kept, mask=inside)
            v = kept.to(tl.float32)
        before = tl.minimum(begin, left).to(tl.float32)
        after = tl.minimum(begin + R, left).to(tl.float32)
        new = after - before
        tile_mean = tl.sum(tl.where(inside, v, 0.0), 0) / tl.maximum(new, 1.0)
        away = tl.where(inside, v - tile_mean[None, :], 0.0)
        # Two sets of values put together (Chan et al. 1979): no difference of large squares.
        apart = tile_mean - mean
        share = new / tl.maximum(after, 1.0)
        mean += apart * share
        squares += tl.sum(away * away, 0) + apart * apart * before * share
    at = (n * tl.num_programs(0) + part) * 2 * C + c
    tl.store(parts + at, mean, mask=there)
    tl.store(parts + at + C, squares, mask=there)


@triton.jit
def _group_moments(
    parts, moments, count, places, rows, eps,
    C: tl.constexpr, D: tl.constexpr, DP: tl.constexpr, PP: tl.constexpr,
):  # fmt: skip
    """Mean and 1 / standard deviation of a group, from the parts of its D channels."""
    g, n = tl.program_id(0), tl.program_id(1).to(tl.int64)
    p, d = tl.arange(0, PP), tl.arange(0, DP)
    inside = (p < count)[:, None] & (d < D)[None, :]
    at = (n * count + p)[:, None] * 2 * C + g * D + d[None, :]
    of_part = tl.minimum(tl.maximum(places - p * rows, 0), rows).to(tl.float32)[:, None]
    means = tl.load(parts + at, mask=inside, other=0.0)
    squares = tl.load(parts + at + C, mask=inside, other=0.0)
    all_values = (places * D).to(tl.float32)
    mean = tl.sum(tl.sum(means * of_part, 1), 0) / all_values
    away = tl.where(inside, means - mean, 0.0)
    squares = tl.sum(tl.sum(squares + of_part * away * away, 1), 0)
    at = n * 2 * tl.num_programs(0) + g
    tl.store(moments + at, mean)
    tl.store(moments + at + tl.num_programs(0), 1.0 / tl.sqrt(squares / all_values + eps))


@triton.jit
def _normal(
    x, bias, moments, weight, shift, at, inside, c, there, n,
    D: tl.constexpr, G: tl.constexpr, BIAS: tl.constexpr,
):  # fmt: skip
    """The normal values of a tile, and 1 / standard deviation of each channel."""
    v = tl.load(x + at, mask=inside, other=0.0).to(tl.float32)
    if BIAS:
        v += tl.load(bias + c, mask=there, other=0.0)[None, :]
    at = n * 2 * G + c // D
    mean = tl.load(moments + at, mask=there, other=0.0)
    inverse = tl.load(moments + at + G, mask=there, other=0.0)
    return (v - mean[None, :]) * inverse[None, :], inverse


@triton.jit
def _apply(
    x, bias, moments, weight, shift, y, places,
    C: tl.constexpr, CP: tl.constexpr, D: tl.constexpr, R: tl.constexpr,
    BIAS: tl.constexpr, ACTIVATE: tl.constexpr,
):  # fmt: skip
    r, n = tl.program_id(0) * R + tl.arange(0, R), tl.program_id(1).to(tl.int64)
    c = tl.arange(0, CP)
    there = c < C
    inside = (r < places)[:, None] & there[None, :]
    at = n * places * C + r[:, None] * C + c[None, :]
    normal, _ = _normal(x, bias, moments, weight, shift, at, inside, c, there, n, D, C // D, BIAS)
    scale = tl.load(weight + c, mask=there, other=0.0)
    u = normal * scale[None, :] + tl.load(shift + c, mask=there, other=0.0)[None, :]
    if ACTIVATE:
        u = u * tl.sigmoid(u)
    tl.store(y + at, u.to(y.dtype.element_ty), mask=inside)


@triton.jit
def _before_norm(
    x, bias, slope, moments, weight, shift, at, inside, c, there, n,
    D: tl.constexpr, G: tl.constexpr, BIAS: tl.constexpr, ACTIVATE: tl.constexpr,
):  # fmt: skip
    """The normal values of a tile, the slope with respect to them, and 1 / standard deviation."""
    normal, inverse = _normal(x, bias, moments, weight, shift, at, inside, c, there, n, D, G, BIAS)
    scale = tl.load(weight + c, mask=there, other=0.0)
    d = tl.load(slope + at, mask=inside, other=0.0).to(tl.float32)
    if ACTIVATE:
        u = normal * scale[None, :] + tl.load(shift + c, mask=there, other=0.0)[None, :]
        s = tl.sigmoid(u)
        d = d * s * (1 + u * (1 - s))
    return normal, d * scale[None, :], inverse


@triton.jit
def _slope_sums(
    x, bias, slope, moments, weight, shift, parts, places, rows,
    C: tl.constexpr, CP: tl.constexpr, D: tl.constexpr, R: tl.constexpr,
    BIAS: tl.constexpr, ACTIVATE: tl.constexpr,
):  # fmt: skip
    """Sums of the slope, and of slope times normal value, of each channel in this block's rows."""
    part, n = tl.program_id(0), tl.program_id(1).to(tl.int64)
    c = tl.arange(0, CP)
    there = c < C
    plain, times = tl.zeros([CP], tl.float32), tl.zeros([CP], tl.float32)
    for begin in range(0, rows, R):
        r = part * rows + begin + tl.arange(0, R)
        inside = (r < places)[:, None] & there[None, :]
        at = n * places * C + r[:, None] * C + c[None, :]
        normal, d, _ = _before_norm(
            x, bias, slope, moments, weight, shift, at, inside, c, there, n,
            D, C // D, BIAS, ACTIVATE,
        )  # fmt: skip
        plain += tl.sum(tl.where(inside, d, 0.0), 0)
        times += tl.sum(tl.where(inside, d * normal, 0.0), 0)
    at = (n * tl.num_programs(0) + part) * 2 * C + c
    tl.store(parts + at, plain, mask=there)
    tl.store(parts + at + C, times, mask=there)


@triton.jit
def _group_sums(
    parts, sums, count, places,
    C: tl.constexpr, D: tl.constexpr, DP: tl.constexpr, PP: tl.constexpr,
):  # fmt: skip
    """Both sums over a group, divided by its number of values."""
    g, n = tl.program_id(0), tl.program_id(1).to(tl.int64)
    p, d = tl.arange(0, PP), tl.arange(0, DP)
    inside = (p < count)[:, None] & (d < D)[None, :]
    at = (n * count + p)[:, None] * 2 * C + g * D + d[None, :]
    all_values = (places * D).to(tl.float32)
    plain = tl.sum(tl.sum(tl.load(parts + at, mask=inside, other=0.0), 1), 0)
    times = tl.sum(tl.sum(tl.load(parts + at + C, mask=inside, other=0.0), 1), 0)
    at = n * 2 * tl.num_programs(0) + g
    tl.store(sums + at, plain / all_values)
    tl.store(sums + at + tl.num_programs(0), times / all_values)


@triton.jit
def _slope(
    x, bias, slope, beside, moments, sums, weight, shift, out, places,
    C: tl.constexpr, CP: tl.constexpr, D: tl.constexpr, R: tl.constexpr,
    BIAS: tl.constexpr, BESIDE: tl.constexpr, ACTIVATE: tl.constexpr,
):  # fmt: skip
    r, n = tl.program_id(0) * R + tl.arange(0, R), tl.program_id(1).to(tl.int64)
    c = tl.arange(0, CP)
    there = c < C
    inside = (r < places)[:, None] & there[None, :]
    at = n * places * C + r[:, None] * C + c[None, :]
    normal, d, inverse = _before_norm(
        x, bias, slope, moments, weight, shift, at, inside, c, there, n,
        D, C // D, BIAS, ACTIVATE,
    )  # fmt: skip
    of_group = n * 2 * (C // D) + c // D
    plain = tl.load(sums + of_group, mask=there, other=0.0)
    times = tl.load(sums + of_group + C // D, mask=there, other=0.0)
    found = inverse[None, :] * (d - plain[None, :] - normal * times[None, :])
    if BESIDE:
        found += tl.load(beside + at, mask=inside, other=0.0).to(tl.float32)
    tl.store(out + at, found.to(out.dtype.element_ty), mask=inside)


class Kernels:
    """What `Formulas` compute, by the kernels."""

    @staticmethod
    def moments_of(
        x: Tensor, bias: Tensor | None, beside: Tensor | None, norm: FrozenNorm, keep: bool
    ) -> tuple[Tensor | None, Tensor]:
        n, channels, height, width = x.shape
        split, sizes = Split.of(height * width, channels, FORWARD), _sizes(channels)
        parts = torch.empty(n, split.parts, 2, channels, device=x.device)
        moments = torch.empty(n, 2, norm.groups, device=x.device)
        total = torch.empty_like(x) if keep else None
        with torch.cuda.device_of(x):
            _moments[split.parts, n](
                x, bias, beside, total, parts, split.places, split.rows,
                **sizes, R=split.tile, BIAS=bias is not None, BESIDE=beside is not None, KEEP=keep,
            )  # fmt: skip
            _group_moments[norm.groups, n](
                parts, moments, split.parts, split.places, split.rows, norm.eps,
                **_groups(channels, norm, split),
            )  # fmt: skip
        return total, moments

    @staticmethod
    def applied(
        x: Tensor, bias: Tensor | None, moments: Tensor, norm: FrozenNorm, activate: bool
    ) -> Tensor:
        n, channels, height, width = x.shape
        split = Split.of(height * width, channels, FORWARD)
        found = torch.empty_like(x)
        with torch.cuda.device_of(x):
            _apply[split.tiles, n](
                x, bias, moments, norm.weight, norm.bias, found, split.places,
                **_sizes(channels), D=channels // norm.groups, R=split.tile,
                BIAS=bias is not None, ACTIVATE=activate,
            )  # fmt: skip
        return found

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
        n, channels, height, width = x.shape
        split, sizes = Split.of(height * width, channels, BACKWARD), _sizes(channels)
        sizes["D"] = channels // norm.groups
        parts = torch.empty(n, split.parts, 2, channels, device=x.device)
        sums = torch.empty(n, 2, norm.groups, device=x.device)
        found = torch.empty_like(x)
        told = {**sizes, "R": split.tile, "BIAS": bias is not None, "ACTIVATE": activate}
        with torch.cuda.device_of(x):
            _slope_sums[split.parts, n](
                x,
                bias,
                slope,
                moments,
                norm.weight,
                norm.bias,
                parts,
                split.places,
                split.rows,
                **told,
            )
            _group_sums[norm.groups, n](
                parts, sums, split.parts, split.places, **_groups(channels, norm, split)
            )
            _slope[split.tiles, n](
                x, bias, slope, beside, moments, sums, norm.weight, norm.bias, found, split.places,
                **told, BESIDE=beside is not None,
            )  # fmt: skip
        return found


def _sizes(channels: int) -> dict[str, int]:
    return {"C": channels, "CP": triton.next_power_of_2(channels)}


def _groups(channels: int, norm: FrozenNorm, split: Split) -> dict[str, int]:
    each = channels // norm.groups
    power = triton.next_power_of_2
    return {"C": channels, "D": each, "DP": power(each), "PP": power(split.parts)}
