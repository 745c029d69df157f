"""The files that a storyboard names: whether they are there and are what they should be, before anything renders."""

from __future__ import annotations

import os
import stat
import warnings
from pathlib import Path

from .problems import LONGEST_QUOTE, quoted
from .values import Refusal

# What Pillow reads without calling another program (its EPS reader starts Ghostscript).
PICTURE_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
MODEL_SUFFIXES = (".pt", ".pth", ".ckpt", ".safetensors", ".bin")


def absolute(written: str, base: Path) -> Path:
    """The path as seen from the storyboard's folder; `~` is the user's home."""
    if "\0" in written or not written.strip():
        raise Refusal(f"expected a path, found {quoted(written)}")
    try:
        return Path(os.path.abspath(base / Path(written).expanduser()))  # noqa: PTH100 - resolve() would follow links
    except RuntimeError:  # ~someone who does not exist
        raise Refusal(f"{quoted(written)}: no such home folder") from None


def regular_file(path: Path) -> Path:
    """The path itself, if an ordinary file is there."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise Refusal(f"cannot find {_named(path)}: {reason(error)}") from None
    if not stat.S_ISREG(mode):
        raise Refusal(f"{_named(path)} is not a file")
    return path


def latent(path: Path) -> Path:
    """The path itself, if a saved latent is there."""
    if path.suffix != ".safetensors":
        raise Refusal(f"expected a .safetensors file saved by an earlier film, found {quoted(path.name)}")
    return regular_file(path)


def picture(path: Path) -> Path:
    """The path itself, if a picture of a known format and bearable size is there. Reads the header only."""
    from PIL import Image  # a storyboard of texts alone need not wait for it

    regular_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=PICTURE_FORMATS) as image:
                image.verify()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Refusal(f"{_named(path)} has too many pixels (at most {Image.MAX_IMAGE_PIXELS:,})") from None
    except PermissionError as error:
        raise Refusal(f"cannot read {_named(path)}: {reason(error)}") from None
    except Exception:  # Pillow's readers raise whatever a broken header leads them to
        names = ", ".join(PICTURE_FORMATS)
        raise Refusal(f"{_named(path)} cannot be read as a picture; known are {names}") from None
    return path


def model(written: str, base: Path) -> str:
    """A model's name as it is, or a path made absolute. `ViT-B/32` is a name, so a slash alone says nothing."""
    looks_like_path = (
        written.lower().endswith(MODEL_SUFFIXES)
        or "\\" in written
        or written.startswith(("/", "./", "../", "~"))
        or Path(written).is_absolute()
    )
    path = absolute(written, base)
    return str(path) if looks_like_path or _is_file(path) else written


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _named(path: Path) -> str:
    """The path in quotes; of a long one the end, which tells it from others."""
    text = str(path)
    return quoted(text if len(text) <= LONGEST_QUOTE else f"…{text[1 - LONGEST_QUOTE :]}")


def reason(error: Exception) -> str:
    """Why the system refused, without its error number."""
    words = getattr(error, "strerror", None) or str(error)
    return words[:1].lower() + words[1:]
