"""The codebook: nearest entries, quantisation with a gradient, and k-means over what an encoder
gives.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.vqgan.first_stage import nearest_entries


def places(latents: Tensor) -> Tensor:
    """Latents [n, c, h, w] as vectors [n·h·w, c]."""
    return latents.movedim(1, -1).flatten(0, -2)


def quantised(latents: Tensor, codebook: Tensor) -> Tensor:
    """The entry nearest to each place of latents [n, c, h, w]; the codebook gets the gradient."""
    n, c, height, width = latents.shape
    with torch.no_grad():
        indices = nearest_entries(places(latents), codebook)
    return F.embedding(indices, codebook).view(n, height, width, c).permute(0, 3, 1, 2)


def straight_through(latents: Tensor, entries: Tensor) -> Tensor:
    """The entries, with the gradient going to the latents as if nothing had been rounded (van
    den Oord et al. 2017).
    """
    return latents + (entries - latents).detach()


def vq_loss(latents: Tensor, entries: Tensor, commitment: float) -> Tensor:
    """Pulls the entries to the latents, and by `commitment` the latents to the entries."""
    return F.mse_loss(entries, latents.detach()) + commitment * F.mse_loss(
        latents, entries.detach()
    )


def k_means(vectors: Tensor, codebook: Tensor, rounds: int, generator: torch.Generator) -> Tensor:
    """Lloyd's rounds on `vectors` [n, c], beginning with `codebook` [entries, c]; entries nobody is
    near to move.

    They move to vectors drawn at random. Returns a new codebook.
    """
    for _ in range(rounds):
        indices = nearest_entries(vectors, codebook)
        counts = torch.bincount(indices, minlength=len(codebook)).to(vectors.dtype)[:, None]
        sums = torch.zeros_like(codebook).index_add_(0, indices, vectors)
        drawn = vectors[torch.randint(len(vectors), (len(codebook),), generator=generator)]
        codebook = torch.where(counts > 0, sums / counts.clamp_min(1), drawn)
    return codebook


def drawn_from(vectors: Tensor, entries: int, generator: torch.Generator) -> Tensor:
    """A codebook [entries, c] of vectors drawn at random, to begin k-means with."""
    return vectors[torch.randint(len(vectors), (entries,), generator=generator)].clone()
