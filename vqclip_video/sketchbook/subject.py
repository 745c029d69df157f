"""What a prompt is about: the noun at the head of its first phrase, and the words that describe it.

Plain rules for the English of prompts, instead of a parser: a prompt is short, names its subject
first, and its subject is only asked to be one of the few hundred names that a sketchbook knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

# Each begins a phrase, and so ends the one before: "horses crossing a river".
ARTICLES = {
    "a", "an", "the", "some", "any", "this", "that", "these", "those", "my", "your", "his", "her",
    "its", "our", "their",
}  # fmt: skip
EMPTY = ARTICLES | {"there", "is", "are", "of"}
NUMBERS = {
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "several",
    "many", "half",
}  # fmt: skip
# What ends the phrase that holds the subject.
AFTER = {
    "in", "on", "at", "by", "with", "under", "over", "above", "below", "beneath", "beside", "near",
    "behind", "before", "after", "against", "along", "among", "around", "across", "between",
    "through", "inside", "outside", "into", "onto", "from", "to", "towards", "during", "while",
    "when", "where", "which", "who", "whose", "that", "and", "or", "is", "are", "was", "were",
    "made", "covered", "filled", "full", "surrounded", "for", "like", "as", "underneath", "without",
    "within", "next", "via", "upon", "off", "down", "up",
}  # fmt: skip
BREAKS = AFTER | ARTICLES | {"of"}
JOINING = {"of", "with", "and"}  # may be within a name, where the others begin a place or an hour
# How a thing is shown, which is not what is shown: "an oil painting of a castle"; "watercolor, a
# fox".
STYLES = {
    "picture", "painting", "drawing", "sketch", "illustration", "photo", "photograph", "image",
    "portrait", "view", "watercolor", "art", "style", "close", "closeup", "up",
}  # fmt: skip
# Words by which a picture is no ordinary one, and the kind of picture that it is instead.
LOOKS = {
    "painting": "painting", "painted": "painting", "oil": "painting", "watercolor": "painting",
    "pastel": "painting", "drawing": "drawing", "pencil": "drawing", "sketch": "drawing",
    "illustration": "drawing", "comic": "drawing", "stained": "glass", "mosaic": "glass",
    "pixel": "pixels", "neon": "neon", "sepia": "sepia", "poster": "poster",
}  # fmt: skip
# Before "of" they say how many, how much, which part or how shown: "a slice of melon" is a melon.
MEASURES = STYLES | {
    "field", "meadow", "group", "bunch", "pile", "scene", "pair", "couple", "flock", "herd", "pack",
    "school", "row", "bouquet", "cluster", "crowd", "swarm", "garden", "heap", "stack", "set",
    "collection", "series", "string", "line", "chain", "range", "circle", "ring", "wreath",
    "garland", "litter", "pride", "colony", "pod", "gaggle", "murder", "fleet", "army", "team",
    "band", "gang", "family", "shoal", "brood", "convoy", "lot", "plenty", "number", "variety",
    "selection", "assortment", "dozen", "hundred", "thousand", "pattern", "kind", "sort", "type",
    "species", "breed",
    "piece", "slice", "bit", "chunk", "lump", "scrap", "block", "bar", "drop", "grain", "pinch",
    "handful", "spoonful", "sheet", "strip", "stick", "sprig", "wedge", "quarter", "loaf", "clove",
    "stalk", "blade", "ray", "beam", "speck", "shard", "fragment", "splash", "patch", "portion",
    "serving", "scoop", "crumb", "tuft", "coil", "roll", "cube", "pint", "shot",
    "top", "bottom", "middle", "center", "edge", "side", "end", "surface", "rest", "part", "head",
    "face", "shadow", "silhouette", "outline", "shape", "form", "statue", "sculpture", "figurine",
    "model", "render", "print", "map",
}  # fmt: skip
# They too, but they can be drawn themselves where nothing has the name of what they hold.
HOLDERS = {
    "bowl", "basket", "plate", "platter", "box", "crate", "bag", "sack", "tray", "jar", "pot",
    "pan", "tin", "can", "carton", "packet", "bucket", "barrel", "vase", "tank", "case",
}  # fmt: skip
# With another noun they name nothing: "a city skyline", "a mountain landscape", "a sunflower
# field".
GENERIC = {
    "skyline",
    "landscape",
    "scene",
    "scenery",
    "field",
    "view",
    "panorama",
    "ruin",
    "picture",
    "background",
    "silhouette",
}
UNTELLING = GENERIC | STYLES
# Of "sunset over the sea", the sea can be drawn; that it is a sunset, the sketch's caption may
# share.
HOURS = {
    "sunset", "sunrise", "dawn", "dusk", "twilight", "nightfall", "night", "day", "morning",
    "evening", "storm", "rain", "snow", "fog", "mist", "sky", "gale", "moonlight", "light",
}  # fmt: skip
COLOURS = {
    "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "gray",
    "golden", "silver",
}  # fmt: skip
# Adjectives that leave a generic noun what it is: "a green field".
PLAIN = COLOURS | {
    "dark", "bright", "light", "big", "large", "small", "tiny", "wide", "open",
    "empty", "snowy", "sunny", "stormy", "rainy", "foggy", "misty", "cloudy", "beautiful", "old",
    "quiet", "calm",
}  # fmt: skip
# What a caption says of a fair day, and the words by which a prompt asks for one.
FAIR = re.compile(r"\b(?:blue|clear|sunny) (?:sky|skies|day)\b", re.IGNORECASE)
FAIR_WORDS = {"sky", "day"}
AMERICAN = {
    "grey": "gray", "colour": "color", "colourful": "colorful", "watercolour": "watercolor",
    "aeroplane": "airplane", "autumnal": "autumn", "harbour": "harbor", "mould": "mold",
    "tyre": "tire",
}  # fmt: skip
IRREGULAR = {
    "mice": "mouse", "geese": "goose", "wolves": "wolf", "leaves": "leaf", "loaves": "loaf",
    "knives": "knife", "children": "child", "men": "man", "women": "woman", "people": "person",
    "feet": "foot", "teeth": "tooth", "oxen": "ox", "cacti": "cactus", "elves": "elf",
    "scarves": "scarf", "shelves": "shelf", "halves": "half", "calves": "calf", "wives": "wife",
    "buses": "bus", "lenses": "lens", "octopi": "octopus", "octopuses": "octopus",
    "cactuses": "cactus", "walruses": "walrus", "shoes": "shoe", "toes": "toe", "canoes": "canoe",
    "oboes": "oboe", "axes": "axe", "cookies": "cookie", "zombies": "zombie", "brownies": "brownie",
    "genies": "genie", "magpies": "magpie", "movies": "movie", "prairies": "prairie",
}  # fmt: skip
LONGEST_HEAD = 12  # words; a head's names grow with the square of their number
SINGULAR = {
    "glasses",
    "clothes",
    "series",
    "species",
    "lens",
    "pants",
    "jeans",
    "scissors",
    "canvas",
    "atlas",
}


@dataclass(frozen=True)
class Phrase:
    """The words around a prompt's subject, each folded to the singular and to one spelling."""

    head: tuple[str, ...]  # the phrase that ends in the subject, articles removed: ("red", "apple")
    written: tuple[str, ...]  # the same, not folded
    words: frozenset[str]  # every telling word of the prompt
    longer: tuple[str, ...] = ()  # names with the words around the head: "cup tea", "tea cup"
    others: tuple[tuple[str, ...], ...] = ()  # heads to fall back on: ("tea",)

    def names(self) -> Iterator[str]:
        """What the subject may be called, the most exact first: "hot air balloon", "air balloon",
        "balloon".

        After that come readings for prompts that are no bare noun phrase: "a dog jumps", "a fire
        burning", "a city skyline", and those of `others`.
        """
        head, count = self.head, len(self.head)
        yield from _telling_ends(head)
        while count > 1 and (
            head[count - 1] in UNTELLING or re.search(r"(?:ing|ed|s)$", self.written[count - 1])
        ):
            count -= 1
            yield from _telling_ends(head[:count])
        for place, word in enumerate(self.written[1:count], 1):
            if word.endswith("ing"):
                yield from _ends(head[:place])
        for other in self.others:
            yield from _ends(other)

    def __str__(self) -> str:
        return " ".join(self.written)


