"""The picture being optimised: a continuous VQGAN latent and its AdamW, as plain tensors that can
be saved.

The latent is a sum of grids, each half the resolution of the one before, each with its own moments.
The coarse grids settle the layout while the fine ones draw: on the storybook pair this reaches a
given similarity in about a third of the iterations. With one grid it is the plain latent of the
lineage.

AdamW (Loshchilov & Hutter 2019) is written out because importing `torch.optim` costs more than a
second at start-up, and because the moments have to be saved, resized and restored bit for bit; a
test holds it to torch's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..disk.part import Part
from ..models.vqgan.bounds import Bound
from .inputs import Number
from .repeatable import enlarged

BETAS = (0.9, 0.95)
EPSILON = 1e-8


class Pace(NamedTuple):
    """The numbers of one AdamW step."""

    keep: Number  # what weight decay leaves
    damping: Number  # 1 - beta2 ** steps
    rate: Number  # by which the mean counts, below 0


class Latent:
    """A latent [1, channels, height, width] as a sum of grids, with the optimiser's memory.

    `bound` holds of the value after every step: beyond it the decoder has never seen anything.
    """

    def __init__(self, start: Tensor, bound: Bound, grids: int = 1):
        self.bound, self._wanted = bound, grids
        self.begin(start)

    def begin(self, start: Tensor) -> None:
        """Be `start` [1, channels, height, width], with nothing remembered."""
        # Contiguous, as a checkpoint's are: sums over a tensor depend on how it lies in memory.
        finest = start.detach().float().clone(memory_format=torch.contiguous_format)
        shapes = [finest.shape] + [
            (1, start.shape[1], *size) for size in _halvings(start.shape[-2:], self._wanted - 1)
        ]
        self.grids = [finest] + [finest.new_zeros(shape) for shape in shapes[1:]]
        self.means = [torch.zeros_like(grid) for grid in self.grids]
        self.squares = [torch.zeros_like(grid) for grid in self.grids]
        self.steps = 0
        self._keep_on_curve()
        for grid in self.grids:
            grid.requires_grad_()

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the finest grid."""
        return tuple(self.grids[0].shape[-2:])

    @property
    def value(self) -> Tensor:
        """The latent itself [1, channels, height, width], differentiable with respect to every
        grid.
        """
        finest, *coarser = self.grids
        for grid in coarser:
            if grid.is_cuda:
                finest = finest + enlarged(grid, self.size)
            else:
                finest = finest + F.interpolate(
                    grid, size=self.size, mode="bilinear", align_corners=False
                )
        return finest

    def pace(self, learning_rate: float, weight_decay: float) -> Pace:
        """The numbers of the next step, which is counted as done."""
        self.steps += 1
        rate, damping = (1 - beta**self.steps for beta in BETAS)
        return Pace(1 - learning_rate * weight_decay, damping, -learning_rate / rate)

    @torch.no_grad()
    def step(self, pace: Pace) -> None:
        """One AdamW step from the gradients on the grids, then the bound. Clears the gradients."""
        for grid, mean, square in zip(self.grids, self.means, self.squares, strict=True):
            mean.lerp_(grid.grad, 1 - BETAS[0])
            square.mul_(BETAS[1]).addcmul_(grid.grad, grid.grad, value=1 - BETAS[1])
            grid.mul_(pace.keep)
            grid.addcdiv_(mean * pace.rate, (square / pace.damping).sqrt_().add_(EPSILON))
            grid.grad = None
        self._keep_within()

    @torch.no_grad()
    def pull(self, target: Tensor, share: Number) -> None:
        """Move the value that share of the way to a target [1, channels, height, width] within the
        bound.

        As AdamW's weight decay is decoupled from the gradients and their moments, but toward a
        picture instead of zero. All of it goes to the finest grid: the picture sees only the sum,
        and the coarse grids keep what they have learnt.
        """
        share = torch.as_tensor(share, dtype=torch.float32, device=target.device)
        self.grids[0].addcmul_(target - self.value, share)
        self._keep_on_curve()

    @torch.no_grad()
    def carry(self, value: Tensor, how: Callable[[Tensor], Tensor]) -> None:
        """Be `value` [1, channels, height, width], which has moved, with the coarse grids and all
        moments carried along by `how`; it keeps shapes, and what is not negative so.
        """
        for tensor in (*self.grids[1:], *self.means, *self.squares):
            tensor.copy_(how(tensor.detach()))
        self.grids[0].add_(value - self.value)
        self._keep_within()

    @torch.no_grad()
    def resize(self, height: int, width: int) -> None:
        """Resample every grid and its moments, so that a new resolution does not start cold."""
        sizes = [(height, width), *_halvings((height, width), len(self.grids) - 1)]
        sizes += [tuple(grid.shape[-2:]) for grid in self.grids[len(sizes) :]]

        def resample(tensors: list[Tensor]) -> list[Tensor]:
            return [
                F.interpolate(t, size=s, mode="bilinear", align_corners=False)
                for t, s in zip(tensors, sizes, strict=True)
            ]

        self.grids = [
            grid.requires_grad_() for grid in resample([grid.detach() for grid in self.grids])
        ]
        self.means, self.squares = resample(self.means), resample(self.squares)
        self._keep_on_curve()

    @torch.no_grad()
    def _keep_within(self) -> None:
        value = self.value
        self.grids[0].add_(self.bound(value) - value)

    def _keep_on_curve(self) -> None:
        """The same where what lies between two values within the bound may lie outside."""
        if not self.bound.convex:
            self._keep_within()

    @property
    def tensors(self) -> list[Tensor]:
        """All that it consists of: grids, means, squares."""
        return [*self.grids, *self.means, *self.squares]

    @torch.no_grad()
    def move_to(self, places: list[Tensor]) -> None:
        """Be at these tensors from now on, which have the shapes of its own."""
        for place, tensor in zip(places, self.tensors, strict=True):
            if place is not tensor:
                place.copy_(tensor)
        count = len(self.grids)
        self.grids, self.means, self.squares = (
            places[first : first + count] for first in range(0, 3 * count, count)
        )

    def forget_gradients(self) -> None:
        """Free the gradients on the grids."""
        for grid in self.grids:
            grid.grad = None

    def state(self) -> Part:
        """Copies of everything that a later `restore` needs to go on as if nothing had happened."""
        parts = {"grid": self.grids, "mean": self.means, "square": self.squares}
        tensors = {
            f"{name}.{i}": tensor.detach().clone()
            for name, grids in parts.items()
            for i, tensor in enumerate(grids)
        }
        return Part(tensors, {"steps": self.steps})

    @torch.no_grad()
    def restore(self, part: Part) -> None:
        """Take over a `state`, whatever its resolution and number of grids."""
        count = sum(name.startswith("grid.") for name in part.tensors)

        device = self.grids[0].device

        def take(name: str) -> list[Tensor]:
            tensors = (part.tensors[f"{name}.{i}"] for i in range(count))
            return [tensor.detach().clone().to(device) for tensor in tensors]

        self.grids = [grid.requires_grad_() for grid in take("grid")]
        self.means, self.squares = take("mean"), take("square")
        self.steps = part.numbers["steps"]


