"""Single pictures of a finished film."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from ..disk.ffmpeg import find_ffmpeg, run
from ..disk.files import explained
from ..errors import OutputError
from .source_film import SourceFilm


def frames_of(film: SourceFilm, numbers: Sequence[int], work: Path) -> list[Image.Image]:
    """The frames of these numbers, in rising order; `work` is a folder for what is on the way.

    Raises OutputError where the film cannot be read or has fewer.
    """
    wanted = sorted(set(numbers))
    chosen = "+".join(f"eq(n\\,{number})" for number in wanted)
    arguments = ["-vf", f"select={chosen},{film.filters}", "-fps_mode", "passthrough"]
    with explained(work):
        outcome = run(find_ffmpeg(), [*film.arguments, *arguments, "frame-%05d.png"], work)
        files = sorted(work.glob("frame-*.png"))
        if not outcome.ok or len(files) != len(wanted):
            why = outcome.message or f"{len(files)} of {len(wanted)} frames"
            raise OutputError(f"{film.path}: ffmpeg cannot read it ({why}); render it anew")
        pictures = {}
        for number, file in zip(wanted, files, strict=True):
            with Image.open(file) as image:
                pictures[number] = image.convert("RGB")
            file.unlink()
    return [pictures[number] for number in numbers]