@dataclass(frozen=True)
class _Part:
    """A part of a prompt, cut around the head of its first phrase."""

    measure: tuple[str, ...]  # ("big", "slice") of "a big slice of ripe melon on a table"
    head: tuple[str, ...]  # ("ripe", "melon")
    rest: tuple[str, ...]  # the words after it, with the one that ended it

    def longer(self) -> Iterator[str]:
        """Names for the head with the words around it: "cup tea", "tea cup", "teacup"."""
        measure, head = _folded(self.measure), _folded(self.head)
        rest = self.rest[:LONGEST_HEAD] if self._before(JOINING) else ()
        rest = _folded(word for word in rest if word not in EMPTY)
        for count in range(len(rest), 0, -1):
            yield from _ends(measure + head, rest[:count])
        yield from _ends(measure, head)
        held, holder = (head, measure) if measure else (self._next(), head)
        if self.measure or self._before({"of"}):
            yield from _ends(held, holder[-1:])
            yield "".join(held[-1:] + holder[-1:])

    def others(self) -> Iterator[tuple[str, ...]]:
        """Heads to fall back on: what follows "of", an article or an hour; what holds the head."""
        if self._before({"of"} | ARTICLES) or fold(self.head[-1]) in HOURS:
            yield self._next()
        if self.measure and fold(self.measure[-1]) in HOLDERS:
            yield _folded(self.measure)

    def _before(self, words: set[str]) -> bool:
        """Whether the head stands before one of these."""
        return not words.isdisjoint(self.rest[:1])

    def _next(self) -> tuple[str, ...]:
        """The head of the rest, folded."""
        return _folded(_cut(self.rest).head)


