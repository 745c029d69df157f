"""The storyboard of a film, back from any file that it left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .disk.checksums import sha256_of
from .disk.files import atomic_write
from .errors import OutputError, UsageError
from .output.differences import differences
from .output.origin import FORMATS, NamedFile, Origin
from .output.self_description import read_origin
from .text import readable


@dataclass(frozen=True)
class Recovered:
    """A storyboard that is there again, and what it still needs."""

    storyboard: Path
    origin: Origin
    lacking: tuple[NamedFile, ...]  # that it names, and that do not lie where it says


def recover(path: Path, output: Path) -> Recovered:
    """Writes the storyboard that a film, picture or report of ours was made by to `output`.

    A file that it names may lie there already, at its place beside `output`: then it has to be the
    very one. Raises UsageError where the file holds no storyboard, `output` is there already or
    another file lies in the place of a named one; OutputError where the disk refuses.
    """
    origin = origin_of_file(path)
    if output.exists():
        raise UsageError(f"{output} is there already; choose another output, or remove it first")
    if not output.parent.is_dir():
        raise OutputError(f"{output.parent} is no folder; create it first")
    lacking = tuple(missing(origin.files, output.parent))
    about = [f"# Recovered from {path.name}, by {origin.program}."]
    if origin.files:
        about.append("# The files that it names, by their content:")
        about += [f"#   {file.name}  sha256 {file.sha256}" for file in origin.files]
    atomic_write(output, "\n".join([*map(_comment, about), origin.storyboard]))
    return Recovered(output, origin, lacking)


def origin_of_file(path: Path) -> Origin:
    """By what a file was made. Raises UsageError where it does not say so, OutputError where it
    cannot be read.
    """
    if not path.is_file():
        raise UsageError(f"there is no file {path}; name a film, a picture or a report")
    origin = read_origin(path)
    if origin is None:
        raise UsageError(
            f"{path}: no storyboard in it; films, pictures and reports of this program hold one, "
            "unless a place that they were posted to has removed it"
        )
    return origin


def missing(files: Sequence[NamedFile], folder: Path) -> list[NamedFile]:
    """Those of the files that do not lie in the folder. Raises UsageError where another does."""
    others, lacking = [], []
    for file in files:
        place = folder / file.name
        if not place.is_file():
            lacking.append(file)
        elif place.stat().st_size != file.bytes or sha256_of(place) != file.sha256:
            others.append(f"{place}: another file than the film was made with; {asked_for(file)}")
    if others:
        remedy = "put the right ones there, or choose another output, in a folder without them"
        raise UsageError("\n".join([*others, remedy]))
    return lacking


def asked_for(file: NamedFile) -> str:
    """A file by its content, in words."""
    return f"wanted is one of {file.bytes:,} bytes ({readable(file.bytes)}), sha256 {file.sha256}"


def same_film(recovered: Recovered) -> list[str]:
    """What on this machine makes the film another one than it was, in words; empty where it comes
    out bit for bit the same. The files that it names are there.

    Loads torch. Raises VqclipError where the film cannot be rendered here at all.
    """
    import torch

    from .film import FilmOptions, make_fingerprint
    from .materials import find_materials
    from .storyboard.reader import read
    from .storyboard.timeline import Timeline

    made = dict(recovered.origin.made or {})
    if made.pop("device", None) != "cpu":
        return ["it was rendered on a GPU, where no two runs are alike to the last bit"]
    made.pop("threads", None)
    board = read(recovered.storyboard)
    options = FilmOptions(device="cpu", precision=FORMATS.get(made.get("precision"), "auto"))
    cpu = torch.device("cpu")
    now = make_fingerprint(Timeline(board), find_materials(board), cpu, options)
    del now["storyboard"], now["device"]
    return differences(made, {key: str(value) for key, value in now.items()})


def _comment(line: str) -> str:
    """A line of a comment that stays one, whatever the names in it."""
    return "".join(char if char.isprintable() else "?" for char in line)
