"""Trains CLIP's image tower, together with the teacher's head, on the illustrated world.

Contrastive as CLIP (Radford et al., 2021), with captions of nearly the same meaning counted as each
other's matches. Every batch is used twice, the second time moved against its own gradient: a tower
that is robust to that has gradients which look like the things it knows (Engstrom et al., 2019),
and a picture optimised against it follows them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ...errors import UsageError
from ...models.clip.tokens import clip_file
from . import views
from .budget import Budget, warm_constant_cosine
from .corpus import Corpus, Sprites
from .judged import caption_accuracy
from .states import load_state, save_state
from .teacher import TeacherHead

DIM = 256
LAYERS, WIDTH = (1, 2, 2, 1), 32
# of OpenAI's CLIP
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
# cosine of two captions' MiniLM vectors from which on they describe each other's pictures
SAME_MEANING = 0.93
SAVED = "image-tower"  # the folder of its states
SAVE_SECONDS = 180


@dataclass(frozen=True)
class Batches:
    """Batch sizes and the strength of the disturbance."""

    pictures: int = 104
    sprites: int = 64
    # L2 length of the adversarial step, on a view of 3 x 64 x 64 values of 0..1
    strongest: float = 1.8
    noise: float = 0.25  # standard deviation of the strongest noise on a view
    learning_rate: float = 1.5e-3


class ImageTower(nn.Module):
    """A `ModifiedResNet` of the packaged CLIP and the teacher's head that it learns with."""

    def __init__(self):
        super().__init__()
        self.visual = _clip().visual
        self.head = TeacherHead(DIM)

    def forward(self, seen: Tensor) -> Tensor:
        """Unit vectors [n, 256] of views [n, 3, 64, 64], values 0..1."""
        mean, std = (
            torch.tensor(numbers, device=seen.device).view(1, 3, 1, 1) for numbers in (MEAN, STD)
        )
        with torch.autocast(seen.device.type, torch.bfloat16):
            found = self.visual(((seen - mean) / std).contiguous(memory_format=torch.channels_last))
        return F.normalize(found.float(), dim=-1)


def train(
    corpus: Corpus,
    sprites: Sprites,
    held_out: Corpus,
    folder: Path,
    budget: Budget,
    *,
    batches: Batches,
    seed: int,
    start: dict[str, Tensor] | None = None,
    device: str = "cpu",
    report: Callable[[str], None] = print,
    stop: Callable[[], bool] = lambda: False,
) -> ImageTower:
    """Train until the budget is used, or `stop()` says so.

    The next call goes on from `folder/image-tower`.

    start: weights of an image tower to begin with (names of the packaged CLIP, after "visual.");
    its first 200 steps teach only the head, so that the tower is not led astray by one that knows
    nothing yet. Returns the averaged weights, in eval mode.
    """
    random = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    tower = ImageTower()
    if start:
        tower.visual.load_state_dict(start)
    tower.to(device).visual.to(memory_format=torch.channels_last)
    averaged = AveragedModel(tower, multi_avg_fn=get_ema_multi_avg_fn(0.998), use_buffers=True)
    optimiser = torch.optim.AdamW(_groups(tower), lr=batches.learning_rate, betas=(0.9, 0.98))
    if state := load_state(folder / SAVED, report):
        for part, name in ((tower, "tower"), (averaged, "averaged"), (optimiser, "optimiser")):
            part.load_state_dict(state[name])
        random.set_state(state["random"])
        budget.resume(state["budget"])
        report(f"image tower: goes on after {budget.done} steps")
    only_head = 200 if start else 0
    last_save = budget.seconds
    tower.train()
    ended = budget.ended
    while not ended:
        rate = batches.learning_rate * warm_constant_cosine(budget.fraction, budget.done)
        for group in optimiser.param_groups:
            group["lr"] = rate
        seen, vectors = (part.to(device) for part in _batch(corpus, sprites, batches, random))
        loss = _step(
            tower, optimiser, seen, vectors, batches, random, frozen=budget.done < only_head
        )
        averaged.update_parameters(tower)
        budget.done += 1
        if budget.done % 50 == 0:
            report(
                f"image tower: step {budget.done}, {budget.seconds / 60:.1f} min, loss {loss:.3f}"
            )
        ended = budget.ended or stop()
        if ended or budget.seconds - last_save > SAVE_SECONDS:
            last_save = budget.seconds
            save_state(
                folder / SAVED,
                {
                    "tower": tower.state_dict(),
                    "averaged": averaged.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "random": random.get_state(),
                    "budget": budget.state_dict(),
                },
            )
            top1, top5 = _accuracy(averaged.module, held_out)
            report(
                f"image tower: step {budget.done}, held out: top-1 of 100 {top1:.3f}, top-5 "
                f"{top5:.3f}"
            )
    return averaged.module.eval()


def load(folder: Path) -> ImageTower:
    """The averaged weights of a training in `folder`, in eval mode.

    Raises UsageError where there is none.
    """
    state = load_state(folder / SAVED)
    if state is None:
        raise UsageError(f"{folder / SAVED} is not there yet; run the stage image-tower first")
    averaged = AveragedModel(ImageTower(), use_buffers=True)
    averaged.load_state_dict(state["averaged"])
    return averaged.module.eval()


