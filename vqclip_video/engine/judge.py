"""What CLIPs say of a picture: the cutouts of a moment against the film's targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ..disk.part import Part
from ..footprint import LOW_MEMORY_CUTOUTS
from ..models.clip.perceptor import Perceptor
from ..storyboard.courses import opening
from ..storyboard.schema import Settings, Storyboard
from ..storyboard.timeline import Moment
from . import terms
from .cutouts import Views, cut, draw_views
from .inputs import Inputs, Number
from .prompts import Target, Targets, encode_scenes
from .stages import Stage, no_stage

VIEWS = tuple(each.name for each in fields(Views))
TARGET = tuple(each.name for each in fields(Target))


@dataclass(frozen=True)
class Verdict:
    """What was found of a picture."""

    terms: dict[str, Tensor]  # weighted losses, detached
    # Mean cosine between the cutouts and the target, -1..1, of each CLIP that looked, by its place.
    seen: Mapping[int, Tensor]
    wholes: Mapping[int, Tensor]  # the cutouts' mean [dim], likewise


@dataclass
class CallSize:
    """How many cutouts one call of a CLIP gets, which changes memory but not the result."""

    low_memory: bool = False  # whether they are few where nothing else is said
    limit: int = 0  # lowered after running out of memory; 0: as the storyboard says

    def at(self, settings: Settings) -> int:
        return min(self.limit or self.wanted(settings), settings.cutouts)

    def wanted(self, settings: Settings) -> int:
        """How many where memory suffices."""
        usual = LOW_MEMORY_CUTOUTS if self.low_memory else settings.cutouts
        return min(settings.batch_size or usual, settings.cutouts)


class Judge:
    """One CLIP with a film's targets."""

    def __init__(
        self,
        perceptor: Perceptor,
        storyboard: Storyboard,
        calls: CallSize,
        stage: Stage = no_stage,
        place: int = 0,
        weight: float = 1.0,
    ):
        """place: among several, each of which draws cutouts of its own. weight: of its losses."""
        self.perceptor, self.stage = perceptor, stage
        self.calls, self.place, self.weight = calls, place, weight
        self.seed = storyboard.seed
        self.targets = encode_scenes(storyboard, perceptor)
        self.own = [
            texts.target(scene).include
            for texts, scene in zip(self.targets.scenes, opening(storyboard).scenes, strict=True)
        ]
        self._ahead: tuple[tuple, Views] | None = None

    def inputs(self, moment: Moment, size: tuple[int, int]) -> Inputs:
        """What `look` is told of a picture of that size (height, width)."""
        settings, target = moment.settings, self.targets.at(moment)
        with self.stage("cutouts"):
            views = self._views(moment, size)
        weight = self.weight * settings.losses.clip / settings.cutouts
        tensors = {
            **{name: getattr(views, name) for name in VIEWS},
            **{name: getattr(target, name) for name in TARGET},
        }
        return Inputs(
            {self._name("weight"): weight},
            {self._name(name): tensor for name, tensor in tensors.items()},
            {self._name("batch"): self.calls.wanted(settings)},
        )

    def _views(self, moment: Moment, size: tuple[int, int]) -> Views:
        """The cutouts of a moment: those drawn ahead, where they are its."""
        asked, ahead = self._asked(moment, size), self._ahead
        self._ahead = None
        return ahead[1] if ahead and ahead[0] == asked else draw_views(*asked)

    def _asked(self, moment: Moment, size: tuple[int, int]) -> tuple:
        settings = moment.settings
        drawn = (settings.cutouts, self.perceptor.size, size, settings.augment)
        by = (settings.noise_factor, self.seed, moment.iteration)
        return *drawn, *by, self.perceptor.device, self.place

    def draw_ahead(self, moment: Moment, size: tuple[int, int]) -> None:
        """Draw the cutouts of a moment to come, while the device is busy with another."""
        asked = self._asked(moment, size)
        self._ahead = asked, draw_views(*asked)

    def _name(self, name: str) -> str:
        return f"clip{self.place}.{name}"

    def look(self, picture: Tensor, told: Inputs, scale: Number = 1.0) -> Verdict:
        """Judge a picture [1, 3, H, W], 0..1, a leaf whose gradient is added to, by `inputs`.

        scale: what every loss is multiplied by before its backward pass.
        """
        views = Views(*(told.tensors[self._name(name)] for name in VIEWS))
        target = Target(*(told.tensors[self._name(name)] for name in TARGET))
        weight, count = told.numbers[self._name("weight")], len(views.noise)
        include = exclude = similarity = picture.new_zeros(())
        whole = torch.zeros_like(target.include)
        batch = min(self.calls.limit or count, told.sizes[self._name("batch")])
        for start in range(0, count, batch):
            with self.stage("cutouts"):
                seen = cut(picture, views.part(start, start + batch))
            with self.stage("CLIP"):
                embeddings = self.perceptor.embed_image(seen)
                wanted = weight * terms.include(embeddings, target.include).sum()
                unwanted = terms.exclude(embeddings, target.exclude, target.exclude_weights)
                unwanted = weight * unwanted.sum()
            with self.stage("backward"):
                (scale * (wanted + unwanted)).backward()
            with torch.no_grad():
                include, exclude = include + wanted.detach(), exclude + unwanted.detach()
                similarity = similarity + (embeddings.detach() @ target.include).sum() / count
                whole = whole + embeddings.detach().sum(0) / count
        found = {"clip": include} | ({"exclude": exclude} if len(target.exclude) else {})
        return Verdict(found, {self.place: similarity}, {self.place: whole})

    def to_scenes(self, whole: Tensor, moment: Moment) -> dict[int, Tensor]:
        """Similarities of the cutouts' mean [dim] to the own targets of a moment's scene, the one
        before and the next, by their indices.
        """
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
        low_memory: bool,
        stage: Stage = no_stage,
    ):
        """perceptors: as `models.clip` names them; the first one's `targets` are the film's."""
        models = storyboard.models
        self.calls, self.names = CallSize(low_memory), models.labels
        total = sum(clip.weight for clip in models.clip)
        self.shares = [clip.weight / total for clip in models.clip]
        self.in_turns = models.alternate
        scale = len(perceptors) if self.in_turns else 1
        self.all = [
            Judge(perceptor, storyboard, self.calls, stage, place, scale * share)
            for place, (perceptor, share) in enumerate(zip(perceptors, self.shares, strict=True))
        ]
        self._latest: dict[int, Tensor] = {}  # similarities in turns, by place

    @property
    def targets(self) -> Targets:
        return self.all[0].targets

    def inputs(self, moment: Moment, size: tuple[int, int]) -> Inputs:
        """What those are told who look at a moment's picture of that size (height, width)."""
        told = Inputs()
        for judge in self._looking(moment):
            told |= judge.inputs(moment, size)
        return told

    def draw_ahead(self, moment: Moment, size: tuple[int, int]) -> None:
        """Draw the cutouts of a moment to come, while the device is busy with another."""
        for judge in self._looking(moment):
            judge.draw_ahead(moment, size)

    def look(self, picture: Tensor, told: Inputs, scale: Number = 1.0) -> Verdict:
        """Judge a picture [1, 3, H, W], 0..1, a leaf whose gradient is added to, by all that are
        told something.
        """
        terms: dict[str, Tensor] = {}
        seen: dict[int, Tensor] = {}
        wholes: dict[int, Tensor] = {}
        for judge in self.all:
            if f"clip{judge.place}.weight" in told.numbers:
                verdict = judge.look(picture, told, scale)
                for name, loss in verdict.terms.items():
                    terms[name] = terms[name] + loss if name in terms else loss
                seen |= verdict.seen
                wholes |= verdict.wholes
        return Verdict(terms, seen, wholes)

    def to_scenes(self, wholes: Mapping[int, Tensor], moment: Moment) -> dict[int, Tensor]:
        """The similarities to the scenes around a moment, of all that looked."""
        if len(self.all) == 1:
            return self.all[0].to_scenes(wholes[0], moment)
        counted = sum(self.shares[place] for place in wholes)
        found: dict[int, Tensor] = {}
        for place, whole in wholes.items():
            for scene, similarity in self.all[place].to_scenes(whole, moment).items():
                share = self.shares[place] / counted * similarity
                found[scene] = found[scene] + share if scene in found else share
        return found

    def together(self, seen: Mapping[int, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The similarity of all, and of each by its name where they are several: in turns the
        latest of each.
        """
        if len(self.all) == 1:
            return seen[0], {}
        self._latest |= {place: similarity.clone() for place, similarity in seen.items()}
        known = [place for place in range(len(self.all)) if place in self._latest]
        total = sum(self.shares[place] for place in known)
        together = sum(self.shares[place] * self._latest[place] for place in known) / total
        return together, {self.names[place]: self._latest[place] for place in known}

    def _looking(self, moment: Moment) -> Sequence[Judge]:
        if not self.in_turns:
            return self.all
        place = moment.iteration % len(self.all)
        return self.all[place : place + 1]

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
