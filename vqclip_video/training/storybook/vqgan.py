"""The storybook's VQGAN: its published form, and how well it paints.

Its training is `train vqgan` with vqgan.yaml.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from ...catalogue.vqgan_config import DISCRIMINATOR
from ...disk.files import atomic_write
from ...models.vqgan.first_stage import VQGAN, nearest_entries
from ...models.weights import read_tensors
from .. import codebook
from ..samples import psnr

CONFIG = Path(__file__).with_name("vqgan.yaml")
AT_ONCE = 8


@dataclass(frozen=True)
class Channels:
    """Statistics of latents, one value for each channel."""

    mean: Tensor
    deviation: Tensor


def reconstruction(vqgan: VQGAN, pictures: np.ndarray, rounded: bool = False) -> float:
    """Mean PSNR (dB) of pictures, uint8 [N, H, W, 3], after encoding and decoding.

    rounded: with the entries of the codebook between, as a sketchbook keeps pictures.
    """
    ratios = []
    for images in _parts(pictures):
        latents = vqgan.encode(images)
        if rounded:
            latents = codebook.quantised(latents, vqgan.codebook)
        with torch.no_grad():
            found = vqgan.decode(latents).clamp(0, 1).cpu()
        ratios.extend(psnr(a, b) for a, b in zip(found, images, strict=True))
    return sum(ratios) / len(ratios)


def flat_error(vqgan: VQGAN, side: int = 192) -> float:
    """Mean absolute error (0..1) of 30 plain pictures after encoding and decoding; always the
    same random colours.
    """
    colours = torch.rand(30, 3, generator=torch.Generator().manual_seed(0))
    errors = []
    for part in colours.split(AT_ONCE):
        images = part[:, :, None, None].expand(-1, -1, side, side)
        with torch.no_grad():
            found = vqgan.decode(vqgan.encode(images)).clamp(0, 1).cpu()
        errors.append((found - images).abs().mean((1, 2, 3)))
    return float(torch.cat(errors).mean())


def channel_statistics(vqgan: VQGAN, pictures: np.ndarray) -> Channels:
    """Mean and standard deviation of each channel of the latents of pictures uint8 [N, H, W, 3]."""
    vectors = _vectors(vqgan, pictures)
    return Channels(vectors.mean(0), vectors.std(0))


def codes_used(vqgan: VQGAN, pictures: np.ndarray) -> int:
    """How many entries of the codebook the pictures uint8 [N, H, W, 3] take."""
    return len(nearest_entries(_vectors(vqgan, pictures), vqgan.codebook.cpu()).unique())


def export(training: Path, folder: Path) -> Path:
    """Write vqgan.safetensors, in float16 and without discriminator, and vqgan.yaml into `folder`.

    training: the folder of a finished `train vqgan`. Returns the weights' path.
    """
    found = read_tensors(training / "last.ckpt")
    weights = {
        n: tensor.half().contiguous()
        for n, tensor in found.items()
        if not n.startswith(DISCRIMINATOR)
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "vqgan.safetensors"
    atomic_write(path, save(weights))
    atomic_write(folder / "vqgan.yaml", _published_config(training / "model.yaml"))
    return path


def _published_config(path: Path) -> str:
    """taming's part of a training's config, the loss left out."""
    from omegaconf import OmegaConf

    model = OmegaConf.to_container(OmegaConf.load(path))["model"]
    model["params"]["lossconfig"] = {"target": "taming.modules.losses.vqperceptual.DummyLoss"}
    return OmegaConf.to_yaml(OmegaConf.create({"model": model}))


def _parts(pictures: np.ndarray) -> Iterator[Tensor]:
    """Some pictures at a time, [n, 3, H, W], 0..1."""
    for start in range(0, len(pictures), AT_ONCE):
        part = torch.from_numpy(np.array(pictures[start : start + AT_ONCE]))
        yield part.permute(0, 3, 1, 2).float() / 255


def _vectors(vqgan: VQGAN, pictures: np.ndarray) -> Tensor:
    return torch.cat([codebook.places(vqgan.encode(images)).cpu() for images in _parts(pictures)])
