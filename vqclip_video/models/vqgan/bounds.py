"""What a latent may be: where the decoder has seen anything."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


class ChannelRange:
    """Every channel within the range of the codebook's entries."""

    convex = True  # what lies between two latents that may be is one too

    def __init__(self, low: Tensor, high: Tensor):
        """low, high: of each channel [channels]."""
        self.low, self.high = (bound.view(1, -1, 1, 1) for bound in (low, high))

    @classmethod
    def around(cls, codebook: Tensor) -> ChannelRange:
        """The range of a codebook [entries, channels]."""
        return cls(codebook.amin(0), codebook.amax(0))

    def __call__(self, latent: Tensor) -> Tensor:
        """The nearest latent [1, channels, h, w] that may be."""
        return torch.minimum(torch.maximum(latent, self.low), self.high)


class UnitSphere:
    """Every place of unit length, as where a codebook is compared by its angles (Yu et al. 2022,
    "Vector-quantized image modeling with improved VQGAN").
    """

    convex = False

    def __call__(self, latent: Tensor) -> Tensor:
        """The nearest latent [1, channels, h, w] that may be."""
        return F.normalize(latent, dim=1)


Bound = ChannelRange | UnitSphere
