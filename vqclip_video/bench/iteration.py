"""Seconds of an iteration, stage by stage, of the engine and of the usual recipe, taken in
turns.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from statistics import median

import torch

from ..engine.compilation import pick_compile
from ..engine.device import pick_device
from ..engine.options import EngineOptions
from ..engine.session import Session
from ..engine.stages import STAGES
from ..footprint import footprint
from ..outline import outline_of
from ..storyboard.schema import Storyboard
from ..storyboard.sizes import frame_size
from .cases import Case, Weights, find_weights
from .runners import EngineRunner, FrameSink, ReferenceRunner
from .timing import (
    Range,
    StageClock,
    device_peak,
    flops_of,
    host_peak,
    matmul_peak,
    seconds_of,
    tf32,
)

WARM_UP = 2  # rounds
# Of the usual recipe on a GPU, once without TensorFloat-32 and once with it: it takes many times as
# long, and varies little.
RECIPE_ROUNDS, RECIPE_ITERATIONS = 3, 4
PLAIN_PIXELS = 512 * 512  # up to which a round has all of its iterations
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
    graphs: int  # iterations that were captured as CUDA graphs
    # Of the time, how much the GPU was busy by events in its stream: with graphs, the kernels'
    # share; without, gaps between kernels count too. None on a CPU.
    busy: float | None
    reference_seconds: Range | None = None
    ratio: Range | None = None  # reference / engine, round by round; on CUDA without TF32
    ratio_with_tf32: Range | None = None
    ratio_without_saving: Range | None = None  # the reference's second decoding left out

    def as_dict(self) -> dict:
        return asdict(self)


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
    iterations = iterations_of_a_round(storyboard, device)
    with ExitStack() as stack:
        frames = FrameSink(storyboard, stack)
        engine = EngineRunner(session, clock, iterations, frames)
        warm_up(engine, on_round)
        peaks = {"host_peak_bytes": host_peak(), "device_peak_bytes": device_peak(device)}
        rival = None
        if against:
            rounds = RECIPE_ITERATIONS if races_alone(device) else iterations
            rival = ReferenceRunner(
                session, weights, other_clock, rounds, FrameSink(storyboard, stack)
            )
        taken = raced(engine, rival, repeats, on_round)
        captures = getattr(session.works, "captures", 0)
        encode = frames.encode_seconds() / show_step
        gflop = flops_of(engine.plain_round) / iterations / 1e9
    peak = matmul_peak(device, session.cast.vqgan.dtype) / 1e9
    return Measured(
        **_setting(case, session, weights, options),
        **peaks,
        **_speeds(Range.of(taken["engine"]), show_step, gflop, peak),
        stages=_medians(taken["stages"]),
        encode=encode,
        graphs=captures,
        busy=_busy(taken, device),
        **_ratios(taken),
    )


def iterations_of_a_round(storyboard: Storyboard, device: torch.device) -> int:
    """Whole frames; fewer of large pictures."""
    (scene, *_), (width, height) = storyboard.scenes, storyboard.size
    show_step, wanted = scene.settings.show_step, ITERATIONS_PER_ROUND.get(device.type, 2)
    if device.type == "cuda":
        wanted *= min(1.0, PLAIN_PIXELS / (width * height))
    return show_step * max(1, round(wanted / show_step))


def races_alone(device: torch.device) -> bool:
    """Whether the usual recipe is timed for itself, with and without TensorFloat-32."""
    return device.type == "cuda"


def raced(
    engine: EngineRunner, rival: ReferenceRunner | None, repeats: int, on_round
) -> dict[str, list]:
    """What `take_turns` takes; on CUDA the usual recipe runs for itself, without TF32 and with it:
    its rounds are few, and a GPU has no other programs to disturb one side alone.
    """
    if rival is None or not races_alone(engine.clock.device):
        if rival:
            warm_up(rival, on_round)
        return take_turns(engine, rival, repeats, on_round)
    taken = take_turns(engine, None, repeats, on_round)
    for allowed, name in ((False, "reference"), (True, "with tf32")):
        with tf32(allowed):
            warm_up(rival, on_round)
            alone = take_turns(None, rival, RECIPE_ROUNDS, on_round)
        taken[name] = alone["reference"]
        if not allowed:
            taken["saving"] = alone["saving"]
    return taken


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
    engine: EngineRunner | None, reference: ReferenceRunner | None, repeats: int, on_round
) -> dict[str, list]:
    """Seconds of an iteration, one value a round: of the engine, its stages, the reference, and
    its saving.
    """
    taken: dict[str, list] = {"engine": [], "stages": [], "reference": [], "saving": []}
    device = (engine or reference).clock.device
    for _ in range(repeats):
        if engine:
            seconds = seconds_of(engine.round, device)
            stages = engine.clock.take()
            stages["other"] = seconds - sum(stages.values())
            taken["engine"].append(seconds / engine.iterations)
            shares = {name: value / engine.iterations for name, value in stages.items()}
            taken["stages"].append(shares)
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
    # Neighbours in time where they took turns; where one side has fewer rounds, its median.
    ours, theirs = taken["engine"], list(zip(taken["reference"], taken["saving"], strict=True))
    if len(ours) != len(theirs):
        ours = [median(ours)] * len(theirs)
    rounds = [(recipe, saving, own) for (recipe, saving), own in zip(theirs, ours, strict=True)]
    found = {
        "reference_seconds": Range.of(taken["reference"]),
        "ratio": Range.of([recipe / own for recipe, _, own in rounds]),
        "ratio_without_saving": Range.of(
            [(recipe - saving) / own for recipe, saving, own in rounds]
        ),
    }
    if faster := taken.get("with tf32"):
        own = median(taken["engine"])
        found["ratio_with_tf32"] = Range.of([recipe / own for recipe in faster])
    return found


def _busy(taken: dict[str, list], device: torch.device) -> float | None:
    """The share of the time in which the GPU had work, by the stages' events."""
    if device.type != "cuda":
        return None
    rounds = zip(taken["stages"], taken["engine"], strict=True)
    return median(1 - stages["other"] / seconds for stages, seconds in rounds)


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
        "compiled": pick_compile(options.compile),
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
