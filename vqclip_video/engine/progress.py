"""What an iteration is to the world outside the loop, and on its way there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from ..disk.part import Part
from ..storyboard.timeline import Moment
from .frames import Arriving

# What the rest of a film depends on besides its storyboard and models, by participant.
State = Mapping[str, Part]


@dataclass(frozen=True)
class Frame:
    """A frame of the film: its number, and its pixels [height, width, 3] uint8, even sides."""

    number: int
    pixels: np.ndarray


@dataclass(frozen=True)
class Progress:
    """One iteration as the world outside the loop sees it.

    On iterations whose picture is captured, `losses`, `similarity`, `latent` and `state` are there,
    and the frames that can be printed by then: one, unless the printer holds some back. On the
    others nothing is fetched from the device, which therefore never waits.
    """

    iteration: int  # iterations done, 1..total
    total: int
    moment: Moment
    similarity: float | None = None  # mean cosine between the cutouts and the target, -1..1
    similarities: dict[str, float] = field(default_factory=dict)  # of each CLIP, where several
    # To the own targets of the scene before, this one and the next, by their indices.
    to_scenes: dict[int, float] = field(default_factory=dict)
    losses: dict[str, float] = field(default_factory=dict)  # weighted terms
    frames: tuple[Frame, ...] = ()
    latent: Tensor | None = None  # [1, channels, h, w], of the captured picture
    state: State | None = None

    @property
    def frame(self) -> np.ndarray | None:
        """The newest frame's pixels, where there is one."""
        return self.frames[-1].pixels if self.frames else None


@dataclass(frozen=True)
class Pending:
    """An iteration given to the device, whose numbers may not have arrived yet."""

    progress: Progress
    # Of similarities (of all under no name, then of several CLIPs), of those to scenes, of losses.
    names: tuple[tuple, tuple, tuple] = ((), (), ())
    # Where it was captured: whether all is finite, then the values of these names.
    numbers: Arriving | None = None
    frames: tuple[tuple[int, Arriving], ...] = ()

    def is_finite(self, state: State | None) -> bool:
        """Whether a state that may be gone on from (`state`, or that of a captured iteration), and
        a captured iteration's losses, are numbers; the rest is not looked at.
        """
        if state is not None and not are_finite(sums_of(state)):
            return False
        return self.numbers is None or bool(self.numbers.array()[0])

    def result(self) -> Progress:
        if self.numbers is None:
            return self.progress
        _, *values = map(float, self.numbers.array())
        values = iter(values)
        clips, scenes, losses = ({name: next(values) for name in group} for group in self.names)
        return replace(
            self.progress,
            similarity=clips.pop(""),
            similarities=clips,
            to_scenes=scenes,
            losses=losses,
            frames=tuple(Frame(number, arriving.array()) for number, arriving in self.frames),
        )


def sums_of(state: State) -> list[Tensor]:
    """Of each tensor: not a number where one of its values is none."""
    return [tensor.sum() for part in state.values() for tensor in part.tensors.values()]


def are_finite(numbers: Sequence[Tensor]) -> Tensor:
    """Whether all are, [], where the first is."""
    found = torch.stack([number.float().to(numbers[0].device) for number in numbers])
    return found.isfinite().all()
