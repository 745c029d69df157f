"""Frames that show a running mean of the latent, while the latent itself goes on."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..disk.part import Part
from ..storyboard.schema import Storyboard
from ..storyboard.timeline import Moment


class Smoothing:
    """The running mean of what is captured; it is kept for films that ask for it alone."""

    def __init__(self, storyboard: Storyboard, device: torch.device):
        self.device = device
        self.wanted = any(scene.settings.smoothing != 0 for scene in storyboard.scenes)
        self.mean: Tensor | None = None

    def begin(self) -> None:
        """Forget what was before a cut."""
        self.mean = None

    def carry(self, how: Callable[[Tensor], Tensor]) -> None:
        """Take the mean along, where the latent has been taken."""
        if self.mean is not None:
            self.mean = how(self.mean)

    @torch.no_grad()
    def take(self, latent: Tensor, moment: Moment) -> Tensor:
        """What is shown of a captured latent [1, channels, h, w]; itself where nothing smooths."""
        if not self.wanted:
            return latent
        share = moment.settings.smoothing
        if self.mean is None or not share:
            self.mean = latent
            return latent
        if self.mean.shape != latent.shape:
            self.mean = F.interpolate(
                self.mean, size=latent.shape[-2:], mode="bilinear", align_corners=False
            )
        self.mean = torch.lerp(latent, self.mean, share)
        return self.mean

    def state(self) -> Part:
        return Part() if self.mean is None else Part({"mean": self.mean})

    def restore(self, part: Part) -> None:
        """Go on from a `state`."""
        mean = part.tensors.get("mean")
        self.mean = None if mean is None else mean.detach().clone().to(self.device)
