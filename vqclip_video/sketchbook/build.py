"""From pictures to a sketchbook: each cropped, encoded to the nearest codes, and seen and named
by CLIP.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from ..disk.pictures import fitted
from ..errors import UsageError
from ..materials import ModelFiles
from ..models.clip.perceptor import Perceptor
from ..models.vqgan.first_stage import VQGAN, nearest_entries
from .book import MOST_ENTRIES, MOST_PIXELS, BookNotes, Sketchbook, bits_for, eight_bits, pack

AT_ONCE = 16  # pictures encoded together
SIZE = (256, 192)  # 4:3, which loses little in square films and in wide ones


@dataclass(frozen=True)
class Drawing:
    """A picture on its way into a book."""

    picture: Image.Image  # RGB
    caption: str | None = None
    subject: str | None = None


def build_sketchbook(
    drawings: Iterable[Drawing],
    perceptor: Perceptor,
    vqgan: VQGAN,
    paths: ModelFiles,
    size: tuple[int, int] = SIZE,
    words: Mapping[str, Sequence[str]] | None = None,
    on_progress: Callable[[int], None] = lambda done: None,
) -> Sketchbook:
    """A book of these pictures for the pair of `paths`, which `perceptor` and `vqgan` were loaded
    from.

    size: (width, height) of its pictures in pixels, multiples of the VQGAN's factor.
    words: for a subject, the other words that mean it. Raises UsageError for a size that does not
        fit, or no picture.
    """
    check_size(size, vqgan.factor)
    entries = _entries(vqgan)
    codes, seen, captions, subjects = [], [], [], []
    for some in _batches(drawings, AT_ONCE):
        pictures = [ImageOps.fit(each.picture, size, Image.Resampling.LANCZOS) for each in some]
        codes.append(_nearest_codes(_stacked(pictures, size, vqgan.device), vqgan))
        with torch.no_grad():
            views = _stacked(pictures, (perceptor.size, perceptor.size), perceptor.device)
            seen.append(perceptor.embed_image(views).cpu().numpy())
        captions += [drawing.caption for drawing in some]
        subjects += [drawing.subject for drawing in some]
        on_progress(len(captions))
    if not captions:
        raise UsageError("there is no picture to make a sketchbook of")
    notes = BookNotes(
        height=size[1] // vqgan.factor,
        width=size[0] // vqgan.factor,
        entries=entries,
        factor=vqgan.factor,
        clip=paths.digests[0],
        vqgan=paths.digests[1],
        models=paths.names,
        captions=tuple(captions),
        subjects=tuple(subjects),
        words={subject: tuple(others) for subject, others in (words or {}).items()},
    )
    image = eight_bits(np.concatenate(seen))
    text = eight_bits(_embedded(captions, perceptor))
    return Sketchbook(notes, pack(np.concatenate(codes), bits_for(entries)), image, text)


def _entries(vqgan: VQGAN) -> int:
    entries = len(vqgan.codebook)
    if entries > MOST_ENTRIES:
        raise UsageError(
            f"a codebook of {entries:,} entries; a sketchbook is for {MOST_ENTRIES:,} at most"
        )
    return entries


def check_size(size: tuple[int, int], factor: int) -> None:
    """Raises UsageError for a size that the VQGAN cannot encode whole, or that no book may have."""
    if size[0] * size[1] > MOST_PIXELS:
        raise UsageError(
            f"size={size[0]}x{size[1]}: sketches have {MOST_PIXELS:,} pixels at most; try 512x384"
        )
    if min(size) < factor or size[0] % factor or size[1] % factor:
        width, height = (max(round(side / factor), 1) * factor for side in size)
        raise UsageError(
            f"size={size[0]}x{size[1]}: this VQGAN takes multiples of {factor}; try "
            f"{width}x{height}"
        )


def _nearest_codes(pictures: Tensor, vqgan: VQGAN) -> np.ndarray:
    """Indices of the codebook's nearest entries, int64 [n, h * w], for pictures [n, 3, H, W]."""
    latents = vqgan.encode(pictures)
    cells = latents.movedim(1, -1).flatten(0, -2)  # [n * h * w, channels]
    return nearest_entries(cells, vqgan.codebook).view(len(latents), -1).cpu().numpy()


def _embedded(captions: Sequence[str | None], perceptor: Perceptor) -> np.ndarray:
    """CLIP's embeddings of the captions [n, d]; zeros where there is none."""
    known = list(dict.fromkeys(caption for caption in captions if caption))
    vectors = np.zeros((len(captions), perceptor.dim), np.float32)
    if known:
        found = dict(zip(known, perceptor.embed_text(known).cpu().numpy(), strict=True))
        for row, caption in zip(vectors, captions, strict=True):
            if caption:
                row[:] = found[caption]
    return vectors


def _stacked(
    pictures: Sequence[Image.Image], size: tuple[int, int], device: torch.device
) -> Tensor:
    return torch.from_numpy(np.stack([fitted(picture, *size) for picture in pictures])).to(device)


def _batches(items: Iterable[Drawing], size: int) -> Iterator[list[Drawing]]:
    remaining = iter(items)
    while some := list(islice(remaining, size)):
        yield some
