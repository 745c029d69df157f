"""Pictures from the user's disk, upright and in RGB."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from .errors import VqclipError
from .storyboard.files import PICTURE_FORMATS


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
