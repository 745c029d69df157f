"""Pictures from the user's disk, as tensors."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from ..errors import VqclipError
from ..storyboard.files import PICTURE_FORMATS


def load_picture(path: Path, width: int, height: int) -> Tensor:
    """A picture file as [1, 3, height, width], 0..1: upright, on white where transparent, cropped to the aspect.

    Takes what Pillow reads: the first frame of an animation, 16-bit greys scaled to 8, CMYK and palettes as RGB.
    Raises VqclipError for what is no picture, is cut off, or has more pixels than Pillow
    takes for harmless (about 89 million).
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=PICTURE_FORMATS) as image:
                picture = _as_rgb(ImageOps.exif_transpose(image))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as bomb:
        raise VqclipError(f"{path}: refused, {bomb}") from bomb
    except Exception as reason:  # Pillow's readers raise whatever broken bytes lead them to
        raise VqclipError(f"{path}: not a picture that can be read ({reason})") from reason
    fitted = ImageOps.fit(picture, (width, height), method=Image.Resampling.LANCZOS)
    values = torch.from_numpy(np.asarray(fitted, dtype=np.float32) / 255)
    return values.permute(2, 0, 1).unsqueeze(0)


def load_square(path: Path, size: int) -> Tensor:
    """A picture file as [1, 3, size, size], its middle square, as CLIP's own preprocessing takes it."""
    return load_picture(path, size, size)


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
