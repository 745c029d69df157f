"""The latents that scenes are drawn toward: a sketch of the book or a picture, at the film's shape.

CLIP alone, from noise, finds colours and places but hardly the shape of a thing; a latent that
starts near a picture of it keeps that shape while CLIP paints. So each step is followed by a small
one toward such a picture, decoupled from the gradients as AdamW's decay is (Loshchilov & Hutter
2019), strong at first and then less.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..disk.pictures import fitted, open_picture
from ..models.vqgan.first_stage import VQGAN
from ..sketchbook.book import Sketchbook
from ..sketchbook.choose import Choice
from ..sketchbook.decode import decode_sketch
from ..storyboard.sizes import picture_size
from ..storyboard.timeline import Moment


class Guides:
    """The target of each scene, [1, channels, h, w] or None; `at(moment)` mixes the two that
    hold in a transition.
    """

    def __init__(self, targets: Sequence[Tensor | None]):
        self.targets = targets

    def start(self, scene: int) -> Tensor | None:
        """The latent that a scene begins with after a cut, where it has a guide."""
        return self.targets[scene]

    def at(self, moment: Moment, size: tuple[int, int]) -> tuple[Tensor, float] | None:
        """The latent to draw toward, at that size (h, w), and the share of the way; None where
        nothing guides.

        Latents are near a normal distribution, so that what lies straight between two of them is a
        picture too.
        """
        here, share = self.targets[moment.scene], moment.mix * moment.guide_weight
        if moment.previous is not None and (before := self.targets[moment.previous]) is not None:
            share_before = (1 - moment.mix) * moment.guide_weight_before
            here, share = (
                (before, share_before)
                if here is None
                else (torch.lerp(before, here, moment.mix), share + share_before)
            )
        if here is None or not share:
            return None
        if here.shape[-2:] != size:
            here = F.interpolate(here, size=size, mode="bilinear", align_corners=False)
        return here, share


def prepare(
    choices: Sequence[Choice], book: Sketchbook | None, vqgan: VQGAN, size: tuple[int, int]
) -> Guides:
    """The targets of a film of that size (width, height); those that several scenes share are made
    once.

    Raises VqclipError for a picture that cannot be read any more, ModelError for a damaged sketch.
    """
    made: dict[object, Tensor] = {}
    targets: list[Tensor | None] = []
    for choice in choices:
        source = choice.image or (choice.sketch and choice.sketch.index)
        if source is None:
            targets.append(None)
            continue
        if source not in made:
            picture = (
                open_picture(choice.image)
                if choice.image
                else decode_sketch(book, choice.sketch.index, vqgan)
            )
            pixels = fitted(picture, *picture_size(size, vqgan.factor))
            latent = vqgan.encode(torch.from_numpy(pixels).unsqueeze(0))
            made[source] = vqgan.bound(latent)
        targets.append(made[source])
    return Guides(targets)
