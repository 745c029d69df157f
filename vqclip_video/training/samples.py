"""How good a training is so far, by pictures kept apart: a sheet to look at, and a figure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from . import codebook, network

MOST_ROWS = 6
COLUMN = 192  # pixels of the sheet's columns


def sheet_wanted(step: int) -> bool:
    """Whether a sheet is due after this step: 0, 1, 100, 200, 400, 800…"""
    return step in (0, 1) or (step >= 100 and step % 100 == 0 and (step // 100).bit_count() == 1)


@torch.no_grad()
def try_out(parts: nn.Module, pictures: list[Tensor], path: Path | None) -> float:
    """The mean PSNR (dB) of the reconstructions of pictures, uint8 [1, 3, H, W] each, before
    quantisation.

    path: where a sheet of the first few goes: original | reconstruction | reconstruction from
    codes.
    """
    rows, ratios = [], []
    for picture in pictures:
        image, latents = _encoded(parts, picture)
        found = _painted(parts, latents)
        ratios.append(psnr((found + 1) / 2, (image + 1) / 2))
        if path is not None and len(rows) < MOST_ROWS:
            coarse = _painted(parts, latents, rounded=True)
            rows.append([_tile(each) for each in (image, found, coarse)])
    if path is not None:
        _write(rows, path)
    return sum(ratios) / len(ratios)


@torch.no_grad()
def likeness(parts: nn.Module, pictures: list[Tensor], rounded: bool) -> float:
    """The mean PSNR (dB) of the reconstructions of such pictures; rounded: of those from codes."""
    ratios = []
    for picture in pictures:
        image, latents = _encoded(parts, picture)
        ratios.append(psnr((_painted(parts, latents, rounded) + 1) / 2, (image + 1) / 2))
    return sum(ratios) / len(ratios)


def _encoded(parts: nn.Module, picture: Tensor) -> tuple[Tensor, Tensor]:
    """A picture uint8 [1, 3, H, W] as -1..1, and its latents, float32."""
    image = picture.to(parts.quantize.embedding.weight.device).float() / 127.5 - 1
    return image, network.encode_pictures(parts, image).float()


def _painted(parts: nn.Module, latents: Tensor, rounded: bool = False) -> Tensor:
    """The picture of latents, -1..1; rounded: of the codebook's entries nearest to them."""
    if rounded:
        latents = codebook.quantised(latents, parts.quantize.embedding.weight)
    return network.decode_latents(parts, latents).float().clamp(-1, 1)


def psnr(found: Tensor, wanted: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of pictures with values 0..1."""
    return float(-10 * torch.log10((found - wanted).square().mean().clamp_min(1e-10)))


def _tile(image: Tensor) -> Image.Image:
    pixels = ((image[0] + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()
    tile = Image.fromarray(np.ascontiguousarray(pixels))
    return tile.resize(
        (COLUMN, max(1, round(tile.height * COLUMN / tile.width))), Image.Resampling.LANCZOS
    )


def _write(rows: list[list[Image.Image]], path: Path) -> None:
    sheet = Image.new("RGB", (COLUMN * 3, sum(row[0].height for row in rows)))
    top = 0
    for row in rows:
        for column, tile in enumerate(row):
            sheet.paste(tile, (column * COLUMN, top))
        top += row[0].height
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
