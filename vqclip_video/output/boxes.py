"""What an MP4 says of itself, read from its boxes without decoding a picture.

The boxes are those of ISO/IEC 14496-12, with the parameters of H.264 in ISO/IEC 14496-15.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from ..disk.files import explained
from ..errors import UsageError

MOST_INDEX = 200_000_000  # bytes of a `moov` that is read: of a film of a week
PLAIN = 8  # bytes before a box's content: its size, its kind
MOST_PACKET = 4_000_000
PACKET_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")  # Adobe's, of an XMP packet
VISUAL_ENTRY, SOUND_ENTRY = 78, 28  # bytes of a sample entry before its own boxes


@dataclass(frozen=True)
class Box:
    """A box in memory; its content may be boxes again."""

    kind: str
    content: bytes

    def boxes(self, skip: int = 0) -> Iterator[Box]:
        """Those inside, after `skip` bytes of its own; one that claims more than is there ends
        them.
        """
        at = skip
        while at + PLAIN <= len(self.content):
            size, kind = struct.unpack_from(">I4s", self.content, at)
            if size < PLAIN or at + size > len(self.content):
                return
            yield Box(kind.decode("latin-1"), self.content[at + PLAIN : at + size])
            at += size

    def find(self, path: str) -> Box:
        """The first box at a path such as "mdia/minf/stbl", an empty one where there is none."""
        found = self
        for kind in path.split("/"):
            found = next((box for box in found.boxes() if box.kind == kind), Box("", b""))
        return found

    def numbers(self, layout: str, at: int = 0) -> tuple[int, ...]:
        """Big-endian numbers from byte `at` on, zeros where the box is too short."""
        layout = f">{layout}"
        size = struct.calcsize(layout)
        return struct.unpack(layout, self.content[at : at + size].ljust(size, b"\0"))

    def table(self, columns: int) -> list[tuple[int, ...]]:
        """The rows of a table of 32-bit numbers that comes after version, flags and count."""
        (count,) = self.numbers("I", 4)
        count = min(count, (len(self.content) - 8) // (4 * columns))
        return [self.numbers(f"{columns}I", 8 + 4 * columns * row) for row in range(count)]


@dataclass(frozen=True)
class MediaTrack:
    """One track of an MP4."""

    kind: str  # "vide", "soun", or what else its handler says
    timescale: int  # ticks of a second
    edits: int  # entries of its edit list
    entry: Box  # how its samples are encoded: kind "avc1", "mp4a", …
    lasts: tuple[tuple[int, int], ...]  # (samples, ticks that each of them lasts), in order
    offsets: tuple[tuple[int, int], ...]  # (samples, ticks from decoding to showing), in order
    keys: tuple[int, ...] | None  # samples, from 0, that can be begun at; None: all of them

    @property
    def samples(self) -> int:
        return sum(count for count, _ in self.lasts)

    @property
    def seconds(self) -> Fraction:
        return Fraction(sum(count * last for count, last in self.lasts), self.timescale or 1)

    @property
    def rate(self) -> Fraction | None:
        """Samples a second where they are all as long, else None."""
        lasts = {last for _, last in self.lasts}
        return Fraction(self.timescale, lasts.pop()) if len(lasts) == 1 and 0 not in lasts else None

    @property
    def size(self) -> tuple[int, int]:
        """Of its pictures, (width, height) in pixels."""
        return self.entry.numbers("HH", 24)

    @property
    def longest_group(self) -> int:
        """Samples from a key to the next at most."""
        if self.keys is None:
            return min(self.samples, 1)
        starts = self.keys or (0,)
        return max(end - start for start, end in pairwise((*starts, self.samples)))

    def part(self, kind: str) -> Box:
        """A box of the sample entry, such as "avcC" or "colr"; an empty one where there is none."""
        skip = SOUND_ENTRY if self.kind == "soun" else VISUAL_ENTRY
        return next((box for box in self.entry.boxes(skip) if box.kind == kind), Box("", b""))


@dataclass(frozen=True)
class Mp4:
    """An MP4 file."""

    order: tuple[str, ...]  # kinds of its outermost boxes
    tracks: tuple[MediaTrack, ...]
    bytes: int

    @property
    def index_first(self) -> bool:
        """Whether a player may begin before it has the end of the file."""
        first = [kind for kind in self.order if kind in ("moov", "mdat")]
        return first[:1] == ["moov"]

    def of_kind(self, kind: str) -> list[MediaTrack]:
        return [track for track in self.tracks if track.kind == kind]


def read_mp4(path: Path) -> Mp4:
    """Reads the boxes of a file.

    Raises OutputError when it cannot be read, UsageError when it is no MP4.
    """
    order, index = [], Box("moov", b"")
    with explained(path), path.open("rb") as file:
        end = path.stat().st_size
        for kind, at, size in _outermost(file, end):
            order.append(kind)
            if kind == "moov" and size <= MOST_INDEX:
                file.seek(at)
                index = Box(kind, file.read(size))
    if "ftyp" not in order or not index.content:
        raise UsageError(f"{path}: not an MP4 that is whole")
    tracks = (_track(box) for box in index.boxes() if box.kind == "trak")
    return Mp4(tuple(order), tuple(tracks), end)


def read_packet(path: Path) -> bytes | None:
    """The XMP packet of an MP4, empty where it has none; None for any other file.

    Raises OutputError when it cannot be read.
    """
    packet = b""
    with explained(path), path.open("rb") as file:
        if file.read(PLAIN)[4:] != b"ftyp" or b"avi" in file.read(4):
            return None
        for kind, at, size in _outermost(file, path.stat().st_size):
            if kind == "uuid" and size <= MOST_PACKET:
                file.seek(at)
                found = file.read(size)
                packet = found[16:] if found[:16] == PACKET_UUID else packet
    return packet


def _outermost(file, end: int) -> Iterator[tuple[str, int, int]]:
    """Kind, place of the content and size of the content of each outermost box."""
    at = 0
    while at + PLAIN <= end:
        file.seek(at)
        size, kind, large = struct.unpack(">I4sQ", file.read(PLAIN + 8).ljust(PLAIN + 8, b"\0"))
        header = PLAIN
        if size == 1:
            size, header = large, PLAIN + 8
        elif size == 0:
            size = end - at
        if size < header or at + size > end:
            return
        yield kind.decode("latin-1"), at + header, size - header
        at += size


def _track(box: Box) -> MediaTrack:
    header, table = box.find("mdia/mdhd"), box.find("mdia/minf/stbl")
    (version,) = header.numbers("B")
    (timescale,) = header.numbers("I", 20 if version else 12)
    entry = next(table.find("stsd").boxes(8), Box("", b""))
    keys = table.find("stss")
    return MediaTrack(
        kind=box.find("mdia/hdlr").content[8:12].decode("latin-1"),
        timescale=timescale,
        edits=len(box.find("edts/elst").table(3)),
        entry=entry,
        lasts=tuple(table.find("stts").table(2)),
        offsets=tuple((n, _signed(ticks)) for n, ticks in table.find("ctts").table(2)),
        keys=tuple(number - 1 for (number,) in keys.table(1)) if keys.kind else None,
    )


def _signed(number: int) -> int:
    return number - (1 << 32 if number >> 31 else 0)
