"""By what a film was made: its storyboard, the files that it names, what else decides its bytes.

It goes into the film's comment in plain JSON, into every file's XMP packet in a packed form, and
into the report; whichever of them is left gives the storyboard back.
"""

from __future__ import annotations

import base64
import json
import os
import shlex
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .._version import __version__
from ..disk.checksums import remembered_sha256
from ..materials import Materials
from ..storyboard.kinds import Naming
from ..storyboard.schema import Storyboard
from ..storyboard.writer import dump, without_places
from .progress import to_json

MOST_BYTES = 4_000_000  # of the JSON; what claims to hold more is not ours
FORMATS = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}
MOST_PACKED = 48_000  # bytes: a JPEG's packet has 64 kB


@dataclass(frozen=True)
class NamedFile:
    """A file that a storyboard names, by its content; `name` as the storyboard calls it."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Origin:
    """What a film was made by. `made`: the identity of the run, in words for a user."""

    program: str
    seed: int
    models: str
    storyboard: str  # YAML
    files: tuple[NamedFile, ...] = ()
    made: Mapping[str, str] | None = None

    def as_json(self) -> str:
        return to_json(asdict(self))

    def packed(self) -> str:
        """The JSON in few letters of ASCII; empty where they are too many for a packet."""
        packed = base64.b64encode(zlib.compress(self.as_json().encode(), 9)).decode()
        return packed if len(packed) <= MOST_PACKED else ""

    def command(self, storyboard: str | Path) -> str:
        """What renders the film again as it was, from its storyboard at that path."""
        made, words = self.made or {}, ["vqclip-video", "render", shlex.quote(str(storyboard))]
        if made.get("device") == "cpu":
            words += ["--device", "cpu", "--precision", FORMATS.get(made.get("precision"), "auto")]
            words += ["--compile", "on"] if made.get("compiled") == "True" else []
            words.insert(0, f"OMP_NUM_THREADS={made.get('threads', 1)}")
        return " ".join(words)


def origin_of(
    storyboard: Storyboard, materials: Materials, fingerprint: Mapping[str, Any], threads: int
) -> Origin:
    """Of a film that is being made; `fingerprint` is its run's identity."""
    name = without_places(storyboard, storyboard.home)
    made = {key: str(value) for key, value in fingerprint.items() if key != "storyboard"}
    return Origin(
        program=f"vqclip-video {__version__}",
        seed=storyboard.seed,
        models=storyboard.models.names,
        storyboard=dump(storyboard, name),
        files=tuple(dict.fromkeys(_files(storyboard, materials, name))),
        made={**made, "threads": str(threads)},
    )


def unpacked(text: str) -> Origin | None:
    """What `packed` packed; None for anything else."""
    with suppress(ValueError, zlib.error):
        reader = zlib.decompressobj()
        data = reader.decompress(base64.b64decode(text, validate=True), MOST_BYTES)
        return from_json(data.decode())
    return None


def from_json(text: str) -> Origin | None:
    """What `as_json` wrote, of this version or an older one; None for anything else."""
    with suppress(ValueError, TypeError, AttributeError, LookupError, RecursionError):
        about = json.loads(text)
        texts = [about[name] for name in ("program", "models", "storyboard")]
        if not all(isinstance(each, str) for each in texts) or len(text) > MOST_BYTES:
            return None
        files = tuple(
            NamedFile(str(each["name"]), int(each["bytes"]), str(each["sha256"]))
            for each in about.get("files", ())
        )
        made = {str(key): str(value) for key, value in (about.get("made") or {}).items()}
        program, models, storyboard = texts
        return Origin(program, about.get("seed"), models, storyboard, files, made)
    return None


def _files(storyboard: Storyboard, materials: Materials, name: Naming) -> Iterator[NamedFile]:
    """The files that it names by what it calls them, models by their way from there."""
    for path, digest in materials.contents.items():
        yield NamedFile(Path(name(path)).as_posix(), path.stat().st_size, digest)
    for given, path in _own_models(storyboard, materials):
        way = Path(name(given)).parent / os.path.relpath(path, given.parent)
        yield NamedFile(way.as_posix(), path.stat().st_size, remembered_sha256(path))


def _own_models(storyboard: Storyboard, materials: Materials) -> Iterator[tuple[Path, Path]]:
    """Files of the models, sketchbook and prior that are the maker's own: what the storyboard
    names, and the file that was meant.
    """
    files, models = materials.models, storyboard.models
    for chosen, clip in zip(models.clip, files.clips, strict=True):
        if (given := Path(chosen.model)).is_absolute():
            yield from ((given, path) for path in (clip.path, *clip.beside))
    if (given := Path(models.vqgan)).is_absolute():
        yield given, files.vqgan
        yield models.vqgan_config or given, files.vqgan_config
    for path in (storyboard.sketchbook, storyboard.prior):
        if path:
            yield path, path
