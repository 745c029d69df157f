"""Pictures and captions of the illustrated world, as the towers read them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .teacher import embed

SIDE = 96  # pixels; half of a picture's 192, and a half more than the tower sees, for crops
CAPTIONS = 3  # of each picture


@dataclass(frozen=True)
class Corpus:
    """Everything the towers see of a folder of pictures.

    pictures: [n, 3, 96, 96] uint8.
    captions: the texts, each once; `of_picture` [n, 3] are indices of them.
    vectors: [len(captions), 384], what MiniLM makes of them.
    """

    pictures: Tensor
    captions: tuple[str, ...]
    of_picture: Tensor
    vectors: Tensor


def read_corpus(folder: Path, cache: Path) -> Corpus:
    """The corpus that `pictures.write_pictures` has written to `folder`; vectors of captions are kept in `cache`."""
    written = json.loads((folder / "captions.json").read_text("utf-8"))
    captions = sorted({caption for three in written for caption in three})
    place = {caption: index for index, caption in enumerate(captions)}
    of_picture = torch.tensor([[place[caption] for caption in three] for three in written])
    return Corpus(_halved(folder / "pictures.npy"), tuple(captions), of_picture, embed(captions, cache))


def _halved(path: Path, at_once: int = 500) -> Tensor:
    """All pictures at half their size, each pixel the mean of four."""
    source = np.load(path, mmap_mode="r")
    halved = np.empty((len(source), SIDE, SIDE, 3), np.uint8)
    for start in range(0, len(source), at_once):
        block = source[start : start + at_once].astype(np.uint16)
        halved[start : start + at_once] = block.reshape(-1, SIDE, 2, SIDE, 2, 3).sum((2, 4)) // 4
    return torch.from_numpy(halved).permute(0, 3, 1, 2).contiguous()
