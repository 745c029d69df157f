"""The first picture of a looping film, to which its end is drawn back."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..disk.part import Part
from ..storyboard.timeline import Moment
from .guides import Seen, unmoved

PULL = 0.5  # of the way in an iteration, where the film has nearly come home


class Home:
    """The latent of a loop's first frame; `at` says how strongly to go there.

    The target and the guide of the first scene bring back what the picture shows; this brings back
    the very picture. It begins gently, so that the one turns into the other instead of being faded
    over, and what it leaves is small enough for the printer to close unseen.
    """

    def __init__(self, loops: bool, device: torch.device) -> None:
        self._loops, self._device = loops, device
        self._first: Tensor | None = None

    def offer(self, latent: Tensor) -> None:
        """A captured latent [1, channels, h, w]; the first is kept."""
        if self._loops and self._first is None:
            self._first = latent

    def at(
        self, moment: Moment, size: tuple[int, int], seen: Seen = unmoved
    ) -> tuple[Tensor, float] | None:
        """Where to go, at that size (h, w), and the share of the way; None but on the way home.

        seen: how the camera sees it.
        """
        if not moment.homeward or self._first is None:
            return None
        first = seen(self._first, previous=False, fleeting=False)
        if first.shape[-2:] != size:
            first = F.interpolate(first, size=size, mode="bilinear", align_corners=False)
        return first, PULL * moment.mix**2

    def state(self) -> Part:
        return Part({} if self._first is None else {"first": self._first})

    def restore(self, part: Part) -> None:
        """Go on from a `state`."""
        first = part.tensors.get("first")
        self._first = None if first is None else first.to(self._device)
