"""A storyboard becomes a film on disk: the engine's frames go into the run folder, and a stop loses none of them."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import save as safetensors_bytes

from . import __version__, speed
from .display import Display, frame_record
from .engine.compilation import pick_compile
from .engine.memory import is_out_of_memory, release
from .engine.precision import PRECISIONS, pick_precision
from .engine.render import Progress, Session, State
from .engine.setup import load_pair, pick_device, prepare
from .errors import RenderError
from .models.checksums import sha256_of
from .models.registry import ModelPaths, resolve
from .output import checkpoint
from .output.encoders import Encoder, pick_encoder
from .output.files import atomic_write
from .output.metadata import FilmMetadata, chapters
from .output.progress import ProgressLog, to_json
from .output.report import ContactSheet, Poster
from .output.rundir import FINISHED, UNFINISHED, RunDir
from .output.video import FilmWriter, check_space
from .plan import mean_cutouts, models_text
from .storyboard.reader import dump
from .storyboard.schema import Storyboard
from .storyboard.sizes import frame_size, picture_size
from .storyboard.timeline import Timeline

# To be raised by whoever changes what an iteration computes: runs of another version do not mix in one film.
NUMERICS = 1
CHECKPOINT_SECONDS = 5.0
CHECKPOINT_SHARE = 0.005  # of the time may go into checkpoints; the issue of each is measured


@dataclass(frozen=True)
class FilmOptions:
    """Where and how to render; none of it changes what the storyboard asks for."""

    device: str = "auto"
    precision: str = "auto"
    memory: str = "auto"
    compile: str = "auto"
    encoder: str = "auto"
    fresh: bool = False


@dataclass(frozen=True)
class FilmResult:
    """How a render ended: `state` is finished, stopped (resumable), or there (it had been finished before)."""

    state: str
    film: Path  # the preview of a stopped one
    frames: int
    similarity: float | None


def make_film(
    storyboard: Storyboard,
    output: Path,
    options: FilmOptions = FilmOptions(),
    display: Display | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> FilmResult:
    """Render `storyboard` to the MP4 `output` and a folder of the same name; goes on with an unfinished one.

    `should_stop` is asked after each iteration; when it says so, the run is saved with a playable preview. The
    resumed film is, on a CPU, bit for bit the film it would have been.
    Raises ModelError, OutputError, RenderError or UsageError, each with its remedy.
    """
    display = display or Display(storyboard)
    began = time.monotonic()
    paths, device = resolve(storyboard.models), pick_device(options.device)
    with RunDir(output) as run:
        options = replace(options, precision=_precision(options, run, device))
        dtype = pick_precision(options.precision, device)
        fingerprint = make_fingerprint(storyboard, paths, device, dtype, options.compile)
        state = run.open(fingerprint, dump(storyboard), options.fresh)
        if state == FINISHED:
            return FilmResult("there", run.film, Timeline(storyboard).frames, None)
        encoder = pick_encoder(options.encoder, frame_size(storyboard.size), storyboard.fps)
        if encoder.message:
            display.notice(encoder.message)
        saved = checkpoint.load(run.work, display.notice) if state == UNFINISHED else None
        if saved:
            _same_threads(saved[1]["threads"], display.notice)
        frames_left = Timeline(storyboard).frames - (saved[1]["frames"] if saved else 0)
        check_space(run.work, frames_left, frame_size(storyboard.size))
        with Recorder(storyboard, run, encoder, saved, display.notice) as recorder:
            try:
                return _shoot(storyboard, recorder, paths, device, options, display, should_stop, began)
            except (RuntimeError, MemoryError) as error:
                raise RenderError(_failure(error, storyboard, device)) from error
            finally:
                release(device)


def _shoot(storyboard, recorder, paths, device, options, display, should_stop, began) -> FilmResult:
    """From loaded models to a finished, or stopped, film."""
    seconds = recorder.seconds
    with timed(seconds, "load"):
        perceptor, vqgan = load_pair(paths, device, options.precision)
        prepare(storyboard, perceptor, vqgan, options.memory, options.compile)
    with timed(seconds, "prompts"):
        session = Session(storyboard, perceptor, vqgan, start=recorder.start, on_notice=display.notice)
    if recorder.start:
        display.notice(f"going on from frame {recorder.writer.frames} of {session.timeline.frames}")
    display.start(session.iteration)
    first = session.iteration
    if should_stop():  # asked while the models were loading
        return recorder.stop(session.state(), device)
    for progress in recorder.timed_iterations(session.run()):
        recorder.take(progress)
        display.update(progress)
        if should_stop():
            if progress.state and progress.iteration < progress.total:
                return recorder.stop(progress.state, device)
            session.want_state()
    recorder.checkpoint(session.state())
    rendered = session.iteration - first
    if rendered:
        width, height = picture_size(storyboard.size, vqgan.factor)
        cutouts = mean_cutouts(storyboard, session.timeline)
        speed.remember(models_text(storyboard), width * height, cutouts, seconds["render"] / rendered)
    result = recorder.finish(device)
    display.finish(result.film, time.monotonic() - began, result.similarity)
    return result


class Recorder:
    """Everything a render leaves on disk, kept together so that a checkpoint is one position in all of it."""

    def __init__(self, storyboard: Storyboard, run: RunDir, encoder: Encoder, saved, notice: Callable[[str], None]):
        self.storyboard, self.run, self.encoder = storyboard, run, encoder
        self.timeline = Timeline(storyboard)
        tensors, info = saved or ({}, {"frames": 0})
        frames = info["frames"]
        self.start = _state_of(tensors, info) if saved else None
        self.seconds: dict[str, float] = {}
        self.poster = Poster()
        self.poster.restore({name[7:]: t.numpy() for name, t in tensors.items() if name.startswith("poster.")})
        self.sheet = ContactSheet(run.work, self.timeline.frames)
        self._last_frames = {span.first_frame + span.frames - 1: span.scene for span in self.timeline.spans}
        self._saved_at, self._cost = time.monotonic(), 0.0
        size = frame_size(storyboard.size)
        with ExitStack() as stack:
            self.writer = stack.enter_context(
                FilmWriter(run.work, size, storyboard.fps, self.timeline.frames, encoder, frames, notice)
            )
            self.log = ProgressLog(run.progress, frames)
            stack.callback(self.log.close)
            self._stack = stack.pop_all()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def timed_iterations(self, iterations: Iterator[Progress]) -> Iterator[Progress]:
        """The same iterations, with the time that rendering them takes added up."""
        while True:
            with timed(self.seconds, "render"):
                progress = next(iterations, None)
            if progress is None:
                return
            yield progress

    def take(self, progress: Progress) -> None:
        """Put a frame into the film, the log and the stills; a checkpoint follows when it is time for one."""
        if progress.frame is None:
            return
        with timed(self.seconds, "write"):
            number = progress.moment.frame
            self.writer.append(progress.frame)
            self.log.append(frame_record(progress))
            self.poster.offer(progress.frame, progress.similarity)
            self.sheet.offer(progress.frame, number)
            self._keep_latent(progress.latent, number)
        if time.monotonic() - self._saved_at > max(CHECKPOINT_SECONDS, self._cost / CHECKPOINT_SHARE):
            self.checkpoint(progress.state)

    def checkpoint(self, state: State) -> None:
        """Make everything up to `state` something to go on from."""
        began = time.monotonic()
        with timed(self.seconds, "checkpoint"):
            frames = self.writer.sync()
            self.log.sync()
            tensors = {f"state.{name}": tensor for name, tensor in state.tensors.items()}
            tensors |= {f"poster.{name}": array for name, array in self.poster.state().items()}
            info = {
                "iteration": state.iteration,
                "frames": frames,
                "rate_scale": state.rate_scale,
                "batch_size": state.batch_size,
                "threads": torch.get_num_threads(),
            }
            older = checkpoint.save(self.run.work, tensors, info)
            self.writer.release(older["frames"] if older else 0)
        self._saved_at = time.monotonic()
        self._cost = self._saved_at - began

    def stop(self, state: State, device: torch.device) -> FilmResult:
        """Save an unfinished run, with a film of what there is to look at."""
        self.checkpoint(state)
        there = self.writer.preview(self.run.preview, self._metadata())
        self._save_run(device, finished=False)
        film = self.run.preview if there else self.run.folder
        return FilmResult("stopped", film, self.writer.frames, self._similarity())

    def finish(self, device: torch.device) -> FilmResult:
        """Close the film and everything beside it."""
        with timed(self.seconds, "finish"):
            metadata = self._metadata()
            self.poster.save(self.run.poster)
            self.sheet.save(self.run.contact_sheet, self.storyboard.fps, metadata.chapters, self.storyboard.title)
            self.writer.finish(self.run.film, metadata)
        self._save_run(device, finished=True)
        return FilmResult("finished", self.run.film, self.writer.frames, self._similarity())

    def _similarity(self) -> float | None:
        return round(self.poster.similarity, 5) if self.poster.picture is not None else None

    def _keep_latent(self, latent: torch.Tensor, number: int) -> None:
        names = [f"frame-{number:06}"] if self.storyboard.latents == "all" else []
        if number in self._last_frames:
            names.append(f"scene-{self._last_frames[number] + 1:02}")
        for name in names:
            content = safetensors_bytes({"latent": latent.contiguous().cpu()})
            atomic_write(self.run.latents / f"{name}.safetensors", content)

    def _metadata(self) -> FilmMetadata:
        about = {
            "program": f"vqclip-video {__version__}",
            "seed": self.storyboard.seed,
            "models": models_text(self.storyboard),
            "storyboard": dump(self.storyboard),
        }
        title = self.storyboard.title or self.run.folder.name
        return FilmMetadata(title, to_json(about), chapters(self.storyboard.scenes, self.timeline.spans))

    def _save_run(self, device: torch.device, finished: bool) -> None:
        about = {
            "frames": self.writer.frames,
            "total_iter": self.timeline.total_iter,
            "best_similarity": self._similarity(),
            "encoder": self.encoder.name,
            "device": device_name(device),
            "seed": self.storyboard.seed,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()},
            "resumed_at": self.start.iteration if self.start else 0,
        }
        self.run.save_run(about, finished)


def make_fingerprint(
    storyboard: Storyboard, paths: ModelPaths, device: torch.device, dtype: torch.dtype, compile: str = "auto"
) -> dict:
    """What makes the film this film; a run with another one is not gone on with."""
    return {
        "storyboard": dump(storyboard),
        "CLIP file (sha256)": sha256_of(paths.clip),
        "VQGAN file (sha256)": sha256_of(paths.vqgan),
        "device": device.type,
        "precision": _dtype_name(dtype),
        "compiled": pick_compile(compile, device, Timeline(storyboard).total_iter),
        "numerics": f"{NUMERICS}, torch {torch.__version__}",
    }


def device_name(device: torch.device) -> str:
    """The device as a person knows it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} ({platform.processor() or platform.machine()})"


