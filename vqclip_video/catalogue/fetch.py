"""Downloads of the known models: the only part of the program that uses the network, and only when
asked to.

A file grows beside its place as NAME.part, is checked there (size, sha256, kind), and is then
swapped in: under its final name a file is always whole and the right one. A download that stops is
resumed by the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..disk.checksums import sha256_of
from ..disk.files import swap_in, sync_file
from ..disk.lock import waited_for
from ..errors import ModelError
from . import store
from .model import Model, ModelFile
from .own_files import CONFIG_SUFFIXES
from .vqgan_config import read_config

if TYPE_CHECKING:
    from .transfer import Destination

ATTEMPTS = 5  # at each link, as long as every one of them brings something
TIMEOUT = 30.0  # seconds
# What a weights file begins with: a zip, an old pickle, a safetensors header (after its 8 bytes of
# length).
MAGICS = ((0, b"PK\x03\x04"), (0, b"\x80"), (8, b"{"))

Progress = Callable[[int, "int | None"], None]


def fetch(
    model: Model, *, on_progress: Progress | None = None, timeout: float = TIMEOUT
) -> list[Path]:
    """The model's files, downloaded where they are not here yet; their links are tried in turn.

    `on_progress(done, total)` hears the bytes of all the model's files together; `total` is None
    where a server
    does not say. `timeout` is how many seconds a server may stay silent. Two processes fetching one
    file do not
    disturb each other: the second waits, and then finds it.

    Raises ModelError naming what each link answered, or what the disk refused.
    """
    if model.bundled:
        if store.status(model) != "present":
            raise ModelError(store.how_to_get(model, store.status(model)))
        return list(store.paths_of(model))
    paths: list[Path] = []
    for file, here in zip(model.files, store.paths_of(model), strict=True):
        report = _reporter(on_progress, paths, model.files[len(paths) + 1 :])
        paths.append(
            here if _is_right(here, model, file) else _fetch_file(model, file, report, timeout)
        )
    return paths


def _reporter(
    on_progress: Progress | None, before: list[Path], after: tuple[ModelFile, ...]
) -> Progress:
    """Progress of one file, told as progress of all."""
    offset = sum(path.stat().st_size for path in before)
    rest = [file.bytes for file in after if not file.packaged]

    def report(done: int, total: int | None) -> None:
        if on_progress:
            on_progress(
                offset + done, None if total is None or None in rest else offset + total + sum(rest)
            )

    return report


def _is_right(path: Path, model: Model, file: ModelFile) -> bool:
    if not path.is_file() or file.bytes not in (None, path.stat().st_size):
        return False
    wanted = file.sha256 or store.recall_sha256(model, file)
    return wanted is None or sha256_of(path) == wanted


def _fetch_file(model: Model, file: ModelFile, report: Progress, timeout: float) -> Path:
    from .transfer import Destination, disk_reason

    path = store.own_place(model, file)
    wanted = file.sha256 or store.recall_sha256(model, file)
    target = Destination(
        path.with_name(path.name + ".part"), file.bytes, wanted is not None, timeout, report
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with waited_for(path.with_name(f".{path.name}.lock")):
            if not _is_right(path, model, file):
                sha256 = _try_links(file, target, wanted, path)
                sync_file(target.part)
                swap_in(target.part, path)
                target.forget()
                if wanted is None:
                    store.remember_sha256(model, file, sha256)
    except OSError as error:
        raise ModelError(disk_reason(error, path)) from error
    return path


def _try_links(file: ModelFile, target: Destination, wanted: str | None, path: Path) -> str:
    """Fills `target.part` from the first link that serves; its sha256.

    ModelError with what each of them answered.
    """
    from .transfer import Refused

    failures = []
    for url in file.urls:
        try:
            sha256 = _download(url, target, wanted)
            _check_kind(file, target)
        except Refused as refusal:
            failures.append(f"  {url}\n    {refusal}")
        else:
            return sha256
    raise ModelError(
        f"{file.filename} could not be fetched:\n"
        + "\n".join(failures)
        + "\nCheck the connection and try again, which goes on from what has"
        f" arrived; or fetch it by hand and put it at {path}"
    )


def _download(url: str, target: Destination, wanted: str | None) -> str:
    """Fills `target.part` from one link and proves it; its sha256.

    Raises Refused with why it cannot be had there.
    """
    from .transfer import Broken, Refused, receive

    reason = ""
    for _ in range(ATTEMPTS):
        before = target.arrived()
        try:
            receive(url, target)
        except Broken as broken:
            reason = str(broken)
            if target.arrived() == before:
                break
            continue
        found = sha256_of(target.part)
        if found == (wanted or found):
            return found
        target.forget()
        reason = f"sends a file whose sha256 is {found}, {wanted} is right"
        # What was wrong may have been the beginning, from an earlier time or another link.
        if not before:
            break
    raise Refused(reason)


def _check_kind(file: ModelFile, target: Destination) -> None:
    """Raises Refused where a file whose sha256 nobody knows is not even of the right kind."""
    from .transfer import Refused

    if file.filename.endswith(CONFIG_SUFFIXES):
        try:
            read_config(target.part)
        except ModelError as error:
            target.forget()
            raise Refused(
                f"sends no VQGAN config ({str(error).removeprefix(f'{target.part}: ')})"
            ) from None
        return
    with target.part.open("rb") as part:
        head = part.read(16)
    if not any(head[at:].startswith(magic) for at, magic in MAGICS):
        target.forget()
        raise Refused("sends something that is no weights file")
