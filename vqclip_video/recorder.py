"""Everything that a render leaves on disk, kept at one position: film, log, stills, latents and
checkpoints.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save as safetensors_bytes

from ._version import __version__
from .disk.files import atomic_write
from .engine.session import Progress, State
from .output import checkpoint
from .output.ffmpeg import Encoder
from .output.film_writer import FilmWriter
from .output.metadata import FilmMetadata, chapters
from .output.progress import ProgressLog, frame_record, to_json
from .output.rundir import RunDir
from .output.stills import ContactSheet, Poster
from .storyboard.schema import Storyboard
from .storyboard.sizes import frame_size
from .storyboard.timeline import Timeline
from .storyboard.writer import dump, without_places

CHECKPOINT_SECONDS = 5.0  # between two at least
CHECKPOINT_SHARE = 0.005  # of the time at most; what each one takes is measured


@dataclass(frozen=True)
class FilmResult:
    """How a render ended: `state` is finished, stopped (resumable), or there (it had been
    finished before).
    """

    state: str
    # the preview of a stopped one; None where it was stopped before the first frame
    film: Path | None
    frames: int
    similarity: float | None
    seconds: float = 0.0  # that it took, in all sittings
    sittings: int = 1  # how often it was begun or gone on with


class Recorder:
    """Everything a render leaves on disk, kept together so that a checkpoint is one position in
    all of it.
    """

    def __init__(
        self,
        storyboard: Storyboard,
        run: RunDir,
        encoder: Encoder,
        saved,
        notice: Callable[[str], None],
        began: float,
    ):
        """`saved`: what a checkpoint holds, to go on from; `began`: when this sitting began, by
        the monotonic clock.
        """
        self.storyboard, self.run, self.encoder = storyboard, run, encoder
        self.timeline = Timeline(storyboard)
        tensors, info = saved or ({}, {"frames": 0, "seconds": {}, "elapsed": 0.0, "sittings": 0})
        frames = info["frames"]
        self.start = _state_of(tensors, info) if saved else None
        # of each stage, all sittings together
        self.seconds: dict[str, float] = dict(info["seconds"])
        self.sittings = info["sittings"] + 1
        self._began = began - info["elapsed"]
        self.poster = Poster()
        self.poster.restore(
            {name[7:]: t.numpy() for name, t in tensors.items() if name.startswith("poster.")}
        )
        self.sheet = ContactSheet(run.work, self.timeline.frames)
        self._last_frames = {
            span.first_frame + span.frames - 1: span.scene for span in self.timeline.spans
        }
        self._saved_at, self._cost = time.monotonic(), 0.0
        size = frame_size(storyboard.size)
        with ExitStack() as stack:
            self.writer = stack.enter_context(
                FilmWriter(
                    run.work, size, storyboard.fps, self.timeline.frames, encoder, frames, notice
                )
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
        """Put a frame into the film, the log and the stills; a checkpoint follows when it is
        time for one.
        """
        if progress.frame is None:
            return
        with timed(self.seconds, "write"):
            number = progress.moment.frame
            self.writer.append(progress.frame)
            self.log.append(frame_record(progress))
            self.poster.offer(progress.frame, progress.similarity)
            self.sheet.offer(progress.frame, number)
            self._keep_latent(progress.latent, number)
        if time.monotonic() - self._saved_at > max(
            CHECKPOINT_SECONDS, self._cost / CHECKPOINT_SHARE
        ):
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
                "seconds": self.seconds,
                "elapsed": time.monotonic() - self._began,
                "sittings": self.sittings,
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
        return self._result("stopped", self.run.preview if there else None)

    def finish(self, device: torch.device) -> FilmResult:
        """Close the film and everything beside it."""
        with timed(self.seconds, "finish"):
            metadata = self._metadata()
            self.poster.save(self.run.poster)
            self.sheet.save(
                self.run.contact_sheet,
                self.storyboard.fps,
                metadata.chapters,
                self.storyboard.title,
            )
            self.writer.finish(self.run.film, metadata)
        self._save_run(device, finished=True)
        return self._result("finished", self.run.film)

    def _result(self, state: str, film: Path | None) -> FilmResult:
        seconds = time.monotonic() - self._began
        return FilmResult(
            state, film, self.writer.frames, self._similarity(), seconds, self.sittings
        )

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
            "models": self.storyboard.models.names,
            "storyboard": dump(
                self.storyboard, without_places(self.storyboard.home, self.storyboard.home)
            ),
        }
        title = self.storyboard.title or self.run.folder.name
        return FilmMetadata(
            title, to_json(about), chapters(self.storyboard.scenes, self.timeline.spans)
        )

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
            "sittings": self.sittings,
            "resumed_at": self.start.iteration if self.start else 0,
        }
        self.run.save_run(about, finished)


def device_name(device: torch.device) -> str:
    """The device as a person knows it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} ({platform.processor() or platform.machine()})"


@contextmanager
def timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Add the time that the block takes to `seconds[stage]`."""
    began = time.monotonic()
    try:
        yield
    finally:
        seconds[stage] = seconds.get(stage, 0.0) + time.monotonic() - began


def _state_of(tensors: dict[str, torch.Tensor], info: dict) -> State:
    state = {name[6:]: tensor for name, tensor in tensors.items() if name.startswith("state.")}
    return State(info["iteration"], state, info["rate_scale"], info["batch_size"])
