"""Frames to make films of, and an ffmpeg that does what a test wants."""

from __future__ import annotations

import sys

import numpy as np

SIZE = (32, 24)


def picture(number, size=SIZE):
    """Moving colours, so that frames differ and B-frames are worth using."""
    y, x = np.mgrid[: size[1], : size[0]]
    channels = [
        127 + 120 * np.sin((x + number) / 5),
        127 + 120 * np.cos((y - number) / 7),
        (x * 5 + number * 9) % 256,
    ]
    return np.stack(channels, axis=-1).astype(np.uint8)


def fake_ffmpeg(folder, text):
    path = folder / "fake-ffmpeg"
    path.write_text(f"#!{sys.executable}\n{text}\n")
    path.chmod(0o755)
    return str(path)
