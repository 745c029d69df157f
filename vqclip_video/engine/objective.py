"""What is minimised: a list of terms, each with its weight, on the latent and on its picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..errors import VqclipError
from ..models.vqgan.first_stage import VQGAN
from ..storyboard.motions import as_written
from ..storyboard.schema import Storyboard
from ..storyboard.timeline import Moment
from . import terms
from .expectation import Expectations
from .judge import Judges
from .latent import Latent
from .stages import Stage, no_stage


@dataclass(frozen=True)
class Term:
    """One loss beside CLIP's.

    weight: at a moment; where it is 0, the term is not computed. value: of a latent
    [1, channels, h, w] or of its picture [1, 3, H, W], by what the term is `of`.
    """

    name: str
    of: str  # "latent" or "picture"
    weight: Callable[[Moment], float]
    value: Callable[[Tensor, Moment], Tensor]

    def __str__(self) -> str:
        return f"{self.name} of the {self.of}"


def terms_of(
    vqgan: VQGAN, judge: Judges, expectations: Expectations | None, stage: Stage = no_stage
) -> list[Term]:
    """The terms that a storyboard's `losses` weigh, CLIP's aside."""
    found = [
        Term(
            "vq",
            "latent",
            lambda moment: moment.settings.losses.vq,
            lambda latent, moment: terms.vq(latent, vqgan.codebook),
        ),
        Term(
            "gan",
            "picture",
            lambda moment: moment.settings.losses.gan,
            lambda picture, moment: terms.gan(picture, vqgan.discriminator),
        ),
        Term(
            "tv",
            "picture",
            lambda moment: moment.settings.losses.tv,
            lambda picture, moment: terms.tv(picture),
        ),
    ]
    if expectations is None:
        return found

    def weight(moment: Moment) -> float:
        return moment.settings.losses.prior * expectations.weight(moment)

    def unexpected(latent: Tensor, moment: Moment) -> Tensor:
        with stage("prior"):
            text = judge.targets.at(moment).include
            expected = expectations.at(moment, latent.detach(), text)
        return terms.expectation(latent, expected)

    return [*found, Term("prior", "latent", weight, unexpected)]


@dataclass(frozen=True)
class Outcome:
    """What an iteration found before its step; all of it is detached and lies on the device."""

    picture: Tensor  # [1, 3, H, W], 0..1
    latent: Tensor  # [1, channels, h, w], a copy
    terms: dict[str, Tensor]  # weighted
    similarity: Tensor
    each: Mapping[str, Tensor] = field(default_factory=dict)  # the similarities of several CLIPs
    to_scenes: Mapping[int, Tensor] = field(default_factory=dict)  # as of `Verdict`


class Objective:
    """The weighted sum of CLIP's judgement and the other terms; `gradient` leads it down."""

    def __init__(self, vqgan: VQGAN, judge: Judges, rest: Sequence[Term], stage: Stage = no_stage):
        self.vqgan, self.judge, self.rest, self.stage = vqgan, judge, tuple(rest), stage

    def __str__(self) -> str:
        return " + ".join(["clip of the cutouts", *map(str, self.rest)])

    def gradient(self, latent: Latent, moment: Moment) -> Outcome:
        """Gradients of the objective on the latent's grids.

        The gradients of the cutouts' batches meet on the picture, and one backward pass through the
        decoder takes them to the latent.
        """
        with self.stage("decode"):
            value = latent.value
            picture = terms.within_range(self.vqgan.decode(value))
        seen = picture.detach().requires_grad_()
        verdict = self.judge.look(seen, moment)
        on_latent = self._weighted("latent", value, moment)
        on_picture = self._weighted("picture", seen, moment)
        scale = self.judge.loss_scale
        with self.stage("backward"):
            if on_picture:
                (scale * sum(on_picture.values())).backward()
            # A scalar with this gradient: to hand `backward` the gradient itself makes torch import
            # sympy (1 s).
            carried = (picture * seen.grad).sum()
            (carried + scale * sum(on_latent.values())).backward()
            for grid in latent.grids:
                grid.grad /= scale
        found = {name: loss.detach() for name, loss in (on_latent | on_picture).items()}
        # A copy: with one grid the latent is the parameter itself, which the step is about to
        # change.
        copy = value.detach().clone()
        return Outcome(
            picture.detach(),
            copy,
            verdict.terms | found,
            verdict.similarity,
            verdict.each,
            verdict.to_scenes,
        )

    def _weighted(self, of: str, tensor: Tensor, moment: Moment) -> dict[str, Tensor]:
        found = {}
        for term in self.rest:
            if term.of == of and (weight := term.weight(moment)):
                found[term.name] = weight * term.value(tensor, moment)
        return found


def loss_scale(dtype: torch.dtype) -> float:
    """What losses are multiplied by, and gradients divided by, around a backward pass.

    Half precision has no room for the small gradients deep in the decoder; a power of two scales
    them exactly.
    """
    return 1024.0 if dtype is torch.float16 else 1.0


def require_discriminator(storyboard: Storyboard, vqgan: VQGAN) -> None:
    """Raises VqclipError where a scene asks for a verdict that the VQGAN's file cannot give."""
    if vqgan.discriminator is not None:
        return
    for index, scene in enumerate(storyboard.scenes):
        if weight := scene.settings.losses.gan:
            raise VqclipError(
                f"scenes[{index}]: losses.gan is {as_written(weight)}, but the file of "
                "this VQGAN holds no discriminator (no tensors under loss.discriminator.); set "
                "losses.gan to 0"
            )
