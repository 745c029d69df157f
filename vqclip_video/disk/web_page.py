"""A saved web page in place of a file: what a link to a large file often gives, under the file's
own name.
"""

from __future__ import annotations

from pathlib import Path

HEAD = 1024  # bytes
SIGNS = (b"<!doctype html", b"<html", b"<head", b"<body", b"<?xml")
WORDS = (
    "this is a saved web page, not {what}; the link leads to a page that offers the file: fetch the"
    " file itself"
)


def is_web_page(head: bytes) -> bool:
    """Whether these first bytes of a file are those of a web page."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return text.startswith(SIGNS) or (text.startswith(b"<") and b"<html" in text)


def web_page(path: Path, what: str) -> str:
    """What to say where `path`, which should be `what`, is a web page; nothing where it is none
    or not readable.
    """
    try:
        with path.open("rb") as file:
            return WORDS.format(what=what) if is_web_page(file.read(HEAD)) else ""
    except OSError:
        return ""
