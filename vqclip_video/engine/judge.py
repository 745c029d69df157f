"""What CLIPs say of a picture: the cutouts of a moment against the film's targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..disk.part import Part
from ..footprint import LOW_MEMORY_CUTOUTS
from ..models.clip.perceptor import Perceptor
from ..storyboard.courses import opening
from ..storyboard.schema import Settings, Storyboard
from ..storyboard.timeline import Moment
from . import terms
from .cutouts import cut, draw_views
from .prompts import Targets, encode_scenes
from .stages import Stage, no_stage


@dataclass(frozen=True)
class Verdict:
    """What was found of a picture."""

    terms: dict[str, Tensor]  # weighted losses, detached
    similarity: Tensor  # mean cosine between the cutouts and the target, -1..1
    # The same of each CLIP by its name, where several judge.
    each: Mapping[str, Tensor] = field(default_factory=dict)
    # The same to the own targets of the scene before, this one and the next, by their indices, of
    # a captured picture.
    to_scenes: Mapping[int, Tensor] = field(default_factory=dict)


@dataclass
class CallSize:
    """How many cutouts one call of a CLIP gets, which changes memory but not the result."""

    low_memory: bool = False  # whether they are few where nothing else is said
    limit: int = 0  # lowered after running out of memory; 0: as the storyboard says

    def at(self, settings: Settings) -> int:
        usual = LOW_MEMORY_CUTOUTS if self.low_memory else settings.cutouts
        return min(self.limit or settings.batch_size or usual, settings.cutouts)


class Judge:
    """One CLIP with a film's targets."""

    def __init__(
        self,
        perceptor: Perceptor,
        storyboard: Storyboard,
        loss_scale: float,
        calls: CallSize,
        stage: Stage = no_stage,
        place: int = 0,
        weight: float = 1.0,
    ):
        """loss_scale: what every loss is multiplied by before its backward pass. place: among
        several, each of which draws cutouts of its own. weight: of its losses.
        """
        self.perceptor, self.stage, self.loss_scale = perceptor, stage, loss_scale
        self.calls, self.place, self.weight = calls, place, weight
        self.seed = storyboard.seed
        self.targets = encode_scenes(storyboard, perceptor)
        self.own = [
            texts.target(scene).include
            for texts, scene in zip(self.targets.scenes, opening(storyboard).scenes, strict=True)
        ]

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
                self.place,
            )
        weight = self.weight * settings.losses.clip / count
        include = exclude = similarity = picture.new_zeros(())
        whole = torch.zeros_like(target.include)
        batch = self.calls.at(settings)
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
                whole = whole + embeddings.detach().sum(0) / count
        found = {"clip": include} | ({"exclude": exclude} if len(target.exclude) else {})
        return Verdict(found, similarity, to_scenes=self._to_scenes(whole, moment))

    def _to_scenes(self, whole: Tensor, moment: Moment) -> dict[int, Tensor]:
        """Similarities of the cutouts' mean [dim] to the scenes around a captured moment."""
        if moment.frame is None:
            return {}
        around = {moment.scene - 1, moment.scene, moment.scene + 1, moment.previous}
        there = (scene for scene in range(len(self.own)) if scene in around)
        return {scene: whole @ self.own[scene] for scene in there}


class Judges:
    """All CLIPs of a film. They look one after the other, each at cutouts of its own; with
    `models.alternate` one of them each iteration, in turns.

    Each counts by its share of the weights, so that together they count as one would. In turns its
    losses are scaled up by the iterations that it does not see.
    """

    def __init__(
        self,
        perceptors: Sequence[Perceptor],
        storyboard: Storyboard,
        loss_scale: float,
        low_memory: bool,
        stage: Stage = no_stage,
    ):
        """perceptors: as `models.clip` names them; the first one's `targets` are the film's."""
        models = storyboard.models
        self.calls, self.loss_scale, self.names = CallSize(low_memory), loss_scale, models.labels
        total = sum(clip.weight for clip in models.clip)
        self.shares = [clip.weight / total for clip in models.clip]
        self.in_turns = models.alternate
        scale = len(perceptors) if self.in_turns else 1
        self.all = [
            Judge(perceptor, storyboard, loss_scale, self.calls, stage, place, scale * share)
            for place, (perceptor, share) in enumerate(zip(perceptors, self.shares, strict=True))
        ]
        self._latest: dict[int, Tensor] = {}  # similarities in turns, by place

    @property
    def targets(self) -> Targets:
        return self.all[0].targets

    def look(self, picture: Tensor, moment: Moment) -> Verdict:
        """Judge a picture [1, 3, H, W], 0..1, a leaf whose gradient is added to.

        In turns the similarities are the latest of each, and those to the scenes of the one that
        looked.
        """
        if len(self.all) == 1:
            return self.all[0].look(picture, moment)
        places = range(len(self.all))
        terms: dict[str, Tensor] = {}
        to_scenes: dict[int, Tensor] = {}
        looking = [moment.iteration % len(self.all)] if self.in_turns else places
        counted = sum(self.shares[place] for place in looking)
        for place in looking:
            verdict = self.all[place].look(picture, moment)
            for name, loss in verdict.terms.items():
                terms[name] = terms[name] + loss if name in terms else loss
            for scene, similarity in verdict.to_scenes.items():
                share = self.shares[place] / counted * similarity
                to_scenes[scene] = to_scenes[scene] + share if scene in to_scenes else share
            self._latest[place] = verdict.similarity
        seen = [place for place in places if place in self._latest]
        total = sum(self.shares[place] for place in seen)
        together = sum(self.shares[place] * self._latest[place] for place in seen) / total
        each = {self.names[place]: self._latest[place] for place in seen}
        return Verdict(terms, together, each, to_scenes)

    def state(self) -> Part:
        latest = self._latest.items() if self.in_turns else ()
        tensors = {f"similarity-{place}": similarity for place, similarity in latest}
        return Part(tensors, {"batch_size": self.calls.limit})

    def restore(self, part: Part) -> None:
        self.calls.limit = part.numbers["batch_size"]
        device = self.all[0].perceptor.device
        self._latest = {
            int(name.rpartition("-")[2]): torch.as_tensor(similarity, device=device)
            for name, similarity in part.tensors.items()
        }
