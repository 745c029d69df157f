"""The files that a storyboard names: whether they are there and are what they should be, before
anything renders.
"""

from __future__ import annotations

import os
import re
import stat
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from ..catalogue.names import NAMES
from ..disk.picture_files import PICTURE_FORMATS
from ..disk.safetensors_header import read_shapes
from ..disk.web_page import HEAD, WORDS, is_web_page, web_page
from ..text import LONGEST_QUOTE, quoted
from .kinds import Refusal

if TYPE_CHECKING:
    from PIL import Image

# brands in a file's first box
HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
WEB = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
MOST_DECODED = 25_000_000  # pixels; a TIFF and a progressive JPEG take up to 8 bytes for each
MODEL_SUFFIXES = (".pt", ".pth", ".ckpt", ".safetensors", ".bin")


def absolute(written: str, base: Path) -> Path:
    """The path as seen from the storyboard's folder; `~` is the user's home."""
    if "\0" in written or not written.strip():
        raise Refusal(f"expected a path, found {quoted(written)}")
    if WEB.match(written.strip()):
        raise Refusal(
            f"{quoted(written)} is a web address, and nothing is fetched; save the file and name it"
            " here"
        )
    if any(ord(sign) < 32 for sign in written):
        raise Refusal(
            f"{quoted(written)} holds a line break or the like: a backslash in double quotes begins"
            " an escape; use single quotes, or / in paths"
        )
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
    """The path itself, if a saved latent is there: a tensor of that name, [1, channels, height,
    width].
    """
    shape = _shapes(path, "saved by an earlier film").get("latent")
    if shape is None or len(shape) != 4 or shape[0] != 1 or 0 in shape:
        raise Refusal(f"{_named(path)} holds no latent; films and stills save such files")
    return path


def sketchbook_file(path: Path) -> Path:
    """The path itself, if a file with a sketchbook's tensors is there; sketchbook/book.py reads
    it.
    """
    return _made_by(path, "sketchbook", "vqclip-video sketchbook build", {"codes", "image"})


def prior_file(path: Path) -> Path:
    """The path itself, if a file with a prior's tensors is there; models/prior.py reads it."""
    return _made_by(path, "prior", "vqclip-video train storybook", {"enter.weight", "leave.weight"})


def _made_by(path: Path, what: str, command: str, tensors: set[str]) -> Path:
    if not tensors <= _shapes(path, f"of `{command}`").keys():
        raise Refusal(f"{_named(path)} is no {what}; `{command}` makes one")
    return path


def _shapes(path: Path, wanted: str) -> dict[str, tuple[int, ...]]:
    """The shapes of the tensors in a .safetensors file, by name; `wanted` says what kind of
    file, for the message.
    """
    if path.suffix != ".safetensors":
        raise Refusal(f"expected a .safetensors file {wanted}, found {quoted(path.name)}")
    regular_file(path)
    try:
        return read_shapes(path)
    except OSError as error:
        raise Refusal(f"cannot read {_named(path)}: {reason(error)}") from None
    except ValueError:
        page = web_page(path, "a .safetensors file")
        raise Refusal(
            f"{_named(path)}: {page}"
            if page
            else f"{_named(path)} is no .safetensors file, or is cut off"
        ) from None


def picture(path: Path) -> Path:
    """The path itself, if a picture of a known format and bearable size is there, whole.

    Reads all of the file, but decodes no more than takes about a second and 200 MB; of larger GIFs,
    TIFFs and the like only the header is looked at.
    """
    from PIL import Image  # a storyboard of texts alone need not wait for it

    regular_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=PICTURE_FORMATS) as image:
                _check_whole(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Refusal(
            f"{_named(path)} has too many pixels (at most {Image.MAX_IMAGE_PIXELS:,})"
        ) from None
    except PermissionError as error:
        raise Refusal(f"cannot read {_named(path)}: {reason(error)}") from None
    except Image.UnidentifiedImageError:
        raise Refusal(f"{_named(path)} {_no_picture(path)}") from None
    except Exception:  # Pillow's readers raise whatever broken bytes lead them to
        raise Refusal(f"{_named(path)} is damaged or cut off; copy or save it again") from None
    return path


def picture_doubt(path: Path) -> str:
    """What to say of how a picture that has been checked is read; mostly nothing."""
    from PIL import Image

    from ..disk.pictures import scaled_levels

    with Image.open(path, formats=PICTURE_FORMATS) as image:
        if not scaled_levels(image):
            return ""
    return (
        f"{_named(path)} has values without a fixed range; 0 to 1 are black to white, others are "
        "scaled to be so"
    )


def _no_picture(path: Path) -> str:
    """Why a file that Pillow does not know is none that can be read."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if is_web_page(head):
        return f"cannot be read: {WORDS.format(what='a picture')}"
    if head[4:8] == b"ftyp" and head[8:12] in HEIC:
        return (
            "is a HEIC picture, as telephones take them, which is not read here; save it as JPEG "
            "or PNG"
        )
    if head[4:8] == b"ftyp" and head[8:12] in (b"avif", b"avis"):
        return (
            "is an AVIF picture, which the installed Pillow does not read; pip install --upgrade "
            "pillow"
        )
    return f"cannot be read as a picture; known are {', '.join(PICTURE_FORMATS)}"


def _check_whole(image: Image.Image) -> None:
    """Raises whatever Pillow raises where the picture's bytes do not go to its end."""
    if image.format in ("PNG", "WEBP"):
        # by the checksums of a PNG's chunks; opening a WebP has compared its lengths
        image.verify()
        return
    decoded = image.width * image.height
    # a JPEG is decoded at an eighth, the rest take no notice
    image.draft(None, (image.width // 8, image.height // 8))
    if "progressive" not in image.info:  # such a JPEG is held whole while it is decoded
        decoded = image.width * image.height
    if decoded <= MOST_DECODED:
        image.load()


def model(written: str, base: Path) -> str:
    """A model's name as it is, or a path made absolute.

    A path is what looks like one, or is a file or folder beside the storyboard. A slash alone says
    nothing, since `ViT-B/32` is a name; and a name of the catalogue stays one whatever lies there,
    such as a film's own folder.
    """
    looks_like_path = (
        written.lower().endswith(MODEL_SUFFIXES)
        or "\\" in written
        or written.startswith(("/", "./", "../", "~"))
        or Path(written).is_absolute()
    )
    path = absolute(written, base)
    is_path = looks_like_path or (written not in NAMES and os.path.exists(path))  # noqa: PTH110 - never raises
    return str(path) if is_path else written


def _named(path: Path) -> str:
    """The path in quotes; of a long one the end, which tells it from others."""
    text = str(path)
    return quoted(text if len(text) <= LONGEST_QUOTE else f"…{text[1 - LONGEST_QUOTE :]}")


def reason(error: Exception) -> str:
    """Why the system refused, without its error number."""
    words = getattr(error, "strerror", None) or str(error)
    return words[:1].lower() + words[1:]
