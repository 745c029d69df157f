"""The loop: decode, cut, embed, compare, step; one `Progress` for every iteration.

    for progress in render(reader.read("story.yaml")):
        ...

`Session` is the same with its state at hand, for whoever wants to save a film and go on later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from ..disk.part import Part
from ..materials import find_materials
from ..storyboard.schema import Storyboard
from ..storyboard.seed import with_seed
from ..storyboard.timeline import Moment, Timeline
from .camera import CameraWork
from .cast import Cast, load_cast
from .expectation import Expectations
from .frames import Arriving, deliver
from .guides import Guides
from .guiding import prepare
from .home import Home
from .judge import Judges
from .latent import Latent
from .memory import release
from .objective import Objective, Outcome, loss_scale, require_discriminator, terms_of
from .options import EngineOptions
from .printer import Printer, Take
from .recovery import SmallerBatches, StepsBack
from .smoothing import Smoothing
from .stages import Stage, no_stage
from .start import Start

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


class Session:
    """A film in the making.

    Parameters
    ----------
    storyboard: what to render.
    cast: the networks. What is borrowed is left as it was.
    timeline: of the storyboard, where there is one already.
    guides: what its scenes are drawn toward, where that is prepared already.
    start: the `state` of an earlier session to go on from.
    on_notice: called with a line of text about the guides, and when something had to be changed to
        go on (memory, a NaN).
    stage: called with the name of each stage of an iteration (see `stages.STAGES`) for a context to
        run it in.
    """

    def __init__(
        self,
        storyboard: Storyboard,
        cast: Cast,
        *,
        timeline: Timeline | None = None,
        guides: Guides | None = None,
        start: State | None = None,
        on_notice: Callable[[str], None] = lambda text: None,
        stage: Stage = no_stage,
    ):
        storyboard = with_seed(storyboard)
        self.storyboard, self.cast, self.stage = storyboard, cast, stage
        self.timeline = timeline or Timeline(storyboard)
        vqgan = cast.vqgan
        require_discriminator(storyboard, vqgan)
        scale = loss_scale(vqgan.dtype)
        self.judge = Judges(cast.perceptors, storyboard, scale, vqgan.low_memory, stage)
        self.guides = guides or prepare(storyboard, cast, on_notice)
        self.expectations = Expectations.of(cast.prior, storyboard, self.guides.free, vqgan)
        rest = terms_of(vqgan, self.judge, self.expectations, stage)
        self.objective = Objective(vqgan, self.judge, rest, stage)
        self.start, self.printer = Start(storyboard, vqgan, self.guides), Printer()
        self._memory = SmallerBatches(self.judge.calls, cast.device, storyboard.size, on_notice)
        self._steps_back = StepsBack(on_notice)
        self.iteration = 0
        first = self.start.first(self.timeline.at(0))
        self.latent = Latent(first, vqgan.bound, storyboard.grids)
        self.smoothing = Smoothing(storyboard, cast.device)
        self.camera = CameraWork(self.timeline, vqgan, self.start.full_size)
        self.home = Home(storyboard.loop is True, cast.device)
        self._participants = {
            "latent": self.latent,
            "judge": self.judge,
            "recovery": self._steps_back,
            "start": self.start,
            "smoothing": self.smoothing,
            "printer": self.printer,
            "home": self.home,
        }
        if start:
            self.restore(start)
        self._steps_back.keep(self.state())

    def run(self, should_stop: Callable[[], bool] = lambda: False) -> Iterator[Progress]:
        """Render from here to the end, or until `should_stop`, asked after each iteration, says so.

        An iteration is yielded after the next one has been given to the device, so that fetching a
        frame and whatever the caller does with it overlap with the work on a GPU. When the run
        ends, everything that was given to the device has been yielded, and `state` is that of the
        end.
        """
        pending, stopped = None, False
        while pending or (self.iteration < self.timeline.total_iter and not stopped):
            ended = stopped or self.iteration == self.timeline.total_iter
            following = None if ended else self._step()
            if pending and not pending.is_finite(self.state() if stopped else None):
                self._step_back(pending.progress.iteration)
                pending = None
                continue
            if pending:
                yield self._finished(pending)
                stopped = should_stop()
            pending = following

    def state(self) -> State:
        """What a later session needs to go on from the iterations done so far."""
        loop = Part(numbers={"iteration": self.iteration})
        return {"loop": loop} | {name: each.state() for name, each in self._participants.items()}

    def restore(self, state: State) -> None:
        """Go on from a `state`."""
        self.iteration = state["loop"].numbers["iteration"]
        for name, each in self._participants.items():
            each.restore(state[name])

    def _step(self) -> _Pending:
        moment = self.timeline.at(self.iteration)
        if self.latent.size != (size := self.start.size(moment)):
            self.latent.resize(*size)
        if moment.afresh:
            self.latent.begin(self.start.after_cut(moment))
            self.smoothing.begin()
        if carried := self.camera.move(self.latent, moment):
            self.smoothing.carry(carried)
        outcome = self._memory.attempt(
            lambda: self.objective.gradient(self.latent, moment),
            moment.settings,
            self.latent.forget_gradients,
        )
        with self.stage("step"):
            rate = moment.settings.learning_rate * self._steps_back.rate_scale
            self.latent.step(rate, moment.settings.weight_decay)
            seen = self.camera.seen(moment)
            if pull := self.guides.at(moment, size, seen):
                self.latent.pull(*pull)
            if homeward := self.home.at(moment, size, seen):
                self.latent.pull(*homeward)
        self.iteration += 1
        with self.stage("capture"):
            return self._captured(outcome, moment)

    def _captured(self, outcome: Outcome, moment: Moment) -> _Pending:
        total = self.timeline.total_iter
        if moment.frame is None:
            return _Pending(Progress(self.iteration, total, moment))
        take = self._take(outcome, moment)
        self.start.keep(take.latent, moment)
        self.home.offer(outcome.latent)
        prints = list(self.printer.take(take))
        if self.iteration == total:
            prints += self.printer.finish()
        size, factor = self.storyboard.size, self.cast.vqgan.factor
        frames = tuple((each.number, deliver(each.picture, size, factor)) for each in prints)
        told = Progress(self.iteration, total, moment, latent=take.latent, state=self.state())
        return _Pending(told, outcome, frames)

    def _take(self, outcome: Outcome, moment: Moment) -> Take:
        """What is captured, as it is shown."""
        latent, picture = self.smoothing.take(outcome.latent, moment), outcome.picture
        if latent is not outcome.latent:
            picture = self.camera.picture(latent)
        return Take(*self.camera.view(latent, picture, moment), moment)

    def _finished(self, pending: _Pending) -> Progress:
        progress = pending.result()
        if progress.state is not None:
            self._steps_back.keep(progress.state)
        return progress

    def _step_back(self, iteration: int) -> None:
        """Return to the last state whose numbers were finite, with half the learning rate."""
        state = self._steps_back.take(iteration)
        scale = self._steps_back.rate_scale
        self.restore(state)
        self._steps_back.rate_scale = scale


@dataclass(frozen=True)
class _Pending:
    """An iteration given to the device, whose numbers may not have arrived yet."""

    progress: Progress
    outcome: Outcome | None = None  # where it was captured
    frames: tuple[tuple[int, Arriving], ...] = ()

    def is_finite(self, state: State | None) -> bool:
        """Whether a state that may be gone on from (`state`, or that of a captured iteration), and
        a captured iteration's losses, are numbers; the rest is not looked at.
        """
        state = state or self.progress.state
        if state is None:
            return True
        numbers = [tensor.sum() for part in state.values() for tensor in part.tensors.values()]
        if self.outcome:
            numbers += [self.outcome.similarity, *self.outcome.terms.values()]
        found = torch.stack([number.float().to(numbers[0].device) for number in numbers])
        return bool(found.isfinite().all())

    def result(self) -> Progress:
        if self.outcome is None:
            return self.progress
        return replace(
            self.progress,
            similarity=float(self.outcome.similarity),
            similarities={name: float(value) for name, value in self.outcome.each.items()},
            to_scenes={scene: float(value) for scene, value in self.outcome.to_scenes.items()},
            losses={name: float(value) for name, value in self.outcome.terms.items()},
            frames=tuple(Frame(number, arriving.array()) for number, arriving in self.frames),
        )


def render(
    storyboard: Storyboard,
    device: str = "auto",
    precision: str = "auto",
    memory: str = "auto",
    compile: str = "auto",
) -> Iterator[Progress]:
    """Load the storyboard's models and render it, one `Progress` per iteration; device memory is
    freed at the end.

    The options are those of `EngineOptions`. Raises VqclipError with a remedy where a model is not
    here, or the rendering cannot go on.
    """
    options, timeline = EngineOptions(device, precision, memory, compile), Timeline(storyboard)
    cast = load_cast(find_materials(storyboard), options)
    used = cast.device
    try:
        cast.prepare(storyboard, timeline, options)
        yield from Session(storyboard, cast, timeline=timeline).run()
    finally:
        del cast
        release(used)
