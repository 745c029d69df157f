"""The sha256 of files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..errors import ModelError
from . import cache

CHUNK = 1 << 20
NOTES = "checksums.json"  # in the cache folder: path → size, time of the last change, sha256
WORTH_REMEMBERING = 8 << 20  # bytes; less is hashed sooner than it is looked up


def sha256_of(path: Path) -> str:
    """The file's sha256 in hexadecimal. ModelError where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise ModelError(_unreadable(path, error)) from None
    return digest.hexdigest()


def remembered_sha256(path: Path) -> str:
    """The same, of a large file taken from the note of an earlier time where its size and its time
    of change are what they were.

    To tell films from each other, not to prove that a file is what it should be.
    """
    try:
        about = path.stat()
    except OSError as error:
        raise ModelError(_unreadable(path, error)) from None
    if about.st_size < WORTH_REMEMBERING:
        return sha256_of(path)
    key, version = str(path.absolute()), [about.st_size, about.st_mtime_ns]
    match cache.recall(NOTES).get(key):
        case [size, time, str(digest)] if [size, time] == version:
            return digest
    digest = sha256_of(path)
    cache.remember(NOTES, {key: [*version, digest]})
    return digest


def _unreadable(path: Path, error: OSError) -> str:
    return f"{path}: cannot be read ({error.strerror}); check the file and its permissions"
