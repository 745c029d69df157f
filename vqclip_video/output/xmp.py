"""Puts an XMP packet into a finished file, where its container keeps such a thing."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

from .boxes import PACKET_UUID, PLAIN, Box

GIF_HEAD = 13  # bytes of a GIF before its table of colours
GIF_XMP = b"\x21\xff\x0bXMP DataXMP"
# A reader that takes the packet for blocks of data is led to their end from wherever it is.
GIF_TRAILER = b"\x01" + bytes(range(255, -1, -1)) + b"\x00"
WEBP_HAS_XMP = 0x04
MIME = b"application/rdf+xml"


def with_packet(data: bytes, suffix: str, packet: bytes) -> bytes:
    """A file's content with the packet in it; one of another kind, such as WebM, as it is."""
    put = PUT.get(suffix)
    return put(data, packet) if put and packet else data


def packet_box(packet: bytes) -> bytes:
    """The box that an MP4 keeps a packet in, which may be appended to a finished file; nothing for
    no packet.
    """
    return _box(b"uuid", PACKET_UUID + packet) if packet else b""


def _in_mp4(data: bytes, packet: bytes) -> bytes:
    return data + packet_box(packet)


def _in_gif(data: bytes, packet: bytes) -> bytes:
    flags = data[10]
    at = GIF_HEAD + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    return data[:at] + GIF_XMP + packet + GIF_TRAILER + data[at:]


def _in_webp(data: bytes, packet: bytes) -> bytes:
    """Of a WebP with an extended header, as every animated one has."""
    chunk = b"XMP " + struct.pack("<I", len(packet)) + packet + b"\0" * (len(packet) % 2)
    flags = data[20] | WEBP_HAS_XMP
    size = struct.pack("<I", len(data) - 8 + len(chunk))
    return data[:4] + size + data[8:20] + bytes([flags]) + data[21:] + chunk


def _in_avif(data: bytes, packet: bytes) -> bytes:
    """One more item for the still picture, which it describes, and one for the film's track; the
    packet itself comes last.
    """
    grown = len(_avif_boxes(data, _Item(0, 0, 0))) - len(data)
    item = _Item(grown, len(data) + grown + PLAIN, len(packet))
    return _avif_boxes(data, item) + _box(b"mdat", packet)


class _Item(NamedTuple):
    """Where the packet lies, and by how much all else moves."""

    grown: int
    at: int
    size: int


def _avif_boxes(data: bytes, item: _Item) -> bytes:
    parts = []
    for box in Box("", data).boxes():
        content = box.content
        if box.kind == "meta":
            content = _meta(content, item)
        elif box.kind == "moov":
            content = _moov(content, item)
        parts.append(_box(box.kind.encode("latin-1"), content))
    return b"".join(parts)


def _meta(content: bytes, item: _Item) -> bytes:
    """The content of the `meta` box of a still picture with one more item."""
    boxes = list(Box("meta", content).boxes(4))
    (primary,) = next(box for box in boxes if box.kind == "pitm").numbers("H", 4)
    own = 1 + max(place[0] for place in _places(boxes))
    parts, reference = [content[:4]], _box(b"cdsc", struct.pack(">HHH", own, 1, primary))
    for box in boxes:
        inner = box.content
        if box.kind == "iinf":
            (count,) = box.numbers("H", 4)
            inner = inner[:4] + struct.pack(">H", count + 1) + inner[6:] + _entry(own)
        elif box.kind == "iloc":
            moved = [(number, at + item.grown, size) for number, at, size in _places(boxes)]
            inner = _table([*moved, (own, item.at, item.size)])
        elif box.kind == "iref":
            inner, reference = inner + reference, b""
        parts.append(_box(box.kind.encode("latin-1"), inner))
    return b"".join([*parts, _box(b"iref", bytes(4) + reference) if reference else b""])


def _moov(content: bytes, item: _Item) -> bytes:
    """The content of a box with tracks: their tables of places moved, an item in each track."""
    parts = []
    for box in Box("", content).boxes():
        inner = box.content
        if box.kind == "stco":
            rows = [at + item.grown for (at,) in box.table(1)]
            inner = inner[:8] + struct.pack(f">{len(rows)}I", *rows)
        elif box.kind in ("trak", "mdia", "minf", "stbl"):
            inner = _moov(inner, item)
        if box.kind == "trak":
            about = bytes(8) + b"pict" + bytes(13)
            own = [_box(b"hdlr", about), _box(b"iinf", bytes(4) + b"\0\1" + _entry(1))]
            own.append(_box(b"iloc", _table([(1, item.at, item.size)])))
            inner += _box(b"meta", bytes(4) + b"".join(own))
        parts.append(_box(box.kind.encode("latin-1"), inner))
    return b"".join(parts)


def _entry(number: int) -> bytes:
    """The entry of an `iinf` box for the packet."""
    about = struct.pack(">HH", number, 0) + b"mime\0" + MIME + b"\0"
    return _box(b"infe", b"\2\0\0\0" + about)


def _table(places: list[tuple[int, int, int]]) -> bytes:
    """The content of an `iloc` box of (number, offset, size)."""
    rows = (struct.pack(">HHHII", number, 0, 1, at, size) for number, at, size in places)
    return bytes(4) + b"\x44\0" + struct.pack(">H", len(places)) + b"".join(rows)


def _places(boxes: list[Box]) -> list[tuple[int, int, int]]:
    """Number, offset and size of the items of an `iloc` box as ffmpeg writes it: version 0, one
    extent each, 32 bits.
    """
    place = next(box for box in boxes if box.kind == "iloc")
    (count,) = place.numbers("H", 6)
    rows = (place.numbers("HHHII", 8 + 14 * row) for row in range(count))
    return [(item, start, size) for item, _, _, start, size in rows]


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", PLAIN + len(content)) + kind + content


PUT: dict[str, Callable[[bytes, bytes], bytes]] = {
    ".mp4": _in_mp4,
    ".gif": _in_gif,
    ".webp": _in_webp,
    ".avif": _in_avif,
}
