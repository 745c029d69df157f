"""How large a film's segments are, and how much of the disk it takes; asked before there is a
frame.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..disk.files import free_space, full_disk
from ..errors import FullDiskError

Size = tuple[int, int]  # width, height in pixels

SEGMENT_BYTES = 256_000_000
SEGMENT_FRAMES = (8, 96)  # least and most
FILM_BYTES_PER_PIXEL = 0.25  # of a lively film; a calm one takes a tenth
# raw segments that may lie on the disk at once: filling, being encoded, kept for two checkpoints
RAW_SEGMENTS = 4


def segment_frames(size: Size) -> int:
    """Frames in a segment of a film of this size."""
    width, height = size
    least, most = SEGMENT_FRAMES
    return min(max(SEGMENT_BYTES // (width * height * 3), least), most)


def estimate_disk(
    frames: int,
    size: Size,
    frame_latent: int = 0,
    printed: int = 0,
    deliveries: Iterable[Size] = (),
) -> int:
    """Bytes that writing so many frames may take at most: segments, the film joined from them, raw
    frames.

    `frame_latent` is the bytes of a latent that is kept beside each frame; `printed` is the number
    of frames of the film that is printed from them; `deliveries` are the sizes of what is made of
    the frames beside the film.
    """
    encoded = sum(width * height for width, height in (size, *deliveries))
    spooled = min(frames, RAW_SEGMENTS * segment_frames(size))
    return (
        int(2 * (frames + printed) * encoded * FILM_BYTES_PER_PIXEL)
        + (2 if printed else 1) * spooled * size[0] * size[1] * 3
        + frames * frame_latent
    )


def check_space(
    folder: Path, frames: int, size: Size, frame_latent: int = 0, printed: int = 0
) -> None:
    """Raises FullDiskError when a film of so many (more) frames would fill the disk of `folder`."""
    needed = estimate_disk(frames, size, frame_latent, printed)
    if free_space(folder) < needed:
        raise FullDiskError(full_disk(folder / "film", needed, "try again"))
