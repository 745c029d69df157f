"""What the prior learns from: pictures of several shapes as a pair sees them, with their captions.

Encoding takes long and is kept on the disk, file by file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...disk.files import atomic_write
from ...engine.precision import pick_precision
from ...errors import UsageError
from ...models.clip.perceptor import Perceptor
from ...models.prior.denoiser import TIMES
from ...models.vqgan.first_stage import VQGAN
from .corpus import Captions, read_captions, whole_pictures

PICTURES_A_FILE = 1000  # pictures in one of the files that keep what is encoded
ENCODED_AT_ONCE = {"cpu": 16, "cuda": 256}  # pictures that are encoded together


@dataclass(frozen=True)
class ShapeLessons:
    """The pictures of one shape.

    latents: [n, channels, h, w] float16; images: [n, dim] float16, the pictures' embeddings;
    captions: [n, 3], the rows of each picture's own in `Lessons.texts`.
    """

    latents: Tensor
    images: Tensor
    captions: Tensor

    def to(self, device: str) -> ShapeLessons:
        """The same on a device."""
        return ShapeLessons(*(part.to(device) for part in vars(self).values()))


@dataclass(frozen=True)
class Lessons:
    """Everything that the prior learns from; texts: [captions, dim], their embeddings, float32."""

    shapes: tuple[ShapeLessons, ...]
    texts: Tensor

    @property
    def channels(self) -> int:
        """Of the latents, in every shape."""
        return self.shapes[0].latents.shape[1]

    @property
    def dim(self) -> int:
        """Of the embeddings."""
        return self.texts.shape[1]

    def to(self, device: str) -> Lessons:
        """The same on a device: about 20 kB a picture with the storybook's VQGAN."""
        return Lessons(tuple(shape.to(device) for shape in self.shapes), self.texts.to(device))


def read_lessons(
    pictures: Sequence[Path],
    folder: Path,
    perceptor: Perceptor,
    vqgan: VQGAN,
    *,
    report: Callable[[str], None] = print,
    stop: Callable[[], bool] = lambda: False,
) -> Lessons | None:
    """Encode `pictures`, folders of one shape each; None where `stop()` said so.

    What is done is kept in `folder`, which belongs to these pictures and these models. Raises
    UsageError for a shape whose latents the denoiser cannot take.
    """
    captions = [read_captions(each) for each in pictures]
    for each in pictures:
        _require_shape(each, vqgan.factor)
    shapes = []
    for each, told in zip(pictures, captions, strict=True):
        encoded = _encoded(each, folder / each.name, perceptor, vqgan, report, stop)
        if encoded is None:
            return None
        shapes.append((*encoded, told))
    texts = sorted({text for told in captions for text in told.texts})
    rows = {text: row for row, text in enumerate(texts)}
    return Lessons(
        tuple(
            ShapeLessons(latents, images, _rows_in(rows, told)) for latents, images, told in shapes
        ),
        perceptor.embed_text(texts).cpu(),
    )


def _rows_in(rows: dict[str, int], told: Captions) -> Tensor:
    """Each picture's captions [n, 3] by their place in `rows`."""
    return torch.tensor([rows[text] for text in told.texts])[told.of_picture]


def _require_shape(pictures: Path, factor: int) -> None:
    """Raises UsageError where the latents of these pictures are none that a denoiser takes."""
    height, width = whole_pictures(pictures).shape[1:3]
    if height % (factor * TIMES) or width % (factor * TIMES):
        raise UsageError(
            f"{pictures}: a prior cannot learn from pictures of {width}x{height}; for this VQGAN "
            f"both sides must be multiples of {factor * TIMES} pixels"
        )


def _encoded(
    pictures: Path,
    folder: Path,
    perceptor: Perceptor,
    vqgan: VQGAN,
    report: Callable[[str], None],
    stop: Callable[[], bool],
) -> tuple[Tensor, Tensor] | None:
    """Latents and embeddings of the pictures in a folder; None where `stop()` said so."""
    source, latents, images = whole_pictures(pictures), [], []
    for start in range(0, len(source), PICTURES_A_FILE):
        path, some = folder / f"{start:06}.npz", source[start : start + PICTURES_A_FILE]
        if not path.is_file():
            if stop():
                return None
            path.parent.mkdir(parents=True, exist_ok=True)
            _encode(some, path, perceptor, vqgan)
            done = start + len(some)
            report(f"prior: {done} of {len(source)} pictures of {pictures.name} encoded")
        with np.load(path, allow_pickle=False) as part:
            latents.append(torch.from_numpy(part["latents"]))
            images.append(torch.from_numpy(part["images"]))
    return torch.cat(latents), torch.cat(images)


@torch.no_grad()
def _encode(pictures: np.ndarray, path: Path, perceptor: Perceptor, vqgan: VQGAN) -> None:
    """Write latents and embeddings of pictures [n, h, w, 3] uint8."""
    latents, images = [], []
    half = pick_precision("auto", vqgan.device) == torch.bfloat16
    at_once = ENCODED_AT_ONCE[vqgan.device.type]
    for start in range(0, len(pictures), at_once):
        part = torch.tensor(pictures[start : start + at_once], device=vqgan.device)
        part = part.permute(0, 3, 1, 2).float() / 255
        seen = F.interpolate(part, size=perceptor.size, mode="area")
        latents.append(vqgan.encode(part, half).half().cpu())
        images.append(perceptor.embed_image(seen).half().cpu())
    content = BytesIO()
    np.savez(content, latents=torch.cat(latents).numpy(), images=torch.cat(images).numpy())
    atomic_write(path, content.getvalue())
