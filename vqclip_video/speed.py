"""How fast this machine renders: remembered after a film, so that a plan can say how long the next one takes."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from .models.registry import cache_dir
from .output.files import atomic_write


def _path() -> Path:
    return cache_dir() / "speed.json"


def recall(models: str, pixels: int, cutouts: float) -> float | None:
    """Seconds per iteration on this machine for a picture of `pixels` and `cutouts`, or None before a first film.

    From a film of another size it is scaled: half of the time goes with the pixels, half with the cutouts, which is
    what the measured splits come to (docs/benchmarks.md).
    """
    with suppress(OSError, ValueError, KeyError, TypeError, ZeroDivisionError):
        known = json.loads(_path().read_text("utf-8"))[models]
        return known["seconds"] * (0.5 * pixels / known["pixels"] + 0.5 * cutouts / known["cutouts"])
    return None


def remember(models: str, pixels: int, cutouts: float, seconds: float) -> None:
    """Keep the seconds per iteration of a film just rendered; a folder that cannot be written is no error."""
    known = {}
    with suppress(OSError, ValueError):
        known = json.loads(_path().read_text("utf-8"))
    if not isinstance(known, dict):
        known = {}
    known[models] = {"pixels": pixels, "cutouts": cutouts, "seconds": seconds}
    with suppress(OSError):
        _path().parent.mkdir(parents=True, exist_ok=True)
        atomic_write(_path(), json.dumps(known, indent=1))
