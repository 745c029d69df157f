"""The terms that a VQGAN is trained with, each a small function of tensors; pictures are [n, 3,
H, W], -1..1.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRONGEST = 1e4  # of the adaptive weight, as in taming


def multiscale(found: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute difference at a half and a quarter of the size, summed."""
    difference = found - wanted
    return sum(F.avg_pool2d(difference, k).abs().mean() for k in (2, 4))


def gradient(found: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute difference of the steps between neighbours, down and across, summed."""
    difference = found - wanted
    return difference.diff(dim=-2).abs().mean() + difference.diff(dim=-1).abs().mean()


def perceptual(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """Squared difference of features [n, c, h, w], places made unit vectors, averaged over them.

    As in LPIPS (Zhang et al. 2018) without its learned weights of the channels.
    """
    pairs = zip(found, wanted, strict=True)
    return sum((_unit(a) - _unit(b)).square().sum(1).mean() for a, b in pairs)


def _unit(features: Tensor) -> Tensor:
    return F.normalize(features.float(), dim=1)


def latent_normal(latents: Tensor) -> Tensor:
    """How far the channels of latents [n, c, h, w] are from a mean of 0 and a standard deviation of
    1.

    Values beyond 3 count a little too, so that no channel has a long tail.
    """
    mean, variance = latents.mean((0, 2, 3)), latents.var((0, 2, 3))
    return (
        mean.square().mean()
        + (variance - 1).square().mean()
        + 0.02 * F.relu(latents.abs() - 3).mean()
    )


def discriminator_hinge(real: Tensor, fake: Tensor) -> Tensor:
    """The discriminator's hinge loss of its scores for real pictures and for reconstructions."""
    return 0.5 * (F.relu(1 - real).mean() + F.relu(1 + fake).mean())


def adaptive_weight(
    pictures: Tensor, main: Tensor, adversarial: Tensor, last: nn.Parameter
) -> Tensor:
    """The factor that makes the adversarial term pull the decoder's last weights as hard as the
    main terms do.

    main, adversarial: gradients of the two with respect to `pictures`; last: the last layer's
    weight. (Esser et al. 2021, equation 7.)
    """
    pulls = [
        torch.autograd.grad(pictures, last, slope.to(pictures.dtype), retain_graph=True)[0].norm()
        for slope in (main, adversarial)
    ]
    return (pulls[0] / (pulls[1] + 1e-4)).clamp(0, STRONGEST)
