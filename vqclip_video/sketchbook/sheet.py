"""A contact sheet of sketches, as a PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image

from ..models.vqgan import VQGAN
from ..output.files import atomic_write
from ..output.report import compose
from .book import Sketchbook
from .pick import Pick


def sketch(book: Sketchbook, index: int, vqgan: VQGAN) -> Image.Image:
    """A picture of the book, decoded."""
    pixels = vqgan.decode_codes(torch.from_numpy(book.codes(index)))[0]
    return Image.fromarray((pixels.permute(1, 2, 0) * 255).round().byte().cpu().numpy())


def write_sheet(picks: Sequence[Pick], book: Sketchbook, vqgan: VQGAN, title: str, path: Path) -> None:
    """The picked sketches with their fits and captions."""
    entries = [(sketch(book, pick.index, vqgan), f"fit {pick.fit:.2f}", pick.caption or "") for pick in picks]
    content = io.BytesIO()
    compose(entries, title).save(content, "PNG")
    atomic_write(path, content.getvalue())
