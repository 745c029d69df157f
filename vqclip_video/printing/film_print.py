"""The film that is delivered, printed when all of it is shot; a killed print goes on.

What was shot lies on the disk as latents, and the places of its frames follow from the log alone,
so a print has no state but its whole encoded segments: a later sitting goes on after the last one
before the first that is missing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from ..disk.files import atomic_write, explained
from ..output.film_writer import FilmWriter
from ..output.formats import Format
from ..output.metadata import FilmMetadata
from ..output.space import segment_frames
from ..output.stills import ContactSheet
from .reel import Reel

Told = Callable[[int, int], None]  # frames done, of how many


class FilmPrint:
    """A film's own print, in the folder `work`; used as a context manager."""

    def __init__(
        self,
        reel: Reel,
        work: Path,
        format: Format,
        fps: float,
        sheet: ContactSheet,
        notice: Callable[[str], None],
    ):
        self.reel, self.sheet = reel, sheet
        self._segment = segment_frames(format.size)
        about, formats = work / "about.json", {"film": format}
        identity = {"places": _digest(reel), "format": str(format)}
        with explained(work):
            work.mkdir(parents=True, exist_ok=True)
            start = self._done(work) if _read(about) == identity else 0
        atomic_write(about, json.dumps(identity))
        self.writer = FilmWriter(work, format.size, fps, reel.frames, formats, start, notice)

    def __enter__(self) -> FilmPrint:
        return self

    def __exit__(self, *exception: object) -> None:
        self.writer.close()

    @property
    def frames(self) -> int:
        """Printed so far."""
        return self.writer.frames

    def run(self, should_stop: Callable[[], bool], told: Told) -> bool:
        """Prints what is left, or until `should_stop` says so; returns whether all is there."""
        for frame in range(self.writer.frames, self.reel.frames):
            if should_stop():
                return False
            pixels = self.reel.picture(frame)
            self.sheet.offer(pixels, frame)
            self.writer.append(pixels)
            if not (frame + 1) % self._segment:
                self.writer.release(self.writer.frames)
            told(frame + 1, self.reel.frames)
        return True

    def finish(
        self, targets: Mapping[str, Path], metadata: FilmMetadata, sound: str | None = None
    ) -> None:
        """As that of its `FilmWriter`."""
        self.writer.finish(targets, metadata, sound)

    def _done(self, work: Path) -> int:
        """Frames in whole segments before the first that is missing."""
        segment = 0
        while (work / f"segment-{segment:05d}.film.mp4").exists():
            segment += 1
        return segment * self._segment


def _digest(reel: Reel) -> str:
    """Of what the frames of a print follow from: films that were shot differently do not mix."""
    places = ",".join(repr(float(place)) for place in reel.route.places)
    return hashlib.sha256(f"{reel.cut}; {places}".encode()).hexdigest()


def _read(file: Path) -> object:
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
