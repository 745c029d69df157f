"""The checks of `doctor` that concern writing a film."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ..checks import Check
from ..disk.files import explanation, free_space
from ..errors import OutputError
from ..text import readable
from .ffmpeg import (
    ENCODERS,
    REMEDY,
    Encoder,
    find_ffmpeg,
    pick_encoder,
    probe,
    run,
    temporary_folder,
)

LITTLE_SPACE = 500_000_000
PROBE = {"size": (256, 256), "fps": 24.0}


def check_ffmpeg() -> Check:
    """Whether there is an ffmpeg, and it starts."""
    try:
        ffmpeg = find_ffmpeg()
        outcome = run(ffmpeg, ["-version"], temporary_folder(), timeout=30)
    except OutputError as error:
        return Check("ffmpeg", False, str(error), REMEDY)
    return Check(
        "ffmpeg", outcome.ok, ffmpeg if outcome.ok else f"{ffmpeg}: {outcome.message}", REMEDY
    )


def check_encoders() -> Check:
    """Which encoders truly encode; one is enough."""
    try:
        picked = pick_encoder("auto", **PROBE)
    except OutputError as error:
        return Check("encoders", False, str(error), REMEDY)
    words = []
    for name in ENCODERS:
        refusal = None if name == picked.name else probe(Encoder(picked.ffmpeg, name), **PROBE)
        words.append(f"{name} works" if refusal is None else f"{name} does not")
    return Check("encoders", True, f"{', '.join(words)}; auto is {picked.name}")


def check_disk(path: Path) -> Check:
    """Whether a file can be written at `path` (or at the nearest folder above that exists), and
    the space there.
    """
    folder = next(place for place in (path, *path.absolute().parents) if place.is_dir())
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"vqclip-video")
    except OSError as error:
        return Check(
            "disk", False, explanation(error, folder / "film"), "choose another folder with -o"
        )
    free = free_space(folder)
    remedy = f"make space at {folder}: a minute of film takes some 10 to 500 MB, by its size"
    return Check(
        "disk", free >= LITTLE_SPACE, f"{readable(free)} free at {folder}", remedy, needed=False
    )
