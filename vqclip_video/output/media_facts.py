"""What a finished file is, read from its headers: MP4, MOV and AVIF, WebM, GIF, WebP; ours or
anybody's.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from ..disk.files import explained
from ..errors import UsageError
from .boxes import MediaTrack, Mp4, read_mp4
from .source_film import mean_rate

HEAD = 32
MOST_READ = 100_000_000  # bytes of a GIF, WebP or WebM
GIF_EXTENSION, GIF_CONTROL, GIF_IMAGE, GIF_END = 0x21, 0xF9, 0x2C, 0x3B
CODECS = {"avc1": "H.264", "avc3": "H.264", "hvc1": "H.265", "hev1": "H.265", "av01": "AV1"}
WEBM_CODECS = {"V_VP8": "VP8", "V_VP9": "VP9", "V_AV1": "AV1"}
# EBML's names for what is asked of a WebM, and which of them hold others.
WITHIN = {0x18538067: "segment", 0x1549A966: "info", 0x1654AE6B: "tracks", 0xAE: "track", 0xE0: "v"}
VALUES = {
    0x2AD7B1: "scale",
    0x4489: "duration",
    0x83: "type",
    0x86: "codec",
    0x23E383: "frame",
    0xB0: "width",
    0xBA: "height",
}


@dataclass(frozen=True)
class MediaFacts:
    """A finished file."""

    container: str  # MP4, AVIF, WebM, GIF or WebP
    codec: str
    size: tuple[int, int]
    rate: Fraction  # frames a second, their mean
    constant: bool  # whether all frames last as long, to the unit in which the file says it
    seconds: float
    bytes: int
    sound: bool
    mp4: Mp4 | None = None
    track: MediaTrack | None = None  # the pictures of an MP4


def is_film(path: Path) -> bool:
    """Whether a file begins as a film or moving picture does."""
    return bool(_container(path))


def read_facts(path: Path) -> MediaFacts:
    """Reads a file's headers.

    Raises OutputError when it cannot be read, UsageError when it is nothing that moves.
    """
    kind = _container(path)
    if not kind:
        raise UsageError(f"{path}: no film that is known here: MP4, MOV, WebM, GIF, WebP or AVIF")
    try:
        with explained(path):
            return READERS[kind](path, kind)
    except (ValueError, KeyError, IndexError, struct.error, ZeroDivisionError) as error:
        raise UsageError(f"{path}: not a {kind} that is whole") from error


def _container(path: Path) -> str:
    with explained(path), path.open("rb") as file:
        head = file.read(HEAD)
    if head[4:8] == b"ftyp":
        return "AVIF" if b"avi" in head[8:] else "MP4"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    return {b"GIF8": "GIF", b"\x1aE\xdf\xa3": "WebM"}.get(head[:4], "")


def _boxes(path: Path, kind: str) -> MediaFacts:
    mp4 = read_mp4(path)
    (track, *_) = (t for t in mp4.tracks if t.kind in ("vide", "pict") and t.samples)
    return MediaFacts(
        kind,
        CODECS.get(track.entry.kind, track.entry.kind),
        track.size,
        mean_rate(track),
        track.rate is not None,
        float(track.seconds),
        mp4.bytes,
        bool(mp4.of_kind("soun")),
        mp4,
        track,
    )


def _gif(path: Path, kind: str) -> MediaFacts:
    with path.open("rb") as file:
        data = file.read(MOST_READ)
    lasts, last, at = [], 0, 13 + _table(data[10])
    while data[at] != GIF_END:
        if data[at] == GIF_EXTENSION:
            if data[at + 1] == GIF_CONTROL:
                last = 10 * int.from_bytes(data[at + 4 : at + 6], "little")
            at += 2
        elif data[at] == GIF_IMAGE:
            lasts.append(last)
            at += 11 + _table(data[at + 9])
        else:
            raise ValueError(f"block {data[at]}")
        while data[at]:
            at += 1 + data[at]
        at += 1
    size = struct.unpack_from("<HH", data, 6)
    # Hundredths of a second: 24 a second last four or five of them.
    return _frames(path, kind, "GIF", size, lasts, 10)


def _table(flags: int) -> int:
    """Bytes of a table of colours, if there is one."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _webp(path: Path, kind: str) -> MediaFacts:
    with path.open("rb") as file:
        data = file.read(MOST_READ)
    lasts, size, at = [], (0, 0), 12
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        content = data[at + 8 : at + 8 + 16]
        if name == b"VP8X":
            size = tuple(1 + int.from_bytes(content[i : i + 3], "little") for i in (4, 7))
        elif name == b"ANMF":
            lasts.append(int.from_bytes(content[12:15], "little"))
        at += 8 + length + length % 2
    return _frames(path, kind, "WebP", size, lasts, 1)


def _frames(
    path: Path, kind: str, codec: str, size: tuple[int, int], lasts: list[int], unit: int
) -> MediaFacts:
    """Of a picture whose frames last so many milliseconds each; `unit`: what they are counted
    in.
    """
    seconds, steady = sum(lasts) / 1000, max(lasts) - min(lasts) <= unit
    rate = Fraction(len(lasts) * 1000, sum(lasts))
    return MediaFacts(kind, codec, size, rate, steady, seconds, path.stat().st_size, False)


def _webm(path: Path, kind: str) -> MediaFacts:
    with path.open("rb") as file:
        data = file.read(MOST_READ)
    about: dict[str, bytes] = {}
    tracks: list[dict[str, bytes]] = []
    for name, content in _elements(data):
        if name == "track":
            tracks.append({})
        (tracks[-1] if tracks else about).setdefault(name, content)
        about.setdefault(name, content)
    (video, *_) = (track for track in tracks if track.get("type") == b"\x01")
    scale = int.from_bytes(about.get("scale", b"\x0f\x42\x40"), "big")
    length = about["duration"]
    (ticks,) = struct.unpack(">d" if len(length) == 8 else ">f", length)
    frame = int.from_bytes(video["frame"], "big")  # nanoseconds
    codec = video["codec"].decode("latin-1")
    return MediaFacts(
        kind,
        WEBM_CODECS.get(codec, codec),
        tuple(int.from_bytes(video[side], "big") for side in ("width", "height")),
        Fraction(10**9, frame).limit_denominator(1001),
        True,
        ticks * scale / 1e9,
        path.stat().st_size,
        any(track.get("type") == b"\x02" for track in tracks),
    )


def _elements(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The elements of a WebM that are asked for, with those inside of them, in order."""
    at = 0
    while at < len(data):
        number, at = _variable(data, at, keep=True)
        size, at = _variable(data, at, keep=False)
        if number in WITHIN:
            yield WITHIN[number], b""  # and on into it
        elif number in VALUES:
            yield VALUES[number], data[at : at + size]
            at += size
        else:
            at += size


def _variable(data: bytes, at: int, keep: bool) -> tuple[int, int]:
    """A number of EBML's variable length, and what comes after it; `keep` its marker bit."""
    length = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + length], "big")
    return value if keep else value & ((1 << 7 * length) - 1), at + length


READERS = {"MP4": _boxes, "AVIF": _boxes, "WebM": _webm, "GIF": _gif, "WebP": _webp}
