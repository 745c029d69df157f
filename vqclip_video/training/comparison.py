"""How far a reconstruction is from its picture: the terms of a training that compare the two."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.clip.perceptor import Perceptor
from . import losses
from .config import LossWeights


class Comparison:
    """The weighted sum of the terms whose weight is not 0."""

    def __init__(self, weights: LossWeights, perceptor: Perceptor | None):
        """perceptor: for the perceptual and the CLIP terms; None where both are off."""
        self.perceptor = perceptor
        terms = {
            "pixel": (weights.pixelloss_weight, _absolute),
            "multiscale": (weights.multiscale_weight, losses.multiscale),
            "gradient": (weights.gradient_weight, losses.gradient),
            "perceptual": (weights.perceptual_weight, self._perceptual),
            "clip": (weights.clip_weight, self._unlikeness),
        }
        self._terms = {name: (weight, term) for name, (weight, term) in terms.items() if weight}

    def __call__(self, found: Tensor, wanted: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Of pictures [n, 3, H, W], -1..1: the sum, and each term by itself, detached."""
        values = {name: term(found, wanted) for name, (_, term) in self._terms.items()}
        whole = sum(self._terms[name][0] * value for name, value in values.items())
        return whole, {name: value.detach() for name, value in values.items()}

    def _perceptual(self, found: Tensor, wanted: Tensor) -> Tensor:
        with torch.no_grad():
            there = self.perceptor.features(self._as_seen(wanted))
        return losses.perceptual(self.perceptor.features(self._as_seen(found)), there)

    def _unlikeness(self, found: Tensor, wanted: Tensor) -> Tensor:
        """1 - cosine of the embeddings, averaged."""
        with torch.no_grad():
            there = self.perceptor.embed_image(self._scaled(wanted))
        return 1 - (self.perceptor.embed_image(self._scaled(found)) * there).sum(1).mean()

    def _as_seen(self, images: Tensor) -> Tensor:
        """Pictures 0..1, in the size that the tower's features need."""
        return (images + 1) / 2 if self.perceptor.any_size else self._scaled(images)

    def _scaled(self, images: Tensor) -> Tensor:
        """Pictures 0..1, in the size that the tower has learned with."""
        size = (self.perceptor.size, self.perceptor.size)
        return (F.interpolate(images, size, mode="bilinear", antialias=True) + 1) / 2


def _absolute(found: Tensor, wanted: Tensor) -> Tensor:
    return (found - wanted).abs().mean()
