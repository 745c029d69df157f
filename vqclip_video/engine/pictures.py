"""Pictures from the user's disk, as tensors."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..disk.pictures import fitted, open_picture


def load_picture(path: Path, width: int, height: int) -> Tensor:
    """A picture file as [1, 3, height, width], 0..1: cropped to the aspect.

    Raises VqclipError where it cannot be read (see `open_picture`).
    """
    return torch.from_numpy(fitted(open_picture(path), width, height)).unsqueeze(0)


def load_square(path: Path, size: int) -> Tensor:
    """A picture file as [1, 3, size, size], its middle square, as CLIP's own preprocessing takes
    it.
    """
    return load_picture(path, size, size)
