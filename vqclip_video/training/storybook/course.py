"""The course of a training: step after step until its time is used, kept on the disk, gone on with
after a stop.

The image tower, the text tower and the prior are trained by it. What their networks, batches and
losses are, each of them says as a `Learner`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from ..budget import Budget
from .states import load_state, save_state

TOLD_EVERY = 50  # steps
SAVED_EVERY = 180  # seconds
LARGEST_GRADIENT = 1.0  # L2 norm over all weights; a larger one is scaled down to it


class Stateful(Protocol):
    """What comes back from its state, as networks and optimisers do."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any], /) -> Any: ...


@dataclass(frozen=True)
class LearningRate:
    """A learning rate: `warm` steps up to the `highest`, held, then half a cosine down to 2 %.

    hold: the share of the budget, 0 to 1, after which it falls.
    """

    highest: float
    warm: int = 100
    hold: float = 0.3

    def at(self, fraction: float, step: int) -> float:
        """The rate of a step after `step` others, when a `fraction` of the budget is used."""
        rising = min(1.0, (step + 1) / self.warm)
        if fraction < self.hold:
            return self.highest * rising
        falling = 1 + math.cos(math.pi * (fraction - self.hold) / (1 - self.hold))
        return self.highest * (rising * (0.02 + 0.98 * 0.5 * falling))


@dataclass(frozen=True)
class Learner:
    """What learns in a course, and how.

    name: of its stage in the recipe; its states lie in the folder of that name.
    learn: puts the gradients of one batch into `weights`. Given are the course's random numbers,
        to draw the batch with, and the steps done before. Returns the `figure` that is told.
    groups: of the weights, as AdamW takes them; one may have a "share" of the rate.
    kept: what a state holds beside the course's own, each by its name.
    mean: the network and the running mean that follows its weights, if one does.
    judge: what is told after a save.
    """

    name: str
    learn: Callable[[torch.Generator, int], Tensor]
    weights: Sequence[nn.Parameter]
    groups: Sequence[dict[str, Any]]
    betas: tuple[float, float]
    rate: LearningRate
    kept: Mapping[str, Stateful]
    mean: tuple[nn.Module, AveragedModel] | None = None
    judge: Callable[[], str] | None = None
    figure: str = "loss"

    @property
    def title(self) -> str:
        """Its name in lines for people."""
        return self.name.replace("-", " ")


@dataclass(frozen=True)
class TrainingCourse:
    """Where, how long and on what something is trained, and who is told.

    folder: where the states are kept. seed: of the random numbers.
    stop: asked after each step whether the user wants to stop.
    """

    folder: Path
    budget: Budget
    seed: int
    device: str = "cpu"
    report: Callable[[str], None] = print
    stop: Callable[[], bool] = lambda: False

    def run(self, learner: Learner) -> None:
        """Train until the budget is used, or `stop()` says so; the next call goes on.

        Raises ModelError where the states kept before are damaged, OutputError where the disk
        refuses.
        """
        random = torch.Generator().manual_seed(self.seed)
        optimiser = torch.optim.AdamW(learner.groups, lr=learner.rate.highest, betas=learner.betas)
        kept = {**learner.kept, "optimiser": optimiser}
        self._resume(learner, kept, random)
        self.budget.begin()
        saved, ended = self.budget.seconds, self.budget.ended
        while not ended:
            self._tell(learner, self._step(learner, optimiser, random))
            ended = self.budget.ended or self.stop()
            if ended or self.budget.seconds - saved > SAVED_EVERY:
                saved = self.budget.seconds
                self._save(learner, kept, random)

    def _step(
        self, learner: Learner, optimiser: torch.optim.Optimizer, random: torch.Generator
    ) -> Tensor:
        rate = learner.rate.at(self.budget.fraction, self.budget.done)
        for group in optimiser.param_groups:
            group["lr"] = rate * group.get("share", 1.0)
        optimiser.zero_grad()
        figure = learner.learn(random, self.budget.done)
        nn.utils.clip_grad_norm_(learner.weights, LARGEST_GRADIENT)
        optimiser.step()
        if learner.mean:
            network, mean = learner.mean
            mean.update_parameters(network)
        self.budget.done += 1
        return figure.detach()

    def _tell(self, learner: Learner, figure: Tensor) -> None:
        done, minutes = self.budget.done, self.budget.seconds / 60
        if done % TOLD_EVERY == 0:
            told = f"{learner.figure} {float(figure):.3f}"
            self.report(f"{learner.title}: step {done}, {minutes:.1f} min, {told}")

    def _save(
        self, learner: Learner, kept: Mapping[str, Stateful], random: torch.Generator
    ) -> None:
        state = {name: part.state_dict() for name, part in kept.items()}
        state |= {"random": random.get_state(), "budget": self.budget.state_dict()}
        save_state(self.folder / learner.name, state)
        if learner.judge:
            self.report(f"{learner.title}: step {self.budget.done}, {learner.judge()}")

    def _resume(
        self, learner: Learner, kept: Mapping[str, Stateful], random: torch.Generator
    ) -> None:
        """Take up the newest state, where one is kept."""
        state = load_state(self.folder / learner.name, self.report)
        if state is None:
            return
        for name, part in kept.items():
            part.load_state_dict(state[name])
        random.set_state(state["random"])
        self.budget.resume(state["budget"])
        self.report(f"{learner.title}: goes on after {self.budget.done} steps")


def running_mean(
    network: nn.Module, keep: float, use_buffers: bool = False, span: float = 1.0
) -> AveragedModel:
    """A copy of the network whose weights keep the share `keep` of themselves each step.

    span: the share of the steps so far, 0 to 1, that it averages at most, so that a short training
    forgets what it began with.
    """

    def follow(averaged: Sequence[Tensor], current: Sequence[Tensor], _: Tensor) -> None:
        # counted on the CPU, where `mean` has it: the number handed over lies where the weights do
        share = max(1 - keep, 1 / (span * int(mean.n_averaged) + 1))
        if averaged[0].is_floating_point():
            torch._foreach_lerp_(averaged, current, share)
        else:
            torch._foreach_copy_(averaged, current)

    mean = AveragedModel(network, multi_avg_fn=follow, use_buffers=use_buffers)
    return mean
