"""Raw frames on the disk, at a position that is proven, so that a kill loses no finished frame.

Frames are appended raw to a spool file, `segment-00003.rgb`. When that holds `segment_frames` of
them, each delivery encodes it to a segment of its own, such as `segment-00003.film.mp4`, by an
ffmpeg in the background, while rendering goes on into the next spool file. At the end the segments
of a delivery are joined without touching a picture, beside its name, and swapped in.

What makes a resumed film the same film:
- Segments are cut by frame number alone, so every run and every delivery cuts at the same frames,
  and a position in the film (a number of frames) says which spool file it lies in and at which
  byte.
- A spool file is removed only by `release(frames)`: when every delivery has its segment on the
  disk, and the segment ends at or before `frames`, the position of the oldest checkpoint that may
  still be returned to. So whatever checkpoint a run goes on from, the segment that it lies in can
  be reopened: the spool file is there and is cut to its bytes, an encoded version of it, and
  everything after, is discarded.
- An `.mp4` name exists only for a whole segment: encoders write to a `.part` of their own process.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..disk.files import remove, sync_folder, write_all
from ..errors import OutputError
from .space import Size, segment_frames


class Spool:
    """The frames of a film that deliveries still wait for, a file for each segment.

    `work` is the folder that they lie in; `frames` is how many frames of the film were taken, those
    included that are gone; `size` is theirs. Methods raise OSError when the disk refuses.
    """

    def __init__(self, work: Path, size: Size, frames: int = 0) -> None:
        self.work, self.size, self.frames = work, size, frames
        self.synced = frames  # that are on the disk for certain
        self.segment_frames = segment_frames(size)
        self._frame_bytes = size[0] * size[1] * 3
        self._descriptor: int | None = None

    @property
    def full(self) -> int:
        """The number of full segments, which is also that of the one being filled."""
        return self.frames // self.segment_frames

    @property
    def rest(self) -> int:
        """The number of frames in the segment being filled."""
        return self.frames % self.segment_frames

    def path(self, segment: int) -> Path:
        return self.work / f"segment-{segment:05d}.rgb"

    def has(self, segment: int) -> bool:
        """Whether all frames of a full segment are here raw."""
        return self._holds(segment, self.segment_frames)

    def reopen(self) -> None:
        """Brings the folder to the state it had when `frames` frames were taken.

        Raises OutputError where frames of the segment being filled are gone.
        """
        for spool in self._files():
            if segment_of(spool) > self.full:
                spool.unlink()
        if not self.rest:
            remove(self.path(self.full))
            return
        if not self._holds(self.full, self.rest):
            raise lost(self.path(self.full))
        self._open()
        os.ftruncate(self._descriptor, self.rest * self._frame_bytes)
        os.lseek(self._descriptor, 0, os.SEEK_END)

    def append(self, frame: np.ndarray) -> int | None:
        """Takes the next frame, uint8 [H, W, 3]; returns the segment that it has filled, if any."""
        expected = (self.size[1], self.size[0], 3)
        if frame.dtype != np.uint8 or frame.shape != expected:
            raise ValueError(f"frame is {frame.dtype} {frame.shape}, not uint8 {expected}")
        if self._descriptor is None:
            self._open()
        write_all(self._descriptor, np.ascontiguousarray(frame).data)
        self.frames += 1
        if self.rest:
            return None
        os.fsync(self._descriptor)
        self.close()
        return self.full - 1

    def sync(self) -> int:
        """Forces all frames taken so far to the disk; returns how many, which a checkpoint is to
        remember.

        A checkpoint at least once in `segment_frames` keeps the files that wait for a `release`
        few.
        """
        if self._descriptor is not None:
            os.fsync(self._descriptor)
            self.path(self.full).stat()  # an open file outlives its vanished folder
        self.synced = self.frames
        return self.frames

    def release(self, frames: int, delivered: Callable[[int], bool]) -> None:
        """Removes the files that no checkpoint at `frames` or later needs, of segments that are
        `delivered`.
        """
        for spool in self._files():
            segment = segment_of(spool)
            if (segment + 1) * self.segment_frames <= frames and delivered(segment):
                remove(spool)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(self.path(self.full), flags, 0o666)
        sync_folder(self.work)

    def _holds(self, segment: int, frames: int) -> bool:
        spool = self.path(segment)
        return spool.exists() and spool.stat().st_size >= frames * self._frame_bytes

    def _files(self) -> list[Path]:
        return sorted(self.work.glob("segment-*.rgb"))


def segment_of(file: Path) -> int:
    """The number of the segment that a file of the work folder belongs to."""
    return int(file.name.partition("-")[2].partition(".")[0])


def lost(path: Path) -> OutputError:
    """What to raise where a spool file that is needed is not there."""
    return OutputError(f"{path}: frames of the film are missing; start again with fresh=True")
