"""The loop: decode, cut, embed, compare, step; one `Progress` for every iteration.

    for progress in render(reader.read("story.yaml")):
        ...

`Session` is the same with its state at hand, for whoever wants to save a film and go on later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

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
from .frames import deliver, to_host
from .graphs import Lane, pick_graphs
from .guides import Guides
from .guiding import prepare
from .home import Home
from .iteration import Iteration, StandingIteration, movement
from .judge import Judges
from .latent import Latent
from .memory import release
from .objective import Objective, Outcome, loss_scale, require_discriminator, terms_of
from .options import EngineOptions
from .printer import Printer, Take
from .progress import Frame as Frame
from .progress import Pending, Progress, State, are_finite, sums_of
from .recovery import STEPS_BACK_IN_FLOAT16, SmallerBatches, StepsBack
from .smoothing import Smoothing
from .stages import Stage, no_stage
from .start import Start

LESS_SCALE = 32  # of losses, after a step back in float16, whose largest gradients may be lost


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
        self.judge = Judges(cast.perceptors, storyboard, vqgan.low_memory, stage)
        self.guides = guides or prepare(storyboard, cast, on_notice)
        self.expectations = Expectations.of(cast.prior, storyboard, self.guides.free, vqgan)
        rest = terms_of(vqgan, self.judge, self.expectations)
        self.objective = Objective(vqgan, self.judge, rest, stage)
        self.start, self.printer = Start(storyboard, vqgan, self.guides), Printer()
        self._lane = Lane(cast.device)
        memory = SmallerBatches(self.judge.calls, cast.device, storyboard.size, on_notice)
        self.works = self._works(memory, on_notice)
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
        with self._lane():
            found = {name: each.state() for name, each in self._participants.items()}
        return {"loop": loop} | found

    def restore(self, state: State) -> None:
        """Go on from a `state`."""
        self.iteration = state["loop"].numbers["iteration"]
        with self._lane():
            for name, each in self._participants.items():
                each.restore(state[name])
        if self._steps_back.in_float32 and self.cast.vqgan.dtype is torch.float16:
            self._leave_half_precision()

    def _works(self, memory: SmallerBatches, on_notice: Callable[[str], None]) -> Iteration:
        """What computes the iterations: from places that stay on CUDA, with graphs or without, so
        that both give the same bits.
        """
        device, graphs = self.cast.device, self.cast.graphs
        if device.type != "cuda":
            return Iteration(self.objective, memory, self.stage)
        capture = self._lane.capture if pick_graphs(graphs, device) else None
        required = graphs == "on"
        return StandingIteration(
            self.objective, memory, device, capture, on_notice, required, self.stage
        )

    def _step(self) -> Pending:
        with self._lane():
            return self._worked()

    def _worked(self) -> Pending:
        moment = self.timeline.at(self.iteration)
        if self.latent.size != (size := self.start.size(moment)):
            self.latent.resize(*size)
        if moment.afresh:
            self.latent.begin(self.start.after_cut(moment))
            self.smoothing.begin()
        if carried := self.camera.move(self.latent, moment):
            self.smoothing.carry(carried)
        settings = moment.settings
        rate = settings.learning_rate * self._steps_back.rate_scale
        told = self.objective.inputs(moment, self.latent)
        pace = self.latent.pace(rate, settings.weight_decay)
        pulls = (self.guides.at(moment, size, self.camera.seen(moment)), self.home.at(moment, size))
        told |= movement(pace, pulls)
        outcome = self.works.run(self.latent, told, settings, moment.frame is not None)
        similarity, each = self.judge.together(outcome.seen)
        self.iteration += 1
        with self.stage("capture"):
            pending = self._captured(outcome, moment, {"": similarity, **each})
        self._draw_ahead()
        return pending

    def _draw_ahead(self) -> None:
        """Draw what the next iteration is told while the device, which is ahead of nobody, is busy
        with this one.
        """
        if self.cast.device.type == "cuda" and self.iteration < self.timeline.total_iter:
            following = self.timeline.at(self.iteration)
            factor = self.cast.vqgan.factor
            size = tuple(side * factor for side in self.start.size(following))
            self.judge.draw_ahead(following, size)

    def _captured(
        self, outcome: Outcome, moment: Moment, similarities: Mapping[str, Tensor]
    ) -> Pending:
        """similarities: that of all under no name, and those of several CLIPs under theirs."""
        total = self.timeline.total_iter
        if moment.frame is None:
            return Pending(Progress(self.iteration, total, moment))
        take = self._take(outcome, moment)
        self.start.keep(take.latent, moment)
        self.home.offer(outcome.latent)
        prints = list(self.printer.take(take))
        if self.iteration == total:
            prints += self.printer.finish()
        size, factor = self.storyboard.size, self.cast.vqgan.factor
        frames = tuple((each.number, deliver(each.picture, size, factor)) for each in prints)
        progress = Progress(self.iteration, total, moment, latent=take.latent, state=self.state())
        to_scenes = self.judge.to_scenes(outcome.wholes, moment)
        finite = are_finite([*sums_of(progress.state), similarities[""], *outcome.terms.values()])
        groups = (similarities, to_scenes, outcome.terms)
        numbers = [finite, *(value for group in groups for value in group.values())]
        found = to_host(torch.stack([each.float().to(finite.device) for each in numbers]))
        return Pending(progress, tuple(map(tuple, groups)), found, frames)

    def _take(self, outcome: Outcome, moment: Moment) -> Take:
        """What is captured, as it is shown."""
        latent, picture = self.smoothing.take(outcome.latent, moment), outcome.picture
        if latent is not outcome.latent:
            picture = self.camera.picture(latent)
        return Take(*self.camera.view(latent, picture, moment), moment)

    def _finished(self, pending: Pending) -> Progress:
        progress = pending.result()
        if progress.state is not None:
            self._steps_back.keep(progress.state)
        return progress

    def _step_back(self, iteration: int) -> None:
        """Return to the last state whose numbers were finite, with half the learning rate."""
        state = self._steps_back.take(iteration)
        scale = self._steps_back.rate_scale
        taken = self._steps_back.taken
        self.restore(state)
        self._steps_back.rate_scale, self._steps_back.taken = scale, taken
        if self.cast.vqgan.dtype is torch.float16:
            self.objective.scale /= LESS_SCALE
            if taken >= STEPS_BACK_IN_FLOAT16:
                self._steps_back.leave_half_precision()
                self._leave_half_precision()

    def _leave_half_precision(self) -> None:
        self.cast.compute_in(torch.float32)
        self.objective.scale = loss_scale(torch.float32)
        self.works.forget()


def render(
    storyboard: Storyboard,
    device: str = "auto",
    precision: str = "auto",
    memory: str = "auto",
    compile: str = "auto",
    graphs: str = "auto",
) -> Iterator[Progress]:
    """Load the storyboard's models and render it, one `Progress` per iteration; device memory is
    freed at the end.

    The options are those of `EngineOptions`. Raises VqclipError with a remedy where a model is not
    here, or the rendering cannot go on.
    """
    options = EngineOptions(device, precision, memory, compile, graphs)
    timeline = Timeline(storyboard)
    cast = load_cast(find_materials(storyboard), options)
    used = cast.device
    try:
        cast.prepare(storyboard, timeline, options)
        yield from Session(storyboard, cast, timeline=timeline).run()
    finally:
        del cast
        release(used)
