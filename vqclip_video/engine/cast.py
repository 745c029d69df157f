"""The networks of a film, loaded once. A cast survives a film and can serve the next one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch

from ..materials import CLIPFile, Materials, ModelFiles
from ..models.clip.perceptor import Perceptor, load_perceptor
from ..models.prior.prior import Prior
from ..models.prior.prior import load_prior as load_prior
from ..models.vqgan.first_stage import VQGAN, load_vqgan
from ..sketchbook.book import Sketchbook
from ..sketchbook.book import load_book as load_book
from ..storyboard.schema import Storyboard
from ..storyboard.timeline import Timeline
from .compilation import pick_compile
from .device import pick_device
from .graphs import pick_graphs
from .memory import explained_failures, fits, release
from .options import EngineOptions
from .precision import pick_precision


@dataclass
class Cast:
    """What sees, what paints, what knows how pictures are composed, and what to draw after.

    perceptor, vqgan: the networks, on one device. prior: what scenes without a guide are held
    against besides their prompt; without one CLIP is alone there. book: the sketchbook that scenes
    choose their guide from; without one only the pictures that are named guide. others: CLIPs that
    judge beside `perceptor`, whom prior and book belong to.
    """

    perceptor: Perceptor
    vqgan: VQGAN
    prior: Prior | None = None
    book: Sketchbook | None = None
    others: tuple[Perceptor, ...] = ()
    graphs: str = "auto"  # whether films are replayed as CUDA graphs, see `EngineOptions`

    def __post_init__(self) -> None:
        self._dtype = self.vqgan.dtype

    @property
    def perceptors(self) -> tuple[Perceptor, ...]:
        """All CLIPs, as `models.clip` names them."""
        return self.perceptor, *self.others

    @property
    def device(self) -> torch.device:
        return self.vqgan.device

    def prepare(self, storyboard: Storyboard, timeline: Timeline, options: EngineOptions) -> None:
        """Set the networks up for a film: how much they keep for the backward pass, and whether
        they are compiled, or replayed. Raises UsageError where the device has no graphs.
        """
        pick_graphs(options.graphs, self.device)
        self.graphs = options.graphs
        if self.vqgan.dtype != self._dtype:  # the film before had to go on in float32
            self.compute_in(self._dtype)
        memory = options.memory
        self.vqgan.low_memory = memory == "low" or (
            memory == "auto" and not fits(storyboard, self.perceptors, self.vqgan)
        )
        if pick_compile(options.compile):
            for perceptor in self.perceptors:
                perceptor.compile()
            self.vqgan.compile()

    def compute_in(self, dtype: torch.dtype) -> None:
        """Have the networks compute in another number format, with the weights that they have."""
        for each in (*self.perceptors, self.vqgan, *([self.prior] if self.prior else [])):
            each.compute_in(dtype)

    def forget_text(self) -> None:
        """Free the text towers, where no further film follows."""
        for perceptor in self.perceptors:
            perceptor.forget_text()


def load_cast(materials: Materials, options: EngineOptions) -> Cast:
    """The networks of these files. Raises ModelError where one is damaged, or made for others."""
    files, device = materials.models, pick_device(options.device)
    perceptor, vqgan = load_pair(files, device, options.precision)
    others = tuple(_perceptor(clip, device, vqgan.dtype) for clip in files.clips[1:])
    prior = book = None
    if materials.prior:
        prior = load_prior(materials.prior, vqgan.device, vqgan.dtype)
        prior.require(files, vqgan.channels, perceptor.dim)
    if materials.sketchbook:
        book = load_book(materials.sketchbook)
        book.require(files)
    return Cast(perceptor, vqgan, prior, book, others)


def load_pair(
    files: ModelFiles, device: torch.device, precision: str = "auto"
) -> tuple[Perceptor, VQGAN]:
    """The first CLIP and the VQGAN alone."""
    dtype = pick_precision(precision, device)
    perceptor = _perceptor(files.clips[0], device, dtype)
    return perceptor, load_vqgan(files.vqgan, files.vqgan_config, device, dtype)


def _perceptor(clip: CLIPFile, device: torch.device, dtype: torch.dtype) -> Perceptor:
    return load_perceptor(clip.path, device, dtype, clip.config)


@contextmanager
def lent_cast(
    materials: Materials, storyboard: Storyboard, options: EngineOptions
) -> Iterator[Cast]:
    """The networks for a while; the device's memory is as before afterwards, and what it lacks is
    explained.
    """
    device = pick_device(options.device)
    with ExitStack() as stack:
        stack.callback(release, device)
        stack.enter_context(explained_failures(storyboard.size, device))
        yield load_cast(materials, options)
