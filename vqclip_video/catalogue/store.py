"""Where the named models lie on this machine, and whether they are what they should be.

Named files lie in `models_dir()`, where `fetch` puts them; OpenAI's are also found where OpenAI's
own package keeps them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..disk import cache
from ..disk.cache import cache_dir
from ..disk.checksums import remembered_sha256, sha256_of
from .clip_config import CLIPConfig
from .known import MODELS
from .model import Model, ModelFile

BOOK = "models/sha256.json"  # in the cache folder, of files that no list knows
BUNDLED = Path(__file__).parents[1] / "models" / "storybook"
CONFIGS = Path(__file__).with_name("configs")  # of models whose weights alone are fetched


@dataclass(frozen=True)
class Verified:
    """What came of hashing one file."""

    path: Path
    ok: bool
    detail: str


def models_dir() -> Path:
    """Where fetched models are stored, in one folder for each kind."""
    return cache_dir() / "models"


def paths_of(model: Model) -> tuple[Path, ...]:
    """Where each file of a model is, or would be put."""
    return tuple(_place(model, file) for file in model.files)


def own_place(model: Model, file: ModelFile) -> Path:
    """Where a fetched file is put."""
    return models_dir() / model.kind / file.filename


def status(model: Model) -> str:
    """ "present", "missing" or, where a file has not the size it should have, "damaged"."""
    found = [
        _file_status(path, file) for path, file in zip(paths_of(model), model.files, strict=True)
    ]
    return next((worst for worst in ("missing", "damaged") if worst in found), "present")


def present() -> list[Model]:
    """The models whose files are here, whole or damaged."""
    return [model for model in MODELS.values() if status(model) != "missing"]


def describe(model: Model) -> dict:
    """One row of `vqclip-video models list`: strings, and the raw size and paths."""
    size = _size(model)
    return {
        "name": model.name,
        "kind": model.kind,
        "status": status(model),
        "size": _megabytes(size) if size else "unknown",
        "bytes": size,
        "licence": model.licence,
        "source": model.source,
        "summary": model.summary,
        "paths": [str(path) for path in paths_of(model)],
        "urls": [url for file in model.files for url in file.urls],
    }


def verify(model: Model) -> Iterator[Verified]:
    """Hashes the model's files; a file whose sha256 nobody knows is remembered by that of its
    first time.
    """
    for path, file in zip(paths_of(model), model.files, strict=True):
        in_package = model.bundled or file.packaged
        if not path.is_file():
            remedy = (
                "install the package again"
                if in_package
                else f"run: vqclip-video models fetch {model.name}"
            )
            yield Verified(path, False, f"{path}: missing; {remedy}")
            continue
        found = sha256_of(path)
        wanted = file.sha256 or (None if in_package else recall_sha256(model, file))
        if wanted is None and not in_package:
            remember_sha256(model, file, found)
        if wanted in (None, found):
            yield Verified(
                path, True, f"{path}: sha256 {found}{'' if file.sha256 else ', not known ahead'}"
            )
        else:
            yield Verified(path, False, f"{path}: sha256 is {found}, {wanted} is right")


def recall_sha256(model: Model, file: ModelFile) -> str | None:
    """The sha256 that `remember_sha256` kept, or None."""
    known = cache.recall(BOOK).get(f"{model.kind}/{file.filename}")
    return known if isinstance(known, str) else None


def remember_sha256(model: Model, file: ModelFile, sha256: str) -> None:
    """Keeps the sha256 of a file that no list knows, so that a later change of it is noticed."""
    cache.remember(BOOK, {f"{model.kind}/{file.filename}": sha256})


def known_by_content(path: Path) -> CLIPConfig | None:
    """How the CLIP at a path is computed, where its bytes are those of one that is known."""
    size = path.stat().st_size
    for model in MODELS.values():
        for file in model.files if model.clip else ():
            if (
                file.sha256
                and file.bytes in (None, size)
                and remembered_sha256(path) == file.sha256
            ):
                return model.clip
    return None


def how_to_get(model: Model, state: str) -> str:
    """What to do about a model that is `state` ("missing" or "damaged"), with links to do it by
    hand.
    """
    lines = [
        f"{model.name} is "
        f"{'not on this machine' if state == 'missing' else 'here, but damaged or incomplete'}."
    ]
    if model.bundled:
        return f"{lines[0]} Its files belong to the package: install vqclip-video again."
    size = _size(model)
    lines.append(
        f"Get it{f' ({_megabytes(size)})' if size else ''}:  vqclip-video models fetch {model.name}"
    )
    lines.append("or by hand, from any of the links, under the name given:")
    for path, file in zip(paths_of(model), model.files, strict=True):
        if not file.packaged:
            lines.append(f"  {path}")
            lines.extend(f"    {url}" for url in file.urls)
    return "\n".join(lines)


def _place(model: Model, file: ModelFile) -> Path:
    if model.bundled:
        return BUNDLED / file.filename
    if file.packaged:
        return CONFIGS / file.filename
    own = own_place(model, file)
    if model.kind == "clip" and not own.is_file():
        # Where OpenAI's package downloads to, whatever the platform. Unlike expanduser of pathlib,
        # that of os.path does not fail where the account has no home.
        theirs = Path(os.path.expanduser("~/.cache/clip")) / file.filename  # noqa: PTH111
        if _file_status(theirs, file) == "present":
            return theirs
    return own


def _file_status(path: Path, file: ModelFile) -> str:
    try:
        size = path.stat().st_size
    except OSError:
        return "missing"
    return "present" if size and file.bytes in (None, size) else "damaged"


def _size(model: Model) -> int | None:
    """Bytes of all files together, as published or as they lie here; None where neither is
    known.
    """
    if model.bundled:
        return sum(path.stat().st_size for path in paths_of(model) if path.is_file())
    sizes = [file.bytes or 0 for file in model.files]
    return sum(sizes) if all(sizes) else None


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
