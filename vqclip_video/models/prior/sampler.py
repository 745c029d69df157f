"""From noise to a latent, along the flow that a prior has learned.

The prior tells the velocity of a straight flow between latents and noise (flow matching, Lipman et
al. 2023). It is followed by the two-step method of Adams and Bashforth with steps of any length,
one evaluation each, as PNDM (Liu et al. 2022) and DEIS (Zhang & Chen 2023) do for diffusion.
"""

from __future__ import annotations

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


def levels(first: float, last: float, steps: int = STEPS) -> list[float]:
    """The shares of noise from `first` down to `last`, both included; all the way from 1 to 0 takes
    `steps` steps.
    """
    top, bottom = (level / (SHIFT - (SHIFT - 1) * level) for level in (first, last))
    count = max(1, round(steps * (top - bottom)))
    even = [top + (bottom - top) * step / count for step in range(count + 1)]
    inner = [SHIFT * share / (1 + (SHIFT - 1) * share) for share in even[1:-1]]
    return [first, *inner, last]


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
