"""One written word → one value: numbers, times, sizes, texts.

Each function takes the scalar as it stands in the file and the key it is for, and raises `Refusal`
with what was expected and what was found.
"""

from __future__ import annotations

import math
import re
import unicodedata
from fractions import Fraction

from ..text import did_you_mean
from .schema import TENSOR_FILES, Key
from .sizes import SHAPES
from .yaml_nodes import Node, Scalar, Sequence, describe

LONGEST_TEXT = 20_000  # characters; CLIP reads 77 tokens
LONGEST_NUMBER = 64  # characters; beyond lies a slip or an attack, not a number

NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
WHOLE = r"[+-]?[0-9]+(?:\.0*)?"
UNSIGNED = r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+"
CLOCK = r"(?:([0-9]+):)?([0-9]+):([0-5]?[0-9](?:\.[0-9]*)?)"
UNITS = "".join(
    rf"(?:({UNSIGNED})\s*(?:{unit})\s*)?"
    for unit in ("h|hrs?|hours?", "m(?!s)|mins?|minutes?", "s|secs?|seconds?", "ms|milliseconds?")
)
FRAMES = r"([0-9]+)\s*(?:f|frames?)"
RATIO = r"([0-9]{1,6})\s*/\s*([0-9]{1,6})"
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
SIZE = r"([0-9]{1,9})\s*[xX×]\s*([0-9]{1,9})"

NOUNS = {
    "number": "a number",
    "whole": "a whole number",
    "time": "a time such as 3, 2.5s, 500ms, 1:30 or 100f",
    "rate": "a number or a ratio such as 24, 23.976 or 30000/1001",
    "seed": "random, or a whole number",
}
# frames a second, as video counts them
NTSC = {Fraction(n * 1000, 1001) for n in (24, 30, 48, 60, 96, 120, 240)}
# of a frame a second: how far 23.976, 23.98 and 29.97 are from what they stand for
NEARLY = Fraction(1, 150)


class Refusal(Exception):
    """A value that its key cannot take; `str()` is the message."""


def expected(key: Key) -> str:
    """What a key takes, for a message."""
    if key.kind == "size":
        return f"a size such as 256x256, each side {limits(key)}, or one of {', '.join(SHAPES)}"
    if key.kind in NOUNS:
        return f"{NOUNS[key.kind]} {limits(key)}".rstrip()
    return {
        "word": "one of " + ", ".join(key.choices or ()),
        "flag": "true or false",
        "prompt": "a text, or a list of texts and {text, weight} or {image, weight} entries",
        "picture": "the path of a picture",
        **dict.fromkeys(TENSOR_FILES, "the path of a .safetensors file"),
        "path": "a path",
        "model": "a name or a path",
        "guide": "auto, off, or a mapping with image or sketch",
        "section": "a mapping",
        "scenes": "a list of scenes",
    }.get(key.kind, "a text")


def limits(key: Key) -> str:
    """The allowed range in words, or nothing where there is none."""
    if key.most is None:
        return ""
    if key.above is not None:
        return f"above {plain(key.above)} and at most {plain(key.most)}"
    return f"from {plain(key.least)} to {plain(key.most)}"


def plain(number: float) -> str:
    """A number as a person writes it: 1, not 1.0."""
    return str(int(number)) if float(number).is_integer() else str(number)


def rate_text(fps: Fraction) -> str:
    """Frames a second as a person writes them: 24, 12.5, 30000/1001."""
    decimal = plain(float(fps))
    return decimal if Fraction(decimal) == fps else f"{fps.numerator}/{fps.denominator}"


def refuse(key: Key, node: Node, hint: str = "") -> Refusal:
    return Refusal(f"expected {expected(key)}, found {describe(node)}{hint}")


def scalar(key: Key, node: Node) -> Scalar:
    """The node, if it is a word, number or text at all."""
    if not isinstance(node, Scalar) or node.is_null:
        hint = (
            '; write "" for an empty text'
            if (key.kind == "text" or key.empty) and isinstance(node, Scalar)
            else ""
        )
        raise refuse(key, node, hint)
    return node


def text(key: Key, node: Node) -> str:
    """Any text, line breaks included; quotes make no difference."""
    value = scalar(key, node).text
    if len(value) > LONGEST_TEXT:
        raise Refusal(f"expected at most {LONGEST_TEXT:,} characters, found {len(value):,}")
    stray = CONTROL.search(value)
    if stray:
        raise Refusal(f"the character U+{ord(stray[0]):04X} does not belong in a text")
    return value


