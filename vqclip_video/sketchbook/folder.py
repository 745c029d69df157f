"""A folder of pictures and what its owner says of them: a table, text files beside, or the
files' own names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..disk.picture_files import pictures_in
from ..disk.pictures import open_picture
from ..disk.web_page import web_page
from ..errors import UsageError, VqclipError
from ..text import plain_text
from .build import Drawing

TABLE = "captions.json"
# Names that cameras, telephones and programs give.
MEANINGLESS = {
    "img",
    "image",
    "dsc",
    "dscn",
    "dscf",
    "pxl",
    "photo",
    "picture",
    "pic",
    "screenshot",
    "scan",
    "vid",
    "mvimg",
    "signal",
    "whatsapp",
    "untitled",
    "file",
    "copy",
    "edited",
    "final",
    "at",
}


@dataclass(frozen=True)
class FoundDrawing:
    """A picture's file and what is said of it."""

    path: Path
    caption: str | None
    subject: str | None = None


def find_drawings(folder: Path) -> list[FoundDrawing]:
    """The pictures of a folder and the folders in it, in order of their paths.

    A caption is, in this order: that of the folder's captions.json ({file: {caption, subject}} or
    {file: caption}), the first line of a .txt of the same name, or the file's name where it has
    words. UsageError where there is no picture, the table is no table, or a text cannot be read.
    """
    paths, table = pictures_in(folder), _table(folder / TABLE)
    return [_found(path, table.get(path.relative_to(folder).as_posix())) for path in paths]


def drawings(found: list[FoundDrawing], on_bad: Callable[[str], None]) -> Iterator[Drawing]:
    """The pictures, opened one by one; `on_bad` is told of each that cannot be read, which is
    left out.
    """
    for each in found:
        try:
            picture = open_picture(each.path)
        except VqclipError as error:
            on_bad(str(error))
            continue
        yield Drawing(picture, each.caption, each.subject)


def caption_from_name(stem: str) -> str | None:
    """The words of a file's name, or None where a camera gave it: "red-fox_02" is "red fox",
    IMG_1234 is none.
    """
    words = [word for word in re.split(r"[\W\d_]+", stem) if word]
    telling = [word for word in words if len(word) > 1 and word.lower() not in MEANINGLESS]
    return " ".join(words) if telling else None


def read_words(path: Path) -> dict[str, tuple[str, ...]]:
    """The table of other words for subjects, {subject: [words]}. UsageError where it is none."""
    table = _json(path)
    if not isinstance(table, dict) or not all(
        isinstance(words, list) and all(isinstance(word, str) for word in words)
        for words in table.values()
    ):
        raise UsageError(f'{path}: expected a table such as {{"cat": ["kitten", "kitty"]}}')
    return {plain_text(subject): tuple(map(plain_text, words)) for subject, words in table.items()}


def _found(path: Path, said) -> FoundDrawing:
    said = said if isinstance(said, dict) else {"caption": said}
    caption, subject = (plain_text(said.get(key) or "") or None for key in ("caption", "subject"))
    if caption or subject:
        return FoundDrawing(path, caption, subject)
    sidecar = path.with_suffix(".txt")
    if sidecar.is_file():
        lines = _text(sidecar, "replace").strip().splitlines()
        return FoundDrawing(path, plain_text(lines[0]) or None if lines else None)
    return FoundDrawing(path, caption_from_name(path.stem))


def _table(path: Path) -> dict:
    if not path.is_file():
        return {}
    table = _json(path)
    texts = (str, type(None))
    if not isinstance(table, dict) or not all(
        isinstance(said, texts)
        or (isinstance(said, dict) and all(isinstance(text, texts) for text in said.values()))
        for said in table.values()
    ):
        raise UsageError(
            f'{path}: expected a table such as {{"a.png": {{"caption": "a red fox", "subject": '
            '"fox"}}'
        )
    return table


def _json(path: Path) -> object:
    if page := web_page(path, "JSON"):
        raise UsageError(f"{path}: {page}")
    try:
        return json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not JSON ({error}); correct it") from None


def _text(path: Path, errors: str = "strict") -> str:
    try:
        return path.read_text("utf-8-sig", errors)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read ({error.strerror}); check the file and its permissions"
        ) from None
