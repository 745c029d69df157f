"""The latent of every captured frame, in one file that grows with the film: what films are printed
from.

`latents/frames.f16` holds them one after the other, each [channels, height, width], float16,
little-endian; `latents/frames.json`, which appears when the film is whole, says how many there are
of which shape. A latent of a VQGAN lies within its codebook's values, of which half precision keeps
three digits and a half; the picture decoded from it is the captured one but for the last bits.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..disk.files import atomic_write, explained, free_space, remove, write_all
from ..disk.part import Part
from ..errors import OutputError
from .progress import to_json

SHARE = 0.1  # of the free disk, which latents may take where nobody says whether to keep them
BYTES = 2  # of a number
TYPE = np.dtype("<f2")

Shape = tuple[int, int, int]  # channels, height, width


@dataclass(frozen=True)
class LatentPlaces:
    """Where the latents of a run lie: the file and its index."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "frames.f16"

    @property
    def index(self) -> Path:
        return self.folder / "frames.json"


class LatentSpool:
    """Appends latents; opened at a position of the film, it keeps as many as there were by then.

    Raises OutputError where the disk refuses, or latents that were there are gone.
    """

    def __init__(self, places: LatentPlaces, part: Part | None = None) -> None:
        """`part`: a `state` to go on from."""
        self.places = places
        counted = part.numbers["shapes"] if part else []
        self.shapes: list[tuple[int, Shape]] = [(count, tuple(shape)) for count, shape in counted]
        with explained(places.file):
            places.folder.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
            self._descriptor: int | None = os.open(places.file, flags, 0o666)
            end = total_bytes(self.shapes)
            if os.fstat(self._descriptor).st_size < end:
                self.close()
                raise lost_latents(places.file)
            os.ftruncate(self._descriptor, end)
            os.lseek(self._descriptor, end, os.SEEK_SET)

    def append(self, latent: np.ndarray) -> None:
        """Takes that of the next frame [channels, height, width]."""
        with explained(self.places.file):
            write_all(self._descriptor, np.ascontiguousarray(latent, TYPE).data)
        count, shape = self.shapes[-1] if self.shapes else (0, latent.shape)
        if shape == latent.shape:
            self.shapes[-1:] = [(count + 1, shape)]
        else:  # a film that grows
            self.shapes.append((1, latent.shape))

    def state(self) -> Part:
        """Forces the latents to the disk, and says how many there are of which shape."""
        with explained(self.places.file):
            os.fsync(self._descriptor)
        return Part(numbers={"shapes": [[count, list(shape)] for count, shape in self.shapes]})

    def finish(self) -> None:
        """Writes the index, which says that all are here."""
        shapes = [{"frames": count, "shape": list(shape)} for count, shape in self.shapes]
        frames = sum(count for count, _ in self.shapes)
        about = {"frames": frames, "type": "float16, little-endian", "shapes": shapes}
        atomic_write(self.places.index, to_json(about, indent=2) + "\n")

    def discard(self) -> None:
        """Removes them all."""
        self.close()
        remove(self.places.index)
        remove(self.places.file)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class KeptLatents(Sequence):
    """The latents of a film that was shot, read one by one.

    Raises OutputError where they are not all here.
    """

    def __init__(self, places: LatentPlaces, shapes: Sequence[tuple[int, Shape]]) -> None:
        self.places, self._shapes = places, tuple(shapes)
        with explained(places.file):
            whole = places.file.exists() and places.file.stat().st_size >= total_bytes(shapes)
        if not whole:
            raise lost_latents(places.file)

    @classmethod
    def indexed(cls, folder: Path) -> KeptLatents:
        """Those of a finished run's folder of latents."""
        places = LatentPlaces(folder)
        try:
            found = json.loads(places.index.read_bytes())["shapes"]
            shapes = [(int(each["frames"]), _shape(each["shape"])) for each in found]
        except (OSError, ValueError, KeyError, TypeError):
            raise lost_latents(places.file) from None
        return cls(places, shapes)

    @property
    def shape(self) -> Shape:
        """That of the largest, which all are brought to where two are mixed."""
        return max(shape for _, shape in self._shapes)

    def __len__(self) -> int:
        return sum(count for count, _ in self._shapes)

    def __getitem__(self, number: int) -> np.ndarray:
        """That of frame `number` [channels, height, width], float16."""
        offset, left = 0, number
        for count, shape in self._shapes:
            size = int(np.prod(shape)) * BYTES
            if 0 <= left < count:
                return self._read(offset + left * size, shape)
            offset, left = offset + count * size, left - count
        raise IndexError(number)

    def _read(self, offset: int, shape: Shape) -> np.ndarray:
        with explained(self.places.file), self.places.file.open("rb") as file:
            file.seek(offset)
            content = file.read(int(np.prod(shape)) * BYTES)
        return np.frombuffer(content, TYPE).reshape(shape)


def total_bytes(shapes: Sequence[tuple[int, Shape]]) -> int:
    """That so many latents of each shape take."""
    return sum(count * int(np.prod(shape)) * BYTES for count, shape in shapes)


def worth_keeping(wish: str, folder: Path, needed: int) -> bool:
    """Whether all latents stay beside the film: as its storyboard says, or, where it leaves that
    open, where they take at most a tenth of what is free (`SHARE`).
    """
    return wish == "frames" or (wish == "auto" and needed <= SHARE * free_space(folder))


def lost_latents(file: Path) -> OutputError:
    """What to raise where latents that are needed are not there."""
    return OutputError(
        f"{file}: latents of the film are missing or damaged; start again with fresh=True"
    )


def _shape(value: Any) -> Shape:
    channels, height, width = map(int, value)
    return channels, height, width
