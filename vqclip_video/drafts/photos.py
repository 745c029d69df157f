"""A folder of photographs becomes a film in which each is there for a bar."""

from __future__ import annotations

from pathlib import Path

from ..errors import UsageError
from ..storyboard import files
from ..storyboard.kinds import Refusal
from ..storyboard.writer import relative_to
from .draft import Draft

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".gif")
MOST = 500
SECONDS = 2.0  # of each, where there is no tempo


def draft_of_photos(folder: Path, target: Path, bpm: float | None = None) -> Draft:
    """A scene for each picture of a folder, by name, drawn toward it.

    Raises UsageError where there are none.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder of pictures")
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
    good, lost = [], []
    for path in found[:MOST]:
        try:
            good.append(files.picture(path))
        except Refusal as refusal:
            lost.append(str(refusal))
    if len(found) > MOST:
        lost.append(f"{len(found) - MOST} pictures after the first {MOST}")
    if not good:
        raise UsageError(f"{folder}: no pictures in it; {', '.join(SUFFIXES)} are looked for")
    name = relative_to(target.absolute().parent)
    length = "1bar" if bpm else SECONDS
    scenes = [{"prompt": [{"image": name(path.absolute())}], "duration": length} for path in good]
    for scene in scenes[1:]:
        scene["transition"] = "1b" if bpm else SECONDS / 2
    film = {"bpm": bpm} if bpm else {}
    return Draft(film, scenes, tuple(lost), f"the pictures of {folder.name or folder}")
