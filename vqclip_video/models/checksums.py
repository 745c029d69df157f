"""The sha256 of files, and a small book of those that no list knows ahead."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from ..errors import ModelError

CHUNK = 1 << 20


def sha256_of(path: Path) -> str:
    """The file's sha256 in hexadecimal. ModelError where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); check the file and its permissions") from None
    return digest.hexdigest()


def recall(book: Path, key: str) -> str | None:
    """The sha256 that `remember` kept under `key`, or None; a damaged book is an empty one."""
    value = _read(book).get(key)
    return value if isinstance(value, str) else None


def remember(book: Path, key: str, sha256: str) -> None:
    """Writes `sha256` into the book, a JSON file that is whole at any moment. ModelError where that is refused."""
    beside = book.with_name(f".{book.name}.{os.getpid()}.part")
    try:
        book.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps({**_read(book), key: sha256}, indent=1), "utf-8")
        beside.replace(book)
    except OSError as error:
        raise ModelError(f"{book}: cannot be written ({error.strerror}); make space, or set VQCLIP_HOME") from None


def _read(book: Path) -> dict:
    try:
        recorded = json.loads(book.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return recorded if isinstance(recorded, dict) else {}
