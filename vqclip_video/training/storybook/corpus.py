"""Pictures and captions of the illustrated world, as the towers read them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .teacher import embed
from .world.captions import with_article
from .world.things import Thing

CORPUS_SIDE = 96  # pixels; half of a picture's 192, and a half more than the tower sees, for crops
CORPUS_SPRITE_SIDE = 80
CAPTION_FORMS = (
    "{a}",
    "{a}",
    "{name}",
    "a picture of {a}",
    "an illustration of {a}",
    "a close up of {a}",
    "a drawing of {a}",
    "one {name}",
    "a photo of {a}",
    "{a}, digital art",
)


@dataclass(frozen=True)
class Captions:
    """The texts, each once, and of_picture [n, 3], the indices of each picture's."""

    texts: tuple[str, ...]
    of_picture: Tensor


@dataclass(frozen=True)
class Corpus:
    """Everything the towers see of a folder of pictures.

    pictures: [n, 3, 96, 96] uint8.
    vectors: [len(captions.texts), 384], what MiniLM makes of them.
    """

    pictures: Tensor
    captions: Captions
    vectors: Tensor


@dataclass(frozen=True)
class Sprites:
    """Single things cut out, to be put on any ground.

    pictures: [n, 4, 80, 80] uint8, premultiplied RGBA.
    captions: the texts, and for each picture the rows of its own.
    vectors: [len(texts), 384], what MiniLM makes of them.
    weights: [n], how often each is drawn.
    """

    pictures: Tensor
    texts: tuple[str, ...]
    of_picture: tuple[tuple[int, ...], ...]
    vectors: Tensor
    weights: Tensor


def read_captions(folder: Path) -> Captions:
    """The captions that `painting.write_pictures` has written to `folder`."""
    written = json.loads((folder / "captions.json").read_text("utf-8"))
    texts = sorted({caption for three in written for caption in three})
    place = {caption: index for index, caption in enumerate(texts)}
    of_picture = [[place[caption] for caption in three] for three in written]
    return Captions(tuple(texts), torch.tensor(of_picture))


def whole_pictures(folder: Path) -> np.ndarray:
    """The pictures of `folder`, uint8 [n, height, width, 3], on the disk until they are used."""
    return np.load(folder / "pictures.npy", mmap_mode="r", allow_pickle=False)


def read_corpus(folder: Path, cache: Path) -> Corpus:
    """The pictures of `folder` at half their size, and what MiniLM makes of their captions, kept
    in `cache`.
    """
    captions = read_captions(folder)
    return Corpus(_halved(whole_pictures(folder)), captions, embed(captions.texts, cache))


def read_sprites(things: Sequence[Thing], cache: Path) -> Sprites:
    """Every look of every thing; looks of one thing share its weight."""
    texts: dict[str, int] = {}
    pictures, of_picture, weights = [], [], []
    for thing in things:
        for look in thing.looks:
            names = [
                f"{look.adjective} {name}" if look.adjective else name
                for name in (*thing.names, *thing.synonyms)
            ]
            own = {
                form.format(a=with_article(name), name=name)
                for name in names
                for form in CAPTION_FORMS
            }
            of_picture.append(tuple(texts.setdefault(text, len(texts)) for text in sorted(own)))
            small = Image.fromarray(look.pixels, "RGBa").resize(
                (CORPUS_SPRITE_SIDE, CORPUS_SPRITE_SIDE), Image.Resampling.LANCZOS
            )
            pictures.append(np.asarray(small).transpose(2, 0, 1))
            weights.append(thing.weight / len(thing.looks))
    known, stacked = tuple(texts), torch.from_numpy(np.stack(pictures))
    return Sprites(stacked, known, tuple(of_picture), embed(known, cache), torch.tensor(weights))


def _halved(source: np.ndarray, at_once: int = 500) -> Tensor:
    """All pictures at half their size, each pixel the mean of four."""
    halved = np.empty((len(source), CORPUS_SIDE, CORPUS_SIDE, 3), np.uint8)
    fours = source.reshape(-1, CORPUS_SIDE, 2, CORPUS_SIDE, 2, 3)
    for start in range(0, len(source), at_once):
        some = slice(start, start + at_once)
        halved[some] = fours[some].astype(np.uint16).sum((2, 4)) // 4
    return torch.from_numpy(halved).permute(0, 3, 1, 2).contiguous()
