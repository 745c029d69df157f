"""A pair's files as they are published: in float16 or less, without what only a training needs."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save
from torch import nn

from ...catalogue.vqgan_config import DISCRIMINATOR
from ...disk.files import atomic_write
from ...models.clip.layouts import SIZES
from ...models.weights import read_tensors
from .presets import CLIP_FILE, VQGAN_FILE


def publish_clip(clip: nn.Module, folder: Path) -> None:
    """Write clip.safetensors into `folder`, from a CLIP on any device."""
    weights = {name: tensor.half().contiguous().cpu() for name, tensor in clip.state_dict().items()}
    # Half of the file's bytes would be this table; with 3 % noise on its rows the texts mean what
    # they did.
    table = weights["token_embedding.weight"]
    weights["token_embedding.weight"] = table.to(torch.float8_e4m3fn)
    sizes = clip.visual.input_resolution, clip.context_length, clip.vocab_size
    # By these OpenAI's own files are known, and with them how they are computed.
    weights |= {name: torch.tensor(size) for name, size in zip(SIZES, sizes, strict=True)}
    atomic_write(folder / CLIP_FILE, save(weights))


def publish_vqgan(training: Path, folder: Path) -> Path:
    """Write vqgan.safetensors, without discriminator, and vqgan.yaml into `folder`.

    training: the folder of a finished `train vqgan`. Returns the weights' path.
    """
    weights = {
        name: tensor.half().contiguous()
        for name, tensor in read_tensors(training / "last.ckpt").items()
        if not name.startswith(DISCRIMINATOR)
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / VQGAN_FILE
    atomic_write(path, save(weights))
    atomic_write(path.with_suffix(".yaml"), _published_config(training / "model.yaml"))
    return path


def _published_config(path: Path) -> str:
    """taming's part of a training's config, the loss left out."""
    from omegaconf import OmegaConf

    model = OmegaConf.to_container(OmegaConf.load(path))["model"]
    model["params"]["lossconfig"] = {"target": "taming.modules.losses.vqperceptual.DummyLoss"}
    return OmegaConf.to_yaml(OmegaConf.create({"model": model}))
