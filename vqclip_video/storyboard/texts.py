"""Kinds of values that are words: texts, prompts, choices, flags."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from ..text import did_you_mean
from . import doubts
from .kinds import Kind, Place, Refusal, Schema
from .yaml_nodes import Node, in_words

LONGEST_TEXT = 20_000  # characters; CLIP reads 77 tokens

CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")

# YAML reads an unquoted 1984 or true as no text; the reader knows that a text is meant.
TEXT: Schema = {"type": ["string", "number", "boolean"], "maxLength": LONGEST_TEXT}
# Something that is neither space nor ASCII punctuation.
SAYS_SOMETHING: Schema = {"pattern": r"""[^\s!"#%&'()*,\-./:;?@\[\\\]_{}]"""}


@dataclass(frozen=True)
class Text(Kind):
    """Any text, line breaks included; quotes make no difference."""

    empty = True

    def expected(self) -> str:
        return "a text"

    def read(self, node: Node, place: Place) -> str:
        value = text_of(self, node)
        place.doubt(node, doubts.of_comment(node.comment))
        return value

    def schema(self, sections: dict[str, Schema]) -> Schema:
        return TEXT


@dataclass(frozen=True)
class PromptText(Kind):
    """A text that says something: without a letter, digit or symbol CLIP has nothing to go by."""

    def expected(self) -> str:
        return "a text"

    def read(self, node: Node, place: Place) -> str:
        value = text_of(self, node).strip()
        if not any(unicodedata.category(character)[0] in "LNS" for character in value):
            raise Refusal(f"expected a text with words in it, found {in_words(node)}")
        place.doubt(node, (*doubts.of_comment(node.comment), *doubts.of_prompt(value)))
        return value

    def schema(self, sections: dict[str, Schema]) -> Schema:
        return {**TEXT, **SAYS_SOMETHING}


def text_of(kind: Kind, node: Node) -> str:
    """The text of a scalar, whatever it says. Raises Refusal."""
    value = kind.scalar(node).text
    if len(value) > LONGEST_TEXT:
        raise Refusal(f"expected at most {LONGEST_TEXT:,} characters, found {len(value):,}")
    stray = CONTROL.search(value)
    if stray:
        raise Refusal(f"the character U+{ord(stray[0]):04X} does not belong in a text")
    return value


@dataclass(frozen=True)
class Word(Kind):
    """One of a few words."""

    choices: tuple[str, ...]

    def expected(self) -> str:
        return "one of " + ", ".join(self.choices)

    def read(self, node: Node, place: Place) -> str:
        value = self.scalar(node).text
        if value not in self.choices:
            raise self.refusal(node, did_you_mean(value, list(self.choices)))
        return value

    def schema(self, sections: dict[str, Schema]) -> Schema:
        return {"enum": list(self.choices)}


@dataclass(frozen=True)
class FlagOrWord(Kind):
    """`true`, `false`, or one more word that says how."""

    word: str

    def expected(self) -> str:
        return f"true, false or {self.word}"

    def read(self, node: Node, place: Place) -> bool | str:
        written = self.scalar(node)
        if written.text == self.word:
            return self.word
        if not written.plain or written.text not in ("true", "false"):
            raise self.refusal(node, did_you_mean(written.text, [self.word]))
        return written.text == "true"

    def schema(self, sections: dict[str, Schema]) -> Schema:
        return {"enum": [True, False, self.word]}


@dataclass(frozen=True)
class Flag(Kind):
    """`true` or `false`; YAML's other spellings are refused, since they are also prompts."""

    def expected(self) -> str:
        return "true or false"

    def read(self, node: Node, place: Place) -> bool:
        written = self.scalar(node)
        if not written.plain or written.text not in ("true", "false"):
            raise self.refusal(node)
        return written.text == "true"

    def schema(self, sections: dict[str, Schema]) -> Schema:
        return {"type": "boolean"}
