"""Frames to films: what is spooled is encoded for every delivery while rendering goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from ..disk.part import Part
from ..errors import OutputError
from .delivery import Delivery, remove_others
from .encoding import Encoding, Remedy
from .formats import Format, rate
from .metadata import FilmMetadata
from .space import Size, estimate_disk
from .spool import Spool


class FilmWriter:
    """Takes frames one by one and ends in films of exactly these frames.

    `work` is the run's own folder for unfinished things; `size` is that of the frames. `formats`
    has the film's own format first, then those of its deliveries, by name. `start` is the number of
    frames taken by the run that is gone on from, 0 for a new film (whatever lies in `work` is then
    discarded). `warn` gets a line when something went wrong and was repaired. Every method raises
    OutputError and nothing else when the disk or ffmpeg refuses. Use it as a context manager, or
    call `close`: no process is left running.
    """

    def __init__(
        self,
        work: Path,
        size: Size,
        fps: float,
        frames_total: int,
        formats: Mapping[str, Format],
        start: int = 0,
        warn: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.frames_total = frames_total
        self._spool = Spool(work.absolute(), size, start)
        self._deliveries: list[Delivery] = []
        for name, format in formats.items():
            master = self._deliveries[0] if self._deliveries else None
            self._deliveries.append(Delivery(name, format, self._spool, rate(fps), master))
        self._remedy = Remedy(self._spool.work / "film", self._needed, self._then)
        self._encoding = Encoding(self._spool.work, self._remedy, warn)
        try:
            with self._remedy.explained():
                self._require_encoder()
                self._reopen(warn)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> FilmWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def frames(self) -> int:
        """Taken so far."""
        return self._spool.frames

    def append(self, frame: np.ndarray) -> None:
        """Takes the next frame: uint8 [H, W, 3], H × W the film's size.

        A segment that it fills is handed to the encoder, once those before are done.
        """
        self._encoding.tend()
        with self._remedy.explained():
            segment = self._spool.append(frame)
        if segment is not None:
            self._encoding.add(segment, self._deliveries)
            self._encoding.wait(before=segment)
            self._encoding.tend()

    def sync(self) -> int:
        """Forces all frames taken so far to the disk; returns how many, which a checkpoint is to
        remember.
        """
        with self._remedy.explained():
            return self._spool.sync()

    def state(self) -> Part:
        """`sync`, and the position that is proven by it."""
        return Part(numbers={"frames": self.sync()})

    def release(self, frames: int) -> None:
        """Removes the raw frames that no checkpoint at `frames` or later needs, where they are
        encoded for every delivery.
        """
        deliveries = self._deliveries
        self._spool.release(frames, lambda segment: all(d.has(segment) for d in deliveries))

    def finish(
        self, targets: Mapping[str, Path], metadata: FilmMetadata, sound: str | None = None
    ) -> None:
        """Encodes what is left and makes each delivery's file, by its name in `formats`; `sound` is
        the name of an encoded one in `work`.
        """
        if self.frames != self.frames_total:
            raise ValueError(f"the film has {self.frames} of {self.frames_total} frames")
        self._encoding.wait()
        for delivery in self._deliveries:
            self._join(delivery, targets[delivery.name], metadata, sound=sound)

    def preview(self, path: Path, metadata: FilmMetadata, sound: str | None = None) -> bool:
        """Makes a playable film of the frames there are, and disturbs nothing; False when there
        are none.
        """
        if not self.frames:
            return False
        self._encoding.wait()
        self._join(self._deliveries[0], path, metadata, ".preview", sound)
        return True

    def close(self) -> None:
        """Ends the encoder, if one runs, and closes the spool."""
        self._encoding.close()
        self._spool.close()

    def _join(
        self,
        delivery: Delivery,
        target: Path,
        metadata: FilmMetadata,
        kind: str = "",
        sound: str | None = None,
    ) -> None:
        with self._remedy.explained(target):
            delivery.join(target.absolute(), metadata, self._encoding.run, kind, sound)

    def _require_encoder(self) -> None:
        film = self._deliveries[0]
        begun, now = film.begun_as(), str(film.format)
        if begun not in (None, now):
            raise OutputError(
                f"the film was begun with {begun}, and {now} cannot go on with it; choose that "
                "encoder again, or start anew with fresh=True"
            )

    def _reopen(self, warn: Callable[[str], None]) -> None:
        """Brings the folder to the state it had when `frames` frames were taken."""
        remove_others(self._spool.work, self._deliveries)
        self._spool.reopen()
        for delivery in self._deliveries:
            delivery.reopen()
        for segment in range(self._spool.full):
            lacking = [delivery for delivery in self._deliveries if not delivery.has(segment)]
            self._encoding.add(segment, lacking)
        for delivery in self._deliveries[1:]:
            if late := [n for n in delivery.missing() if not self._spool.has(n)]:
                frames = (late[-1] + 1) * self._spool.segment_frames
                warn(
                    f"{delivery.name} was not asked for when the film was begun; its frames up to "
                    f"{frames} are made from the film"
                )

    def _needed(self) -> int:
        left = max(self.frames_total - self.frames, 1)
        sizes = [delivery.format.size for delivery in self._deliveries[1:]]
        return estimate_disk(left, self._spool.size, deliveries=sizes)

    def _then(self) -> str:
        return f"try again: it goes on from frame {self._spool.synced}"