def report(result: FilmResult, output: Path) -> str:
    """What to tell the user at the end of a render that did not simply finish; empty where it did."""
    if result.state == "there":
        return f"{result.film} is finished already; --fresh renders it anew"
    if result.state == "stopped":
        return (
            f"stopped after {result.frames} frames; so far: {result.film}\n"
            "run the same command again to go on from there"
        )
    return ""


@contextmanager
def timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Add the time that the block takes to `seconds[stage]`."""
    began = time.monotonic()
    try:
        yield
    finally:
        seconds[stage] = seconds.get(stage, 0.0) + time.monotonic() - began


def _precision(options: FilmOptions, run: RunDir, device: torch.device) -> str:
    """The precision asked for, or, left to choose, that of the run which is gone on from: what is best here may have
    been measured anew since."""
    begun = {} if options.fresh else run.begun()
    if options.precision != "auto" or begun.get("device") != device.type:
        return options.precision
    return next((name for name, dtype in PRECISIONS.items() if _dtype_name(dtype) == begun.get("precision")), "auto")


def _same_threads(threads: int, notice: Callable[[str], None]) -> None:
    """Go on with as many threads as before: another number of them adds up in another order."""
    if threads <= (os.cpu_count() or 1):
        torch.set_num_threads(threads)
    else:
        notice(f"begun with {threads} threads, now {torch.get_num_threads()}: frames may differ in their last bits")


def _failure(error: Exception, storyboard: Storyboard, device: torch.device) -> str:
    """What torch's complaint means to the user, and the way out."""
    if is_out_of_memory(error):
        width, height = storyboard.size
        return (
            f"out of memory on {device} at {width}x{height}; close other programs or try --memory low, then run the "
            f"same command again; a film of {width // 2}x{height // 2} needs about a quarter of it"
        )
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return (
        f"the computation on {device} failed: {reason}; run the same command again to go on from the last checkpoint, "
        "or render to another name with --device cpu"
    )


def _dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _state_of(tensors: dict[str, torch.Tensor], info: dict) -> State:
    state = {name[6:]: tensor for name, tensor in tensors.items() if name.startswith("state.")}
    return State(info["iteration"], state, info["rate_scale"], info["batch_size"])
