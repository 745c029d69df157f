"""What the program can fetch or measure again, and small notes of what it found: the cache folder.

No torch.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import UsageError
from .files import write_whole


def cache_dir() -> Path:
    """$VQCLIP_HOME, or this program's folder in the platform's cache.

    UsageError for an account without a home.
    """
    try:
        if home := os.environ.get("VQCLIP_HOME"):
            return Path(home).expanduser().absolute()
        if sys.platform == "win32":
            base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        elif sys.platform == "darwin":
            base = Path.home() / "Library" / "Caches"
        else:
            base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        raise UsageError(
            "this account has no home folder; set VQCLIP_HOME to a folder for the models"
        ) from None
    return base.absolute() / "vqclip-video"


def recall(name: str) -> dict[str, Any]:
    """The entries of a note such as "speed.json"; none where it is not there, damaged or
    unreadable.
    """
    with suppress(OSError, ValueError, RecursionError, UsageError):
        entries = json.loads((cache_dir() / name).read_text("utf-8"))
        return entries if isinstance(entries, dict) else {}
    return {}


def remember(name: str, entries: dict[str, Any]) -> None:
    """Add entries to a note, in place of those of the same keys.

    What cannot be written is not kept, silently.
    """
    with suppress(OSError, UsageError):
        path = cache_dir() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(recall(name) | entries, indent=1).encode())
