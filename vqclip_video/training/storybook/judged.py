"""What the storybook pair is judged by: fixed prompts, words never seen with a picture, captions
of unseen pictures.
"""

from __future__ import annotations

from importlib import resources

import torch
from torch import Tensor

CAPTION_POOL = 100


def prompts() -> tuple[str, ...]:
    """The 24 prompts of prompts.txt."""
    return tuple(_lines("prompts.txt"))


def synonyms() -> tuple[tuple[str, str], ...]:
    """(unseen word, known word it should be nearest to), of synonyms.txt."""
    pairs = (line.split(": ") for line in _lines("synonyms.txt"))
    return tuple((unseen, known) for unseen, known in pairs)


def caption_accuracy(
    pictures: Tensor, texts: Tensor, own: Tensor, pool: int = CAPTION_POOL
) -> tuple[float, float]:
    """How often a picture's own caption is the nearest, and among the nearest five, of `pool`
    captions.

    pictures [n, d] and texts [m, d] are unit vectors; own [n, k] are the rows of each picture's
    captions, the first of which stands among captions of other pictures, drawn with a fixed seed.
    """
    random = torch.Generator().manual_seed(0)
    ranks = []
    for picture, mine in zip(pictures, own, strict=True):
        others = own[torch.randint(len(own), (2 * pool,), generator=random), 0]
        others = others[~torch.isin(others, mine)][: pool - 1]
        ranks.append(int((texts[others] @ picture > texts[mine[0]] @ picture).sum()))
    ranks = torch.tensor(ranks)
    return float((ranks == 0).float().mean()), float((ranks < 5).float().mean())


def nearest_known(embed_text) -> list[tuple[str, str, str]]:
    """For each unseen word: the word, the known one it should be nearest to, and the one it is
    nearest to.

    embed_text: texts to unit vectors [n, d].
    """
    pairs = synonyms()
    known = sorted({word for _, word in pairs})
    nearest = (embed_text([word for word, _ in pairs]) @ embed_text(known).T).argmax(1)
    return [
        (word, meant, known[found])
        for (word, meant), found in zip(pairs, nearest.tolist(), strict=True)
    ]


def _lines(name: str) -> list[str]:
    text = resources.files(__package__).joinpath(name).read_text("utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
