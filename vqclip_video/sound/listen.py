"""A sound file → what it is, and its samples, by the ffmpeg that also writes films."""

from __future__ import annotations

import functools
import re
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from ..disk.ffmpeg import find_ffmpeg, run, temporary_folder
from ..disk.files import explained
from ..errors import UsageError

if TYPE_CHECKING:
    import numpy as np

# Containers that hold their sound themselves: a list of addresses is not among them.
CONTAINERS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,flac,m4a,matroska,mov,mp3,mp4,mpeg,mpegts,ogg,tta,w64,wav,"
    "webm,wv"
)
HERTZ = 24_000  # of what is listened to: beats and bands lie below 12 kHz
LONGEST = 3 * 3600  # seconds
PATIENCE = 600  # seconds for one file


@dataclass(frozen=True)
class SoundFacts:
    """What a sound file holds."""

    hertz: int
    channels: int
    seconds: Fraction


def reading(path: Path) -> list[str]:
    """What ffmpeg is told to read the first sound of a file, from nowhere but this file."""
    apart = ["-protocol_whitelist", "file", "-format_whitelist", CONTAINERS]
    return [*apart, "-i", f"file:{path.absolute()}", "-map", "0:a:0"]


def facts_of(path: Path) -> SoundFacts:
    """Decodes a file once from beginning to end.

    Raises UsageError where it holds no sound, OutputError where ffmpeg or the disk refuses.
    """
    about = path.stat()
    return _facts(path, about.st_mtime_ns, about.st_size)


def samples_of(path: Path, start: float = 0.0, seconds: float | None = None) -> np.ndarray:
    """Its samples, mixed down to one channel of `HERTZ`: float32 [n], full scale is 1.

    start: seconds that are left out; seconds: that are wanted at most. Raises like `facts_of`.
    """
    about = path.stat()
    found = _samples(path, about.st_mtime_ns, about.st_size)
    first = round(start * HERTZ)
    return found[first:] if seconds is None else found[first : first + round(seconds * HERTZ)]


@functools.lru_cache(maxsize=64)
def _facts(path: Path, changed: int, size: int) -> SoundFacts:
    with _folder() as folder:
        _decode(path, folder, ["-c:a", "pcm_s16le", "-f", "framecrc", "facts"])
        return _read_facts(path, (Path(folder) / "facts").read_text("utf-8", "replace"))


@functools.lru_cache(maxsize=4)
def _samples(path: Path, changed: int, size: int) -> np.ndarray:
    import numpy as np

    with _folder() as folder:
        plain = ["-ar", str(HERTZ), "-ac", "1", "-c:a", "pcm_f32le", "-f", "f32le", "samples"]
        _decode(path, folder, ["-t", str(LONGEST), *plain])
        found = np.fromfile(Path(folder) / "samples", "<f4")
    return np.nan_to_num(found, nan=0.0, posinf=1.0, neginf=-1.0)


def _folder() -> tempfile.TemporaryDirectory:
    with explained(temporary_folder() / "sound"):
        return tempfile.TemporaryDirectory(prefix="vqclip-sound-")


def _decode(path: Path, folder: str, target: list[str]) -> None:
    with explained(Path(folder)):
        outcome = run(find_ffmpeg(), [*reading(path), *target], Path(folder), PATIENCE)
    if not outcome.ok:
        raise UsageError(f"holds no sound that ffmpeg can read ({_reason(outcome.message)})")


def _reason(message: str) -> str:
    """What ffmpeg said, in short."""
    if "whitelist" in message:
        return "a file of another kind"
    said = message.rpartition(": ")[2].strip(" .")
    return said[:1].lower() + said[1:]


def _read_facts(path: Path, listing: str) -> SoundFacts:
    """Of ffmpeg's list of packets: each with its time, its length, its size in bytes."""
    hertz = int(_said(listing, r"^#sample_rate 0: (\d+)"))
    rows = [line.split(",") for line in listing.splitlines() if line and line[0] != "#"]
    lengths = sum(int(row[3]) for row in rows)
    if not hertz or not lengths:
        raise UsageError("holds no sound that ffmpeg can read (it is empty)")
    total = sum(int(row[4]) for row in rows)
    base = Fraction(_said(listing, r"^#tb 0: (\S+)"))
    seconds = lengths * base
    return SoundFacts(hertz, round(total / (2 * seconds * hertz)), seconds)


def _said(listing: str, pattern: str) -> str:
    found = re.search(pattern, listing, re.MULTILINE)
    return found[1] if found else "0"
