"""Distils CLIP's text tower from the teacher's head, so that the pair needs no other text model.

The tower reads CLIP's own tokens and learns to give each text the vector that MiniLM and the
trained head give it: cosine, contrast within the batch, and the cosines among the batch's texts
(relational distillation, Park et al., 2019).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...models.clip.tokens import CONTEXT_LENGTH, clip_file, tokenizer, tokens_of, vocabulary_size
from .course import Learner, LearningRate, TrainingCourse
from .image_tower import DIM, LAYERS, WIDTH
from .teacher import embed

TEXT_TOWER = "text-tower"  # the stage
TEXT_WIDTH, TEXT_LAYERS = 128, 3
BATCH = 320
USUAL_TOKENS = 26  # few texts are longer; a batch of all lengths costs three times as much
# share of the batches that are of all lengths, so that late positions are learned too
LONG_BATCHES = 0.03


@dataclass(frozen=True)
class Texts:
    """Texts to learn from: tokens [n, 77] and the vectors [n, 256] they should get; `share` of
    each batch.
    """

    tokens: Tensor
    targets: Tensor
    share: float

    @property
    def lengths(self) -> Tensor:
        return (self.tokens > 0).sum(1)


def tokenise(texts) -> Tensor:
    """CLIP's tokens [n, 77], padded with zeros."""
    tokens = torch.zeros(len(texts), CONTEXT_LENGTH, dtype=torch.long)
    for row, text in zip(tokens, texts, strict=True):
        found = tokens_of(text)
        row[: len(found)] = torch.tensor(found)
    return tokens


def new_clip() -> nn.Module:
    """The packaged CLIP in the storybook's sizes."""
    return clip_file("model").CLIP(
        DIM,
        64,
        LAYERS,
        WIDTH,
        None,
        CONTEXT_LENGTH,
        vocabulary_size(),
        TEXT_WIDTH,
        TEXT_WIDTH // 64,
        TEXT_LAYERS,
    )


def meaningful_tokens(clip: nn.Module, cache: Path) -> None:
    """Start the token table from MiniLM's vectors of the tokens' own letters, by their first 128
    principal axes.

    So all 49,408 rows mean something from the first step on, those that no caption holds included.
    """
    letters = tokenizer()
    spelled = [re.sub(r"</w>$|<\|.*\|>", "", token) for token in letters.encoder]
    bytes_of = letters.byte_decoder
    words = [
        bytes(bytes_of.get(c, 32) for c in token).decode("utf-8", "ignore") or " "
        for token in spelled
    ]
    vectors = embed(words, cache)
    vectors = vectors - vectors.mean(0)
    _, _, axes = torch.linalg.svd(vectors[:: len(vectors) // 8000], full_matrices=False)
    projected = vectors @ axes[:TEXT_WIDTH].T
    with torch.no_grad():
        clip.token_embedding.weight.copy_(0.05 * projected / projected.std())
        nn.init.normal_(clip.positional_embedding, std=0.01)


def embed_tokens(clip: nn.Module, tokens: Tensor) -> Tensor:
    """Unit vectors [n, 256] of `tokens` [n, 77] on any device; computed are the places that the
    longest text has.
    """
    length = int((tokens > 0).sum(1).max())
    tokens = tokens[:, :length].to(clip.token_embedding.weight.device)
    x = (clip.token_embedding(tokens) + clip.positional_embedding[:length]).permute(1, 0, 2)
    x = clip.ln_final(clip.transformer(x).permute(1, 0, 2))
    ends = x[torch.arange(len(tokens), device=tokens.device), tokens.argmax(-1)]
    return F.normalize(ends @ clip.text_projection, dim=-1)


def distil(
    clip: nn.Module, sources: list[Texts], course: TrainingCourse, *, learning_rate: float = 2e-3
) -> None:
    """Train `clip`'s text tower in place until the course ends; the next call goes on.

    clip: on the device to train on; `sources` may lie on the CPU.
    """
    weights = _text_side(dict(clip.named_parameters()))
    table = weights.pop("token_embedding.weight")
    others = list(weights.values())
    usual = [torch.nonzero(texts.lengths <= USUAL_TOKENS)[:, 0] for texts in sources]

    def learn(random: torch.Generator, done: int) -> Tensor:
        long = float(torch.rand((), generator=random)) < LONG_BATCHES
        tokens, targets = _batch(sources, [None] * len(sources) if long else usual, random)
        loss, cosine = _loss(embed_tokens(clip, tokens), targets.to(table.device))
        loss.backward()
        return cosine

    course.run(
        Learner(
            TEXT_TOWER,
            learn,
            weights=[table, *others],
            groups=[
                {"params": [table], "weight_decay": 0.0, "share": 0.5},
                {"params": others, "weight_decay": 0.02, "share": 1.0},
            ],
            betas=(0.9, 0.98),
            rate=LearningRate(learning_rate, hold=0.4),
            kept={"clip": _TextSide(clip)},
            figure="cosine",
        )
    )


class _TextSide:
    """The state of a CLIP without its image tower, which stays as it was given."""

    def __init__(self, clip: nn.Module):
        self.clip = clip

    def state_dict(self) -> dict[str, Tensor]:
        return _text_side(self.clip.state_dict())

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.clip.load_state_dict(_text_side(state), strict=False)


def _loss(found: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The loss of unit vectors [n, 256] for those they should be, and their mean cosine."""
    logits = 20 * found @ targets.T
    own = torch.arange(len(found), device=found.device)
    contrast = (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
    relations = F.mse_loss(found @ found.T, targets @ targets.T)
    cosine = (found * targets).sum(-1).mean()
    return 2 * (1 - cosine) + 0.3 * contrast + 2 * relations, cosine


def _text_side(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """What is trained here; the image tower and its scale stay as they were given."""
    return {
        name: weight
        for name, weight in weights.items()
        if not name.startswith(("visual.", "logit_scale"))
    }


def _batch(
    sources: list[Texts], allowed: list[Tensor | None], random: torch.Generator
) -> tuple[Tensor, Tensor]:
    tokens, targets = [], []
    for texts, rows in zip(sources, allowed, strict=True):
        rows = torch.arange(len(texts.tokens)) if rows is None else rows
        drawn = rows[torch.randint(len(rows), (int(BATCH * texts.share),), generator=random)]
        tokens.append(texts.tokens[drawn])
        targets.append(texts.targets[drawn])
    return torch.cat(tokens), torch.cat(targets)
