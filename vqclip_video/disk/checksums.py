"""The sha256 of files."""

from __future__ import annotations

import hashlib
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
        raise ModelError(
            f"{path}: cannot be read ({error.strerror}); check the file and its permissions"
        ) from None
    return digest.hexdigest()
