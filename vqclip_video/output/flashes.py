"""Where a film flashes more often than is safe to look at.

A flash is a pair of opposite changes of relative luminance, each by a tenth or more of the largest
there is, where the darker picture lies under .8 of it; more than three of them within a second,
over a quarter of the picture or more, may cause seizures (WCAG 2.2, general flash). What it says of
the angle that a screen fills is not known here, so the share is taken of the picture.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..disk.ffmpeg import find_ffmpeg, run, temporary_folder
from ..disk.files import explained
from ..errors import OutputError
from ..text import clock

SIDE = 32  # of the small pictures that are looked at
CHANGE, BRIGHT, AREA = 0.1, 0.8, 0.25
MOST_CHANGES = 6  # within a second: three flashes
SMALL = f"scale={SIDE}:{SIDE}:flags=area:out_range=pc,format=rgb24"
WEIGHTS = np.array([0.2126, 0.7152, 0.0722], np.float32)  # of red, green, blue
BLOCK = 4096  # pictures that are held together
MOST_NAMED = 5


def luminance(pictures: np.ndarray) -> np.ndarray:
    """The relative luminance, 0..1, of sRGB pictures: uint8 [n, h, w, 3] to float [n, h, w]."""
    levels = np.arange(256, dtype=np.float32) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    return linear.astype(np.float32)[pictures] @ WEIGHTS


def flashing_seconds(pictures: Iterator[np.ndarray], fps: float) -> list[float]:
    """The second at which each stretch of too many flashes begins.

    pictures: luminance [h, w] of each frame, 0..1, in order.
    """
    found: list[float] = []
    recent: list[np.ndarray] = []  # where the changes of the last second were, oldest first
    many: np.ndarray | None = None
    extreme = rising = None
    last = -np.inf
    for number, now in enumerate(pictures):
        if extreme is None:
            extreme, rising = now.copy(), np.zeros(now.shape, np.int8)
            many = np.zeros(now.shape, int)
        changed, extreme, rising = _changed(now, extreme, rising)
        recent.append(changed)
        many += changed
        if len(recent) > max(round(fps), 1):
            many -= recent.pop(0)
        if (many > MOST_CHANGES).mean() >= AREA:
            if number / fps - last > 1:
                found.append(max(number + 1 - len(recent), 0) / fps)
            last = number / fps
    return found


def _changed(
    now: np.ndarray, extreme: np.ndarray, rising: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where a change opposite to the one before is complete; the newest extremes and directions.

    extreme: the brightest or darkest since the last change; rising: its direction, 0 at first.
    """
    dark = np.minimum(now, extreme) < BRIGHT
    up = dark & (now - extreme >= CHANGE) & (rising <= 0)
    down = dark & (extreme - now >= CHANGE) & (rising >= 0)
    changed = up | down
    rising = np.where(up, 1, np.where(down, -1, rising)).astype(np.int8)
    further = ((rising > 0) & (now > extreme)) | ((rising < 0) & (now < extreme))
    return changed, np.where(changed | further, now, extreme), rising


def flashes_of(film: Path, fps: float) -> list[float]:
    """The seconds of a finished film at which too many flashes begin.

    Raises OutputError where ffmpeg cannot read it.
    """
    with (
        explained(temporary_folder() / "flashes"),
        tempfile.TemporaryDirectory(prefix="vqclip-flashes-") as folder,
    ):
        source = ["-i", f"file:{film.absolute()}", "-map", "0:v:0", "-fps_mode", "passthrough"]
        small = [*source, "-vf", SMALL, "-f", "rawvideo", "small"]
        outcome = run(find_ffmpeg(), small, Path(folder))
        if not outcome.ok:
            raise OutputError(f"{film}: ffmpeg cannot read it ({outcome.message})")
        return flashing_seconds(_small_pictures(Path(folder) / "small"), fps)


def _small_pictures(raw: Path) -> Iterator[np.ndarray]:
    size = SIDE * SIDE * 3
    with raw.open("rb") as file:
        while block := file.read(BLOCK * size):
            yield from luminance(np.frombuffer(block, np.uint8).reshape(-1, SIDE, SIDE, 3))


def in_seconds(found: list[float]) -> str:
    """The seconds for a message, the first few of many."""
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    return ", ".join(clock(second) for second in found[:MOST_NAMED]) + more
