"""The camera: what is on the picture is carried along as one would film it.

A latent that is resampled by less than one of its places stays where it is, until it jumps: its
decoder has only seen pictures on its own grid. So what moves is the picture, and the encoder makes
a latent of it again (measured in docs/camera.md). Each time something is lost, so it is done
seldom: the latent stays until what is seen lies half a place off, and each frame is the latent's
picture, moved by what is missing, through encoder and decoder, which keep it as sharp as all
others.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.vqgan.first_stage import VQGAN
from ..storyboard.camera import HOME, CameraPath, Pose
from ..storyboard.timeline import Moment, Timeline
from .guides import Seen
from .latent import Latent
from .terms import within_range

PADDING = {"reflect": "reflection", "replicate": "border", "wrap": "zeros"}
BESIDE = 2  # places that an interpolation reaches beyond its own
KEPT = 4  # guides that are remembered as the camera sees them

Carry = Callable[[Tensor], Tensor]


class CameraWork:
    """Moves the latent, and shows it from where the camera is."""

    def __init__(self, timeline: Timeline, vqgan: VQGAN, size: tuple[int, int]):
        """size: (height, width) of the latent."""
        height, width = size
        self.vqgan = vqgan
        self.path = CameraPath(timeline, height / width, 0.5 / width)
        self._seen: dict[Hashable, tuple[Tensor, Tensor]] = {}  # with what it was made of

    def move(self, latent: Latent, moment: Moment, also: Carry | None = None) -> Carry | None:
        """Carries the latent along before the first iteration of a frame, where it is time; returns
        how any latent [1, channels, h, w] is carried the same way.
        """
        if not moment.begins or (pose := self.path.at(moment.shot).move) == HOME:
            return None
        border = moment.now.camera.border
        latent.carry(
            self.moved(latent.value.detach(), pose, border),
            lambda tensor: warped(tensor, pose, border, "bilinear"),
        )
        return lambda other: self.moved(other, pose, border)

    def view(self, value: Tensor, picture: Tensor, moment: Moment) -> tuple[Tensor, Tensor]:
        """A captured latent and its picture as the camera sees them."""
        if (pose := self.path.at(moment.shot).view) == HOME:
            return value, picture
        seen = self._encoded(warped(picture, pose, moment.now.camera.border))
        return seen, self.picture(seen)

    @torch.no_grad()
    def moved(self, latent: Tensor, pose: Pose, border: str) -> Tensor:
        """A latent of the picture that another's is from this pose."""
        return self._encoded(warped(self.picture(latent), pose, border))

    @torch.no_grad()
    def picture(self, latent: Tensor) -> Tensor:
        """The picture [1, 3, H, W], 0..1, of a latent."""
        return within_range(self.vqgan.decode(latent))

    def seen(self, moment: Moment) -> Seen:
        """How guides lie in the latent at a moment."""
        shot = self.path.at(moment.shot)

        def seen(target: Tensor, *, previous: bool, fleeting: bool) -> Tensor:
            if (pose := shot.of_guide(previous)) == HOME:
                return target
            # one that is on its way is looked at once in a frame
            key = (pose, (previous, moment.scene, moment.time) if fleeting else id(target))
            known, found = self._seen.get(key, (None, None))
            if known is None or not (fleeting or known is target):
                while len(self._seen) >= KEPT:
                    del self._seen[next(iter(self._seen))]
                found = self.moved(target, pose, moment.now.camera.border)
                self._seen[key] = target, found
            return found

        return seen

    @torch.no_grad()
    def _encoded(self, picture: Tensor) -> Tensor:
        return self.vqgan.bound(self.vqgan.encode(picture.clamp(0, 1)))


def warped(tensor: Tensor, pose: Pose, border: str, mode: str = "bicubic") -> Tensor:
    """A picture or a latent [1, c, h, w] as it looks after a pose, at its own size.

    border: one of `storyboard.camera.BORDERS`. mode: of the interpolation, as torch names it.
    """
    height, width = tensor.shape[-2:]
    back = pose.undone()
    across, down = (torch.arange(n, dtype=torch.float64) + 0.5 for n in (width, height))
    x, y = (across / width - 0.5)[None], ((down - height / 2) / width)[:, None]
    to_x = (back.turn.real * x - back.turn.imag * y + back.shift.real) * 2
    to_y = (back.turn.imag * x + back.turn.real * y + back.shift.imag) * 2 * width / height
    if border == "wrap":
        tensor = F.pad(tensor, [BESIDE] * 4, mode="circular")
        to_x = ((to_x + 1) % 2 - 1) * width / (width + 2 * BESIDE)
        to_y = ((to_y + 1) % 2 - 1) * height / (height + 2 * BESIDE)
    grid = torch.stack([to_x, to_y], -1).float()[None].to(tensor.device)
    return F.grid_sample(tensor, grid, mode=mode, padding_mode=PADDING[border], align_corners=False)
