"""Files that are whole or not there: written beside, forced to the disk, swapped in.

Every final name in this package appears through `atomic_write` or `swap_in`, so that a kill at any
moment leaves either what was there before or all of the new.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import itertools
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from ..errors import FullDiskError, OutputError
from ..text import readable

# how long a file in use is waited for, and how often it is tried
SWAP_SECONDS, SWAP_POLL = 6.0, 0.1
FULL = (errno.ENOSPC, errno.EDQUOT)
IN_USE = (5, 32, 33)  # Windows' access denied, sharing violation, lock violation


def atomic_write(path: Path, content: bytes | str) -> None:
    """Puts `content` under `path` (text as UTF-8), whole and on the disk, or leaves `path` as it
    was.

    Raises OutputError with a remedy when the disk or the folder refuses.
    """
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    with explained(path, needed=len(data)):
        write_whole(path, data)


def write_whole(path: Path, data: bytes) -> None:
    """`atomic_write` for callers with an explanation of their own. Raises OSError."""
    temporary = beside(path)
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        swap_in(temporary, path)
    except BaseException:
        remove(temporary)
        raise


def swap_in(temporary: Path, path: Path) -> None:
    """Gives a finished, fsynced file its final name, for good. Raises OSError.

    On Windows a viewer, player or scanner may hold the old file for some seconds, which are waited
    for.
    """
    until = time.monotonic() + SWAP_SECONDS
    while True:
        try:
            temporary.replace(path)
            break
        except OSError as error:
            if not in_use(error) or time.monotonic() > until:
                raise
        time.sleep(SWAP_POLL)
    sync_folder(path.parent)


def in_use(error: OSError) -> bool:
    """Whether Windows refuses because another program has the file open."""
    return getattr(error, "winerror", None) in IN_USE


def beside(path: Path) -> Path:
    """A temporary name in the same folder, this process's own."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def free_path(path: Path, *suffixes: str) -> Path:
    """The path, or the first of NAME-2, NAME-3, … under which nothing lies, with other suffixes
    neither.
    """
    names = itertools.chain(
        [path], (path.with_stem(f"{path.stem}-{number}") for number in itertools.count(2))
    )
    taken = (path.suffix, *suffixes)
    return next(
        name for name in names if not any(name.with_suffix(suffix).exists() for suffix in taken)
    )


def remove_leftovers(path: Path) -> None:
    """Removes the temporary files that killed processes left beside `path`."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        remove(leftover)


def remove(path: Path) -> None:
    """Removes a file if it is there and can be removed."""
    with contextlib.suppress(OSError):
        path.unlink()


def sync_file(path: Path) -> None:
    """Forces a file that another process wrote to the disk. Raises OSError."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Forces a folder's entries to the disk, where the system knows such a thing (Windows does
    not).
    """
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network and FUSE file systems cannot fsync a folder; the swap itself has been done.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF):
            raise
    finally:
        os.close(descriptor)


def free_space(path: Path) -> int:
    """Bytes free where `path` is or will be."""
    for place in (path, *path.absolute().parents):
        with contextlib.suppress(OSError):
            return shutil.disk_usage(place).free
    return 0


@contextlib.contextmanager
def explained(path: Path, needed: int = 0, then: str = "try again") -> Iterator[None]:
    """Turns an OSError of the block into an OutputError about `path`: what happened and the way
    out.

    `needed` is how many bytes the work still wants; `then` is what to do once there is space.
    """
    try:
        yield
    except OSError as error:
        kind = FullDiskError if error.errno in FULL else OutputError
        raise kind(explanation(error, path, needed, then)) from error


def explanation(error: OSError, path: Path, needed: int = 0, then: str = "try again") -> str:
    """One line for the user: what the system refused, at which file, and the remedy."""
    if error.errno in FULL:
        return full_disk(path, needed, then)
    if in_use(error) and path.exists():
        return f"{path}: a program has it open, such as a player or viewer; close it, then {then}"
    if error.errno == errno.EROFS:
        return f"{path}: the file system is read-only; choose another output"
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"{path}: writing is not permitted; change the folder's permissions, or choose another "
            "output"
        )
    if error.errno == errno.ENOENT:
        return f"{path.parent}: the folder has vanished; bring it back, then {then}"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return (
            f"{path}: a file stands where a folder is needed; move it away, or choose another "
            "output"
        )
    if error.errno == errno.ENAMETOOLONG:
        return (
            f"{path.name[:60]}…: the name is too long for this file system; choose another output, "
            "with a shorter one"
        )
    return f"{path}: {error.strerror or error}; check the disk, then {then}"


def full_disk(path: Path, needed: int, then: str) -> str:
    """The message for a disk without space; `needed` in bytes."""
    needs = f"needs about {readable(needed)}, " if needed else ""
    return (
        f"not enough disk space: {needs}{readable(free_space(path))} free at {path.parent}; make "
        f"space and {then}"
    )


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Writes every byte: a nearly full disk takes a part before it refuses. Raises OSError."""
    view = memoryview(data).cast("B")
    while view:
        view = view[os.write(descriptor, view) :]
