"""What a group norm over a channels-last feature map needs to know: its weights, and how the map
is shared out among a GPU's blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

MOST_PARTS = 512  # blocks that each leave a partial result; an H100 has 132 processors
LEAST_ROWS = 8


@dataclass(frozen=True)
class FrozenNorm:
    """A group norm's weights, float32 whatever the feature maps are, and no gradient of them."""

    weight: Tensor  # [channels]
    bias: Tensor  # [channels]
    groups: int
    eps: float

    @classmethod
    def of(cls, layer: nn.GroupNorm, device: torch.device) -> FrozenNorm:
        weight, bias = (
            each.detach().to(device, torch.float32, copy=True)
            for each in (layer.weight, layer.bias)
        )
        return cls(weight, bias, layer.num_groups, layer.eps)


@dataclass(frozen=True)
class Split:
    """How the places of a feature map are shared out: `parts` blocks, each with `rows` places,
    `tile` of them at a time.
    """

    places: int
    tile: int
    parts: int
    rows: int

    @classmethod
    def of(cls, places: int, channels: int, values: int) -> Split:
        """values: about how many a tile has, a power of two; so is the number of its rows."""
        tile = max(LEAST_ROWS, values // (1 << (channels - 1).bit_length()))
        parts = min(MOST_PARTS, -(-places // tile))
        rows = -(-places // (parts * tile)) * tile
        return cls(places, tile, -(-places // rows), rows)

    @property
    def tiles(self) -> int:
        return -(-self.places // self.tile)
