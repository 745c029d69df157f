"""What the storybook pair is judged by: fixed prompts, words never seen with a picture, captions
of unseen pictures, and how well its VQGAN paints.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources

import numpy as np
import torch
from torch import Tensor

from ...models.vqgan.first_stage import VQGAN
from ..codebook import quantised
from ..samples import psnr

CAPTION_POOL = 100
PAINTED_AT_ONCE = 8  # pictures


def prompts() -> tuple[str, ...]:
    """The 24 prompts of prompts.txt."""
    return tuple(_lines("prompts.txt"))


def synonyms() -> tuple[tuple[str, str], ...]:
    """(unseen word, known word it should be nearest to), of synonyms.txt."""
    pairs = (line.split(": ") for line in _lines("synonyms.txt"))
    return tuple((unseen, known) for unseen, known in pairs)


def caption_accuracy(
    pictures: Tensor, texts: Tensor, own: Tensor, pool: int = CAPTION_POOL
) -> tuple[float, float]:
    """How often a picture's own caption is the nearest, and among the nearest five, of `pool`
    captions.

    pictures [n, d] and texts [m, d] are unit vectors; own [n, k] are the rows of each picture's
    captions, the first of which stands among captions of other pictures, drawn with a fixed seed.
    """
    random = torch.Generator().manual_seed(0)
    ranks = []
    for picture, mine in zip(pictures, own, strict=True):
        others = own[torch.randint(len(own), (2 * pool,), generator=random), 0]
        others = others[~torch.isin(others, mine)][: pool - 1]
        ranks.append(int((texts[others] @ picture > texts[mine[0]] @ picture).sum()))
    ranks = torch.tensor(ranks)
    return float((ranks == 0).float().mean()), float((ranks < 5).float().mean())


def nearest_known(embed_text) -> list[tuple[str, str, str]]:
    """For each unseen word: the word, the known one it should be nearest to, and the one it is
    nearest to.

    embed_text: texts to unit vectors [n, d].
    """
    pairs = synonyms()
    known = sorted({word for _, word in pairs})
    nearest = (embed_text([word for word, _ in pairs]) @ embed_text(known).T).argmax(1)
    return [
        (word, meant, known[found])
        for (word, meant), found in zip(pairs, nearest.tolist(), strict=True)
    ]


def reconstruction(vqgan: VQGAN, pictures: np.ndarray, rounded: bool = False) -> float:
    """Mean PSNR (dB) of pictures, uint8 [N, H, W, 3], after encoding and decoding.

    rounded: with the entries of the codebook between, as a sketchbook keeps pictures.
    """
    ratios = []
    for images in _some_at_a_time(pictures):
        latents = vqgan.encode(images)
        if rounded:
            latents = quantised(latents, vqgan.codebook)
        ratios.extend(psnr(a, b) for a, b in zip(_painted(vqgan, latents), images, strict=True))
    return sum(ratios) / len(ratios)


def flat_error(vqgan: VQGAN, side: int = 192) -> float:
    """Mean absolute error (0..1) of 30 plain pictures after encoding and decoding; always the
    same random colours.
    """
    colours = torch.rand(30, 3, generator=torch.Generator().manual_seed(0))
    errors = []
    for part in colours.split(PAINTED_AT_ONCE):
        images = part[:, :, None, None].expand(-1, -1, side, side)
        errors.append((_painted(vqgan, vqgan.encode(images)) - images).abs().mean((1, 2, 3)))
    return float(torch.cat(errors).mean())


@torch.no_grad()
def _painted(vqgan: VQGAN, latents: Tensor) -> Tensor:
    return vqgan.decode(latents).clamp(0, 1).cpu()


def _some_at_a_time(pictures: np.ndarray) -> Iterator[Tensor]:
    """[n, 3, H, W], 0..1, of pictures uint8 [N, H, W, 3]."""
    for start in range(0, len(pictures), PAINTED_AT_ONCE):
        part = torch.from_numpy(np.array(pictures[start : start + PAINTED_AT_ONCE]))
        yield part.permute(0, 3, 1, 2).float() / 255


def _lines(name: str) -> list[str]:
    text = resources.files(__package__).joinpath(name).read_text("utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
