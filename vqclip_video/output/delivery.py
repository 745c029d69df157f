"""One file to be made of a film's frames: its format, its segments, and their join."""

from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from ..disk.files import beside, remove, remove_leftovers, swap_in, sync_file, write_whole
from ..errors import VqclipError
from .boxes import read_mp4
from .formats import Encoded, Format, Raw, concat_list
from .metadata import FilmMetadata
from .spool import Spool, lost, segment_of
from .xmp import packet_box


class Delivery:
    """A file of one format that is made of the frames of `spool`, segment by segment.

    `name` tells its files in the work folder from those of others: letters, digits and hyphens.
    `master`: the delivery whose segments stand in for raw frames that are gone already, where this
    one was asked for after its film was begun; None for the master itself. Methods raise OSError
    when the disk refuses.
    """

    def __init__(
        self, name: str, format: Format, spool: Spool, fps: Fraction, master: Delivery | None = None
    ) -> None:
        self.name, self.format, self.spool, self.master = name, format, spool, master
        self._fps = fps

    @property
    def ffmpeg(self) -> str:
        return self.format.encoder.ffmpeg

    @property
    def note(self) -> Path:
        """The file that says in which format the segments are: two kinds cannot be joined."""
        return self.spool.work / f"format.{self.name}"

    def begun_as(self) -> str | None:
        """The format of the segments that are there, in words; None where there are none."""
        begun = self.spool.frames and self.note.exists()
        return self.note.read_text(encoding="utf-8") if begun else None

    def reopen(self) -> None:
        """Discards what does not belong to the frames taken so far, or is of another format.

        Raises OutputError where a segment can no longer be made.
        """
        same = self.begun_as() == str(self.format)
        for file in self.spool.work.glob(f"segment-*.{self.name}.mp4"):
            if not same or segment_of(file) >= self.spool.full:
                file.unlink()
        write_whole(self.note, str(self.format).encode())
        for segment in self.missing():
            if not self.spool.has(segment) and self.master is None:
                raise lost(self.spool.path(segment))

    def missing(self) -> list[int]:
        """The full segments that are still to be encoded."""
        return [segment for segment in range(self.spool.full) if not self.has(segment)]

    def has(self, segment: int) -> bool:
        return self.path(segment).exists()

    def path(self, segment: int) -> Path:
        return self.spool.work / f"segment-{segment:05d}.{self.name}.mp4"

    def segment_arguments(self, segment: int) -> list[str]:
        """What ffmpeg is to be told, in the work folder, to encode a full segment."""
        frames, part = self.spool.segment_frames, self._part(segment).name
        if self.master is None or self.spool.has(segment):
            return self._encode(segment, frames, part)
        film = Encoded(self.master.path(segment).name, self.master.format.size, self._fps)
        return self.format.segment_arguments(film, frames, part)

    def take_in(self, segment: int) -> None:
        """Gives a segment that is encoded as a whole its name."""
        part = self._part(segment)
        sync_file(part)
        swap_in(part, self.path(segment))

    def discard(self, segment: int) -> None:
        """Removes a segment that was not encoded to its end."""
        remove(self._part(segment))

    def join(
        self,
        target: Path,
        metadata: FilmMetadata,
        run: Callable[..., None],
        kind: str = "",
        sound: str | None = None,
    ) -> None:
        """Encodes the frames after the last full segment, joins all and swaps the file in; the
        segments stay, in case of a kill just now.

        `run(delivery, arguments, frames, held=…)` has ffmpeg write that many frames, counted by
        `held` where it is given: ffmpeg 7.0 does not count what it copies. `kind` keeps the files
        of a preview apart. `sound`: the name of an encoded one in the work folder.
        """
        work, spool, name = self.spool.work, self.spool, f"{self.name}{kind}"
        part = beside(target)
        # Of this process alone: the encoder of a killed one may still be at its own.
        tail = work / f"tail.{name}.{os.getpid()}.mp4"
        listing, about = work / f"join.{name}.ffconcat", work / f"join.{name}.ffmetadata"
        try:
            segments = [(self.path(n).name, spool.segment_frames) for n in range(spool.full)]
            if spool.rest:
                run(self, self._encode(spool.full, spool.rest, tail.name), spool.rest)
                segments.append((tail.name, spool.rest))
            listing.write_text(concat_list(segments, self._fps), encoding="utf-8")
            about.write_text(metadata.text(self._fps), encoding="utf-8", newline="\n")
            arguments = self.format.join_arguments(listing.name, about.name, part, sound)
            run(self, arguments, spool.frames, held=lambda: frames_in(part))
            with part.open("ab") as file:
                file.write(packet_box(metadata.label.packet))
            sync_file(part)
            swap_in(part, target)
        finally:
            remove(tail)
            remove_leftovers(target)

    def _encode(self, segment: int, frames: int, target: str) -> list[str]:
        raw = Raw(self.spool.path(segment).name, self.spool.size, self._fps)
        return self.format.segment_arguments(raw, frames, target)

    def _part(self, segment: int) -> Path:
        return self.spool.work / f"segment-{segment:05d}.{self.name}.{os.getpid()}.part"


def frames_in(joined: Path) -> int:
    """How many pictures an MP4 holds, by its boxes; 0 where it is none, or not whole."""
    try:
        tracks = read_mp4(joined).tracks
    except VqclipError:
        return 0
    return sum(track.samples for track in tracks if track.kind == "vide")


def remove_others(work: Path, deliveries: list[Delivery]) -> None:
    """Removes what killed encoders, and deliveries that are no longer asked for, left in `work`."""
    for leftover in (*work.glob("segment-*.part"), *work.glob("tail.*")):
        remove(leftover)
    names = {delivery.name for delivery in deliveries}
    for file in (*work.glob("segment-*.*.mp4"), *work.glob("format.*")):
        if file.name.removesuffix(".mp4").rpartition(".")[2] not in names:
            remove(file)
