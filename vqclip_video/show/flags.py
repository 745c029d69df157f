"""What the library calls by the names of its arguments, in the words of the command line."""

from __future__ import annotations

import re

IN_FLAGS = (
    (
        re.compile(
            r"\b(against|memory|precision|device|compile|graphs|encoder|port|size|address|vqgan)=(?=[\w'])"
        ),
        r"--\1 ",
    ),
    (re.compile(r"\bfresh=True"), "--fresh"),
    (re.compile(r"\boverride=(?=\S)"), "--set "),
    (re.compile(r"\btry again\b"), "run the same command again"),
    (re.compile(r"\boutput=(?=\S)"), "-o "),
    (re.compile(r"\b(sheet|seconds|seeds|tracks|camera)=(?=\S)"), r"--\1 "),
    (re.compile(r"\banother output\b"), "another name with -o"),
    (re.compile(r"\banother (sheet|tracks|camera)\b"), r"another name with --\1"),
)


def in_flags(text: str) -> str:
    """A message of the library in the words of the command line."""
    for pattern, words in IN_FLAGS:
        text = pattern.sub(words, text)
    return text
