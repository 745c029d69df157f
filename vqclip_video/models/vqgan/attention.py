"""Self-attention with one wide head by plain products.

A VQGAN's attention has a single head of up to 512 channels, for which a GPU has no flash kernel:
torch's memory-efficient one spends 4.7 of an iteration's 18 ms in its backward pass alone (H100,
512x512). Up to some thousands of places the whole matrix of all places by all is small; above,
queries go in blocks, each with the whole rows of its softmax, computed again in the backward pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

MOST_SCORES = 4096 * 4096  # in one block: 32 MiB in half precision


def attend_to_all(packed: Tensor) -> Tensor:
    """What each place gathers from all: softmax(q kᵀ / √c) v, [n, places, c].

    packed: q, k and v side by side, [n, places, 3 · c].
    """
    return _Attention.apply(packed)


def _blocks(places: int) -> Iterator[slice]:
    """Even blocks of queries, each with at most MOST_SCORES scores."""
    count = -(-places * places // MOST_SCORES)
    size = -(-places // count)
    return (slice(start, start + size) for start in range(0, places, size))


def _shares(query: Tensor, key: Tensor) -> Tensor:
    """How much of each place a query takes, [n, queries, places]; softmax sums in float32."""
    empty = query.new_empty(())
    scale = query.shape[-1] ** -0.5
    scores = torch.baddbmm(empty, query, key.transpose(1, 2), beta=0, alpha=scale)
    return torch._softmax(scores, -1, False)


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, packed: Tensor) -> Tensor:
        query, key, value = packed.chunk(3, -1)
        blocks = list(_blocks(packed.shape[1]))
        mixed, shares = packed.new_empty(value.shape), None
        for block in blocks:
            shares = _shares(query[:, block], key)
            torch.bmm(shares, value, out=mixed[:, block])
        ctx.save_for_backward(packed, shares if len(blocks) == 1 else None)
        return mixed

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        packed, kept = ctx.saved_tensors
        query, key, value = packed.chunk(3, -1)
        scale, found = query.shape[-1] ** -0.5, torch.zeros_like(packed)
        of_query, of_key, of_value = found.chunk(3, -1)
        for block in _blocks(packed.shape[1]):
            shares = _shares(query[:, block], key) if kept is None else kept
            of_mixed = slope[:, block]
            of_value.baddbmm_(shares.transpose(1, 2), of_mixed)
            of_shares = of_mixed @ value.transpose(1, 2)
            of_scores = torch._softmax_backward_data(of_shares, shares, -1, shares.dtype)
            torch.baddbmm(
                of_query[:, block], of_scores, key, beta=0, alpha=scale, out=of_query[:, block]
            )
            of_key.baddbmm_(of_scores.transpose(1, 2), query[:, block], alpha=scale)
        return found
