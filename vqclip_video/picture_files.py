"""Pictures from the user's disk: which there are in a folder, and each upright and in RGB."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from .errors import UsageError, VqclipError
from .storyboard.files import PICTURE_FORMATS

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm")


def pictures_in(folder: Path) -> list[Path]:
    """The picture files in a folder and the folders in it, known by their suffixes, in order of their paths.

    Links to folders are not followed, and folders that may not be read are passed over. UsageError where `folder` is
    none, or there is no picture.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder; name one with pictures in it")
    files = (Path(place, name) for place, _, names in os.walk(folder) for name in names)
    paths = sorted(path for path in files if path.suffix.lower() in SUFFIXES and os.path.isfile(path))  # noqa: PTH113 - never raises
    if not paths:
        raise UsageError(f"{folder}: no pictures in it; known are {', '.join(SUFFIXES)}")
    return paths


def open_picture(path: Path) -> Image.Image:
    """A picture file, upright, on white where transparent, in RGB.

    Takes what Pillow reads: the first frame of an animation, 16-bit greys scaled to 8, CMYK and palettes as RGB.
    Raises VqclipError for what is no picture, is cut off, or has more pixels than Pillow
    takes for harmless (about 89 million).
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=PICTURE_FORMATS) as image:
                return _as_rgb(ImageOps.exif_transpose(image))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as bomb:
        raise VqclipError(f"{path}: refused, {bomb}") from bomb
    except Exception as reason:  # Pillow's readers raise whatever broken bytes lead them to
        raise VqclipError(f"{path}: not a picture that can be read ({reason})") from reason


def fitted(picture: Image.Image, width: int, height: int) -> np.ndarray:
    """The middle of a picture at that size, float32 [3, height, width], 0..1."""
    pixels = ImageOps.fit(picture, (width, height), method=Image.Resampling.LANCZOS)
    return np.ascontiguousarray((np.asarray(pixels, dtype=np.float32) / 255).transpose(2, 0, 1))


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # Pillow clips 16-bit greys to 255 instead of scaling them.
        levels = np.asarray(image, dtype=np.float64)
        brightest = max(levels.max(), 65535 if levels.max() > 255 else 255)
        image = Image.fromarray((levels / brightest * 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")
