"""From what is captured to the frames of the film: the one place where the two may differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from ..disk.part import Part
from ..storyboard.timeline import Moment


@dataclass(frozen=True)
class Take:
    """A captured picture [1, 3, H, W], 0..1, the latent it was decoded from, and when that was."""

    latent: Tensor
    picture: Tensor
    moment: Moment


@dataclass(frozen=True)
class Print:
    """A picture [1, 3, H, W] and the number of the frame that it becomes."""

    number: int
    picture: Tensor


class Printer:
    """Takes in, prints out, in the film's order; what it holds back is part of its state.

    This one hands every take's own picture through.
    """

    def take(self, take: Take) -> Iterator[Print]:
        """The frames that can be printed now that there is this take."""
        yield Print(take.moment.frame, take.picture)

    def finish(self) -> Iterator[Print]:
        """The frames that are left when there are no more takes."""
        yield from ()

    def state(self) -> Part:
        return Part()

    def restore(self, part: Part) -> None:
        """Go on from a `state`."""
