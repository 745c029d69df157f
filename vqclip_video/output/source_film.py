"""A finished film that something is made of: ours, or anybody's MP4 or MOV."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from ..errors import UsageError
from .boxes import MediaTrack, read_mp4
from .formats import FROM_BT709

BT709 = struct.pack(">HHH", 1, 1, 1)
ANY_COLOURS = "scale=out_range=pc:flags=accurate_rnd+full_chroma_inp,format=rgb24"


@dataclass(frozen=True)
class SourceFilm:
    """What is known of a film before a picture of it is decoded."""

    path: Path
    size: tuple[int, int]
    fps: Fraction  # of one whose frames last differently long, their mean
    seconds: Fraction
    bt709: bool  # whether it says that its colours are those that ours have
    sound: bool

    @property
    def arguments(self) -> list[str]:
        """What ffmpeg is told to read it."""
        return ["-i", f"file:{self.path.absolute()}"]

    @property
    def filters(self) -> str:
        """ffmpeg's filters that make its pictures rgb24."""
        return FROM_BT709 if self.bt709 else ANY_COLOURS


def read_source(path: Path) -> SourceFilm:
    """Reads the facts of an MP4 or MOV.

    Raises OutputError when it cannot be read, UsageError when it is none or shows nothing.
    """
    mp4 = read_mp4(path)
    tracks = [track for track in mp4.of_kind("vide") if track.samples and track.seconds]
    if not tracks:
        raise UsageError(f"{path}: there are no pictures in it; name a film")
    track = tracks[0]
    colours = track.part("colr").content
    bt709 = colours[:4] == b"nclx" and colours[4:10] == BT709
    sound = bool(mp4.of_kind("soun"))
    return SourceFilm(path, track.size, mean_rate(track), track.seconds, bt709, sound)


def mean_rate(track: MediaTrack) -> Fraction:
    """Frames a second of a track of pictures."""
    return (track.rate or track.samples / track.seconds).limit_denominator(1001)
