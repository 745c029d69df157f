"""From a sketchbook's codes back to pictures."""

from __future__ import annotations

import torch
from PIL import Image

from ..models.vqgan import VQGAN
from .book import Sketchbook


def sketch(book: Sketchbook, index: int, vqgan: VQGAN) -> Image.Image:
    """A picture of the book, decoded."""
    pixels = vqgan.decode_codes(torch.from_numpy(book.codes(index)))[0]
    return Image.fromarray((pixels.permute(1, 2, 0) * 255).round().byte().cpu().numpy())
