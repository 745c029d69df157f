"""The latents that scenes are drawn toward: a dream, a sketch or a picture, at the film's shape.

CLIP alone, from noise, finds colours and places but hardly the shape of a thing; a latent that
starts near a picture of it keeps that shape while CLIP paints. So each step is followed by a small
one toward such a picture, decoupled from the gradients as AdamW's decay is (Loshchilov & Hutter
2019), strong at first and then less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from ..disk.part import Part
from ..storyboard.timeline import Moment
from .morphs import Morph

NO_MORPHS: Mapping[int, Morph] = MappingProxyType({})


class Seen(Protocol):
    """How the camera sees a guide."""

    def __call__(self, target: Tensor, *, previous: bool, fleeting: bool) -> Tensor:
        """A guide where the camera has taken it. previous: it is that of the scene before.
        fleeting: it is another one in each frame.
        """


def unmoved(target: Tensor, *, previous: bool, fleeting: bool) -> Tensor:
    """As the camera sees it that never moves."""
    return target


class Guides:
    """The target of each scene, [1, channels, h, w] or None; `at(moment)` is what holds on the way
    from one to the next.
    """

    def __init__(self, targets: Sequence[Tensor | None], morphs: Mapping[int, Morph] = NO_MORPHS):
        """morphs: how the film travels to a scene's target from the one before, where that is not
        straight, by the scene's index.
        """
        self.targets, self.morphs = tuple(targets), morphs

    @property
    def free(self) -> tuple[bool, ...]:
        """Which scenes nothing guides."""
        return tuple(target is None for target in self.targets)

    def start(self, scene: int) -> Tensor | None:
        """The latent that a scene begins with after a cut, where it has a guide."""
        return self.targets[scene]

    def at(
        self, moment: Moment, size: tuple[int, int], seen: Seen = unmoved
    ) -> tuple[Tensor, float] | None:
        """The latent to draw toward, at that size (h, w), and the share of the way; None where
        nothing guides. seen: how the camera sees a guide.
        """
        here, share = self.targets[moment.scene], moment.mix * moment.settings.guide_weight
        here = here if here is None else seen(here, previous=False, fleeting=False)
        if moment.previous is not None and (before := self.targets[moment.previous]) is not None:
            before = seen(before, previous=True, fleeting=False)
            share_before = (1 - moment.mix) * moment.before.settings.guide_weight
            here, share = (
                (before, share_before)
                if here is None
                else (self._between(before, here, moment, seen), share + share_before)
            )
        if here is None or not share:
            return None
        if here.shape[-2:] != size:
            here = F.interpolate(here, size=size, mode="bilinear", align_corners=False)
        return here, share

    def _between(self, before: Tensor, here: Tensor, moment: Moment, seen: Seen) -> Tensor:
        """Along the morph that leads here, or straight: latents are near a normal distribution, so
        that what lies straight between two of them is a picture too.

        Where the camera moves, one that is on its way lies where the last guide does, and less and
        less so, where the next one does.
        """
        if morph := self.morphs.get(moment.scene):
            dream = morph.at(moment.mix)
            before, here = (seen(dream, previous=last, fleeting=True) for last in (True, False))
            if before is here:
                return dream
        return torch.lerp(before, here, moment.mix)

    def state(self) -> Part:
        """All of it, to be kept instead of drawn again."""
        tensors = {f"target.{i}": each for i, each in enumerate(self.targets) if each is not None}
        tensors |= {f"morph.{scene}": each.latents for scene, each in self.morphs.items()}
        places = {str(scene): each.places for scene, each in self.morphs.items()}
        return Part(tensors, {"scenes": len(self.targets), "places": places})

    @classmethod
    def restored(cls, part: Part, device: torch.device) -> Guides:
        """The guides of a `state`."""
        there = {name: tensor.to(device) for name, tensor in part.tensors.items()}
        morphs = {
            int(scene): Morph(there[f"morph.{scene}"], tuple(places))
            for scene, places in part.numbers["places"].items()
        }
        return cls([there.get(f"target.{i}") for i in range(part.numbers["scenes"])], morphs)
