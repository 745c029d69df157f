"""A small network that takes noise off a VQGAN's latents, told in CLIP's terms what the picture
shows.

A U-Net over patches of 2×2 places at two resolutions; text and noise level scale and shift its
features.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PATCH = 2  # places along a side of a patch
TIMES = PATCH * 2  # sides of a latent are multiples of it
GROUP, HEAD = 16, 32  # channels that are normalised together, and of an attention head
FREQUENCIES = 32


class Denoiser(nn.Module):
    """The velocity noise - latent, [n, channels, h, w], of a mixture of the two; h and w are
    multiples of `TIMES`.

    channels: of the latents; dim: of CLIP's embeddings; fine, coarse: channels at the patches'
    resolution and at half of it, multiples of `HEAD`; blocks: at each resolution, on the way down
    and again on the way up.
    """

    def __init__(
        self, channels: int, dim: int, fine: int = 128, coarse: int = 192, blocks: int = 2
    ):
        super().__init__()
        self.channels, self.dim, told = channels, dim, 2 * fine
        self.level = nn.Sequential(
            nn.Linear(2 * FREQUENCIES, told), nn.SiLU(), nn.Linear(told, told)
        )
        self.text = nn.Linear(dim, told)
        self.condition = nn.Sequential(nn.SiLU(), nn.Linear(told, told), nn.SiLU())
        self.enter = nn.Conv2d(channels * PATCH**2, fine, 3, padding=1)
        self.fine_down = nn.ModuleList(Block(fine, told) for _ in range(blocks))
        self.shrink = nn.Conv2d(fine, coarse, 3, stride=2, padding=1)
        self.coarse = nn.ModuleList(Block(coarse, told) for _ in range(2 * blocks))
        self.coarse_attention = nn.ModuleList(Attention(coarse) for _ in range(2 * blocks))
        self.grow = nn.Conv2d(coarse, fine, 1)
        self.join = nn.ModuleList(nn.Conv2d(2 * fine, fine, 1) for _ in range(blocks))
        self.fine_up = nn.ModuleList(Block(fine, told) for _ in range(blocks))
        self.fine_attention = Attention(fine)
        self.norm = nn.GroupNorm(fine // GROUP, fine)
        self.leave = nn.Conv2d(fine, channels * PATCH**2, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, mixture: Tensor, level: Tensor, text: Tensor) -> Tensor:
        """mixture: [n, channels, h, w]; level: [n], share of noise in it, 0..1; text: [n, dim],
        unit or all zeros.
        """
        told = self.condition(
            self.level(_waves(level).to(text.dtype)) + self.text(text * text.shape[1] ** 0.5)
        )
        h, kept = self.enter(F.pixel_unshuffle(mixture, PATCH)), []
        for block in self.fine_down:
            h = block(h, told)
            kept.append(h)
        h = self.shrink(h)
        for block, attention in zip(self.coarse, self.coarse_attention, strict=True):
            h = attention(block(h, told))
        h = self.grow(F.interpolate(h, scale_factor=2, mode="nearest"))
        for join, block in zip(self.join, self.fine_up, strict=True):
            h = block(join(torch.cat([h, kept.pop()], 1)), told)
        h = self.fine_attention(h)
        return F.pixel_shuffle(self.leave(F.silu(self.norm(h))), PATCH)


class Block(nn.Module):
    """Two convolutions beside a shortcut, the features between them scaled and shifted (FiLM,
    Perez et al. 2018).
    """

    def __init__(self, channels: int, told: int):
        super().__init__()
        self.norm1, self.norm2 = (nn.GroupNorm(channels // GROUP, channels) for _ in range(2))
        self.conv1, self.conv2 = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        self.film = nn.Linear(told, 2 * channels)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        scale, shift = self.film(told)[:, :, None, None].chunk(2, 1)
        h = self.norm2(self.conv1(F.silu(self.norm1(x)))) * (1 + scale) + shift
        return x + self.conv2(F.silu(h))


class Attention(nn.Module):
    """Self-attention over all places."""

    def __init__(self, channels: int):
        super().__init__()
        self.norm = nn.GroupNorm(channels // GROUP, channels)
        self.read, self.write = (
            nn.Conv2d(channels, 3 * channels, 1),
            nn.Conv2d(channels, channels, 1),
        )
        nn.init.zeros_(self.write.weight)
        nn.init.zeros_(self.write.bias)

    def forward(self, x: Tensor) -> Tensor:
        n, channels, h, w = x.shape
        heads = self.read(self.norm(x)).view(n, 3, channels // HEAD, HEAD, h * w).transpose(-1, -2)
        mixed = F.scaled_dot_product_attention(*heads.unbind(1))
        return x + self.write(mixed.transpose(-1, -2).reshape(n, channels, h, w))


def _waves(level: Tensor) -> Tensor:
    """Sines and cosines [n, 2 · FREQUENCIES] of a noise level [n], of up to 1000 radians from 0
    to 1.
    """
    rates = torch.exp(torch.linspace(0, math.log(1000), FREQUENCIES, device=level.device))
    angles = level[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], 1)