def _step(
    tower, optimiser, seen: Tensor, vectors: Tensor, batches: Batches, random, *, frozen: bool
) -> float:
    """One batch, as it is and disturbed; returns the loss of the first."""
    optimiser.zero_grad()
    n = len(seen)
    noisy = views.draw(n, 0, batches.noise, random) * (views.draw(n, 0, 1, random) < 0.6)
    noise = torch.randn(seen.shape, generator=random).to(seen.device)
    first = (seen + noisy.view(n, 1, 1, 1).to(seen.device) * noise).requires_grad_(not frozen)
    with torch.set_grad_enabled(not frozen):
        embedded = tower(first)
    loss = contrast(embedded, vectors, tower.head)
    loss.backward()
    if not frozen:
        slope = first.grad / first.grad.flatten(1).norm(dim=1).clamp(min=1e-12).view(n, 1, 1, 1)
        length = views.draw(n, 0.3, batches.strongest, random).view(n, 1, 1, 1).to(seen.device)
        contrast(tower(first.detach() + length * slope), vectors, tower.head).backward()
    nn.utils.clip_grad_norm_(tower.parameters(), 1.0)
    optimiser.step()
    return float(loss.detach())


def contrast(embedded: Tensor, vectors: Tensor, head: TeacherHead) -> Tensor:
    """Cross-entropy of pictures against captions and of captions against pictures, averaged.

    embedded: [n, dim] unit vectors of pictures; vectors: [n, 384] MiniLM vectors of their captions.
    """
    vectors = F.normalize(vectors, dim=-1)
    texts = head(F.normalize(vectors + 0.008 * torch.randn_like(vectors), dim=-1))
    logits = head.scale() * embedded @ texts.T
    matches = (vectors @ vectors.T > SAME_MEANING).float()
    matches = matches / matches.sum(1, keepdim=True)
    by_picture = -(matches * logits.log_softmax(1)).sum(1).mean()
    by_caption = -(matches * logits.T.log_softmax(1)).sum(1).mean()
    return (by_picture + by_caption) / 2


def _batch(
    corpus: Corpus, sprites: Sprites, batches: Batches, random: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Views [n, 3, 64, 64] and MiniLM vectors [n, 384]: pictures of the world, then single
    things on any ground.
    """
    rows = torch.randint(len(corpus.pictures), (batches.pictures,), generator=random)
    which = torch.randint(
        corpus.captions.of_picture.shape[1], (batches.pictures,), generator=random
    )
    seen = [views.crops(corpus.pictures[rows].float() / 255, random)]
    vectors = [corpus.vectors[corpus.captions.of_picture[rows, which]]]
    if batches.sprites:
        drawn = torch.multinomial(
            sprites.weights, batches.sprites, replacement=True, generator=random
        )
        seen.append(_composed(sprites.pictures[drawn].float() / 255, corpus, random))
        chosen = [_one_of(sprites.of_picture[int(sprite)], random) for sprite in drawn]
        vectors.append(sprites.vectors[torch.tensor(chosen)])
    return views.recoloured(torch.cat(seen), random), torch.cat(vectors)


def _composed(cut_out: Tensor, corpus: Corpus, random: torch.Generator) -> Tensor:
    """Things on a plain ground, a blurred picture or a piece of one, about a third each."""
    n = len(cut_out)
    placed = views.strewn(cut_out, random)
    rows = torch.randint(len(corpus.pictures), (n,), generator=random)
    pieces = views.crops(corpus.pictures[rows].float() / 255, random, whole=0, smallest=0.3)
    colour = 0.5 * torch.rand(n, 3, 1, 1, generator=random) + 0.5 * torch.rand(
        n, 1, 1, 1, generator=random
    )
    kind = views.draw(n, 0, 1, random).view(n, 1, 1, 1)
    ground = torch.where(
        kind < 0.4, colour, torch.where(kind < 0.75, views.soft(pieces, 8), pieces)
    )
    return placed[:, :3] + ground * (1 - placed[:, 3:])


def _one_of(choices: tuple[int, ...], random: torch.Generator) -> int:
    return choices[int(torch.randint(len(choices), (), generator=random))]


@torch.no_grad()
def _accuracy(tower: ImageTower, held_out: Corpus) -> tuple[float, float]:
    """Top-1 and top-5 of choosing each held-out picture's caption among others, by the teacher's
    head.
    """
    tower.eval()
    pictures = embed_pictures(tower, held_out.pictures)
    device = pictures.device
    texts = tower.head(held_out.vectors.to(device))
    return caption_accuracy(pictures.cpu(), texts.cpu(), held_out.captions.of_picture)


@torch.no_grad()
def embed_pictures(tower: ImageTower, pictures: Tensor, at_once: int = 250) -> Tensor:
    """Unit vectors [n, 256] of whole pictures [n, 3, h, w] uint8."""
    device = next(tower.parameters()).device
    parts = (part.to(device).float() / 255 for part in pictures.split(at_once))
    return torch.cat([tower(F.interpolate(part, size=views.SEEN, mode="area")) for part in parts])


def _groups(tower: nn.Module) -> list[dict]:
    """Weights decay, biases and norms do not."""
    parameters = list(tower.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": 0.05},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _clip() -> nn.Module:
    """The packaged CLIP in the storybook's sizes; its text tower is a stub here."""
    return clip_file("model").CLIP(DIM, 2 * 32, LAYERS, WIDTH, None, 8, 64, 64, 1, 1)
