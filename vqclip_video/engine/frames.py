"""From a decoded picture to the frame of the film that it becomes, and other ways to the host."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..storyboard.sizes import frame_size, picture_size


@dataclass(frozen=True)
class Arriving:
    """A tensor on its way from the device; the host waits for no more than that."""

    there: Tensor  # on the host
    event: torch.cuda.Event | None = None

    def array(self) -> np.ndarray:
        """The values, once they are here."""
        if self.event:
            self.event.synchronize()
        return self.there.numpy()


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
    return to_host(part.permute(1, 2, 0).mul(255).round_().to(torch.uint8))


def to_host(values: Tensor) -> Arriving:
    """Send values off, beside what the device is given next."""
    if values.device.type != "cuda":
        return Arriving(values.cpu().contiguous())
    beside = _stream_beside(values.device)
    beside.wait_stream(torch.cuda.current_stream(values.device))
    host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    with torch.cuda.stream(beside):
        host.copy_(values, non_blocking=True)
        event = torch.cuda.Event()
        event.record()
    values.record_stream(beside)
    return Arriving(host, event)


@functools.cache
def _stream_beside(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)
