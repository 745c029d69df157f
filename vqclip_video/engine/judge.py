"""What a CLIP says of a picture: the cutouts of a moment against the film's targets."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..disk.part import Part
from ..footprint import LOW_MEMORY_CUTOUTS
from ..models.clip.perceptor import Perceptor
from ..storyboard.schema import Settings, Storyboard
from ..storyboard.timeline import Moment
from . import terms
from .cutouts import cut, draw_views
from .prompts import encode_scenes
from .stages import Stage, no_stage


@dataclass(frozen=True)
class Verdict:
    """What a judge found."""

    terms: dict[str, Tensor]  # weighted losses, detached
    similarity: Tensor  # mean cosine between the cutouts and the target, -1..1


class Judge:
    """One CLIP with a film's targets.

    The cutouts are seen in batches, whose size changes memory but not the result.
    """

    def __init__(
        self,
        perceptor: Perceptor,
        storyboard: Storyboard,
        loss_scale: float,
        stage: Stage = no_stage,
    ):
        """loss_scale: what every loss is multiplied by before its backward pass."""
        self.perceptor, self.stage, self.loss_scale = perceptor, stage, loss_scale
        self.seed = storyboard.seed
        self.targets = encode_scenes(storyboard, perceptor)
        self.low_memory = False  # whether few cutouts are seen at a time where nothing else is said
        self.batch_size = 0  # lowered after running out of memory; 0: as the storyboard says

    def look(self, picture: Tensor, moment: Moment) -> Verdict:
        """Judge a picture [1, 3, H, W], 0..1, a leaf whose gradient is added to."""
        settings, target = moment.settings, self.targets.at(moment)
        count, size = settings.cutouts, self.perceptor.size
        with self.stage("cutouts"):
            views = draw_views(
                count,
                size,
                tuple(picture.shape[-2:]),
                settings.augment,
                settings.noise_factor,
                self.seed,
                moment.iteration,
                picture.device,
            )
        weight = settings.losses.clip / count
        include = exclude = similarity = picture.new_zeros(())
        batch = self.cutouts_at_once(settings)
        for start in range(0, count, batch):
            with self.stage("cutouts"):
                seen = cut(picture, views.part(start, start + batch))
            with self.stage("CLIP"):
                embeddings = self.perceptor.embed_image(seen)
                wanted = weight * terms.include(embeddings, target.include).sum()
                unwanted = terms.exclude(embeddings, target.exclude, target.exclude_weights)
                unwanted = weight * unwanted.sum()
            with self.stage("backward"):
                (self.loss_scale * (wanted + unwanted)).backward()
            with torch.no_grad():
                include, exclude = include + wanted.detach(), exclude + unwanted.detach()
                similarity = similarity + (embeddings.detach() @ target.include).sum() / count
        found = {"clip": include} | ({"exclude": exclude} if len(target.exclude) else {})
        return Verdict(found, similarity)

    def state(self) -> Part:
        return Part(numbers={"batch_size": self.batch_size})

    def restore(self, part: Part) -> None:
        self.batch_size = part.numbers["batch_size"]

    def cutouts_at_once(self, settings: Settings) -> int:
        """How many cutouts one call of CLIP gets."""
        usual = LOW_MEMORY_CUTOUTS if self.low_memory else settings.cutouts
        return min(self.batch_size or settings.batch_size or usual, settings.cutouts)
