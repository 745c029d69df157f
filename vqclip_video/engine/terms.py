"""The loss terms, each a small function of tensors; the renderer weighs, sums and reports them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.vqgan.first_stage import nearest_entries


def include(embeddings: Tensor, target: Tensor) -> Tensor:
    """Squared great-circle distance of unit embeddings [n, dim] to a unit target [dim], one value
    each [n].

    Half the squared angle: unlike 1 - cosine its pull does not fade on the far side of the sphere
    (the "spherical distance" of K. Crowson's CLIP-guided notebooks).
    """
    chord = (embeddings - target).norm(dim=-1)
    # arcsin has an infinite slope at 1, the antipode of the target.
    return 2 * torch.arcsin((chord / 2).clamp(max=1 - 1e-6)).square()


def exclude(embeddings: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Likeness of unit embeddings [n, dim] to what is not wanted [k, dim], one value each [n].

    Cosines below 0 count as 0: unlike enough. Weights [k] that sum to more than 1 are scaled down
    to 1, so that however many things are excluded, the push never outweighs the prompt.
    """
    weights = weights / weights.sum().clamp_min(1.0)
    return (embeddings @ targets.T).clamp_min(0) @ weights


def vq(latent: Tensor, codebook: Tensor) -> Tensor:
    """Mean squared distance of a latent [1, channels, h, w] to the nearest entries of a codebook
    [entries, channels].

    The commitment term of VQ-VAE (van den Oord et al. 2017), here with the codebook fixed.
    """
    cells = latent.flatten(2).squeeze(0).T
    with torch.no_grad():
        nearest = codebook[nearest_entries(cells, codebook)]
    return F.mse_loss(cells, nearest)


def expectation(latent: Tensor, expected: Tensor) -> Tensor:
    """Mean squared distance of a latent [1, channels, h, w] to the one that a prior expects, of
    the same shape.
    """
    return F.mse_loss(latent, expected)


def gan(picture: Tensor, discriminator: torch.nn.Module) -> Tensor:
    """How far a VQGAN's own patch discriminator is from taking a picture [1, 3, H, W] (0..1) for
    a real one.
    """
    return -discriminator(picture * 2 - 1).mean()


def tv(picture: Tensor) -> Tensor:
    """Total variation of a picture [1, 3, H, W]: mean squared difference of neighbours, across
    and down.
    """
    across, down = picture.diff(dim=-1), picture.diff(dim=-2)
    return across.square().mean() + down.square().mean()


def within_range(picture: Tensor) -> Tensor:
    """The picture clamped to 0..1, with a gradient that still leads values outside back in.

    A plain clamp has no gradient outside, so an overexposed patch could never recover; passing
    every gradient would let it drift further out.
    """
    return _ClampTowardsRange.apply(picture)


class _ClampTowardsRange(torch.autograd.Function):
    @staticmethod
    def forward(ctx, picture: Tensor) -> Tensor:
        ctx.save_for_backward(picture)
        return picture.clamp(0, 1)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        (picture,) = ctx.saved_tensors
        overshoot = picture - picture.clamp(0, 1)
        return gradient * (gradient * overshoot >= 0)
