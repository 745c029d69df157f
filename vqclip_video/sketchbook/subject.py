"""What a prompt is about: the noun at the head of its first phrase, and the words that describe it.

Plain rules for the English of prompts, instead of a parser: a prompt is short, names its subject first, and its
subject is only asked to be one of the few hundred names that a sketchbook knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

EMPTY = {
    "a", "an", "the", "some", "any", "this", "that", "these", "those", "my", "your", "his", "her", "its", "our",
    "their", "there", "is", "are", "of",
}  # fmt: skip
NUMBERS = {"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "several", "many"}
# What ends the phrase that holds the subject.
AFTER = {
    "in", "on", "at", "by", "with", "under", "over", "above", "below", "beneath", "beside", "near", "behind",
    "before", "after", "against", "along", "among", "around", "across", "between", "through", "inside",
    "outside", "into", "onto", "from", "to", "towards", "during", "while", "when", "where", "which", "who",
    "whose", "that", "and", "or", "is", "are", "was", "were", "made", "covered", "filled", "full", "surrounded",
    "for", "like", "as", "underneath", "without", "within", "next", "via", "upon", "off", "down",
    "up",
}  # fmt: skip
# How a thing is shown, which is not what is shown: "an oil painting of a castle"; "watercolor, a fox".
STYLES = {
    "picture", "painting", "drawing", "sketch", "illustration", "photo", "photograph", "image", "portrait", "view",
    "watercolor", "art", "style", "close", "closeup", "up",
}  # fmt: skip
# Words by which a picture is no ordinary one, and the kind of picture that it is instead.
LOOKS = {
    "painting": "painting", "painted": "painting", "oil": "painting", "watercolor": "painting",
    "pastel": "painting", "drawing": "drawing", "pencil": "drawing", "sketch": "drawing",
    "illustration": "drawing", "comic": "drawing", "stained": "glass", "mosaic": "glass",
    "pixel": "pixels", "neon": "neon", "sepia": "sepia", "poster": "poster",
}  # fmt: skip
# "a field of sunflowers" is about sunflowers.
CONTAINERS = STYLES | {
    "field", "meadow", "group", "bunch", "pile", "scene", "pair", "couple", "flock", "herd", "pack", "school", "row",
    "bouquet", "cluster", "crowd", "swarm", "garden", "pattern", "kind", "sort", "type", "lot", "piece",
}  # fmt: skip
# With another noun they name nothing: "a city skyline", "a mountain landscape", "a sunflower field".
GENERIC = {
    "skyline", "landscape", "scene", "scenery", "field", "view", "panorama", "ruin", "picture", "background",
    "silhouette",
}  # fmt: skip
# Of "sunset over the sea", the sea can be drawn; that it is a sunset, the sketch's caption may share.
HOURS = {
    "sunset", "sunrise", "dawn", "dusk", "twilight", "nightfall", "night", "day", "morning", "evening", "storm",
    "rain", "snow", "fog", "mist", "sky", "gale", "moonlight", "light",
}  # fmt: skip
# Adjectives that leave a generic noun what it is: "a green field".
PLAIN = {
    "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "gray", "golden",
    "silver", "dark", "bright", "light", "big", "large", "small", "tiny", "wide", "open", "empty", "snowy",
    "sunny", "stormy", "rainy", "foggy", "misty", "cloudy", "beautiful", "old", "quiet", "calm",
}  # fmt: skip
# What a caption says of a fair day, and the words by which a prompt asks for one.
FAIR = re.compile(r"\b(?:blue|clear|sunny) (?:sky|skies|day)\b", re.IGNORECASE)
FAIR_WORDS = {"sky", "day"}
AMERICAN = {
    "grey": "gray", "colour": "color", "colourful": "colorful", "watercolour": "watercolor", "aeroplane": "airplane",
    "autumnal": "autumn", "harbour": "harbor", "mould": "mold", "tyre": "tire",
}  # fmt: skip
IRREGULAR = {
    "mice": "mouse", "geese": "goose", "wolves": "wolf", "leaves": "leaf", "loaves": "loaf", "knives": "knife",
    "children": "child", "men": "man", "women": "woman", "people": "person", "feet": "foot", "teeth": "tooth",
    "oxen": "ox", "cacti": "cactus", "elves": "elf", "scarves": "scarf", "shelves": "shelf", "halves": "half",
    "calves": "calf", "wives": "wife", "buses": "bus", "lenses": "lens", "octopi": "octopus",
    "octopuses": "octopus", "cactuses": "cactus", "walruses": "walrus", "shoes": "shoe",
    "toes": "toe", "canoes": "canoe", "oboes": "oboe", "axes": "axe", "cookies": "cookie",
    "zombies": "zombie", "brownies": "brownie", "genies": "genie", "magpies": "magpie",
    "movies": "movie", "prairies": "prairie",
}  # fmt: skip
LONGEST_HEAD = 12  # words; a head's names grow with the square of their number
SINGULAR = {"glasses", "clothes", "series", "species", "lens", "pants", "jeans", "scissors", "canvas", "atlas"}


@dataclass(frozen=True)
class Phrase:
    """The words around a prompt's subject, each folded to the singular and to one spelling."""

    head: tuple[str, ...]  # the phrase that ends in the subject, articles removed: ("red", "apple")
    written: tuple[str, ...]  # the same, not folded
    words: frozenset[str]  # every telling word of the prompt
    place: tuple[str, ...] = ()  # what follows a head that is but an hour or the weather

    def names(self) -> Iterator[str]:
        """What the subject may be called, the most exact first: "hot air balloon", "air balloon", "balloon".

        After that come readings for prompts that are no bare noun phrase: "a dog jumps", "a fire burning",
        "a city skyline".
        """
        head, count = self.head, len(self.head)
        bare = all(word in PLAIN for word in head[:-1])
        yield from (name for name in _ends(head) if bare or name not in GENERIC)
        while count > 1 and (head[count - 1] in GENERIC or re.search(r"(?:ing|ed|s)$", self.written[count - 1])):
            count -= 1
            yield from _ends(head[:count])
        for place, word in enumerate(self.written[1:count], 1):
            if word.endswith("ing"):
                yield from _ends(head[:place])
        yield from _ends(self.place)

    def __str__(self) -> str:
        return " ".join(self.written)


