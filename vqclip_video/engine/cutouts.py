"""Cutouts: augmented square views of the picture, at the size CLIP reads, all by one sampling.

The views are drawn from (seed, iteration) alone: an iteration repeated, resumed or moved to another
process sees the same ones.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..storyboard.schema import Augment
from .repeatable import sampled


def generator_for(
    seed: int, iteration: int, purpose: str, device: torch.device | str = "cpu"
) -> torch.Generator:
    """Random numbers that belong to this seed, iteration and purpose, whatever was drawn before."""
    digest = hashlib.blake2b(f"{seed}/{iteration}/{purpose}".encode(), digest_size=8).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest, "big") >> 1)


@dataclass(frozen=True)
class Views:
    """How each of n cutouts looks at the picture."""

    crops: Tensor  # [n, 2, 3] maps the view's square onto the picture, both -1..1
    contrast: Tensor  # [n, 1, 1, 1] factor around middle grey
    brightness: Tensor  # [n, 1, 1, 1] added
    noise: Tensor  # [n, 3, size, size] added

    def part(self, start: int, stop: int) -> Views:
        """The views start..stop, for a micro-batch."""
        return Views(
            *(
                tensor[start:stop]
                for tensor in (self.crops, self.contrast, self.brightness, self.noise)
            )
        )


def draw_views(
    count: int,
    size: int,
    picture: tuple[int, int],
    augment: Augment,
    noise_factor: float,
    seed: int,
    iteration: int,
    device: torch.device | str = "cpu",
    viewer: int = 0,
) -> Views:
    """Draw the cutouts of an iteration for a picture of (height, width) pixels.

    viewer: which of several sees them; each has its own.

    A share `augment.overview` of them shows the whole picture (in a wide or tall one, as much as
    the geometric mean of its sides, squeezed into the square); the others are squares of random
    size. Every view is shifted, mirrored, rotated, sheared, and given its own contrast, brightness
    and noise strength.
    """
    random = generator_for(seed, iteration, f"views{viewer or ''}")
    crops = _crops(count, picture, augment, random)
    contrast = 1 + _uniform(count, -augment.gain, augment.gain, random)
    brightness = _uniform(count, -augment.gain, augment.gain, random) / 3
    strength = _uniform(count, 0, noise_factor, random).to(device, non_blocking=True)
    other = generator_for(seed, iteration, f"noise{viewer or ''}", device)
    noise = torch.randn(count, 3, size, size, generator=other, device=device)
    crops, contrast, brightness = (
        t.to(device, non_blocking=True) for t in (crops, contrast, brightness)
    )
    a_view = (-1, 1, 1, 1)
    noise.mul_(strength.view(a_view))
    return Views(crops, contrast.view(a_view), brightness.view(a_view), noise)


def _uniform(count: int, low: float, high: float, random: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(count, generator=random)


def _crops(
    count: int, picture: tuple[int, int], augment: Augment, random: torch.Generator
) -> Tensor:
    """The affine maps [count, 2, 3] of as many views of a (height, width) picture."""

    def uniform(low: float, high: float) -> Tensor:
        return _uniform(count, low, high, random)

    height, width = picture
    shorter = min(height, width)
    overview = torch.rand(count, generator=random) < augment.overview
    side = torch.where(overview, torch.ones(count), uniform(augment.smallest, 1.0))
    extent_x, extent_y = (
        side * torch.where(overview, math.sqrt(shorter / n), shorter / n) for n in (width, height)
    )
    mirror = torch.where(torch.rand(count, generator=random) < augment.flip, -1.0, 1.0)
    angle = uniform(-1, 1) * math.radians(augment.rotate)
    shear = torch.tan(uniform(-1, 1) * math.radians(augment.shear))
    reach_x, reach_y = (
        (1 - extent).clamp_min(0) + 2 * augment.pad * shorter / n
        for extent, n in ((extent_x, width), (extent_y, height))
    )
    cos, sin = angle.cos(), angle.sin()
    across = [extent_x * mirror * cos, extent_x * (shear * cos - sin), uniform(-1, 1) * reach_x]
    down = [extent_y * mirror * sin, extent_y * (shear * sin + cos), uniform(-1, 1) * reach_y]
    return torch.stack([torch.stack(row, 1) for row in (across, down)], 1)


def cut(picture: Tensor, views: Views) -> Tensor:
    """Cutouts [n, 3, size, size] of a picture [1, 3, height, width], values 0..1 give or take gain
    and noise.

    What lies beyond the border is the picture mirrored. A picture much larger than the views is
    averaged down first, which keeps the sampling free of aliasing and cheap.
    """
    count, _, size, _ = views.noise.shape
    factor = int(min(picture.shape[-2:]) / (1.5 * size))
    if factor > 1:
        picture = F.avg_pool2d(picture, factor)
    grid = F.affine_grid(views.crops, (count, 3, size, size), align_corners=False)
    if picture.is_cuda:
        cutouts = sampled(picture, grid)
    else:
        pictures = picture.expand(count, -1, -1, -1)
        cutouts = F.grid_sample(
            pictures, grid, mode="bilinear", padding_mode="reflection", align_corners=False
        )
    return torch.addcmul(views.noise + views.brightness + 0.5, cutouts - 0.5, views.contrast)
