"""Reads films back with the ffmpeg that wrote them, there being no ffprobe in imageio-ffmpeg."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from vqclip_video.disk.ffmpeg import find_ffmpeg


@dataclass(frozen=True)
class Film:
    """What an MP4 says and holds."""

    about: str  # ffmpeg's description of the streams
    size: tuple[int, int]
    starts: list[Fraction]  # seconds at which each frame is shown
    lasts: list[Fraction]  # seconds for which each is
    metadata: str  # ffmetadata text

    @property
    def frames(self) -> int:
        return len(self.starts)


def read_film(path: Path) -> Film:
    about = ffmpeg("-i", path, check=False).stderr.decode("utf-8", "replace")
    listing = ffmpeg("-i", path, "-map", "0:v", "-c", "copy", "-f", "framecrc", "-").stdout.decode()
    base = Fraction(re.search(r"^#tb 0: (\S+)", listing, re.MULTILINE)[1])
    rows = [
        [int(cell) for cell in line.split(",")[2:4]]
        for line in listing.splitlines()
        if not line.startswith("#")
    ]
    rows.sort()
    width, height = map(int, re.search(r"Video: .*?, (\d+)x(\d+)", about).groups())
    metadata = ffmpeg("-i", path, "-f", "ffmetadata", "-").stdout.decode()
    return Film(
        about,
        (width, height),
        [pts * base for pts, _ in rows],
        [last * base for _, last in rows],
        metadata,
    )


def read_frames(path: Path) -> np.ndarray:
    """Decoded pictures, uint8 [N, H, W, 3]."""
    width, height = read_film(path).size
    colours = "scale=in_color_matrix=bt709:in_range=tv:out_range=pc:flags=accurate_rnd+full_chroma_inp,format=rgb24"
    raw = ffmpeg(
        "-i", path, "-fps_mode", "passthrough", "-vf", colours, "-f", "rawvideo", "-"
    ).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def ffmpeg(*arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[bytes]:
    command = [find_ffmpeg(), "-hide_banner", "-loglevel", "info", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=check, stdin=subprocess.DEVNULL)
