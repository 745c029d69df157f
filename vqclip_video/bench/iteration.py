"""Seconds of an iteration, stage by stage, of the engine and of the usual recipe, taken in
turns.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch

from ..engine.compilation import pick_compile
from ..engine.device import pick_device
from ..engine.options import EngineOptions
from ..engine.session import Session
from ..engine.stages import STAGES
from ..footprint import footprint
from ..outline import outline_of
from ..output.encoders import pick_encoder
from ..output.film_writer import FilmWriter
from ..output.formats import Format
from ..output.metadata import FilmMetadata
from ..storyboard.schema import Storyboard
from ..storyboard.sizes import frame_size
from .cases import Case, Weights, find_weights
from .reference import Reference
from .timing import Range, StageClock, device_peak, flops_of, host_peak, matmul_peak, seconds_of

WARM_UP = 2  # rounds
ENCODED_FRAMES = 96
ITERATIONS_PER_ROUND = {"cpu": 2, "cuda": 40}  # about; always whole frames


@dataclass(frozen=True)
class Measured:
    """What was measured.

    Seconds are those of one iteration; what a frame costs is shared among its iterations.
    """

    case: str
    width: int
    height: int
    cutouts: int
    show_step: int
    models: str
    device: str
    precision: str
    memory: str
    compiled: bool
    threads: int
    torch: str
    seconds: Range
    stages: dict[str, float]  # medians
    # ffmpeg's part: a frame's encoding / show_step, beside the rendering if a core is free
    encode: float
    iterations_per_second: float
    frames_per_second: float
    host_peak_bytes: int | None
    device_peak_bytes: int | None
    planned_bytes: int  # what `plan` says that a film takes of the host's memory, or of the GPU's
    gflop: float  # of an iteration
    gflops: float  # a second
    matmul_peak_gflops: float
    share_of_peak: float
    reference_seconds: Range | None = None
    ratio: Range | None = None  # reference / engine, round by round
    ratio_without_saving: Range | None = None  # the reference's second decoding left out

    def as_dict(self) -> dict:
        return asdict(self)


class EngineRunner:
    """The real engine, a round of iterations at a time."""

    def __init__(self, session: Session, clock: StageClock, iterations: int, frames: FrameSink):
        self.session, self.clock, self.iterations, self.frames = session, clock, iterations, frames
        self._progress = session.run()

    def round(self) -> None:
        for _ in range(self.iterations):
            progress = next(self._progress)
            if progress.frame is not None:
                with self.clock("capture"):
                    self.frames.take(progress.frame)


class ReferenceRunner:
    """The usual recipe, a round of iterations at a time, from the same start to the same target."""

    def __init__(
        self,
        session: Session,
        weights: Weights,
        clock: StageClock,
        iterations: int,
        frames: FrameSink,
    ):
        vqgan, start = session.cast.vqgan, session.latent.value.detach()
        networks = weights.packaged_networks()
        self.reference = Reference(
            *networks, start, vqgan.bound, session.storyboard.seed, weights.clip_config
        )
        self.clock, self.iterations, self.frames = clock, iterations, frames
        self.settings = session.timeline.at(0).settings
        self.target = session.judge.targets.at(session.timeline.at(0))

    def round(self) -> None:
        for i in range(self.iterations):
            self.reference.step(self.target, self.settings)
            if (i + 1) % self.settings.show_step == 0:
                with self.clock("saving"):
                    self.frames.take(self.reference.save())


class FrameSink:
    """Where the frames of a measurement go: through the film's own writer, into a folder that is
    removed.
    """

    def __init__(self, storyboard: Storyboard, stack: ExitStack):
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vqclip-bench-")))
        self.size, self.fps = frame_size(storyboard.size), storyboard.fps
        encoder = pick_encoder("auto", self.size, self.fps)
        self.formats = {"film": Format(encoder, self.size)}
        self.latest: list[np.ndarray] = []
        self.writer = stack.enter_context(
            FilmWriter(self.folder, self.size, self.fps, ENCODED_FRAMES, self.formats)
        )

    def take(self, frame: np.ndarray) -> None:
        width, height = self.size
        frame = frame[:height, :width]
        self.latest = [*self.latest[-7:], frame]
        self.writer.append(frame)

    def encode_seconds(self) -> float:
        """Seconds to encode a frame, from a short film of the latest ones over and over."""
        folder = self.folder / "encode"
        folder.mkdir()
        with FilmWriter(folder, self.size, self.fps, ENCODED_FRAMES, self.formats) as writer:
            for i in range(ENCODED_FRAMES):
                writer.append(self.latest[i % len(self.latest)])
            finish = partial(writer.finish, {"film": folder / "film.mp4"}, FilmMetadata())
            return seconds_of(finish, torch.device("cpu")) / ENCODED_FRAMES


def measure(
    case: Case,
    options: EngineOptions,
    repeats: int,
    against: bool = False,
    on_round: Callable[[], None] = lambda: None,
) -> Measured:
    """Measure a case, with `against` in turns with the usual recipe; `on_round` is called after
    each round.

    Raises VqclipError where a render would.
    """
    storyboard, device = case.storyboard, pick_device(options.device)
    weights = find_weights(storyboard)
    clock, other_clock = StageClock(device), StageClock(device)
    session = weights.session(storyboard, options, clock)
    show_step = storyboard.scenes[0].settings.show_step
    iterations = show_step * max(1, round(ITERATIONS_PER_ROUND.get(device.type, 2) / show_step))
    with ExitStack() as stack:
        frames = FrameSink(storyboard, stack)
        engine = EngineRunner(session, clock, iterations, frames)
        warm_up(engine, on_round)
        peaks = {"host_peak_bytes": host_peak(), "device_peak_bytes": device_peak(device)}
        reference = None
        if against:
            reference = ReferenceRunner(
                session, weights, other_clock, iterations, FrameSink(storyboard, stack)
            )
            warm_up(reference, on_round)
        taken = take_turns(engine, reference, repeats, on_round)
        encode = frames.encode_seconds() / show_step
        gflop = flops_of(engine.round) / iterations / 1e9
    peak = matmul_peak(device, session.cast.vqgan.dtype) / 1e9
    return Measured(
        **_setting(case, session, weights, options),
        **peaks,
        **_speeds(Range.of(taken["engine"]), show_step, gflop, peak),
        stages=_medians(taken["stages"]),
        encode=encode,
        **_ratios(taken),
    )


def _speeds(seconds: Range, show_step: int, gflop: float, peak: float) -> dict:
    """What follows from the seconds of an iteration, its work, and the most that the device
    does in a second (`peak`, GFLOP).
    """
    return {
        "seconds": seconds,
        "iterations_per_second": 1 / seconds.median,
        "frames_per_second": 1 / seconds.median / show_step,
        "gflop": gflop,
        "gflops": gflop / seconds.median,
        "matmul_peak_gflops": peak,
        "share_of_peak": gflop / seconds.median / peak,
    }


def warm_up(runner: EngineRunner | ReferenceRunner, on_round: Callable[[], None]) -> None:
    """The first iterations allocate, choose kernels and compile."""
    for _ in range(WARM_UP):
        runner.round()
        on_round()
    runner.clock.take()


def take_turns(
    engine: EngineRunner, reference: ReferenceRunner | None, repeats: int, on_round
) -> dict[str, list]:
    """Seconds of an iteration, one value a round: of the engine, its stages, the reference, and
    its saving.
    """
    taken: dict[str, list] = {"engine": [], "stages": [], "reference": [], "saving": []}
    device = engine.clock.device
    for _ in range(repeats):
        seconds = seconds_of(engine.round, device)
        stages = engine.clock.take()
        stages["other"] = seconds - sum(stages.values())
        taken["engine"].append(seconds / engine.iterations)
        taken["stages"].append({name: value / engine.iterations for name, value in stages.items()})
        if reference:
            taken["reference"].append(seconds_of(reference.round, device) / reference.iterations)
            taken["saving"].append(reference.clock.take()["saving"] / reference.iterations)
        on_round()
    return taken


def _medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    entered = [stage for stage in (*STAGES, "other") if any(stage in found for found in rounds)]
    return {stage: median(found.get(stage, 0.0) for found in rounds) for stage in entered}


def _ratios(taken: dict[str, list]) -> dict[str, Range]:
    if not taken["reference"]:
        return {}
    rounds = list(zip(taken["reference"], taken["saving"], taken["engine"], strict=True))
    return {
        "reference_seconds": Range.of(taken["reference"]),
        "ratio": Range.of([theirs / ours for theirs, _, ours in rounds]),
        "ratio_without_saving": Range.of(
            [(theirs - saving) / ours for theirs, saving, ours in rounds]
        ),
    }


def _setting(case: Case, session: Session, weights: Weights, options: EngineOptions) -> dict:
    settings, device = session.storyboard.scenes[0].settings, session.cast.device
    width, height = frame_size(session.storyboard.size)
    return {
        "case": case.name,
        "width": width,
        "height": height,
        "cutouts": settings.cutouts,
        "show_step": settings.show_step,
        "models": weights.source,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "precision": str(session.cast.vqgan.dtype).removeprefix("torch."),
        "memory": "low" if session.cast.vqgan.low_memory else "high",
        "compiled": pick_compile(options.compile, device, session.timeline.total_iter),
        "planned_bytes": _planned(session, weights),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def _planned(session: Session, weights: Weights) -> int:
    """What a film would take by `plan`; made-up weights lie in the host's memory, where a file's
    are mapped.
    """
    vqgan, files = session.cast.vqgan, weights.materials
    outlined = outline_of(session.storyboard.models, weights.config)
    planned = footprint(session.storyboard, outlined, vqgan.dtype.itemsize, files is not None)
    if session.cast.device.type != "cpu":
        return planned.device_low if vqgan.low_memory else planned.device
    tensors = [] if files else [*weights.clip.values(), *weights.vqgan.values()]
    made_up = sum(tensor.nbytes for tensor in tensors)
    return (planned.host_low if vqgan.low_memory else planned.host) + made_up
