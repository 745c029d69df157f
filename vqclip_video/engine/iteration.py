"""One iteration on its latent: gradient, step, pull; as it comes, or from places that stay, so that
a GPU can replay it as a captured graph.

An H100 spends 27 ms on the kernels of an iteration at 512x512 and waits for the host until 35 to
47, since some 1,000 kernels have to be launched one by one. Replayed, they follow each other at
once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from ..errors import RenderError
from ..storyboard.schema import Settings
from .inputs import Inputs, StandingInputs
from .latent import Latent, Pace
from .memory import release
from .objective import Objective, Outcome
from .recovery import SmallerBatches
from .stages import Stage, no_stage

MOST_KEPT = 6  # graphs: those of a scene, the next, a transition, of some CLIPs in turns
MOST_CAPTURES = 64  # of a film


class Graph(Protocol):
    """Work that was captured, and can be done again."""

    def replay(self) -> None: ...


# Captures the work without doing it, and gives it with the places of its outcome.
Capture = Callable[[Callable[[], Outcome]], tuple[Graph, Outcome]]


class Iteration:
    """As it comes: every iteration by itself."""

    def __init__(self, objective: Objective, memory: SmallerBatches, stage: Stage = no_stage):
        self.objective, self.memory, self.stage = objective, memory, stage

    def run(self, latent: Latent, told: Inputs, settings: Settings, wanted: bool = True) -> Outcome:
        """Move the latent on. wanted: whether the outcome is looked at; else its tensors may be
        those of the next one too.
        """
        outcome = self.memory.attempt(
            lambda: self.objective.gradient(latent, told), settings, latent.forget_gradients
        )
        with self.stage("step"):
            move(latent, told)
        return outcome

    def forget(self) -> None:
        """The networks are others now."""


@dataclass
class _Place:
    """Where iterations of one shape find what they need."""

    inputs: StandingInputs
    graph: Graph | None = None
    outcome: Outcome | None = None


@dataclass
class StandingIteration(Iteration):
    """From places that stay. What comes for the second time in one shape is captured, unless
    `capture` is None; the first time, which is computed as it comes, has allocated and chosen what
    a capture may not.
    """

    objective: Objective
    memory: SmallerBatches
    device: torch.device
    capture: Capture | None = None
    on_notice: Callable[[str], None] = lambda text: None
    required: bool = False  # whether a film ends where nothing can be captured
    stage: Stage = no_stage
    captures: int = 0
    _places: OrderedDict[Hashable, _Place] = field(default_factory=OrderedDict)
    _homes: dict[Hashable, list[Tensor]] = field(default_factory=dict)

    def run(self, latent: Latent, told: Inputs, settings: Settings, wanted: bool = True) -> Outcome:
        self._bring_home(latent)
        place, is_new = self._place(latent, told)
        place.inputs.fill(told)
        if place.graph is None and not is_new and self.capture:
            self._capture(latent, place)
        if place.graph is None:
            return super().run(latent, place.inputs.inputs, settings)
        with self.stage("graph"):
            place.graph.replay()
        return place.outcome.copied() if wanted else place.outcome

    def forget(self) -> None:
        self._places.clear()

    def _bring_home(self, latent: Latent) -> None:
        """Have the latent's tensors at the places of its sizes, wherever its last change has put
        them.
        """
        sizes = tuple(tuple(tensor.shape) for tensor in latent.tensors)
        latent.move_to(self._homes.setdefault(sizes, latent.tensors))

    def _place(self, latent: Latent, told: Inputs) -> tuple[_Place, bool]:
        sizes = tuple(tuple(tensor.shape) for tensor in latent.tensors)
        shape = (sizes, told.shape, self.memory.calls.limit)
        is_new = shape not in self._places
        if is_new:
            while len(self._places) >= MOST_KEPT:
                self._places.popitem(last=False)
            self._places[shape] = _Place(StandingInputs(told, self.device))
        self._places.move_to_end(shape)
        return self._places[shape], is_new

    def _capture(self, latent: Latent, place: _Place) -> None:
        told, stage = place.inputs.inputs, self.objective.stage

        def work() -> Outcome:
            outcome = self.objective.gradient(latent, told)
            move(latent, told)
            return outcome

        failure = ""
        self.objective.silence()
        try:
            if self.captures >= MOST_CAPTURES:
                failure = f"{MOST_CAPTURES} were captured already"
            else:
                place.graph, place.outcome = self.capture(work)
                self.captures += 1
        except (RuntimeError, MemoryError) as error:
            failure = (str(error).strip() or type(error).__name__).splitlines()[0]
        finally:
            self.objective.silence(stage)
        if failure:
            self._give_up(failure, latent)

    def _give_up(self, failure: str, latent: Latent) -> None:
        """Nothing was computed while capturing, so the film goes on as it was."""
        latent.forget_gradients()
        if self.required:
            raise RenderError(
                f"an iteration cannot be captured as a CUDA graph ({failure}); render with "
                "graphs=off"
            )
        self.capture = None
        self._places.clear()
        release(self.device)
        self.on_notice(f"no CUDA graphs from here on ({failure}): same picture, less speed")


def move(latent: Latent, told: Inputs) -> None:
    """The step and the pulls after a gradient."""
    numbers = told.numbers
    latent.step(Pace(*(numbers[f"step.{name}"] for name in Pace._fields)))
    for name in (name for name in numbers if name.startswith("pull.")):
        latent.pull(told.tensors[name], numbers[name])


def movement(pace: Pace, pulls: Sequence[tuple[Tensor, float] | None]) -> Inputs:
    """What step and pulls, as far as there are any, are told."""
    found = Inputs({f"step.{name}": value for name, value in pace._asdict().items()})
    for place, pull in enumerate(pulls):
        if pull is not None:
            target, share = pull
            found |= Inputs({f"pull.{place}": share}, {f"pull.{place}": target})
    return found
