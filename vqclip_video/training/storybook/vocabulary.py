"""Texts beyond the world's captions, so that the text tower knows words of which it will see no
picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...models.clip.tokens import tokens_of
from .teacher import TeacherHead, embed
from .wordnet import WordNet

# WordNet's lexicographer files of nouns that can be pictured or that name a mood: animal, artifact,
# attribute, body, cognition, communication, event, feeling, food, group, location, object, person,
# phenomenon, plant, state, substance, time.
PICTURED = (5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20, 26, 27, 28)
MOST_TOKENS = 2  # of CLIP's, in a word that has no narrower ones
MOST_PAIRS = 5_000  # nouns of two words
GLOSSES = 1 / 6  # of all texts
LONGEST_GLOSS = 110
NEARNESS = 0.03  # differences of MiniLM's cosine that tell a near known word from a less near one
PLACE_PHRASES = (
    "at sunset", "at night", "at dawn", "in the snow", "on the beach", "in a forest", "in space",
    "under a blue sky", "on a red background", "in watercolor", "as pixel art", "in the rain",
    "on a green hill", "in stained glass", "in the city", "on the ocean", "made of gold",
    "with mountains behind", "in autumn", "by moonlight", "in fog", "in a storm", "under the sea",
    "in the desert", "in spring", "oil painting", "pencil sketch",
)  # fmt: skip
QUALITIES = (
    "red", "blue", "green", "golden", "purple", "black", "white", "pink", "tiny", "giant", "old",
    "beautiful", "glowing", "snowy", "dark", "bright", "wooden", "orange", "yellow", "brown",
    "grey",
)  # fmt: skip
PROMPT_FORMS = (
    "{a} {noun}",
    "{a} {noun} {place}",
    "{b} {quality} {noun}",
    "{b} {quality} {noun} {place}",
    "{noun} {place}",
    "a photo of {a} {noun}",
    "a painting of {a} {noun}",
    "{a} {noun} and {c} {other}",
    "{quality} {noun}",
)


@dataclass(frozen=True)
class General:
    """A text and the nouns in it."""

    text: str
    nouns: tuple[str, ...] = ()


def general_texts(wordnet: WordNet, count: int, seed: int) -> list[General]:
    """`count` texts of nouns, their glosses and made-up prompts, each once, in a shuffled order."""
    random = np.random.default_rng(seed)
    words, pairs = _nouns(wordnet)
    pairs = (
        random.choice(pairs, min(len(pairs), MOST_PAIRS), replace=False).tolist() if pairs else []
    )
    glosses = sorted(
        {
            gloss
            for noun in words
            if len(gloss := wordnet.sense(noun, PICTURED).gloss) < LONGEST_GLOSS
        }
    )
    texts = {noun: General(noun, (noun,)) for noun in (*words, *pairs)}
    for gloss in random.choice(
        glosses, min(len(glosses), round(count * GLOSSES)), replace=False
    ).tolist():
        texts[gloss] = General(gloss)
    while len(texts) < count:
        made = _prompt(words, random)
        texts[made.text] = made
    shuffled = [texts[text] for text in sorted(texts)]
    random.shuffle(shuffled)
    return shuffled[:count]


def targets(
    texts: Sequence[General], wordnet: WordNet, known: Sequence[str], head: TeacherHead, cache: Path
) -> Tensor:
    """The unit vectors [n, dim] that the text tower shall give to `texts`.

    The head has learned from captions alone, and bends what lies far from them anyhow. So a noun
    also gets the vectors of the `known` names that MiniLM finds near it, read with its gloss: a
    pachyderm is an elephant. A text's vector is moved as its nouns' are.
    """
    nouns = sorted({noun for text in texts for noun in text.nouns})
    rows = {noun: row for row, noun in enumerate(nouns)}
    explained = [f"{noun}: {wordnet.sense(noun, PICTURED).gloss}" for noun in nouns]
    with torch.no_grad():
        bare, read, names = (embed(some, cache) for some in (nouns, explained, known))
        near = torch.softmax(F.normalize(bare + read, dim=-1) @ names.T / NEARNESS, 1) @ head(names)
        own = F.normalize(head(bare) + head(read), dim=-1)
        moved = F.normalize(F.normalize(near, dim=-1) + own, dim=-1) - head(bare)
        found = head(embed([text.text for text in texts], cache))
        for vector, text in zip(found, texts, strict=True):
            if text.nouns:
                vector += moved[[rows[noun] for noun in text.nouns]].mean(0)
        return F.normalize(found, dim=-1)


def _prompt(nouns: Sequence[str], random: np.random.Generator) -> General:
    noun, other = (nouns[random.integers(len(nouns))] for _ in range(2))
    quality, place = (
        QUALITIES[random.integers(len(QUALITIES))],
        PLACE_PHRASES[random.integers(len(PLACE_PHRASES))],
    )
    article = {"a": noun, "b": quality, "c": other}
    articles = {name: "an" if word[0] in "aeiou" else "a" for name, word in article.items()}
    form = PROMPT_FORMS[random.integers(len(PROMPT_FORMS))]
    text = form.format(noun=noun, other=other, quality=quality, place=place, **articles)
    return General(text, (noun, other) if "{other}" in form else (noun,))


def _nouns(wordnet: WordNet) -> tuple[list[str], list[str]]:
    """Nouns of one word and of two that may be pictured, and that are no mere string of letters
    to CLIP.
    """
    words, pairs = [], []
    for noun in wordnet.nouns():
        parts = noun.split()
        if len(parts) > 2 or not all(
            part.isascii() and part.isalpha() and len(part) > 2 for part in parts
        ):
            continue
        sense = wordnet.sense(noun, PICTURED)
        if sense is None or noun not in sense.common:
            continue
        tokens = len(tokens_of(noun)) - 2  # the start and the end
        if len(parts) == 2 and tokens == 2:
            pairs.append(noun)
        elif len(parts) == 1 and (tokens <= MOST_TOKENS or sense.children):
            words.append(noun)
    return words, pairs
