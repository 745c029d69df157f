"""What the latent begins with: noise, a picture, a latent that was saved, or a scene's guide."""

from __future__ import annotations

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from ..errors import VqclipError
from ..models.vqgan.first_stage import VQGAN
from ..models.weights import read_tensors
from ..storyboard.schema import Storyboard
from ..storyboard.sizes import picture_size
from ..storyboard.timeline import Moment
from .cutouts import generator_for
from .guides import Guides
from .latent import noise_start
from .pictures import load_picture


class Start:
    """The latents that a film begins with, and begins with again after a cut."""

    def __init__(self, storyboard: Storyboard, vqgan: VQGAN, guides: Guides):
        self.storyboard, self.vqgan, self.guides = storyboard, vqgan, guides

    def size(self, moment: Moment) -> tuple[int, int]:
        """(height, width) of the latent at a moment: half of it, rounded up, while a growing film
        is coarse.
        """
        factor = self.vqgan.factor
        width, height = (side // factor for side in picture_size(self.storyboard.size, factor))
        return ((height + 1) // 2, (width + 1) // 2) if moment.coarse else (height, width)

    def first(self, moment: Moment) -> Tensor:
        """The latent before a film's first iteration [1, channels, h, w], on the device."""
        init, vqgan = self.storyboard.init, self.vqgan
        h, w = self.size(moment)
        if init.image:
            picture = load_picture(init.image, w * vqgan.factor, h * vqgan.factor)
            return vqgan.encode(picture.to(vqgan.device))
        if init.latent:
            return load_latent(init.latent, (1, vqgan.channels, h, w)).to(vqgan.device)
        guide = self.guides.start(moment.scene) if self.storyboard.loop is True else None
        if guide is None:
            return self._noise(moment)
        # A loop comes back to where it began, which had better not be noise.
        return F.interpolate(guide, size=(h, w), mode="bilinear", align_corners=False)

    def after_cut(self, moment: Moment) -> Tensor:
        """The latent that a scene begins with which nothing leads to: its guide, or noise."""
        guide = self.guides.start(moment.scene)
        return self._noise(moment) if guide is None else guide

    def _noise(self, moment: Moment) -> Tensor:
        random = generator_for(self.storyboard.seed, moment.iteration, "start")
        codebook, strength = self.vqgan.codebook, self.storyboard.init.noise
        return noise_start(codebook, *self.size(moment), strength, random).to(self.vqgan.device)


def load_latent(path: Path, shape: tuple[int, ...]) -> Tensor:
    """A saved latent at the size of `shape`, [1, channels, h, w], on the CPU.

    Raises ModelError for a damaged file, VqclipError for one of another VQGAN.
    """
    tensors = read_tensors(path)
    latent = tensors.get("latent")
    if latent is None or latent.ndim != 4:
        raise VqclipError(
            f"{path}: no tensor 'latent' [1, channels, h, w] in it; films and stills save such "
            "files"
        )
    if latent.shape[:2] != shape[:2]:
        raise VqclipError(
            f"{path}: a latent of {latent.shape[1]} channels, but this VQGAN's have {shape[1]}"
        )
    return F.interpolate(latent.float(), size=shape[-2:], mode="bilinear", align_corners=False)