def parse(prompt: str) -> Phrase:
    """The subject's phrase of a prompt; its `head` is empty where there are no words."""
    # "snow-covered" describes, whatever "covered" alone would begin.
    described = re.sub(r"\b\w+-(?:\w+ed|made|like)\b", " ", prompt)
    parts = [words for part in re.split(r"[,;:.!?()\n]", described) if (words := written(part))]
    heads = [head for words in parts if (head := _head(words))]
    head = next((head for head in heads if fold(head[-1]) not in STYLES), heads[0] if heads else ())
    place = _head(_after(parts, head)) if head and fold(head[-1]) in HOURS else ()
    return Phrase(tuple(map(fold, head)), head, telling(prompt), tuple(map(fold, place)))


def telling(text: str) -> frozenset[str]:
    """The words of a text that say something, folded."""
    return frozenset(fold(word) for word in written(text) if word not in EMPTY | AFTER)


def written(text: str) -> list[str]:
    """The words of a text in small letters."""
    return re.findall(r"[^\W_]+", re.sub(r"['’]s?\b", "", text.lower()))


def tokens(text: str) -> list[str]:
    """The words of a text, folded."""
    return [fold(word) for word in written(text)]


def name(text: str) -> str:
    """A subject's name, folded word by word."""
    return " ".join(word for word in tokens(text) if word not in EMPTY)


def fold(word: str) -> str:
    """A word in the singular and in American spelling."""
    word = AMERICAN.get(word, word)
    if word in IRREGULAR:
        return IRREGULAR[word]
    if len(word) < 4 or word in SINGULAR or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y" if len(word) > 4 else word[:-1]
    if word.endswith(("ches", "shes", "sses", "xes", "zzes", "tzes", "oes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") else word


def looks(words: Iterable[str]) -> frozenset[str]:
    """The kinds of picture that some words tell of, other than an ordinary one."""
    return frozenset(LOOKS[word] for word in words if word in LOOKS)


def holds(words: list[str], wanted: str) -> bool:
    """Whether folded `words` have the words of a folded name, in a row."""
    return f" {wanted} " in f" {' '.join(words)} "


def _head(words: list[str]) -> tuple[str, ...]:
    phrase: list[str] = []
    for place, word in enumerate(words):
        if word == "of":
            if phrase and fold(phrase[-1]) in CONTAINERS:
                phrase = []
                continue
            if phrase:
                break
        elif word in AFTER and not (word == "up" and words[place - 1 : place] == ["close"]):
            if phrase:
                break
        elif word not in EMPTY | NUMBERS:
            phrase.append(word)
    return tuple(phrase[-LONGEST_HEAD:])


def _after(parts: list[list[str]], head: tuple[str, ...]) -> list[str]:
    """The words of the part that `head` is from, after it."""
    words = next(words for words in parts if head[-1] in words)
    return words[words.index(head[-1]) + 1 :]


def _ends(head: tuple[str, ...]) -> Iterator[str]:
    for start in range(len(head)):
        yield " ".join(head[start:])