def _halvings(size: tuple[int, int], count: int) -> list[tuple[int, int]]:
    """Up to `count` sizes, each half of the one before, while the shorter side keeps at least 3
    cells.
    """
    sizes = []
    for _ in range(count):
        size = (size[0] // 2, size[1] // 2)
        if min(size) < 3:
            break
        sizes.append(size)
    return sizes


def noise_start(
    codebook: Tensor, height: int, width: int, strength: float, generator: torch.Generator
) -> Tensor:
    """A latent [1, channels, height, width] of Gaussian noise with the codebook's mean and
    covariance.

    `codebook` is [entries, channels]; `strength` scales the deviation from the mean. Drawn on the
    CPU, so that a seed means the same picture on every device.
    """
    entries = codebook.detach().float().cpu()
    covariance = torch.cov(entries.T).reshape(entries.shape[1], entries.shape[1])
    # A codebook has dead directions (unused or equal entries): a little on the diagonal keeps the
    # factor defined.
    scale = torch.linalg.cholesky(
        covariance
        + 1e-6 * torch.eye(len(covariance)) * covariance.diagonal().mean().clamp_min(1e-12)
    )
    noise = torch.randn(height * width, entries.shape[1], generator=generator) @ scale.T
    latent = entries.mean(0) + strength * noise
    return latent.T.reshape(1, -1, height, width)
