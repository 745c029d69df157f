"""Which files are pictures: by their format, and in a folder by their names."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import UsageError

# What Pillow reads without calling another program (its EPS reader starts Ghostscript).
PICTURE_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "AVIF")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".avif")


def pictures_in(folder: Path) -> list[Path]:
    """The picture files in a folder and the folders in it, known by their suffixes, in order of
    their paths.

    Links to folders are not followed, and folders that may not be read are passed over. UsageError
    where `folder` is none, or there is no picture.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder; name one with pictures in it")
    files = (Path(place, name) for place, _, names in os.walk(folder) for name in names)
    paths = sorted(
        path
        for path in files
        if path.suffix.lower() in SUFFIXES and os.path.isfile(path)  # noqa: PTH113 - never raises
    )
    if not paths:
        raise UsageError(f"{folder}: no pictures in it; known are {', '.join(SUFFIXES)}")
    return paths
