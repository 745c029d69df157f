"""How good a training is so far, by pictures kept apart: a sheet to look at, and a figure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from . import codebook, network

SHOWN = 6
COLUMN = 192  # pixels of the sheet's columns


def sheet_wanted(step: int) -> bool:
    """Whether a sheet is due after this step: 1, 100, 200, 400, 800…"""
    return step == 1 or (step >= 100 and step % 100 == 0 and (step // 100).bit_count() == 1)


@torch.no_grad()
def try_out(parts: nn.Module, pictures: list[Tensor], path: Path | None) -> float:
    """The mean PSNR (dB) of the reconstructions of pictures, uint8 [1, 3, H, W] each, before quantisation.

    path: where a sheet of the first few goes: original | reconstruction | reconstruction from codes.
    """
    rows, ratios = [], []
    device = parts.quantize.embedding.weight.device
    for picture in pictures:
        image = picture.to(device).float() / 127.5 - 1
        latents = network.encode(parts, image).float()
        found = network.decode(parts, latents).float().clamp(-1, 1)
        ratios.append(psnr((found + 1) / 2, (image + 1) / 2))
        if path is not None and len(rows) < SHOWN:
            entries = codebook.quantised(latents, parts.quantize.embedding.weight)
            coarse = network.decode(parts, entries).float().clamp(-1, 1)
            rows.append([_tile(each) for each in (image, found, coarse)])
    if path is not None:
        _write(rows, path)
    return sum(ratios) / len(ratios)


def psnr(found: Tensor, wanted: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of pictures with values 0..1."""
    return float(-10 * torch.log10((found - wanted).square().mean().clamp_min(1e-10)))


def _tile(image: Tensor) -> Image.Image:
    pixels = ((image[0] + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()
    tile = Image.fromarray(np.ascontiguousarray(pixels))
    return tile.resize((COLUMN, max(1, round(tile.height * COLUMN / tile.width))), Image.Resampling.LANCZOS)


def _write(rows: list[list[Image.Image]], path: Path) -> None:
    sheet = Image.new("RGB", (COLUMN * 3, sum(row[0].height for row in rows)))
    top = 0
    for row in rows:
        for column, tile in enumerate(row):
            sheet.paste(tile, (column * COLUMN, top))
        top += row[0].height
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
