"""Trains the prior: a denoiser of the world's latents that is told what each picture shows.

It learns the straight flow from pictures to noise (flow matching, Lipman et al. 2023), from
captions, sometimes from the picture's own embedding, and sometimes from nothing, so that a film can
tell what the text adds to a picture (classifier-free guidance, Ho & Salimans 2022).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...disk.files import atomic_write
from ...engine.precision import pick_precision
from ...models.clip.perceptor import Perceptor
from ...models.prior.denoiser import Denoiser
from ...models.vqgan.first_stage import VQGAN
from .corpus import Captions, whole_pictures
from .course import Learner, LearningRate, TrainingCourse, running_mean

PRIOR = "prior"  # the stage
PICTURES_A_FILE = 1000  # pictures in one of the files that keep what is encoded
ENCODED_AT_ONCE = 16  # pictures that are encoded together
# shares of a batch that are told the picture's embedding, or nothing
BY_IMAGE, BY_NOTHING = 0.2, 0.1
WHOLE_NOISE = 0.08  # share that is noise alone
AVERAGED = 0.999  # what the mean of the weights keeps of itself each step
# length of the noise on what is told, which is unit length: prompts are not captions
TEXT_NOISE = 0.15


@dataclass(frozen=True)
class Lessons:
    """What the prior learns from.

    latents: [n, channels, h, w] float16; images: [n, dim], the pictures' embeddings; texts:
    [captions, dim], and of_picture [n, 3], the rows of each picture's own.
    """

    latents: Tensor
    images: Tensor
    texts: Tensor
    of_picture: Tensor


def read_lessons(
    pictures: Path,
    captions: Captions,
    folder: Path,
    perceptor: Perceptor,
    vqgan: VQGAN,
    *,
    report: Callable[[str], None] = print,
    stop: Callable[[], bool] = lambda: False,
) -> Lessons | None:
    """Encode `pictures`, a folder, keeping what is done in `folder`; None where `stop()` said so.

    `folder` belongs to these pictures and these models.
    """
    source = whole_pictures(pictures)
    latents, images = [], []
    for start in range(0, len(source), PICTURES_A_FILE):
        path, some = folder / f"{start:06}.npz", source[start : start + PICTURES_A_FILE]
        if not path.is_file():
            if stop():
                return None
            path.parent.mkdir(parents=True, exist_ok=True)
            _encode(some, path, perceptor, vqgan)
            report(f"prior: {start + len(some)} of {len(source)} pictures encoded")
        with np.load(path, allow_pickle=False) as part:
            latents.append(torch.from_numpy(part["latents"]))
            images.append(torch.from_numpy(part["images"]))
    texts = perceptor.embed_text(captions.texts).cpu()
    return Lessons(torch.cat(latents), torch.cat(images), texts, captions.of_picture)


def train_prior(
    lessons: Lessons, course: TrainingCourse, *, batch_size: int, learning_rate: float = 8e-4
) -> Denoiser:
    """Train until the course ends; the next call goes on. The course's folder is of these lessons.

    Returns the averaged weights, in eval mode.
    """
    torch.manual_seed(course.seed)
    network = Denoiser(lessons.latents.shape[1], lessons.texts.shape[1])
    network.to(course.device, memory_format=torch.channels_last)
    mean = running_mean(network, AVERAGED)

    def learn(random: torch.Generator, done: int) -> Tensor:
        batch = (part.to(course.device) for part in _batch(lessons, batch_size, random))
        loss = _loss(network, *batch)
        loss.backward()
        return loss

    course.run(
        Learner(
            PRIOR,
            learn,
            weights=list(network.parameters()),
            groups=[{"params": list(network.parameters()), "weight_decay": 0.01}],
            betas=(0.9, 0.99),
            rate=LearningRate(learning_rate, warm=200),
            kept={"network": network, "averaged": mean},
            mean=(network, mean),
        )
    )
    return mean.module.eval()


def _loss(
    network: Denoiser, mixture: Tensor, level: Tensor, told: Tensor, velocity: Tensor
) -> Tensor:
    """The squared error of the velocity found for a batch of `_batch`, the network in bfloat16."""
    with torch.autocast(mixture.device.type, torch.bfloat16):
        found = network(mixture.contiguous(memory_format=torch.channels_last), level, told)
    return F.mse_loss(found.float(), velocity)


def _batch(lessons: Lessons, size: int, random: torch.Generator) -> Iterator[Tensor]:
    """Mixtures of latents and noise, the noise's share, what is told [n, dim], and the velocity
    noise - latent.
    """
    rows = torch.randint(len(lessons.latents), (size,), generator=random)
    which = torch.randint(lessons.of_picture.shape[1], (size,), generator=random)
    latents = lessons.latents[rows].float()
    noise = torch.randn(latents.shape, generator=random)
    level = torch.sigmoid(0.4 + 1.2 * torch.randn(size, generator=random))
    level = torch.where(torch.rand(size, generator=random) < WHOLE_NOISE, torch.ones(size), level)
    told, kind = (
        lessons.texts[lessons.of_picture[rows, which]].float(),
        torch.rand(size, 1, generator=random),
    )
    told = torch.where(kind < BY_IMAGE, lessons.images[rows].float(), told)
    shaken = torch.randn(told.shape, generator=random) * (TEXT_NOISE / told.shape[1] ** 0.5)
    told = F.normalize(told + shaken, dim=-1) * (kind < 1 - BY_NOTHING)
    yield torch.lerp(latents, noise, level.view(-1, 1, 1, 1))
    yield level
    yield told
    yield noise - latents


@torch.no_grad()
def _encode(pictures: np.ndarray, path: Path, perceptor: Perceptor, vqgan: VQGAN) -> None:
    """Write latents and embeddings of pictures [n, h, w, 3] uint8."""
    latents, images = [], []
    half = pick_precision("auto", vqgan.device) == torch.bfloat16
    for start in range(0, len(pictures), ENCODED_AT_ONCE):
        part = (
            torch.tensor(pictures[start : start + ENCODED_AT_ONCE], device=vqgan.device)
            .permute(0, 3, 1, 2)
            .float()
            / 255
        )
        latents.append(vqgan.encode(part, half).half().cpu())
        images.append(
            perceptor.embed_image(F.interpolate(part, size=perceptor.size, mode="area"))
            .half()
            .cpu()
        )
    content = BytesIO()
    np.savez(content, latents=torch.cat(latents).numpy(), images=torch.cat(images).numpy())
    atomic_write(path, content.getvalue())
