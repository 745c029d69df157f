"""What the latent begins with: noise, a picture, a latent that was saved, or a scene's guide."""

from __future__ import annotations

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from ..disk.part import Part
from ..errors import VqclipError
from ..models.vqgan.first_stage import VQGAN
from ..models.weights import read_tensors
from ..storyboard.beginnings import scene_named
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
        scenes = storyboard.scenes
        self._sources = {  # the index of the scene that another one begins as, by its index
            index: scene_named(scene.from_.scene, scenes[:index])
            for index, scene in enumerate(scenes)
            if scene.from_ and scene.from_.scene is not None
        }
        self._ends: dict[int, Tensor] = {}  # of the scenes that others begin as, so far

    @property
    def full_size(self) -> tuple[int, int]:
        """(height, width) of the latent."""
        factor = self.vqgan.factor
        width, height = (side // factor for side in picture_size(self.storyboard.size, factor))
        return height, width

    def size(self, moment: Moment) -> tuple[int, int]:
        """(height, width) of the latent at a moment: half of it, rounded up, while a growing film
        is coarse.
        """
        height, width = self.full_size
        return ((height + 1) // 2, (width + 1) // 2) if moment.coarse else (height, width)

    def first(self, moment: Moment) -> Tensor:
        """The latent before a film's first iteration [1, channels, h, w], on the device."""
        init, vqgan = self.storyboard.init, self.vqgan
        h, w = self.size(moment)
        if init.image:
            return self._picture(init.image, h, w)
        if init.latent:
            return load_latent(init.latent, (1, vqgan.channels, h, w)).to(vqgan.device)
        guide = self.guides.start(moment.scene) if self.storyboard.loop is True else None
        if guide is None:
            return self._noise(moment)
        # A loop comes back to where it began, which had better not be noise.
        return F.interpolate(guide, size=(h, w), mode="bilinear", align_corners=False)

    def after_cut(self, moment: Moment) -> Tensor:
        """The latent that a scene begins with which nothing leads to: what it is `from`, else its
        guide, else noise.
        """
        origin, guide = moment.now.from_, self.guides.start(moment.scene)
        if origin and origin.image:
            h, w = self.size(moment)
            return self._picture(origin.image, h, w)
        if origin and origin.scene is not None:
            return self._ends[self._sources[moment.scene]]
        return self._noise(moment) if guide is None or origin else guide

    def keep(self, latent: Tensor, moment: Moment) -> None:
        """Remember a captured latent, where a later scene begins as this one ends."""
        if moment.scene in self._sources.values():
            self._ends[moment.scene] = latent

    def state(self) -> Part:
        return Part({f"end.{scene}": latent for scene, latent in self._ends.items()})

    def restore(self, part: Part) -> None:
        """Go on from a `state`."""
        self._ends = {
            int(name.removeprefix("end.")): latent.detach().clone().to(self.vqgan.device)
            for name, latent in part.tensors.items()
        }

    def _picture(self, path: Path, height: int, width: int) -> Tensor:
        factor = self.vqgan.factor
        picture = load_picture(path, width * factor, height * factor)
        return self.vqgan.encode(picture.to(self.vqgan.device))

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
