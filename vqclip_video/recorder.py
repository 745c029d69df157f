"""Everything that a render leaves on disk, kept at one position: film, log, stills, latents and
checkpoints.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as safetensors_bytes

from .disk.files import atomic_write, explained
from .disk.part import Part
from .engine.session import Progress, State
from .models.vqgan.first_stage import VQGAN
from .output import checkpoint
from .output.checkpoint import Parts
from .output.film_writer import FilmWriter
from .output.formats import Encoder, Format
from .output.metadata import FilmMetadata, chapters
from .output.origin import Origin
from .output.progress import ProgressLog, frame_record, read_steps
from .output.provenance import label_of
from .output.report import RunFacts, read_records, report_page
from .output.rundir import RunDir
from .output.stills import ContactSheet, Poster
from .output.stopwatch import Stopwatch
from .printing.film_print import FilmPrint, Told
from .printing.heard import film_sound
from .printing.landing import crossings
from .printing.reel import film_reel
from .printing.takes import Takes
from .sound.soundtrack import Soundtrack, make_soundtrack
from .storyboard.sizes import frame_size
from .storyboard.timeline import Timeline, is_as_shot

Notice = Callable[[str], None]

CHECKPOINT_SECONDS = 5.0  # between two at least
CHECKPOINT_SHARE = 0.005  # of the time at most; what each one takes is measured


@dataclass(frozen=True)
class FilmResult:
    """How a render ended: `state` is finished, stopped (resumable), or there (it had been finished
    before).
    """

    state: str
    film: (
        Path | None
    )  # the preview of a stopped one; None where it was stopped before the first frame
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
        timeline: Timeline,
        run: RunDir,
        encoder: Encoder,
        saved: Parts | None,
        notice: Notice,
        began: float,
        origin: Origin,
        takes: Takes,
    ):
        """`saved`: a checkpoint to go on from; `began`: when this sitting began, by the monotonic
        clock; `origin`: what the film says that it was made by; `takes`: what films are printed
        from, which is closed with the rest.
        """
        self.timeline, self.run, self.encoder, self.origin = timeline, run, encoder, origin
        self.storyboard, self.saved, self.takes = timeline.storyboard, saved, takes
        self.as_shot, self.print = is_as_shot(timeline.storyboard), None
        self.soundtrack: Soundtrack | None = None  # once it is encoded
        self._notice = notice
        self.watch, self.poster = Stopwatch(began), Poster()
        if saved:
            self.watch.restore(saved["watch"])
            self.poster.restore(saved["poster"])
        self.sheet = ContactSheet(run.work, timeline.film_frames)
        self._last_frames = {
            span.first_frame + span.frames - 1: span.scene for span in timeline.spans
        }
        self._saved_at, self._cost = time.monotonic(), 0.0
        with ExitStack() as stack:
            stack.callback(takes.close)
            self.writer = stack.enter_context(self._film_writer(notice))
            self.log = ProgressLog(run.progress, saved["log"].numbers["lines"] if saved else 0)
            stack.callback(self.log.close)
            self._stack = stack.pop_all()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def _film_writer(self, notice: Notice) -> FilmWriter:
        size, frames = frame_size(self.storyboard.size), self.timeline.frames
        start = self.saved["film"].numbers["frames"] if self.saved else 0
        fps, work = self.storyboard.fps, self.run.work
        formats = {"film": Format(self.encoder, size)}
        return FilmWriter(work, size, fps, frames, formats, start, notice)

    def kept_guides(self) -> Part | None:
        """The guides that the film was begun with, where it is gone on with."""
        kept = checkpoint.read_parts(self.run.guides) if self.saved else None
        return kept and kept["guides"]

    def keep_guides(self, part: Part) -> None:
        """Have the film go on with these, bit for bit, however they were drawn."""
        checkpoint.write_parts(self.run.guides, {"guides": part})

    def timed_iterations(self, iterations: Iterator[Progress]) -> Iterator[Progress]:
        """The same iterations, with the time that rendering them takes added up."""
        while True:
            with self.watch.stage("render"):
                progress = next(iterations, None)
            if progress is None:
                return
            yield progress

    def take(self, progress: Progress) -> None:
        """Put what was captured into the film, the log and the stills; a checkpoint follows when it
        is time for one.
        """
        if progress.state is None:
            return
        with self.watch.stage("write"):
            for frame in progress.frames:
                self.writer.append(frame.pixels)
                if self.as_shot:
                    self.sheet.offer(frame.pixels, frame.number)
                self.poster.offer(frame.pixels, progress.similarity)
                step = self.takes.take(frame.pixels, progress.latent)
                self.log.append({**frame_record(progress), "step": step})
            self._keep_end(progress.latent, progress.moment.frame)
        if time.monotonic() - self._saved_at > max(
            CHECKPOINT_SECONDS, self._cost / CHECKPOINT_SHARE
        ):
            self.checkpoint(progress.state)

    def checkpoint(self, state: State) -> None:
        """Make everything up to `state` something to go on from."""
        began = time.monotonic()
        with self.watch.stage("checkpoint"):
            own = {"film": self.writer.state(), "log": self.log.state(), **self.takes.state()}
        # Outside of the stage, whose seconds are part of what is kept.
        own |= {"poster": self.poster.state(), "watch": self.watch.state()}
        threads = Part(numbers={"count": torch.get_num_threads()})
        with self.watch.stage("checkpoint"):
            older = checkpoint.save(self.run.work, {**state, **own, "threads": threads})
            self.writer.release(older["film"].numbers["frames"] if older else 0)
        self._saved_at = time.monotonic()
        self._cost = self._saved_at - began

    def stop(self, state: State, device: torch.device) -> FilmResult:
        """Save an unfinished run, with a film of what there is to look at."""
        self.checkpoint(state)
        there = self.writer.preview(self.run.preview, self._metadata(), self._sound(self.writer))
        self.run.save_run(self._about(device), finished=False)
        return self._result("stopped", self.run.preview if there else None)

    def print_film(
        self, vqgan: VQGAN, should_stop: Callable[[], bool], told: Told, notice: Notice
    ) -> bool:
        """Prints the film from what was captured, where its frames are others; returns whether all
        are there, or `should_stop` said so before.
        """
        if self.as_shot:
            return True
        board, work = self.storyboard, self.run.printing
        with self.watch.stage("print"):
            steps = read_steps(self.run.progress)
            crossed = self._crossed(notice) if board.land else ()
            reel = film_reel(self.timeline, self.takes.latents(), steps, vqgan, crossed)
            format = Format(self.encoder, frame_size(board.size))
            printed = FilmPrint(reel, work, format, board.fps, self.sheet, notice)
            self.print = self._stack.enter_context(printed)
            return self.print.run(should_stop, told)

    def _crossed(self, notice: Notice) -> list[int]:
        """The frames at which each scene's prompt overtakes the one before."""
        found = dict(crossings(self.run.progress, self.timeline))
        late = [str(n + 1) for n in range(1, len(self.storyboard.scenes)) if n not in found]
        if late:
            notice(
                "scenes that never come nearer to their prompt than to the one before, so land "
                f"on no beat: {', '.join(late)}; make them longer"
            )
        return list(found.values())

    def finish(self, device: torch.device) -> FilmResult:
        """Close the film and everything beside it."""
        with self.watch.stage("finish"):
            metadata, board = self._metadata(), self.storyboard
            label = metadata.label
            self.poster.save(self.run.poster, label)
            self.sheet.save(
                self.run.contact_sheet, board.fps, metadata.chapters, board.title, label
            )
            film = self.print or self.writer
            film.finish({"film": self.run.film}, metadata, self._sound(film))
            self.takes.finish()
            stills = list(self.sheet.stills(board.fps, metadata.chapters))
        facts = RunFacts(
            self.timeline, metadata.title, self.origin, self._about(device), self.run.folder.name
        )
        atomic_write(self.run.report, report_page(facts, read_records(self.run.progress), stills))
        self.run.save_run(facts.about, finished=True)
        return self._result("finished", self.run.film)

    def _sound(self, film: FilmWriter | FilmPrint) -> str | None:
        """Encodes the sound of the frames that there are; its name in that film's work folder."""
        audio, frames = self.storyboard.audio, film.frames
        if audio is None or not frames:
            return None
        seconds = float(frames / self.storyboard.fps)
        cut = film_sound(audio, seconds, ends=frames == self.timeline.film_frames)
        with explained(audio.file):
            self.soundtrack = make_soundtrack(
                cut, self.run.printing if film is self.print else self.run.work
            )
        self._notice(f"sound: {self.soundtrack}")
        return self.soundtrack.name

    def _result(self, state: str, film: Path | None) -> FilmResult:
        similarity, watch = self._similarity(), self.watch
        frames = (self.print or self.writer).frames
        return FilmResult(state, film, frames, similarity, watch.elapsed, watch.sittings)

    def _similarity(self) -> float | None:
        return round(self.poster.similarity, 5) if self.poster.picture is not None else None

    def _keep_end(self, latent: torch.Tensor, number: int) -> None:
        """The latent of a scene's end, for another film to start there."""
        if number in self._last_frames:
            name = f"scene-{self._last_frames[number] + 1:02}"
            content = safetensors_bytes({"latent": latent.contiguous().cpu()})
            atomic_write(self.run.latents / f"{name}.safetensors", content)

    def _metadata(self) -> FilmMetadata:
        board, origin = self.storyboard, self.origin
        title = board.title or self.run.folder.name
        scenes = chapters(board.scenes, self.timeline.showings())
        return FilmMetadata(title, origin.as_json(), scenes, label_of(board, origin.packed()))

    def _about(self, device: torch.device) -> dict[str, Any]:
        """What run.json says."""
        saved = self.saved
        return {
            "frames": (self.print or self.writer).frames,
            "total_iter": self.timeline.total_iter,
            "best_similarity": self._similarity(),
            "encoder": self.encoder.name,
            "device": device_name(device),
            "seed": self.storyboard.seed,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "seconds": {stage: round(value, 3) for stage, value in self.watch.seconds.items()},
            "sittings": self.watch.sittings,
            "provenance": label_of(self.storyboard).source or "off",
            "resumed_at": saved["loop"].numbers["iteration"] if saved else 0,
            **({"sound": self.soundtrack.as_dict()} if self.soundtrack else {}),
        }


def device_name(device: torch.device) -> str:
    """The device as a person knows it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} ({platform.processor() or platform.machine()})"
