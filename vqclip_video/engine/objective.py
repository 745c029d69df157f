"""What is minimised: a list of terms, each with its weight, on the latent and on its picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import VqclipError
from ..models.vqgan.first_stage import VQGAN
from ..storyboard.motions import as_written
from ..storyboard.schema import Storyboard
from ..storyboard.timeline import Moment
from . import terms
from .expectation import Expectations
from .inputs import Inputs
from .judge import Judges
from .latent import Latent
from .stages import STAGES, Stage, no_stage


@dataclass(frozen=True)
class Term:
    """One loss beside CLIP's.

    weight: at a moment; where it is 0, the term is not computed. value: of a latent
    [1, channels, h, w] or of its picture [1, 3, H, W], by what the term is `of`. inputs: what the
    value is told at a moment, for a latent of that size [1, channels, h, w].
    """

    name: str
    of: str  # "latent" or "picture"
    weight: Callable[[Moment], float]
    value: Callable[[Tensor, Inputs], Tensor]
    inputs: Callable[[Moment, tuple[int, ...]], Inputs] = lambda moment, size: Inputs()

    def __str__(self) -> str:
        return f"{self.name} of the {self.of}"


def terms_of(vqgan: VQGAN, judge: Judges, expectations: Expectations | None) -> list[Term]:
    """The terms that a storyboard's `losses` weigh, CLIP's aside."""
    found = [
        Term(
            "vq",
            "latent",
            lambda moment: moment.settings.losses.vq,
            lambda latent, told: terms.vq(latent, vqgan.codebook),
        ),
        Term(
            "gan",
            "picture",
            lambda moment: moment.settings.losses.gan,
            lambda picture, told: terms.gan(picture, vqgan.discriminator),
        ),
        Term(
            "tv",
            "picture",
            lambda moment: moment.settings.losses.tv,
            lambda picture, told: terms.tv(picture),
        ),
    ]
    if expectations is None:
        return found

    def weight(moment: Moment) -> float:
        return moment.settings.losses.prior * expectations.weight(moment)

    def inputs(moment: Moment, size: tuple[int, ...]) -> Inputs:
        return expectations.inputs(moment, size, judge.targets.at(moment).include)

    def unexpected(latent: Tensor, told: Inputs) -> Tensor:
        expected = expectations.at(latent.detach(), told)
        return terms.expectation(latent, expected)

    return [*found, Term("prior", "latent", weight, unexpected, inputs)]


@dataclass(frozen=True)
class Outcome:
    """What an iteration found before its step; all of it is detached and lies on the device."""

    picture: Tensor  # [1, 3, H, W], 0..1
    latent: Tensor  # [1, channels, h, w], a copy
    terms: dict[str, Tensor]  # weighted
    seen: Mapping[int, Tensor]  # similarities, of each CLIP that looked, by its place
    wholes: Mapping[int, Tensor]  # the cutouts' mean [dim], likewise

    def copied(self) -> Outcome:
        """The same at places of its own."""
        terms = {name: value.clone() for name, value in self.terms.items()}
        seen = {place: value.clone() for place, value in self.seen.items()}
        wholes = {place: value.clone() for place, value in self.wholes.items()}
        return Outcome(self.picture.clone(), self.latent.clone(), terms, seen, wholes)


class Objective:
    """The weighted sum of CLIP's judgement and the other terms; `gradient` leads it down."""

    def __init__(self, vqgan: VQGAN, judge: Judges, rest: Sequence[Term], stage: Stage = no_stage):
        self.vqgan, self.judge, self.rest, self.stage = vqgan, judge, tuple(rest), stage
        self.scale = loss_scale(vqgan.dtype)

    def __str__(self) -> str:
        return " + ".join(["clip of the cutouts", *map(str, self.rest)])

    def silence(self, stage: Stage = no_stage) -> None:
        """Have the stages told to `stage` from now on."""
        for each in (self, *self.judge.all):
            each.stage = stage

    def inputs(self, moment: Moment, latent: Latent) -> Inputs:
        """What `gradient` is told at a moment."""
        size = tuple(side * self.vqgan.factor for side in latent.size)
        told = self.judge.inputs(moment, size) | Inputs({"scale": self.scale})
        for term in self.rest:
            if weight := term.weight(moment):
                told |= Inputs({f"{term.name}.weight": weight})
                told |= term.inputs(moment, tuple(latent.grids[0].shape))
        return told

    def gradient(self, latent: Latent, told: Inputs) -> Outcome:
        """Gradients of the objective on the latent's grids.

        The gradients of the cutouts' batches meet on the picture, and one backward pass through the
        decoder takes them to the latent.
        """
        scale = told.numbers["scale"]
        with self.stage("decode"):
            value = latent.value
            picture = terms.within_range(self.vqgan.decode(value))
        seen = picture.detach().requires_grad_()
        verdict = self.judge.look(seen, told, scale)
        on_latent = self._weighted("latent", value, told)
        on_picture = self._weighted("picture", seen, told)
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
        found = verdict.terms | found
        return Outcome(picture.detach(), copy, found, verdict.seen, verdict.wholes)

    def _weighted(self, of: str, tensor: Tensor, told: Inputs) -> dict[str, Tensor]:
        found = {}
        for term in self.rest:
            weight = told.numbers.get(f"{term.name}.weight")
            if term.of == of and weight is not None:
                with self.stage(term.name) if term.name in STAGES else no_stage(term.name):
                    found[term.name] = weight * term.value(tensor, told)
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
