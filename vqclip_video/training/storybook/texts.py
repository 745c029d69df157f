"""Texts beyond the world's captions, so that the text tower knows words it will see no picture of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...models.tokens import tokenizer

# WordNet's lexicographer files of nouns that can be pictured or that name a mood: animal, artifact, attribute, body,
# cognition, communication, event, feeling, food, group, location, object, person, phenomenon, plant, state, substance,
# time.
PICTURED = {"05", "06", "07", "08", "09", "10", "11", "12", "13", "14", "15", "17", "18", "19", "20", "26", "27", "28"}
PLACES = (
    "at sunset", "at night", "at dawn", "in the snow", "on the beach", "in a forest", "in space", "under a blue sky",
    "on a red background", "in watercolor", "as pixel art", "in the rain", "on a green hill", "in stained glass",
    "in the city", "on the ocean", "made of gold", "with mountains behind", "in autumn", "by moonlight", "in fog",
    "in a storm", "under the sea", "in the desert", "in spring", "oil painting", "pencil sketch",
)  # fmt: skip
QUALITIES = (
    "red", "blue", "green", "golden", "purple", "black", "white", "pink", "tiny", "giant", "old", "beautiful",
    "glowing", "snowy", "dark", "bright", "wooden", "orange", "yellow", "brown", "grey",
)  # fmt: skip
FORMS = (
    "{a} {noun}", "{a} {noun} {place}", "{b} {quality} {noun}", "{b} {quality} {noun} {place}", "{noun} {place}",
    "a photo of {a} {noun}", "a painting of {a} {noun}", "{a} {noun} and {c} {other}", "{quality} {noun}",
)  # fmt: skip


def general_texts(wordnet: Path, count: int, seed: int) -> list[str]:
    """`count` texts of nouns, their glosses and made-up prompts, each once, in a shuffled order.

    wordnet: the folder of WordNet's `data.noun`. Nouns are one or two words that CLIP's vocabulary holds whole.
    """
    random = np.random.default_rng(seed)
    entries = list(_nouns(wordnet / "data.noun"))
    nouns = sorted({word for words, _ in entries for word in words})
    glosses = sorted({gloss for _, gloss in entries if len(gloss) < 110})
    texts = set(nouns) | set(random.choice(glosses, min(len(glosses), count // 6), replace=False).tolist())
    while len(texts) < count:
        texts.add(_prompt(nouns, random))
    shuffled = sorted(texts)
    random.shuffle(shuffled)
    return shuffled[:count]


def _prompt(nouns: list[str], random: np.random.Generator) -> str:
    noun, other = (nouns[random.integers(len(nouns))] for _ in range(2))
    quality, place = QUALITIES[random.integers(len(QUALITIES))], PLACES[random.integers(len(PLACES))]
    article = {"a": noun, "b": quality, "c": other}
    articles = {name: "an" if word[0] in "aeiou" else "a" for name, word in article.items()}
    return FORMS[random.integers(len(FORMS))].format(noun=noun, other=other, quality=quality, place=place, **articles)


def _nouns(path: Path) -> Iterator[tuple[list[str], str]]:
    """Words and gloss of each of WordNet's noun senses that may be pictured (format: wndb(5))."""
    whole = {token[:-4] for token in tokenizer().encoder if re.fullmatch(r"[a-z]{3,}</w>", token)}
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("  "):  # the licence
                continue
            facts, _, gloss = line.partition("| ")
            fields = facts.split(" ")
            if fields[1] not in PICTURED:
                continue
            words = [fields[4 + 2 * k].replace("_", " ").lower() for k in range(int(fields[3], 16))]
            words = [word for word in words if len(word.split()) <= 2 and all(part in whole for part in word.split())]
            if words:
                yield words, gloss.split(";")[0].strip()
