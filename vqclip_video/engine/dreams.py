"""Dreams: pictures that the pair's prior draws for what scenes say, before the film.

CLIP's gradient alone finds colours sooner than shapes. A prior that follows its flow from noise to
a latent (see models/prior/sampler.py) knows both; the film is then drawn toward that latent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.clip.perceptor import Perceptor
from ..models.prior.prior import Prior
from ..models.prior.sampler import MEETING, ROUGH_STEPS, flow, sample
from ..models.vqgan.first_stage import VQGAN
from ..storyboard.schema import Augment
from .colours import NO_COLOURS, NamedColours, colours_seen
from .cutouts import cut, draw_views, generator_for

OVER_A_SKETCH = 0.9  # share of noise: the firm shape is left, the prompt decides colours and place
VIEWS = 12  # cutouts by which a dream is compared with its text
AS_LIKE = 0.1  # dreams are as like their text as the likeliest within this
# Shares of noise at which the prior is asked whether a dream shows its text: much of it, as that
# hides details. Each has noise of its own.
ASKED_AT = (0.7, 0.85, 0.85)


@dataclass(frozen=True)
class Root:
    """What a dream grows from: a mixture [1, channels, h, w] with the share `level` of noise, the
    noise of the second pass in the same shape, and a text [dim] of unit length.
    """

    mixture: Tensor
    again: Tensor
    level: float
    text: Tensor


@dataclass(frozen=True)
class Wanted:
    """What a dream is to show: its whole text and the subject's phrase, unit vectors [dim], and
    the colours that it names.
    """

    whole: Tensor
    subject: Tensor
    colours: NamedColours = NO_COLOURS


@dataclass(frozen=True)
class DrawnDream:
    """A dream, with what it grew from."""

    latent: Tensor  # [1, channels, h, w], of the size that the prior knows
    root: Root
    seed: int
    wanted: Wanted
    over: str  # what lay under the noise that it began with: nothing, "a sketch", "the last scene"
    likeness: float  # to the whole text, by the pair's own CLIP, -1..1
    colours: int  # of those that are wanted, how many are seen


class Dreamer:
    """Draws dreams for latents of one size (height, width).

    The prior draws at the size it knows that is nearest to it in shape.
    """

    def __init__(self, prior: Prior, perceptor: Perceptor, vqgan: VQGAN, size: tuple[int, int]):
        self.prior, self.perceptor, self.vqgan = prior, perceptor, vqgan
        self.size, self.inner = size, prior.inner_size(*size)

    def root(self, text: Tensor, seed: int, below: Tensor | None = None, level: float = 1) -> Root:
        """The beginning in a seed's noise; over a latent of any size, where there is one below.

        A seed's noise is the same whatever the text: what it draws for one prompt and for another
        stands in the same place.
        """
        shape = (1, self.vqgan.channels, *self.inner)
        noise, again = (
            torch.randn(shape, generator=generator_for(seed, place, "dream")).to(self.vqgan.device)
            for place in range(2)
        )
        if below is None:
            return Root(noise, again, 1.0, text)
        return Root(torch.lerp(self.resized(below, self.inner), noise, level), again, level, text)

    def grow(self, root: Root) -> Tensor:
        """The latent that grows from a root.

        One by one. Four together take two thirds of the time on two cores, two three quarters; but
        in float32 their last bits are others then, and the dream of a seed is the same bits
        wherever it is drawn: alone, among tries, for a sheet or for a film.
        """
        return sample(self.prior, root.mixture, root.again, root.text[None], root.level)

    def met(self, root: Root, level: float = MEETING) -> Root:
        """A root further down its way, with the share `level` of noise. At MEETING what grows from
        it is what grows from the root, to the bit.
        """
        mixture = flow(self.prior, root.mixture, root.text[None], root.level, level, ROUGH_STEPS)
        return replace(root, mixture=mixture, level=level)

    def dream(
        self, root: Root, seed: int, wanted: Wanted | None = None, over: str = ""
    ) -> DrawnDream:
        """The dream of a root; wanted: what it is to show, where that is not the root's own text
        alone.
        """
        latent, wanted = self.grow(root), wanted or Wanted(root.text, root.text)
        picture = self.picture(latent)
        likeness = self.likeness(picture, wanted.whole)
        colours = colours_seen(picture, wanted.colours)
        return DrawnDream(latent, root, seed, wanted, over, likeness, colours)

    @torch.no_grad()
    def likeness(self, picture: Tensor, text: Tensor) -> float:
        """How like a text a picture [1, 3, H, W], 0..1, is: the mean cosine of a few views, which
        are the same for every picture.
        """
        side, size = self.perceptor.size, tuple(picture.shape[-2:])
        views = draw_views(VIEWS, side, size, Augment(), 0.0, 0, 0, picture.device)
        return float((self.perceptor.embed_image(cut(picture, views)) @ text).mean())

    def best(self, dreams: Sequence[DrawnDream]) -> DrawnDream:
        """The one that shows its text best, of dreams of one text.

        Those run that show most of the colours that are wanted. CLIP is easily pleased: colours and
        a blot are a snowman to it. So it only drops those that are less like the text than others;
        among the rest the prior chooses.
        """
        most = max(dream.colours for dream in dreams)
        coloured = [dream for dream in dreams if dream.colours == most]
        likeliest = max(dream.likeness for dream in coloured)
        running = [dream for dream in coloured if dream.likeness >= likeliest - AS_LIKE]
        return running[0] if len(running) == 1 else max(running, key=self.evidence)

    def evidence(self, dream: DrawnDream) -> float:
        """What its text and its subject tell the prior of a dream, averaged (`Prior.gain`)."""
        device, shape = dream.latent.device, dream.latent.shape[1:]
        noises = torch.stack(
            [
                torch.randn(shape, generator=generator_for(0, place, "evidence"))
                for place in range(len(ASKED_AT))
            ]
        )
        texts = torch.stack([dream.wanted.whole, dream.wanted.subject])
        levels = torch.tensor(ASKED_AT, device=device)
        return self.prior.gain(dream.latent, levels, noises.to(device), texts)

    @torch.no_grad()
    def picture(self, latent: Tensor) -> Tensor:
        """The picture [1, 3, H, W], 0..1, of a latent of any size."""
        return self.vqgan.decode(latent).clamp(0, 1)

    def target(self, latent: Tensor) -> Tensor:
        """A dream's latent as the film is drawn toward it: at its size, and within the VQGAN's
        bound.
        """
        return self.vqgan.bound(self.resized(latent, self.size))

    @torch.no_grad()
    def resized(self, latent: Tensor, size: tuple[int, int]) -> Tensor:
        """A latent [1, channels, h, w] at another size (h, w).

        The picture is brought to that size, not the latent: what lies between two neighbouring
        places of a latent is woven cloth to the decoder.
        """
        if latent.shape[-2:] == size:
            return latent
        pixels = [side * self.vqgan.factor for side in size]
        picture = F.interpolate(
            self.picture(latent), size=pixels, mode="bicubic", align_corners=False, antialias=True
        )
        return self.vqgan.encode(picture.clamp(0, 1))
