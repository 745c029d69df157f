"""From a sketchbook's codes back to pictures."""

from __future__ import annotations

import torch
from PIL import Image

from ..errors import ModelError
from ..models.vqgan.first_stage import VQGAN
from .book import Sketchbook


def decode_sketch(book: Sketchbook, index: int, vqgan: VQGAN) -> Image.Image:
    """A picture of the book, decoded.

    ModelError where the book is not of this VQGAN, or is damaged.
    """
    if (book.notes.entries, book.notes.factor) != (len(vqgan.codebook), vqgan.factor):
        raise ModelError(f"{book.source}: its codes are not those of this VQGAN; build it again")
    pixels = vqgan.decode_codes(torch.from_numpy(book.codes(index)))[0]
    return Image.fromarray((pixels.permute(1, 2, 0) * 255).round().byte().cpu().numpy())
