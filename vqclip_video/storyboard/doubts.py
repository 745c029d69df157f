"""What may not mean what its writer thinks: said at its place, never refused."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

from ..catalogue.platforms import Platform
from ..text import clock, quoted

# How other tools of this kind write weights, separators and options inside a prompt.
WEIGHT = re.compile(
    r"(?<=[^\W\d_])[)\]\"']*\s*::?\s*(-?(?:\d+\.?\d*|\.\d+))(?::-?[\d.]+)?\s*(?=$|[|^,)\]])"
)
SEPARATOR = re.compile(r"\s*\|+\s*|\s+\^\s+")
OPTION = re.compile(r"(?<!\S)--([a-z]+)\b\s*([^-]*)")
EMPHASIS = re.compile(r"\(\(|\)\)|\[\[|\]\]")
SCRIPTS = {"CJK": "Chinese", "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "HANGUL": "Korean"}


def of_prompt(text: str) -> Iterator[str]:
    """What a prompt seems to say in another tool's language, and how it is said here."""
    if any(pattern.search(text) for pattern in (WEIGHT, SEPARATOR, OPTION, EMPHASIS)):
        yield f"{quoted(text)} is read as plain words, signs and numbers too; {_in_our_words(text)}"
    if script := other_script(text):
        yield (
            f"CLIP has learned from English captions and understands little {script}; write it in "
            "English"
        )


def of_comment(comment: str) -> Iterator[str]:
    """`comment` is what follows a text on its line, where that begins with # and a letter."""
    if comment:
        yield (
            f"{quoted(comment)} is a comment for YAML, not part of the text; put all of the text in"
            " quotes"
        )


def of_length(platform: Platform, seconds: float) -> Iterator[str]:
    """What a platform will say of a film that lasts so long."""
    shortest, longest = platform.seconds
    if seconds < shortest:
        yield (
            f"the film lasts {clock(seconds)}, and {platform.title} is refused under "
            f"{shortest:g}s; make it longer"
        )
    if seconds > longest:
        yield (
            f"the film lasts {clock(seconds)}, and {platform.title} at most {clock(longest)}; "
            "only its beginning is delivered"
        )


def other_script(text: str) -> str | None:
    """The script that most of a text's letters are of, in words; None where that is the Latin
    one.
    """
    letters = [unicodedata.name(char, "").split(" ")[0] for char in text if char.isalpha()]
    ((most, count),) = Counter(letters).most_common(1) or [("LATIN", 0)]
    if most in ("LATIN", "FULLWIDTH", "MATHEMATICAL", "") or 2 * count <= len(letters):
        return None
    return SCRIPTS.get(most, most.capitalize())


def _in_our_words(text: str) -> str:
    """The list that says what the text seems to mean."""
    parts, unwanted = [], []
    for name, words in OPTION.findall(text):
        if name in ("no", "neg", "negative") and words.strip():
            unwanted.append(words.strip())
    for words, weight in _weighted(OPTION.sub(" ", text)):
        if weight.startswith("-"):
            unwanted.append(words)
        else:
            parts.append(f"{{text: {words}, weight: {weight}}}" if weight else words)
    said = f"write a list: [{', '.join(parts)}]" if parts else "write what it means"
    return f"{said}, and exclude: [{', '.join(unwanted)}]" if unwanted else said


def _weighted(text: str) -> Iterator[tuple[str, str]]:
    """Each part of a text with the weight behind it, which is nothing where there is none."""
    for part in SEPARATOR.split(text):
        position = 0
        for found in WEIGHT.finditer(part):
            yield part[position : found.start()].strip("()[] ,"), found[1]
            position = found.end()
        if rest := part[position:].strip("()[] ,"):
            yield rest, ""
