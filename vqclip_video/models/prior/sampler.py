"""From noise to a latent, along the flow that a prior has learned.

The prior tells the velocity of a straight flow between latents and noise (flow matching, Lipman et
al. 2023). It is followed by the two-step method of Adams and Bashforth with steps of any length,
one evaluation each, as PNDM (Liu et al. 2022) and DEIS (Zhang & Chen 2023) do for diffusion.

It is followed twice: a few rough steps, noise again, and the way down (Restart sampling, Xu et al.
2023). What the first pass did wrong is lost in the noise, what it placed stays where it is.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .prior import Prior

# Eight steps look like fifty: they are as near to them as 24 of Euler's method, or 12 of
# DPM-Solver++ 2M. docs/storybook.md has the figures.
STEPS = 8
# Levels lie nearer to each other where there is much noise (Esser et al. 2024): there the picture
# is decided.
SHIFT = 3.0
GUIDANCE = 4.0
# From this share of noise on there is no guidance (Kynkäänniemi et al. 2024): it would only harden
# details, and costs a second evaluation.
GUIDED_ABOVE = 0.35
# The first pass: how far down, and in steps as long as if there were so many in all. From .6 it
# takes as long as all eight steps in one pass, and shapes are firmer.
ROUGH_DOWN_TO, ROUGH_STEPS = 0.6, 5
MEETING = 0.9  # a share of noise that the first pass halts at, where morphs go from dream to dream
AGAIN_FROM = 0.88  # the share of noise at which the second pass begins


def levels(first: float, last: float, steps: int = STEPS) -> list[float]:
    """The shares of noise from `first` down to `last`, both included; all the way from 1 to 0 takes
    `steps` steps.
    """
    top, bottom = (level / (SHIFT - (SHIFT - 1) * level) for level in (first, last))
    count = max(1, round(steps * (top - bottom)))
    even = [top + (bottom - top) * step / count for step in range(count + 1)]
    inner = [SHIFT * share / (1 + (SHIFT - 1) * share) for share in even[1:-1]]
    return [first, *inner, last]


def sample(prior: Prior, mixture: Tensor, again: Tensor, text: Tensor, first: float) -> Tensor:
    """The latents that mixtures with the share `first` of noise lead to, in two passes.

    again: noise of unit variance for the second pass, of the mixtures' shape, float32; a mixture
    never gets a larger share of it than it began with. The other arguments are those of `flow`.
    """
    if first <= ROUGH_DOWN_TO:
        return flow(prior, mixture, text, first)
    if first > MEETING:
        mixture, first = flow(prior, mixture, text, first, MEETING, ROUGH_STEPS), MEETING
    rough = flow(prior, mixture, text, first, ROUGH_DOWN_TO, ROUGH_STEPS)
    second = min(AGAIN_FROM, first)
    return flow(prior, with_noise(rough, ROUGH_DOWN_TO, second, again), text, second)


def with_noise(mixture: Tensor, level: float, more: float, noise: Tensor) -> Tensor:
    """A mixture with the share `more` of noise instead of `level`, below it; noise: of unit
    variance, of which it holds nothing yet.
    """
    kept = (1 - more) / (1 - level)
    return kept * mixture + math.sqrt(more**2 - (kept * level) ** 2) * noise


@torch.no_grad()
def flow(
    prior: Prior,
    mixture: Tensor,
    text: Tensor,
    first: float = 1.0,
    last: float = 0.0,
    steps: int = STEPS,
    guidance: float = GUIDANCE,
) -> Tensor:
    """The mixtures with the share `last` of noise that lead on from those with `first`.

    mixture: [n, channels, h, w], float32, of a size that the prior knows; text: [n, dim], unit
    length. With `last` 0 what comes out is a latent without noise.
    """
    before: tuple[float, Tensor] | None = None
    passed = levels(first, last, steps)
    for level, following in zip(passed, passed[1:], strict=False):
        strength = guidance if level > GUIDED_ABOVE else 1.0
        velocity = (mixture - prior.clean(mixture, level, text, strength)) / level
        direction, step = velocity, following - level
        if before is not None:
            level_before, velocity_before = before
            bend = step / (2 * (level - level_before))
            direction = velocity + bend * (velocity - velocity_before)
        before, mixture = (level, velocity), mixture + step * direction
    return mixture
