"""From a decoded picture to the frame of the film that it becomes, on the host."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..storyboard.sizes import frame_size, picture_size


@dataclass(frozen=True)
class Arriving:
    """A frame on its way from the device."""

    pixels: Tensor  # [height, width, 3] uint8, on the host
    event: torch.cuda.Event | None = None

    def array(self) -> np.ndarray:
        """The frame, once it is here."""
        if self.event:
            self.event.synchronize()
        return self.pixels.numpy()


def deliver(picture: Tensor, size: tuple[int, int], factor: int) -> Arriving:
    """The middle of a picture [1, 3, h, w], 0..1, as a frame of a film of `size` (width, height).

    A picture decoded at another size, while a film grows, is enlarged first.
    """
    width, height = picture_size(size, factor)
    if picture.shape[-2:] != (height, width):
        picture = F.interpolate(
            picture, size=(height, width), mode="bicubic", align_corners=False
        ).clamp(0, 1)
    width, height = frame_size(size)
    top, left = (picture.shape[-2] - height) // 2, (picture.shape[-1] - width) // 2
    part = picture[0, :, top : top + height, left : left + width]
    return _to_host(part.permute(1, 2, 0).mul(255).round_().to(torch.uint8))


def _to_host(pixels: Tensor) -> Arriving:
    if pixels.device.type != "cuda":
        return Arriving(pixels.cpu().contiguous())
    host = torch.empty(pixels.shape, dtype=pixels.dtype, pin_memory=True)
    host.copy_(pixels, non_blocking=True)
    event = torch.cuda.Event()
    event.record()
    return Arriving(host, event)