def parse_prompt(prompt: str) -> Phrase:
    """The subject's phrase of a prompt; its `head` is empty where there are no words."""
    prompt = re.sub(r"(?i)\bglasses of\b", "glass of", prompt)  # they are no spectacles
    # "snow-covered" describes, whatever "covered" alone would begin.
    described = re.sub(r"\b\w+-(?:\w+ed|made|like)\b", " ", prompt)
    parts = [_cut(written(part)) for part in re.split(r"[,;:.!?()\n]", described)]
    parts = [part for part in parts if part.head]
    if not parts:
        return Phrase((), (), telling(prompt))
    part = next((part for part in parts if fold(part.head[-1]) not in STYLES), parts[0])
    longer, others = tuple(part.longer()), tuple(filter(None, part.others()))
    return Phrase(_folded(part.head), part.head, telling(prompt), longer, others)


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


def coloured_otherwise(prompt: str, caption: str | None) -> bool:
    """Whether a prompt gives its subject a colour that a caption does not give to its own."""
    colours = COLOURS.intersection(parse_prompt(prompt).head[:-1])
    return not colours.issubset(parse_prompt(caption or "").head)


def looks(words: Iterable[str]) -> frozenset[str]:
    """The kinds of picture that some words tell of, other than an ordinary one."""
    return frozenset(LOOKS[word] for word in words if word in LOOKS)


def holds(words: list[str], wanted: str) -> bool:
    """Whether folded `words` have the words of a folded name, in a row."""
    return f" {wanted} " in f" {' '.join(words)} "


def _cut(words: Sequence[str]) -> _Part:
    measure, phrase = (), ()
    for place, word in enumerate(words):
        if word == "of" and phrase and fold(phrase[-1]) in MEASURES | HOLDERS:
            measure, phrase = phrase, ()
        elif word in BREAKS and (word, *words[place - 1 : place]) != ("up", "close"):
            if phrase:
                return _Part(measure, phrase, tuple(words[place:]))
        elif word not in EMPTY | NUMBERS:
            phrase = (*phrase, word)[-LONGEST_HEAD:]
    return _Part(measure, phrase, ()) if phrase else _Part((), measure, ())


def _folded(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(fold, words))


def _telling_ends(head: tuple[str, ...]) -> Iterator[str]:
    bare = all(word in PLAIN for word in head[:-1])
    yield from (name for name in _ends(head) if bare or name not in UNTELLING)


def _ends(words: tuple[str, ...], more: tuple[str, ...] = ()) -> Iterator[str]:
    """Names that begin with one of the words and go on to the last of them and of `more`."""
    for start in range(len(words)):
        yield " ".join(words[start:] + more)
