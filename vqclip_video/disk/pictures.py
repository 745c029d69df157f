"""Pictures from the user's disk, upright and in RGB."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ..errors import VqclipError
from .picture_files import PICTURE_FORMATS


def open_picture(path: Path) -> Image.Image:
    """A picture file, upright, on white where transparent, in RGB.

    Takes what Pillow reads: the first frame of an animation, 16-bit greys scaled to 8, CMYK and
    palettes as RGB. Floats are 0 to 1 where they lie there; others, and 32-bit greys, are scaled
    from their smallest to their largest. Raises VqclipError for what is no picture, is cut off, or
    has more pixels than Pillow takes for harmless (about 89 million).
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=PICTURE_FORMATS) as image:
                deep = image.format in ("PNG", "PPM") or _bits(image) == 16
                return _as_rgb(ImageOps.exif_transpose(image), deep)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as bomb:
        raise VqclipError(f"{path}: refused, {bomb}") from bomb
    except Exception as reason:  # Pillow's readers raise whatever broken bytes lead them to
        raise VqclipError(f"{path}: not a picture that can be read ({reason})") from reason


def fitted(picture: Image.Image, width: int, height: int) -> np.ndarray:
    """The middle of a picture at that size, float32 [3, height, width], 0..1."""
    pixels = ImageOps.fit(picture, (width, height), method=Image.Resampling.LANCZOS)
    return np.ascontiguousarray((np.asarray(pixels, dtype=np.float32) / 255).transpose(2, 0, 1))


def scaled_levels(image: Image.Image) -> bool:
    """Whether the values of an opened picture say nothing by themselves of how bright they are."""
    return image.mode == "F" or (image.mode == "I" and _bits(image) == 32)


def _bits(image: Image.Image) -> int | None:
    """Bits a sample, which only a TIFF says; Pillow opens 16 and 32 bits in one mode."""
    return image.tag_v2.get(258, (None,))[0] if image.format == "TIFF" else None


def _as_rgb(image: Image.Image, deep: bool) -> Image.Image:
    """`deep`: whether greys beyond 8 bits are of 16.

    Pillow clips them, and floats, to 255 instead of scaling them.
    """
    if image.mode == "F" or image.mode.startswith("I"):
        levels = np.nan_to_num(np.asarray(image, dtype=np.float64), posinf=0, neginf=0)
        low, high = (
            (0.0, 65535.0)
            if image.mode.startswith("I;") or (deep and image.mode == "I")
            else _range(levels)
        )
        image = Image.fromarray(
            ((levels - low) / (high - low) * 255).clip(0, 255).round().astype(np.uint8)
        )
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _range(levels: np.ndarray) -> tuple[float, float]:
    """The values that become black and white; never the same one."""
    low, high = float(levels.min()), float(levels.max())
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    return low, high if high > low else low + 1
