"""The way from one dream to another through dreams of what lies between.

The text moves along CLIP's sphere and the noise along its own, so that every picture on the way is
whole: a tower becomes a sail, nothing is seen through anything else. The pictures hardly change
along most of the way and much in a small part of it; so the keyframes are placed by halving the
largest distance between neighbours, and passed at even speed by that distance.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.prior.sampler import MEETING
from .dreams import DrawnDream, Dreamer, Root
from .prompts import slerp

NEAREST = 1 / 128  # shares of the way between neighbours; where it still jumps, it jumps


@dataclass(frozen=True)
class Morph:
    """Latents [n, channels, h, w] on the way from one scene's guide to the next, and where on it
    each lies, 0..1, from the first to the last.
    """

    latents: Tensor
    places: tuple[float, ...]

    def at(self, share: float) -> Tensor:
        """The latent [1, channels, h, w] at a share of the way, straight between two keyframes."""
        index = min(bisect_right(self.places, share), len(self.places) - 1)
        before, after = self.places[index - 1 : index + 1]
        within = (share - before) / (after - before) if after > before else 1.0
        first, second = self.latents[index - 1 : index + 1].split(1)
        return torch.lerp(first, second, within)


@dataclass(frozen=True)
class Keyframe:
    """A dream on the way: at a share of it, with its picture as CLIP's first layers see it."""

    share: float
    latent: Tensor
    seen: list[Tensor]


def morph(dreamer: Dreamer, first: DrawnDream, second: DrawnDream, keyframes: int) -> Morph:
    """The way between two dreams, by that many keyframes at most, both dreams among them."""
    way = _Way(dreamer, first.root, second.root)
    found = [way.keyframe(0.0, first.latent), way.keyframe(1.0, second.latent)]
    while len(found) < keyframes and (place := _widest(found)) is not None:
        share = (found[place].share + found[place + 1].share) / 2
        found.insert(place + 1, way.keyframe(share, dreamer.grow(way.root(share))))
    steps = [distance(one.seen, other.seen) for one, other in pairwise(found)]
    passed = [0.0, *accumulate(steps)]
    # Two dreams of one picture are no distance apart.
    places = (
        tuple(each / passed[-1] for each in passed) if passed[-1] else (0.0, *passed[1:-1], 1.0)
    )
    return Morph(torch.cat([dreamer.target(each.latent) for each in found]), places)


class _Way:
    """What lies between two roots."""

    def __init__(self, dreamer: Dreamer, first: Root, second: Root):
        self.dreamer = dreamer
        # Or less where one began with less: from more on, what lies between them jumps more.
        self.level = min(MEETING, first.level, second.level)
        self.ends = [self._met(root) for root in (first, second)]

    def root(self, share: float) -> Root:
        first, second = self.ends
        mixture = around(first.mixture, second.mixture, share)
        again = around(first.again, second.again, share)
        return Root(mixture, again, self.level, slerp(first.text, second.text, share))

    def keyframe(self, share: float, latent: Tensor) -> Keyframe:
        return Keyframe(share, latent, seen(self.dreamer, latent))

    def _met(self, root: Root) -> Root:
        """A root where it has the level of both."""
        return root if root.level == self.level else self.dreamer.met(root, self.level)


def _widest(found: Sequence[Keyframe]) -> int | None:
    """Which keyframe lies farthest from the next one; None where there is no room between any."""
    gaps = {
        place: distance(one.seen, other.seen)
        for place, (one, other) in enumerate(pairwise(found))
        if other.share - one.share > NEAREST
    }
    return max(gaps, key=gaps.get) if gaps else None


def around(first: Tensor, second: Tensor, share: float) -> Tensor:
    """Between two mixtures of one shape along the sphere that noise of its size lies on."""
    ends = [F.normalize(each.flatten(), dim=0) for each in (first, second)]
    length = torch.lerp(first.norm(), second.norm(), share)
    return (slerp(*ends, share) * length).view_as(first)


@torch.no_grad()
def seen(dreamer: Dreamer, latent: Tensor) -> list[Tensor]:
    """A latent's picture as CLIP's first layers see it, the features of each place unit length."""
    side = (dreamer.perceptor.size,) * 2
    picture = F.interpolate(dreamer.picture(latent), size=side, mode="area")
    return [F.normalize(each.float(), dim=1) for each in dreamer.perceptor.features(picture)]


def distance(one: Sequence[Tensor], other: Sequence[Tensor]) -> float:
    """How far apart two pictures are: as LPIPS (Zhang et al. 2018), with all features alike."""
    layers = ((a - b).square().sum(1).mean() for a, b in zip(one, other, strict=True))
    return float(sum(layers)) ** 0.5
