"""What all machines of a farm see: a shared folder, or a URL of fsspec's (s3://, gs://, …).

Names in it are paths with slashes. A file is whole or not there: written beside and swapped in,
where the storage does not put it whole by itself, as object stores do.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from ..disk.files import beside, explained, remove, swap_in, sync_file, write_whole
from ..errors import OutputError, UsageError

# Protocols whose files appear whole or not at all.
WHOLE = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory"}
PAUSES = (0.5, 2.0, 5.0)  # seconds before a call that failed is tried again
Found = TypeVar("Found")


class Store:
    """A folder that all machines reach under the same path."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __str__(self) -> str:
        return str(self.root)

    def read(self, name: str) -> bytes | None:
        """A file's content; None where there is none. Raises OutputError."""
        with self._explained(name):
            try:
                return self._path(name).read_bytes()
            except FileNotFoundError:
                return None

    def write(self, name: str, content: bytes) -> None:
        """Puts a file there, in place of an earlier one. Raises OutputError."""
        with self._explained(name):
            write_whole(self._made(name), content)

    def create(self, name: str, content: bytes) -> bool:
        """Puts a file there unless there is one; of several that try at once one succeeds.

        Raises OutputError.
        """
        with self._explained(name):
            try:
                with self._made(name).open("xb") as file:
                    file.write(content)
            except FileExistsError:
                return False
        return True

    def upload(self, source: Path, name: str) -> None:
        """Puts a file of this machine there. Raises OutputError."""
        with self._explained(name):
            copy_whole(source, self._made(name))

    def download(self, name: str, target: Path) -> None:
        """Puts a file from there onto this machine. Raises OutputError."""
        with self._explained(name):
            copy_whole(self._path(name), target)

    def names(self, under: str) -> list[str]:
        """All files under a folder, sorted. Raises OutputError."""
        folder = self._path(under)
        with self._explained(under):
            files = (path for path in folder.rglob("*") if path.is_file())
            found = [path.relative_to(self.root).as_posix() for path in files]
        return sorted(name for name in found if not name.endswith(".part"))

    def remove(self, name: str) -> None:
        """Takes a file away, if it is there and can be taken away."""
        remove(self._path(name))

    def _path(self, name: str) -> Path:
        return self.root / name

    def _made(self, name: str) -> Path:
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _explained(self, name: str):
        return explained(self._path(name))


class RemoteStore(Store):
    """The same at a URL, by the fsspec that its protocol belongs to."""

    def __init__(self, url: str) -> None:
        import fsspec

        self.url = url.rstrip("/")
        try:
            self.files, self._root = fsspec.core.url_to_fs(self.url)
        except (ImportError, ValueError) as error:
            raise UsageError(f"{url}: {error}") from None
        protocols = self.files.protocol
        self._whole = bool(WHOLE & {protocols} if isinstance(protocols, str) else {*protocols})

    def __str__(self) -> str:
        return self.url

    def read(self, name: str) -> bytes | None:
        def found() -> bytes | None:
            self.files.invalidate_cache()
            try:
                return self.files.cat_file(self._at(name))
            except FileNotFoundError:
                return None

        return self._tried(name, found)

    def write(self, name: str, content: bytes) -> None:
        self._swapped(name, lambda path: self.files.pipe_file(path, content))

    def create(self, name: str, content: bytes) -> bool:
        self._make_folder(name)
        try:
            self.files.pipe_file(self._at(name), content, mode="create")
        except FileExistsError:
            return False
        except Exception as error:  # not tried again: it may have been created
            raise self._refused(name, error) from error
        return True

    def upload(self, source: Path, name: str) -> None:
        self._swapped(name, lambda path: self.files.put_file(str(source), path))

    def download(self, name: str, target: Path) -> None:
        part = beside(target)
        try:
            self._tried(name, lambda: self.files.get_file(self._at(name), str(part)))
            with explained(target):
                sync_file(part)
                swap_in(part, target)
        finally:
            remove(part)

    def names(self, under: str) -> list[str]:
        def found() -> list[str]:
            self.files.invalidate_cache()
            return self.files.find(self._at(under))

        start = len(self._root) + 1
        names = (path[start:] for path in self._tried(under, found))
        return sorted(name for name in names if not name.endswith(".part"))

    def remove(self, name: str) -> None:
        with contextlib.suppress(Exception):
            self.files.rm_file(self._at(name))

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _make_folder(self, name: str) -> None:
        if not self._whole:
            parent = self._at(name).rpartition("/")[0]
            self._tried(name, lambda: self.files.makedirs(parent, exist_ok=True))

    def _swapped(self, name: str, put: Callable[[str], None]) -> None:
        if self._whole:
            self._tried(name, lambda: put(self._at(name)))
            return
        self._make_folder(name)
        part = f"{self._at(name)}.{time.time_ns()}.part"
        self._tried(name, lambda: put(part))
        self._tried(name, lambda: self.files.mv(part, self._at(name)))

    def _tried(self, name: str, call: Callable[[], Found]) -> Found:
        """What a call gives; a network that fails for a moment is no error."""
        for pause in PAUSES:
            with contextlib.suppress(Exception):
                return call()
            time.sleep(pause)
        try:
            return call()
        except Exception as error:
            raise self._refused(name, error) from error

    def _refused(self, name: str, error: Exception) -> OutputError:
        reason = str(error) or type(error).__name__
        return OutputError(
            f"{self.url}/{name}: {reason}; check the storage and its credentials, then try again"
        )


def open_store(place: str | Path) -> Store:
    """The store at a path, a file:// URL or any other URL of fsspec's.

    Raises UsageError for a protocol that is not installed here.
    """
    text = str(place)
    if text.startswith("file://"):
        text = text.removeprefix("file://")
    elif "://" in text:
        return RemoteStore(text)
    return Store(Path(text).absolute())


def copy_whole(source: Path, target: Path) -> None:
    """A copy that appears whole, and is on the disk then. Raises OSError."""
    part = beside(target)
    try:
        shutil.copyfile(source, part)
        sync_file(part)
        swap_in(part, target)
    except BaseException:
        remove(part)
        raise


def files_in(folder: Path) -> Iterator[Path]:
    """The files in a folder and those in it, in order, those that are being written left out."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.endswith(".part"):
            yield path
