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
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ...disk.files import atomic_write
from ...engine.precision import pick_precision
from ...models.clip.perceptor import Perceptor
from ...models.prior.denoiser import Denoiser
from ...models.vqgan.first_stage import VQGAN
from .budget import Budget, warm_constant_cosine
from .corpus import Captions, whole_pictures
from .states import load_state, save_state

SAVED = "prior"  # the folder of its states
SAVE_SECONDS = 240
PART = 1000  # pictures in one of the files that keep what is encoded
AT_ONCE = 16  # pictures that are encoded together
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
    for start in range(0, len(source), PART):
        path = folder / f"{start:06}.npz"
        if not path.is_file():
            if stop():
                return None
            path.parent.mkdir(parents=True, exist_ok=True)
            _encode(source[start : start + PART], path, perceptor, vqgan)
            report(f"prior: {min(start + PART, len(source))} of {len(source)} pictures encoded")
        with np.load(path, allow_pickle=False) as part:
            latents.append(torch.from_numpy(part["latents"]))
            images.append(torch.from_numpy(part["images"]))
    texts = perceptor.embed_text(captions.texts).cpu()
    return Lessons(torch.cat(latents), torch.cat(images), texts, captions.of_picture)


def train(
    lessons: Lessons,
    folder: Path,
    budget: Budget,
    *,
    batch_size: int,
    seed: int,
    learning_rate: float = 8e-4,
    device: str = "cpu",
    report: Callable[[str], None] = print,
    stop: Callable[[], bool] = lambda: False,
) -> Denoiser:
    """Train until the budget is used, or `stop()` says so.

    The next call goes on from `folder/prior`.

    `folder` belongs to these lessons. Returns the averaged weights, in eval mode.
    """
    random = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    network = Denoiser(lessons.latents.shape[1], lessons.texts.shape[1])
    network.to(device, memory_format=torch.channels_last)
    averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(AVERAGED))
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=learning_rate, betas=(0.9, 0.99), weight_decay=0.01
    )
    if state := load_state(folder / SAVED, report):
        for part, name in ((network, "network"), (averaged, "averaged"), (optimiser, "optimiser")):
            part.load_state_dict(state[name])
        random.set_state(state["random"])
        budget.resume(state["budget"])
        report(f"prior: goes on after {budget.done} steps")
    last_save = budget.seconds
    ended = budget.ended
    while not ended:
        for group in optimiser.param_groups:
            group["lr"] = learning_rate * warm_constant_cosine(
                budget.fraction, budget.done, warm=200
            )
        mixture, level, told, velocity = (
            part.to(device) for part in _batch(lessons, batch_size, random)
        )
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            found = network(mixture.contiguous(memory_format=torch.channels_last), level, told)
        loss = F.mse_loss(found.float(), velocity)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        averaged.update_parameters(network)
        budget.done += 1
        if budget.done % 100 == 0:
            report(
                f"prior: step {budget.done}, {budget.seconds / 60:.1f} min, loss "
                f"{float(loss.detach()):.3f}"
            )
        ended = budget.ended or stop()
        if ended or budget.seconds - last_save > SAVE_SECONDS:
            last_save = budget.seconds
            save_state(
                folder / SAVED,
                {
                    "network": network.state_dict(),
                    "averaged": averaged.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "random": random.get_state(),
                    "budget": budget.state_dict(),
                },
            )
    return averaged.module.eval()


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
    for start in range(0, len(pictures), AT_ONCE):
        part = (
            torch.tensor(pictures[start : start + AT_ONCE], device=vqgan.device)
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
