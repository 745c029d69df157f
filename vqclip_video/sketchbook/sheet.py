"""A contact sheet of sketches, as a PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..models.vqgan.first_stage import VQGAN
from ..output.stills import save_sheet
from .book import Sketchbook
from .decode import decode_sketch
from .pick import Pick


def write_sheet(
    picks: Sequence[Pick], book: Sketchbook, vqgan: VQGAN, title: str, path: Path
) -> None:
    """The picked sketches with their fits and captions."""
    entries = [
        (decode_sketch(book, pick.index, vqgan), f"fit {pick.fit:.2f}", pick.caption or "")
        for pick in picks
    ]
    save_sheet(entries, title, path)
