"""How pictures are varied before the image tower sees them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

SEEN = 64  # side of what the tower sees, in pixels


def draw(count: int, low: float, high: float, random: torch.Generator) -> Tensor:
    """[count] numbers, uniform between two limits."""
    return low + (high - low) * torch.rand(count, generator=random)


def crops(
    pictures: Tensor, random: torch.Generator, *, whole: float = 0.4, smallest: float = 0.5
) -> Tensor:
    """Random crops [n, c, 64, 64] of pictures [n, c, h, w]: mirrored, a little turned and
    stretched.

    whole: share of the pictures that stay uncropped; smallest: side of the smallest crop, as a
    share of the picture.
    """
    n = len(pictures)
    size = torch.where(draw(n, 0, 1, random) < whole, 1.0, draw(n, smallest, 1, random))
    turn = draw(n, -0.15, 0.15, random) * (draw(n, 0, 1, random) < 0.5)
    return _sample(
        pictures,
        size,
        turn,
        draw(n, 0.9, 1.1, random),
        _mirror(n, random),
        (1 - size) * draw(n, -1, 1, random),
        (1 - size) * draw(n, -1, 1, random),
        "reflection",
    )


def strewn(sprites: Tensor, random: torch.Generator) -> Tensor:
    """Cut-out things [n, 4, h, w] moved, turned and scaled within an empty view [n, 4, 64, 64]."""
    n = len(sprites)
    size = 1 / draw(n, 0.55, 1.1, random)
    turn = draw(n, -0.4, 0.4, random) * (draw(n, 0, 1, random) < 0.5)
    return _sample(
        sprites,
        size,
        turn,
        torch.ones(n),
        _mirror(n, random),
        draw(n, -0.25, 0.25, random),
        draw(n, -0.25, 0.25, random),
        "zeros",
    )


def recoloured(views: Tensor, random: torch.Generator) -> Tensor:
    """Changed contrast and brightness, an eighth of them blurred; values clamped to 0..1."""
    n = len(views)
    contrast, brightness = draw(n, 0.75, 1.25, random), draw(n, -0.1, 0.1, random)
    views = (views - 0.5) * contrast.view(n, 1, 1, 1) + 0.5 + brightness.view(n, 1, 1, 1)
    blurred = (draw(n, 0, 1, random) < 0.125).view(n, 1, 1, 1)
    return torch.where(blurred, soft(views, 2), views).clamp(0, 1)


def soft(views: Tensor, factor: int) -> Tensor:
    """The same views out of focus."""
    return F.interpolate(F.avg_pool2d(views, factor), size=views.shape[-1], mode="bilinear")


def _mirror(count: int, random: torch.Generator) -> Tensor:
    return torch.where(draw(count, 0, 1, random) < 0.5, -1.0, 1.0)


def _sample(pictures, size, turn, stretch, mirror, x, y, padding: str) -> Tensor:
    across = torch.stack([size * mirror * turn.cos() * stretch, -size * turn.sin(), x], 1)
    down = torch.stack([size * mirror * turn.sin(), size * turn.cos(), y], 1)
    affine = torch.stack([across, down], 1)
    grid = F.affine_grid(affine, (*pictures.shape[:2], SEEN, SEEN), align_corners=False)
    return F.grid_sample(pictures, grid, mode="bilinear", padding_mode=padding, align_corners=False)
