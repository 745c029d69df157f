"""English for captions: articles, plurals, counts."""

from __future__ import annotations

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
IRREGULAR = {
    "mouse": "mice", "goose": "geese", "wolf": "wolves", "leaf": "leaves", "loaf of bread": "loaves of bread",
    "man": "men", "woman": "women", "person": "people", "child": "children", "tooth": "teeth", "foot": "feet",
    "elf": "elves", "ox": "oxen", "knife": "knives", "fish": "fish", "sheep": "sheep", "deer": "deer", "squid": "squid",
    "shrimp": "shrimp", "moose": "moose", "bison": "bison", "snowman": "snowmen", "potato": "potatoes",
    "tomato": "tomatoes", "mango": "mangoes", "police officer": "police officers",
    "bunch of flowers": "bunches of flowers",
    "bunch of grapes": "bunches of grapes", "cup of coffee": "cups of coffee", "slice of pizza": "slices of pizza",
    "astronaut": "astronauts", "spaceman": "spacemen", "santa claus": "santa clauses", "cactus": "cactuses",
}  # fmt: skip
NO_ARTICLE = {"santa claus", "santa", "saturn", "bread", "cheese", "coffee", "popcorn", "jewelry", "fire", "treasure",
              "jeans", "glasses", "sunglasses", "scissors", "headphones", "skis", "socks", "shorts", "grapes",
              "cherries",
              "bananas", "peanuts", "beans", "blueberries", "french fries", "pancakes", "spaghetti", "sushi", "ice",
              "ice cream", "honey", "salt", "butter", "chocolate", "lightning", "gloves", "fireworks", "pyramids",
              "candy", "rice", "bacon", "garlic", "broccoli", "yarn", "soap", "bubbles", "milk", "curry rice", "flames",
              "cooked rice", "chopsticks", "eyes", "lungs", "bubble tea", "sake", "sparkles", "books", "maracas",
              "earth", "coral", "ginger root", "chains", "goggles", "houses", "eyeglasses", "briefs", "roller skates",
              "ice crystal cubes", "hot springs", "playing cards", "theatre masks", "canned food",
              "leafy green"}  # fmt: skip


def with_article(noun: str) -> str:
    """`noun` with "a" or "an", or as it is where it takes none."""
    last = noun.split()[-1]
    if noun in NO_ARTICLE or noun.startswith(("the ", "a ", "an ")) or noun.split(" of ")[0] in NO_ARTICLE:
        return noun
    if last in NO_ARTICLE and len(noun.split()) == 2 or last.endswith("s") and last not in SINGULAR_IN_S:
        return noun
    return f"{'an' if _vowel(noun) else 'a'} {noun}"


SINGULAR_IN_S = {"bus", "trolleybus", "minibus", "cactus", "octopus", "hippopotamus", "compass", "cross",
                 "dress", "princess",
                 "glass", "walrus", "rhinoceros", "platypus", "iris", "lotus", "mattress", "candelabrus",
                 "platform"}  # fmt: skip


def _vowel(word: str) -> bool:
    """Whether `word` begins with the sound of a vowel."""
    if word.startswith(("uni", "use", "uf", "eu", "one", "ukulele")):
        return False
    return word[0] in "aeiou" or word.startswith(("hour", "honest", "x-", "mri"))


def plural(noun: str) -> str:
    """The plural of a noun or of a phrase that ends in one."""
    words = noun.split()
    for length in range(len(words), 0, -1):
        ending = " ".join(words[-length:])
        if ending in IRREGULAR:
            return " ".join([*words[:-length], IRREGULAR[ending]])
    if " of " in noun:
        first, rest = noun.split(" of ", 1)
        return f"{plural(first)} of {rest}"
    if noun.endswith("s") and words[-1] not in SINGULAR_IN_S:
        return noun
    if noun.endswith(("s", "ch", "sh", "x", "z")):
        return noun + "es"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def counted(count: int, noun: str) -> str:
    """ "three red apples"; one thing takes its article."""
    return with_article(noun) if count == 1 else f"{NUMBERS[count]} {plural(noun)}"


def joined(*parts: str) -> str:
    """Phrases in one caption, the empty ones left out."""
    return " ".join(part for part in parts if part)
