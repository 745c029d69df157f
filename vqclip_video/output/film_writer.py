"""The film, written so that a kill loses no finished frame.

Frames are appended raw to a spool, `segment-00003.rgb`. When that holds `segment_frames` of them,
an ffmpeg in the background encodes it to `segment-00003.mp4` while rendering goes on into the next
spool. At the end the segments are joined without touching a picture, beside the film's name, and
swapped in.

What makes a resumed film the same film:
- Segments are cut by frame number alone, so every run cuts at the same frames, and a position in
  the film
  (a number of frames) says which spool it lies in and at which byte.
- A spool is removed only by `release(frames)`: when its segment is on the disk, and the segment
  ends at or
  before `frames`, the position of the oldest checkpoint that may still be returned to. So whatever
  checkpoint
  a run goes on from, the segment that it lies in can be reopened: the spool is there and is cut to
      its bytes,
  an encoded version of it, and everything after, is discarded.
- An `.mp4` name exists only for a whole segment: encoders write to a `.part` of their own process.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..disk.files import (
    beside,
    explained,
    free_space,
    full_disk,
    remove,
    remove_leftovers,
    swap_in,
    sync_file,
    sync_folder,
    write_all,
    write_whole,
)
from ..disk.part import Part
from ..errors import OutputError
from .ffmpeg import Outcome, Process, run
from .formats import Encoder, concat_list, encode_arguments, join_arguments, rate
from .metadata import FilmMetadata

SEGMENT_BYTES = 256_000_000
SEGMENT_FRAMES = (8, 96)  # least and most
ATTEMPTS = 3  # how often one segment is tried: ffmpeg may be killed by a user, or for memory
FILM_BYTES_PER_PIXEL = 0.25  # of a lively film; a calm one takes a tenth
# raw segments that may lie on the disk at once: filling, being encoded, kept for two checkpoints
SPOOLS = 4


def segment_frames(size: tuple[int, int]) -> int:
    """Frames in a segment of a film of this size."""
    width, height = size
    least, most = SEGMENT_FRAMES
    return min(max(SEGMENT_BYTES // (width * height * 3), least), most)


def estimate_disk(frames: int, size: tuple[int, int], frame_latent: int = 0) -> int:
    """Bytes that writing so many frames may take at most: segments, the film joined from them, raw
    spools.

    `frame_latent` is the bytes of a latent that is kept beside each frame.
    """
    pixels = size[0] * size[1]
    spooled = min(frames, SPOOLS * segment_frames(size))
    return (
        int(2 * frames * pixels * FILM_BYTES_PER_PIXEL)
        + spooled * pixels * 3
        + frames * frame_latent
    )


def check_space(folder: Path, frames: int, size: tuple[int, int], frame_latent: int = 0) -> None:
    """Raises OutputError when a film of so many (more) frames would fill the disk of `folder`."""
    needed = estimate_disk(frames, size, frame_latent)
    if free_space(folder) < needed:
        raise OutputError(full_disk(folder / "film", needed, "try again"))


class FilmWriter:
    """Takes frames one by one and ends in a film of exactly these frames.

    `work` is the run's own folder for unfinished things; `start` is the number of frames taken by
    the run that is gone on from, 0 for a new film (whatever lies in `work` is then discarded).
    `warn` gets a line when something went wrong and was repaired. Every method raises OutputError
    and nothing else when the disk or ffmpeg refuses. Use it as a context manager, or call `close`:
    no process is left running.
    """

    def __init__(
        self,
        work: Path,
        size: tuple[int, int],
        fps: float,
        frames_total: int,
        encoder: Encoder,
        start: int = 0,
        warn: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.work = work.absolute()
        self.size = size
        self.frames_total = frames_total
        self.frames = start  # taken so far
        self._fps = rate(fps)
        self._encoder = encoder
        self._warn = warn
        self._per_segment = segment_frames(size)
        width, height = size
        if width % 2 or height % 2:
            raise ValueError(
                f"{width}x{height}: yuv420p stores colour for pairs of pixels, so sides are even"
            )
        self._frame_bytes = width * height * 3
        self._synced = start
        # full segments without an encoded version, the one at work included
        self._waiting: list[int] = []
        self._job: tuple[int, Process] | None = None
        self._failures = 0
        self._descriptor: int | None = None
        with self._explained():
            self._keep_encoder()
            self._reopen()

    def __enter__(self) -> FilmWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def append(self, frame: np.ndarray) -> None:
        """Takes the next frame: uint8 [H, W, 3], H × W the film's size."""
        if frame.dtype != np.uint8 or frame.shape != (self.size[1], self.size[0], 3):
            raise ValueError(
                f"frame is {frame.dtype} {frame.shape}, not uint8 {(self.size[1], self.size[0], 3)}"
            )
        self._tend()
        with self._explained():
            if self._descriptor is None:
                self._open_spool()
            write_all(self._descriptor, np.ascontiguousarray(frame).data)
        self.frames += 1
        if self.frames % self._per_segment == 0:
            self._close_segment()

    def sync(self) -> int:
        """Forces all frames taken so far to the disk; returns how many, which a checkpoint is to
        remember.

        A checkpoint at least once in `segment_frames` keeps the spools that wait for a `release`
        few.
        """
        with self._explained():
            if self._descriptor is not None:
                os.fsync(self._descriptor)
                # an open file outlives its vanished folder
                self._spool(self.frames // self._per_segment).stat()
        self._synced = self.frames
        return self.frames

    def state(self) -> Part:
        """`sync`, and the position that is proven by it."""
        return Part(numbers={"frames": self.sync()})

    def release(self, frames: int) -> None:
        """Removes the spools that no checkpoint at `frames` or later needs, where they are
        encoded.
        """
        for spool in self._files("rgb"):
            index = _index(spool)
            if (index + 1) * self._per_segment <= frames and self._segment(index).exists():
                remove(spool)

    def finish(self, film: Path, metadata: FilmMetadata) -> None:
        """Encodes what is left, joins all and swaps the film in; the segments stay, in case of a
        kill just now.
        """
        if self.frames != self.frames_total:
            raise ValueError(f"the film has {self.frames} of {self.frames_total} frames")
        self._join(film, metadata, "film")

    def preview(self, path: Path, metadata: FilmMetadata) -> bool:
        """Makes a playable film of the frames there are, and disturbs nothing; False when there
        are none.
        """
        if not self.frames:
            return False
        self._join(path, metadata, "preview")
        return True

    def close(self) -> None:
        """Ends the encoder, if one runs, and closes the spool.

        A segment it was at is encoded by the next run.
        """
        if self._job is not None:
            index, process = self._job
            self._job = None
            process.kill()
            remove(self._part(index))
        self._close_spool()

    def _keep_encoder(self) -> None:
        """One encoder for all segments: pictures of two kinds cannot be joined."""
        note = self.work / "encoder"
        begun = (
            note.read_text(encoding="utf-8")
            if self.frames and note.exists()
            else self._encoder.name
        )
        if begun != self._encoder.name:
            raise OutputError(
                f"the film was begun with the encoder {begun}, and {self._encoder.name} cannot go "
                f"on with it; choose {begun} again, or start anew with fresh=True"
            )
        write_whole(note, self._encoder.name.encode())

    def _reopen(self) -> None:
        """Brings the folder to the state it had when `frames` frames were taken."""
        for leftover in (*self.work.glob("segment-*.part"), *self.work.glob("*-tail.*.mp4")):
            remove(leftover)
        current = self.frames // self._per_segment
        for file in (*self._files("rgb"), *self._files("mp4")):
            if _index(file) > current or (_index(file) == current and file.suffix == ".mp4"):
                file.unlink()
        taken = (self.frames - current * self._per_segment) * self._frame_bytes
        if taken:
            self._need_spool(current, taken)
            self._open_spool()
            os.ftruncate(self._descriptor, taken)
            os.lseek(self._descriptor, taken, os.SEEK_SET)
        else:
            remove(self._spool(current))
        for index in range(current):
            if not self._segment(index).exists():
                self._need_spool(index, self._per_segment * self._frame_bytes)
                self._waiting.append(index)

    def _need_spool(self, index: int, size: int) -> None:
        spool = self._spool(index)
        if not spool.exists() or spool.stat().st_size < size:
            raise OutputError(
                f"{spool}: frames of the film are missing; start again with fresh=True"
            )

    def _open_spool(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(self._spool(self.frames // self._per_segment), flags, 0o666)
        sync_folder(self.work)

    def _close_spool(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _close_segment(self) -> None:
        """The spool is full: hand it to an encoder, once the one before is done, so that at most
        one runs.
        """
        with self._explained():
            os.fsync(self._descriptor)
            self._close_spool()
        self._waiting.append(self.frames // self._per_segment - 1)
        while len(self._waiting) > 1:
            self._tend(wait=True)
        self._tend()

    def _tend(self, wait: bool = False) -> None:
        """Takes in a finished encoder and starts the next; waits for the running one if told to."""
        if self._job is not None and (wait or not self._job[1].running):
            index, process = self._job
            try:
                outcome = process.wait()
            except BaseException:
                self.close()
                raise
            self._job = None
            self._take_in(index, outcome)
        if self._job is None and self._waiting:
            index = self._waiting[0]
            arguments = self._arguments(self._spool(index), self._part(index), self._per_segment)
            with self._explained():
                self._job = index, Process(self._encoder.ffmpeg, arguments, self.work)

    def _take_in(self, index: int, outcome: Outcome) -> None:
        """A whole segment gets its name; a failed one stays first in line, a few times over."""
        part = self._part(index)
        if outcome.ok and outcome.frames == self._per_segment:
            with self._explained():
                sync_file(part)
                swap_in(part, self._segment(index))
            self._waiting.remove(index)
            self._failures = 0
            return
        remove(part)
        self._failures += 1
        self._refuse(outcome, self._per_segment, self._failures)
        self._warn(
            f"ffmpeg failed ({outcome.message}); encoding frames from {index * self._per_segment} "
            "again"
        )

    def _refuse(self, outcome: Outcome, frames: int, failures: int) -> None:
        """Raises what a failed ffmpeg means to the user, unless another attempt may help."""
        needed = frames * self._frame_bytes // 8
        if outcome.disk_full or free_space(self.work) < needed:
            raise OutputError(full_disk(self.work / "film", self._needed(), self._then()))
        if failures >= ATTEMPTS:
            problem = (
                outcome.message
                if not outcome.ok
                else f"of {frames} frames it wrote {outcome.frames}"
            )
            raise OutputError(
                f"ffmpeg failed {failures} times ({problem}); no frame is lost: {self._then()}"
            )

    def _join(self, target: Path, metadata: FilmMetadata, kind: str) -> None:
        while self._waiting:
            self._tend(wait=True)
        target = target.absolute()
        part = beside(target)
        # Of this process alone: the encoder of a killed one may still be at its own.
        tail = self.work / f"{kind}-tail.{os.getpid()}.mp4"
        try:
            with self._explained(target):
                segments = [
                    (self._segment(n).name, self._per_segment)
                    for n in range(self.frames // self._per_segment)
                ]
                if rest := self.frames % self._per_segment:
                    spool = self._spool(self.frames // self._per_segment)
                    self._run(self._arguments(spool, tail, rest), rest)
                    segments.append((tail.name, rest))
                (self.work / f"{kind}.ffconcat").write_text(
                    concat_list(segments, self._fps), encoding="utf-8"
                )
                (self.work / f"{kind}.ffmetadata").write_text(
                    metadata.text(self._fps), encoding="utf-8", newline="\n"
                )
                self._run(
                    join_arguments(f"{kind}.ffconcat", f"{kind}.ffmetadata", part), self.frames
                )
                sync_file(part)
                swap_in(part, target)
        finally:
            remove(tail)
            remove_leftovers(target)

    def _run(self, arguments: list[str], frames: int) -> None:
        """Runs ffmpeg until it has written exactly `frames` frames; an attempt that fails is
        repeated.
        """
        for failures in range(1, ATTEMPTS + 1):
            with self._explained():
                outcome = run(self._encoder.ffmpeg, arguments, self.work)
            if outcome.ok and outcome.frames == frames:
                return
            self._refuse(outcome, frames, failures)

    def _arguments(self, spool: Path, target: Path, frames: int) -> list[str]:
        return encode_arguments(
            self._encoder, spool.name, target.name, self.size, self._fps, frames
        )

    def _explained(self, path: Path | None = None):
        return explained(path or self.work / "film", self._needed(), self._then())

    def _needed(self) -> int:
        return estimate_disk(max(self.frames_total - self.frames, 1), self.size)

    def _then(self) -> str:
        return f"try again: it goes on from frame {self._synced}"

    def _spool(self, index: int) -> Path:
        return self.work / f"segment-{index:05d}.rgb"

    def _segment(self, index: int) -> Path:
        return self.work / f"segment-{index:05d}.mp4"

    def _part(self, index: int) -> Path:
        return self.work / f"segment-{index:05d}.{os.getpid()}.part"

    def _files(self, suffix: str) -> list[Path]:
        return sorted(
            file
            for file in self.work.glob(f"segment-*.{suffix}")
            if re.search(r"-\d+\.", file.name)
        )


def _index(file: Path) -> int:
    return int(file.stem.partition("-")[2])
