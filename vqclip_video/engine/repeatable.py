"""Samplings whose gradients are the same bits every time on a GPU. torch's are not: its kernels add
them up in the order in which they happen to come.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

BITS = 40  # of a whole number that stands for the largest slope; a million of such have room


def sampled(picture: Tensor, grid: Tensor) -> Tensor:
    """Views [n, c, h, w] of a picture [1, c, H, W] at the places of a grid [n, h, w, 2], -1..1,
    bilinear; beyond the border the picture is mirrored. With a gradient of the picture alone.
    """
    return _Sampled.apply(picture, grid)


def enlarged(x: Tensor, size: tuple[int, int]) -> Tensor:
    """x [1, c, h, w] at another size (h, w), bilinear, as two products with a matrix."""
    down, across = (
        _weights(old, new, x.device) for old, new in zip(x.shape[2:], size, strict=True)
    )
    return down @ x @ across.T


@functools.lru_cache(maxsize=64)
def _weights(old: int, new: int, device: torch.device) -> Tensor:
    """How much each of `old` places counts at each of `new`, [new, old]."""
    with torch.no_grad():
        each = torch.eye(old)[:, None]
        return F.interpolate(each, size=new, mode="linear", align_corners=False)[:, 0].T.to(device)


class _Sampled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, picture: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.shape = picture.shape
        pictures = picture.expand(len(grid), -1, -1, -1)
        return F.grid_sample(
            pictures, grid, mode="bilinear", padding_mode="reflection", align_corners=False
        )

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:
        (grid,) = ctx.saved_tensors
        _, channels, height, width = ctx.shape
        # Whole numbers, whose sums are the same in any order; a scale that is no number makes the
        # gradient none.
        largest = slope.abs().amax().double().clamp_min(torch.finfo(torch.float32).tiny)
        scale = torch.exp2(BITS - largest.log2().ceil())
        slope = slope.movedim(1, 0).flatten(1).double() * scale
        total = slope.new_zeros((channels, height * width), dtype=torch.int64)
        x, y = (_mirrored(grid[..., i].flatten(), n) for i, n in ((0, width), (1, height)))
        left, top = x.floor(), y.floor()
        for at_x, of_x in ((left, left + 1 - x), (left + 1, x - left)):
            for at_y, of_y in ((top, top + 1 - y), (top + 1, y - top)):
                # Past the last place the weight is 0.
                place = at_y.clamp(max=height - 1) * width + at_x.clamp(max=width - 1)
                part = (slope * (of_x * of_y)).round().long()
                total.index_add_(1, place.long(), part)
        return (total / scale).float().view(ctx.shape), None


def _mirrored(at: Tensor, size: int) -> Tensor:
    """Places -1..1 as those of pixels, 0..size - 1, mirrored at the border; float64, as exact as
    need be for indices.
    """
    x = ((at + 1) * size / 2).abs()
    turns = (x / size).floor()
    rest = x - turns * size
    x = torch.where(turns % 2 == 0, rest, size - rest) - 0.5
    return x.clamp(0, size - 1).double()
