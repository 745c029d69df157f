"""Trains CLIP's image tower, together with the teacher's head, on the illustrated world.

Contrastive as CLIP (Radford et al., 2021), with captions of nearly the same meaning counted as each
other's matches. Every batch is used twice, the second time moved against its own gradient: a tower
that is robust to that has gradients which look like the things it knows (Engstrom et al., 2019),
and a picture optimised against it follows them.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...catalogue.clip_config import MEAN, STD
from ...errors import UsageError
from ...models.clip.tokens import clip_file
from . import views
from .corpus import Corpus, Sprites
from .course import Learner, LearningRate, TrainingCourse, running_mean
from .judged import caption_accuracy
from .presets import TowerBatches
from .states import load_state
from .teacher import TeacherHead

IMAGE_TOWER = "image-tower"  # the stage
DIM = 256
LAYERS, WIDTH = (1, 2, 2, 1), 32
ONLY_HEAD = 200  # steps at first that leave a tower alone that can see already
# cosine of two captions' MiniLM vectors from which on they describe each other's pictures
SAME_MEANING = 0.93


class ImageTower(nn.Module):
    """A `ModifiedResNet` of the packaged CLIP and the teacher's head that it learns with."""

    def __init__(self):
        super().__init__()
        self.visual = _clip().visual
        self.head = TeacherHead(DIM)

    def forward(self, seen: Tensor) -> Tensor:
        """Unit vectors [n, 256] of views [n, 3, 64, 64], values 0..1."""
        mean, std = (seen.new_tensor(numbers).view(1, 3, 1, 1) for numbers in (MEAN, STD))
        with torch.autocast(seen.device.type, torch.bfloat16):
            found = self.visual(((seen - mean) / std).contiguous(memory_format=torch.channels_last))
        return F.normalize(found.float(), dim=-1)


def train_image_tower(
    corpus: Corpus,
    sprites: Sprites,
    held_out: Corpus,
    course: TrainingCourse,
    *,
    batches: TowerBatches,
    start: dict[str, Tensor] | None = None,
) -> ImageTower:
    """Train until the course ends; the next call goes on.

    start: weights of an image tower to begin with (names of the packaged CLIP, after "visual.");
    its first 200 steps teach only the head, so that the tower is not led astray by one that knows
    nothing yet. Returns the averaged weights, in eval mode.
    """
    torch.manual_seed(course.seed)
    tower = ImageTower()
    if start:
        tower.visual.load_state_dict(start)
    tower.to(course.device).visual.to(memory_format=torch.channels_last)
    mean = running_mean(tower, 0.998, use_buffers=True)
    only_head = ONLY_HEAD if start else 0

    def learn(random: torch.Generator, done: int) -> Tensor:
        batch = (part.to(course.device) for part in _batch(corpus, sprites, batches, random))
        return _learn(tower, *batch, batches, random, frozen=done < only_head)

    course.run(
        Learner(
            IMAGE_TOWER,
            learn,
            weights=list(tower.parameters()),
            groups=_groups(tower),
            betas=(0.9, 0.98),
            rate=LearningRate(batches.learning_rate),
            kept={"tower": tower, "averaged": mean},
            mean=(tower, mean),
            judge=lambda: _held_out_accuracy(mean.module, held_out),
        )
    )
    return mean.module.eval()


def trained_image_tower(folder: Path) -> ImageTower:
    """The averaged weights of a training whose states are in `folder`, in eval mode.

    Raises UsageError where there is none.
    """
    state = load_state(folder / IMAGE_TOWER)
    if state is None:
        raise UsageError(
            f"{folder / IMAGE_TOWER} is not there yet; run the stage image-tower first"
        )
    mean = running_mean(ImageTower(), 0.998, use_buffers=True)
    mean.load_state_dict(state["averaged"])
    return mean.module.eval()


def _learn(
    tower: ImageTower, seen: Tensor, vectors: Tensor, batches: TowerBatches, random, *, frozen: bool
) -> Tensor:
    """The gradients of one batch, as it is and disturbed; returns the loss of the first.

    frozen: those of the head alone.
    """
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
    return loss


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
    corpus: Corpus, sprites: Sprites, batches: TowerBatches, random: torch.Generator
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
def _held_out_accuracy(tower: ImageTower, held_out: Corpus) -> str:
    """How often each held-out picture's caption is chosen among others, by the teacher's head."""
    tower.eval()
    pictures = embed_pictures(tower, held_out.pictures)
    texts = tower.head(held_out.vectors.to(pictures.device))
    top1, top5 = caption_accuracy(pictures.cpu(), texts.cpu(), held_out.captions.of_picture)
    return f"held out: top-1 of 100 {top1:.3f}, top-5 {top5:.3f}"


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
