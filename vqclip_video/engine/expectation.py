"""What the latent of a scene without a guide is held against: the one that the pair's prior expects
for the prompt.

CLIP's gradient alone finds the colours of a thing sooner than its shape. So each iteration noise is
mixed into the latent, nearly everything at first and then less, and the prior says which clean
latent it expects behind the mixture: first where sky and ground are, then what stands there. The
distance to that is a loss beside CLIP's, as in score distillation (Poole et al. 2023), with noise
that falls as a sampler's does.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.prior.prior import Prior
from ..models.vqgan.bounds import Bound
from ..models.vqgan.first_stage import VQGAN
from ..storyboard.motions import Ramp
from ..storyboard.schema import Storyboard
from ..storyboard.timeline import Moment
from .cutouts import generator_for
from .inputs import Inputs

# shares of noise: a film's first, a later scene's, a scene's last
FROM_NOISE, FROM_PICTURE, LAST = 1.0, 0.85, 0.05
OVER = 0.9  # the share of a scene, after its transition, in which the noise falls
GUIDANCE = 5.0


class Expectations:
    """The expected latents of a film; `at` gives that of a moment."""

    @classmethod
    def of(
        cls, prior: Prior | None, storyboard: Storyboard, free: Sequence[bool], vqgan: VQGAN
    ) -> Expectations | None:
        """Those of a film; None without a prior."""
        return cls(prior, storyboard, free, vqgan.bound) if prior else None

    def __init__(self, prior: Prior, storyboard: Storyboard, free: Sequence[bool], bound: Bound):
        """free: which scenes have no guide; bound: of the latent."""
        self.prior, self.seed = prior, storyboard.seed
        self.from_noise = [scene.begins_from_noise for scene in storyboard.scenes]
        self.from_noise[0] = storyboard.init.image is None and storyboard.init.latent is None
        self.free, self.bound = tuple(free), bound

    def weight(self, moment: Moment) -> float:
        """How much the expectation counts, 0..1: the share of scenes without a guide times that of
        the noise.

        As the noise falls, so does what is left to the prior: where things are is its part, how
        they look is CLIP's.
        """
        free = moment.mix * self.free[moment.scene]
        if moment.previous is not None:
            free += (1 - moment.mix) * self.free[moment.previous]
        return free * self.level(moment)

    def level(self, moment: Moment) -> float:
        """The share of noise that is mixed into the latent, 0..1; in a transition it rises as
        the new scene comes.
        """
        first = FROM_NOISE if self.from_noise[moment.scene] else FROM_PICTURE
        if moment.previous is not None:
            return LAST + (first - LAST) * moment.mix * self.free[moment.scene]
        return Ramp(first, LAST, OVER).at(moment.instant)

    def inputs(self, moment: Moment, size: tuple[int, ...], text: Tensor) -> Inputs:
        """What `at` is told, for a latent of `size` [1, channels, h, w] and a unit vector [dim]."""
        shown = (*size[:2], *self.prior.inner_size(*size[2:]))
        random = generator_for(self.seed, moment.iteration, "prior")
        noise = torch.randn(shown, generator=random).to(text.device, non_blocking=True)
        return Inputs(
            {"prior.level": self.level(moment)}, {"prior.noise": noise, "prior.text": text}
        )

    @torch.no_grad()
    def at(self, latent: Tensor, told: Inputs) -> Tensor:
        """The clean latent expected behind `latent` [1, channels, h, w], in its shape.

        The prior sees the latent at the size it knows. Only what it would change is brought to the
        film's size, so that details too fine for the prior are left to CLIP.
        """
        level, noise, text = (
            told.numbers["prior.level"],
            *(told.tensors[f"prior.{name}"] for name in ("noise", "text")),
        )
        shown = _resized(latent, noise.shape[-2:])
        clean = self.prior.clean(torch.lerp(shown, noise, level), level, text, GUIDANCE)
        return self.bound(latent + _resized(clean - shown, latent.shape[-2:]))


def _resized(latent: Tensor, size: tuple[int, int]) -> Tensor:
    if latent.shape[-2:] == size:
        return latent
    return F.interpolate(latent, size=size, mode="bilinear", align_corners=False, antialias=True)
