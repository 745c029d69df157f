"""English for captions: articles, plurals, counts."""

from __future__ import annotations

import re

NUMBER_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
IRREGULAR_PLURALS = {
    "mouse": "mice", "calf": "calves", "goose": "geese", "wolf": "wolves", "leaf": "leaves",
    "loaf": "loaves", "man": "men", "woman": "women", "person": "people", "child": "children",
    "tooth": "teeth", "foot": "feet", "elf": "elves", "ox": "oxen", "knife": "knives",
    "fish": "fish", "sheep": "sheep", "deer": "deer", "squid": "squid", "shrimp": "shrimp",
    "moose": "moose", "bison": "bison", "snowman": "snowmen", "potato": "potatoes",
    "tomato": "tomatoes", "mango": "mangoes", "spaceman": "spacemen",
}  # fmt: skip
NO_ARTICLE = {
    "bacon", "bananas", "beans", "blueberries", "books", "bread", "briefs", "broccoli",
    "bubble tea", "bubbles", "butter", "candy", "canned food", "chains", "cheese", "cherries",
    "chocolate", "chopsticks", "coffee", "cooked rice", "coral", "curry rice", "earth",
    "eyeglasses", "eyes", "fire", "fireworks", "flames", "french fries", "garlic", "ginger root",
    "glasses", "gloves", "goggles", "grapes", "headphones", "honey", "hot springs", "houses", "ice",
    "ice cream", "ice crystal cubes", "jeans", "jewelry", "leafy green", "lightning", "lungs",
    "maracas", "milk", "pancakes", "peanuts", "playing cards", "popcorn", "pyramids", "rice",
    "roller skates", "sake", "salt", "santa", "santa claus", "saturn", "scissors", "shorts", "skis",
    "soap", "socks", "spaghetti", "sparkles", "sunglasses", "sushi", "theatre masks", "treasure",
    "yarn",
}  # fmt: skip
SINGULAR_IN_S = {
    "bus", "trolleybus", "minibus", "cactus", "octopus", "hippopotamus", "compass", "cross",
    "dress", "glass", "princess", "walrus", "rhinoceros", "lotus", "mattress",
}  # fmt: skip
PREPOSITION = re.compile(r" (?=(?:of|with|without|in|on|from|and) )")


def with_article(noun: str) -> str:
    """`noun` with "a" or "an", or as it is where it takes none: plurals, and what is not
    counted.
    """
    head = _head(noun)
    last = head.split()[-1]
    if noun.startswith(("the ", "a ", "an ")) or {noun, head, last} & NO_ARTICLE:
        return noun
    if last.endswith("s") and last not in SINGULAR_IN_S:
        return noun
    return f"{'an' if _vowel(noun) else 'a'} {noun}"


def _head(noun: str) -> str:
    """What a phrase is about: "bunch" of "bunch of grapes", "cat" of "cat with heart eyes"."""
    return PREPOSITION.split(noun, maxsplit=1)[0]


def _vowel(word: str) -> bool:
    """Whether `word` begins with the sound of a vowel."""
    if word.startswith(("uni", "use", "uf", "eu", "one", "ukulele")):
        return False
    return word[0] in "aeiou" or word.startswith(("hour", "honest", "x-", "mri"))


def plural(noun: str) -> str:
    """The plural of a noun or of a phrase that ends in one."""
    head = _head(noun)
    if head != noun and noun not in IRREGULAR_PLURALS:
        return plural(head) + noun[len(head) :]
    words = noun.split()
    for length in range(len(words), 0, -1):
        ending = " ".join(words[-length:])
        if ending in IRREGULAR_PLURALS:
            return " ".join([*words[:-length], IRREGULAR_PLURALS[ending]])
    if noun.endswith("s") and words[-1] not in SINGULAR_IN_S:
        return noun
    if noun.endswith(("s", "ch", "sh", "x", "z")):
        return noun + "es"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def counted(count: int, noun: str) -> str:
    """ "three red apples"; one thing takes its article."""
    return with_article(noun) if count == 1 else f"{NUMBER_WORDS[count]} {plural(noun)}"


def joined(*parts: str) -> str:
    """Phrases in one caption, the empty ones left out."""
    return " ".join(part for part in parts if part)
