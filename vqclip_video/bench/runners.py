"""Who is timed: the engine and the usual recipe, a round at a time, and where their frames go."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
import torch

from ..engine.session import Session
from ..output.encoders import pick_encoder
from ..output.film_writer import FilmWriter
from ..output.formats import Format
from ..output.metadata import FilmMetadata
from ..storyboard.schema import Storyboard
from ..storyboard.sizes import frame_size
from .cases import Weights
from .reference import Reference
from .timing import StageClock, seconds_of

ENCODED_FRAMES = 96


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

    def plain_round(self) -> None:
        """A round without graphs, for whoever counts operations: a replay has none to show."""
        works = self.session.works
        works.forget()
        capture, works.capture = getattr(works, "capture", None), None
        self.round()
        works.capture = capture


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