def prompt_text(key: Key, node: Node) -> str:
    """A text that says something: without a letter, digit or symbol CLIP has nothing to go by."""
    value = text(key, node).strip()
    if not any(unicodedata.category(character)[0] in "LNS" for character in value):
        raise Refusal(f"expected a text with words in it, found {describe(node)}")
    return value


def word(key: Key, node: Node) -> str:
    """One of the key's choices."""
    value = scalar(key, node).text
    if value not in key.choices:
        raise refuse(key, node, did_you_mean(value, list(key.choices)))
    return value


def flag(key: Key, node: Node) -> bool:
    """`true` or `false`; YAML's other spellings are refused, since they are also prompts."""
    written = scalar(key, node)
    if not written.plain or written.text not in ("true", "false"):
        raise refuse(key, node)
    return written.text == "true"


def number(key: Key, node: Node) -> float:
    """A decimal number in the key's range."""
    return _in_range(key, node, float(_digits(key, node, NUMBER)))


def whole(key: Key, node: Node) -> int:
    """A whole number in the key's range."""
    return _in_range(key, node, int(_digits(key, node, WHOLE).partition(".")[0]))


def rate(key: Key, node: Node) -> Fraction:
    """Frames a second, exactly: 24, 12.5, 30000/1001; 23.976, 29.97 and the like are the NTSC
    rates they stand for.
    """
    if (
        isinstance(node, Scalar)
        and (ratio := re.fullmatch(RATIO, node.text.strip()))
        and int(ratio[2])
    ):
        return _in_range(key, node, Fraction(int(ratio[1]), int(ratio[2])))
    written = Fraction(str(number(key, node)))
    return next(
        (ntsc for ntsc in NTSC if written.denominator > 1 and abs(written - ntsc) < NEARLY), written
    )


def seed(key: Key, node: Node) -> int | None:
    """A whole number in the key's range; None for the word `random`."""
    return None if scalar(key, node).text == "random" else whole(key, node)


def time(key: Key, node: Node, fps: Fraction) -> float:
    """Seconds, from 3, 2.5s, 2 seconds, 500ms, 1:30, 1:02:03.5, 2min, 1m30s, 1h; or frames at
    `fps`, 100f.
    """
    value = scalar(key, node).text.strip()
    if len(value) > LONGEST_NUMBER:
        raise refuse(key, node)
    if re.fullmatch(NUMBER, value):
        return _in_range(key, node, float(value))
    if frames := re.fullmatch(FRAMES, value):
        return _in_range(key, node, float(int(frames[1]) / fps))
    match = re.fullmatch(CLOCK, value) or (value and re.fullmatch(UNITS, value))
    if not match:
        raise refuse(key, node)
    units = (3600, 60, 1, Fraction(1, 1000))
    seconds = sum(
        Fraction(part) * unit for part, unit in zip(match.groups(), units, strict=False) if part
    )
    return _in_range(key, node, float(seconds))


def size(key: Key, node: Node) -> tuple[int, int] | str:
    """Width and height in pixels, from 256x256, 256 × 256 or [256, 256]; or one of the words of
    `SHAPES`.
    """
    if isinstance(node, Scalar) and (word := node.text.strip().lower()) in SHAPES:
        return word
    if isinstance(node, Sequence) and len(node.items) == 2:
        written = [_digits(key, item, WHOLE).partition(".")[0] for item in node.items]
    else:
        match = re.fullmatch(SIZE, scalar(key, node).text.strip())
        if not match:
            raise refuse(key, node)
        written = list(match.groups())
    width, height = (_in_range(key, node, int(side)) for side in written)
    return width, height


def is_number(node: Scalar) -> bool:
    """Whether a scalar is written like a number."""
    return bool(re.fullmatch(NUMBER, node.text[: LONGEST_NUMBER + 1]))


def _digits(key: Key, node: Node, pattern: str) -> str:
    value = scalar(key, node)
    if len(value.text) > LONGEST_NUMBER or not re.fullmatch(pattern, value.text):
        raise refuse(key, node)
    if not value.plain:
        raise refuse(key, node, "; remove the quotes")
    return value.text


def _in_range(key: Key, node: Node, value):
    too_low = (key.least is not None and value < key.least) or (
        key.above is not None and value <= key.above
    )
    if too_low or (key.most is not None and value > key.most) or not math.isfinite(value):
        raise refuse(key, node)
    return value
