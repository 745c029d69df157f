"""The usual recipe, plainly: what scripts of this lineage do, as a yardstick for the engine.

float32 throughout, the packaged networks as they come, cutouts made one after the other and
stacked, CLIP's normalisation as a pass of its own, Adam from torch, one plain latent, and the
picture decoded once more to be saved. The cutouts' parameters, the loss and the bounds of the
latent are the engine's, so that both compute the same. Left out, for that reason, is the snapping
of the latent to the codebook (less than 1 % of an iteration).
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..catalogue.clip_config import OF_OPENAI, CLIPConfig
from ..engine import terms as losses
from ..engine.cutouts import Views, draw_views
from ..engine.prompts import Target
from ..models.vqgan.bounds import Bound
from ..storyboard.schema import Settings

LEARNING_RATE = 0.1
CUTOUTS = 32


class Reference:
    """One picture being optimised the usual way.

    Parameters
    ----------
    clip, vqgan: the packaged modules, float32 (see `Weights.packaged_networks`).
    start: the latent to begin with [1, channels, h, w].
    bound: of the latent.
    config: the colours that CLIP was trained on.
    """

    def __init__(
        self,
        clip: nn.Module,
        vqgan: nn.Module,
        start: Tensor,
        bound: Bound,
        seed: int,
        config: CLIPConfig = OF_OPENAI,
    ):
        from torchvision.transforms import Normalize

        self.device = start.device
        self.visual = clip.visual.float().to(self.device)
        self.size: int = clip.visual.input_resolution
        self.vqgan = vqgan.float().to(self.device)
        self.normalise = Normalize(config.mean, config.std)
        self.latent = start.detach().clone().requires_grad_()
        self.bound = bound
        self.optimiser = torch.optim.Adam([self.latent], lr=LEARNING_RATE)
        self.seed, self.iteration = seed, 0

    def step(self, target: Target, settings: Settings) -> float:
        """One iteration; returns the mean cosine between the cutouts and the target."""
        loss, similarity = self.loss(target, settings)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        with torch.no_grad():
            self.latent.copy_(self.bound(self.latent))
        self.iteration += 1
        return float(similarity.detach())

    def loss(self, target: Target, settings: Settings) -> tuple[Tensor, Tensor]:
        """(loss, similarity) of the latent as it is, both differentiable."""
        picture = losses.within_range(self.decode())
        views = draw_views(
            settings.cutouts,
            self.size,
            tuple(picture.shape[-2:]),
            settings.augment,
            settings.noise_factor,
            self.seed,
            self.iteration,
            self.device,
        )
        embeddings = F.normalize(self.visual(self.normalise(self.cutouts(picture, views))), dim=-1)
        away = (embeddings - target.include).norm(dim=-1)
        loss = away.div(2).arcsin().pow(2).mul(2).mean()
        for excluded, weight in zip(target.exclude, target.exclude_weights, strict=True):
            loss = loss + weight * (embeddings @ excluded).clamp_min(0).mean()
        return loss, (embeddings @ target.include).mean()

    def decode(self) -> Tensor:
        """The picture [1, 3, H, W], nominally 0..1."""
        return self.vqgan.decoder(self.vqgan.post_quant_conv(self.latent)).add(1).div(2)

    def cutouts(self, picture: Tensor, views: Views) -> Tensor:
        """The views one by one, stacked [n, 3, size, size]."""
        reduction = int(min(picture.shape[-2:]) / (1.5 * self.size))
        cutouts = []
        for i in range(len(views.crops)):
            reduced = F.avg_pool2d(picture, reduction) if reduction > 1 else picture
            grid = F.affine_grid(
                views.crops[i : i + 1], [1, 3, self.size, self.size], align_corners=False
            )
            cut = F.grid_sample(
                reduced, grid, mode="bilinear", padding_mode="reflection", align_corners=False
            )
            cut = (cut - 0.5) * views.contrast[i] + 0.5 + views.brightness[i]
            cutouts.append(cut + views.noise[i])
        return torch.cat(cutouts)

    @torch.no_grad()
    def save(self) -> np.ndarray:
        """The frame [H, W, 3] uint8, from decoding again."""
        picture = self.decode().clamp(0, 1)[0].permute(1, 2, 0)
        return picture.mul(255).round().to(torch.uint8).cpu().numpy()
