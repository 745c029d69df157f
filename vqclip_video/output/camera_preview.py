"""The camera's way over a checkerboard, without a model: a GIF, or a PNG of some of its frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from ..disk.files import atomic_write
from ..storyboard.camera import CameraPath, Pose
from ..storyboard.sizes import frame_size
from ..storyboard.timeline import Timeline
from ..text import clock
from .stills import draw_sheet, encoded_picture, sheet_frames, write_picture

KINDS = (".gif", ".png")  # of files
SIDE = 240  # pixels of the longer side
SQUARES = 8  # across the picture
FINER = 2  # points along a side of a pixel that its colour is the mean of
LIGHT, DARK, MIDDLE = (226, 220, 205), (60, 74, 92), (208, 96, 64)
MOST_FRAMES, MOST_A_SECOND = 600, 12  # of a GIF


def preview_camera(timeline: Timeline, path: Path) -> None:
    """Writes what the camera of a film makes of a checkerboard with a dot in the middle; each scene
    begins with a board of its own. What is beyond the border is more of the board.
    """
    size = frame_size(timeline.storyboard.size)
    width, height = (max(1, round(side * SIDE / max(size))) for side in size)
    camera = CameraPath(timeline, size[1] / size[0], reach=1.0)
    if path.suffix.lower() == ".gif":
        return _write_gif(timeline, camera, (width, height), path)
    entries = []
    for frame in sheet_frames(timeline.frames):
        moment = timeline.begins(frame)
        picture = Image.fromarray(board(camera.at(frame).in_scene, (width, height)))
        time = clock(float(frame / timeline.storyboard.fps))
        entries.append((picture, time, f"scene {moment.scene + 1}"))
    write_picture(draw_sheet(entries, timeline.storyboard.title), path)


def _write_gif(timeline: Timeline, camera: CameraPath, size: tuple[int, int], path: Path) -> None:
    fps = float(timeline.storyboard.fps)
    every = max(1, round(fps / MOST_A_SECOND), -(-timeline.frames // MOST_FRAMES))

    def pictures() -> Iterator[Image.Image]:
        for frame in range(0, timeline.frames, every):
            yield Image.fromarray(board(camera.at(frame).in_scene, size)).quantize(64)

    first, *rest = pictures()
    milliseconds = round(1000 * every / fps)
    about = {"save_all": True, "append_images": rest, "duration": milliseconds, "loop": 0}
    atomic_write(path, encoded_picture(first, "GIF", **about))


def board(pose: Pose, size: tuple[int, int]) -> np.ndarray:
    """The checkerboard [height, width, 3] uint8 as it looks after a pose."""
    width, height = size
    x = ((np.arange(width * FINER) + 0.5) / FINER / width - 0.5)[None]
    y = (((np.arange(height * FINER) + 0.5) / FINER - height / 2) / width)[:, None]
    at = (x + 1j * y - pose.shift) / pose.turn
    odd = (np.floor(at.real * SQUARES) + np.floor(at.imag * SQUARES)) % 2
    colours = np.where(odd[..., None] > 0, np.array(LIGHT), np.array(DARK))
    colours[np.abs(at) < 0.4 / SQUARES] = MIDDLE
    blocks = colours.reshape(height, FINER, width, FINER, 3)
    return blocks.mean((1, 3)).round().astype(np.uint8)
