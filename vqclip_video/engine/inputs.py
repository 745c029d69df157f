"""What an iteration is told: all that differs from the one before, the latent aside.

The work on the device is a function of these and of the latent, and the host decides nothing in
between: so that it can be captured once and replayed with other numbers.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

import torch
from torch import Tensor

Number = float | Tensor  # Python's own, or where it stands on the device, of shape []


@dataclass(frozen=True)
class Inputs:
    """numbers, tensors: by a name that begins with whose they are. sizes: what else decides which
    operations there are.
    """

    numbers: dict[str, Number] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def __or__(self, other: Inputs) -> Inputs:
        return Inputs(
            self.numbers | other.numbers, self.tensors | other.tensors, self.sizes | other.sizes
        )

    @property
    def shape(self) -> Hashable:
        """The same for all inputs that the same operations are done to."""
        tensors = ((name, tuple(tensor.shape)) for name, tensor in self.tensors.items())
        return tuple(self.numbers), tuple(tensors), tuple(self.sizes.items())


class StandingInputs:
    """Inputs of one shape at places that stay, float32 on a device."""

    def __init__(self, like: Inputs, device: torch.device):
        self._device, self._names = device, tuple(like.numbers)
        self._numbers = torch.zeros(len(like.numbers), device=device)
        numbers = dict(zip(self._names, self._numbers.unbind(), strict=True))
        tensors = {name: torch.empty_like(tensor) for name, tensor in like.tensors.items()}
        self.inputs = Inputs(numbers, tensors, like.sizes)

    def fill(self, told: Inputs) -> None:
        """Take the values of inputs of that shape over; the device is not waited for."""
        numbers = torch.tensor([told.numbers[name] for name in self._names])
        if self._device.type == "cuda":
            # torch reuses pinned memory only after what was copied from it is there.
            numbers = numbers.pin_memory()
        self._numbers.copy_(numbers, non_blocking=True)
        for name, place in self.inputs.tensors.items():
            place.copy_(told.tensors[name], non_blocking=True)
