"""The frames of a print: latents between captured ones, decoded one by one."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..engine.frames import deliver
from ..models.vqgan.first_stage import VQGAN
from ..output.latents import KeptLatents
from ..storyboard.timeline import Timeline
from .landing import beats_in_frames
from .passage import Passage
from .route import Route, legs

# How far a loop's last frame is from its first, in steps: what repeats is watched more closely.
SEAM = Fraction(3, 10)
NEAR = 1e-6  # of the way from one captured frame to the next: no way at all


class Way:
    """The latents along a film's way."""

    def __init__(self, latents: KeptLatents, vqgan: VQGAN):
        self.latents, self.bound, self.device = latents, vqgan.bound, vqgan.device

    def at(self, place: float) -> Tensor:
        """That of a place [1, channels, h, w], float32: a captured one, or what lies straight
        between two, which are near each other.
        """
        before = min(int(place + NEAR), len(self.latents) - 1)
        share = place - before
        if share < NEAR or before + 1 == len(self.latents):
            return self._taken(before)
        return self.mixed(self._taken(before), self._taken(before + 1), share)

    def mixed(self, one: Tensor, other: Tensor, share: float) -> Tensor:
        """What lies between two latents, the smaller enlarged, within the VQGAN's bound."""
        size = max(one.shape[-2:], other.shape[-2:])
        one, other = (_enlarged(each, size) for each in (one, other))
        return self.bound(torch.lerp(one, other, share))

    def _taken(self, number: int) -> Tensor:
        taken = torch.from_numpy(self.latents[number].astype(np.float32))
        return taken.unsqueeze(0).to(self.device)


class Reel:
    """A cut of a film as pictures."""

    def __init__(
        self, way: Way, route: Route, cut: Passage, vqgan: VQGAN, size: tuple[int, int]
    ) -> None:
        """size: that of the film, (width, height)."""
        self.way, self.route, self.cut, self.vqgan, self.size = way, route, cut, vqgan, size
        times = (cut.end - (1 - SEAM) * cut.step, cut.start)
        self._gap = tuple(map(self._straight, times)) if cut.loop is True else None

    @property
    def frames(self) -> int:
        return self.cut.frames

    @torch.no_grad()
    def picture(self, frame: int) -> np.ndarray:
        """Frame `frame` of the print, uint8 [H, W, 3]."""
        picture = self.vqgan.decode(self.latent(self.cut.time(frame))).clamp(0, 1)
        return deliver(picture, self.size, self.vqgan.factor).array()

    def latent(self, time: Fraction) -> Tensor:
        """That of a time [1, channels, h, w].

        Toward a loop's end as much is added as lies between the end and the beginning, so that at
        the end it is the beginning.
        """
        straight = self._straight(time)
        share = self.cut.return_share(time)
        if not share or self._gap is None:
            return straight
        last, first = self._gap
        size = max(each.shape[-2:] for each in (straight, last, first))
        straight, last, first = (_enlarged(each, size) for each in (straight, last, first))
        return self.way.bound(straight + share * (first - last))

    def _straight(self, time: Fraction) -> Tensor:
        return self.way.at(self.route.at(float(time)))


def film_reel(
    timeline: Timeline,
    latents: KeptLatents,
    steps: np.ndarray,
    vqgan: VQGAN,
    crossed: Sequence[int] = (),
) -> Reel:
    """A whole film, as its storyboard wants it. steps: from picture to picture, see `Route`;
    crossed: the frames at which prompts overtake, where it lands on its beats.
    """
    board = timeline.storyboard
    beats = beats_in_frames(timeline)
    route = Route(list(legs(timeline)), steps, board.loop is True, crossed, beats)
    show_step = board.scenes[-1].settings.show_step
    closing = Fraction(timeline.closing, show_step)
    cut = Passage(Fraction(0), Fraction(timeline.frames), Fraction(1), board.loop, closing)
    return Reel(Way(latents, vqgan), route, cut, vqgan, board.size)


def _enlarged(latent: Tensor, size: tuple[int, int]) -> Tensor:
    if latent.shape[-2:] == size:
        return latent
    return F.interpolate(latent, size=tuple(size), mode="bilinear", align_corners=False)
