"""A lock on a folder that a dead process does not hold: the system lets go of it with the process.

The locking is filelock's; who holds it is noted beside.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import OutputError
from .files import explained, remove

# Some network and FUSE file systems know no locks; a film there is better than none.
NO_LOCKS = {errno.ENOTSUP, errno.ENOSYS, errno.ENOLCK, errno.EINVAL}
POLL = 0.2  # seconds


@contextlib.contextmanager
def without_locks_as_well() -> Iterator[None]:
    """Inside, a file system that knows no locks is no error."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_LOCKS or isinstance(error, Timeout):
            raise


@contextlib.contextmanager
def waited_for(path: Path) -> Iterator[None]:
    """Holds a lock file, once whoever holds it lets go. Raises OSError where it cannot be made."""
    lock = FileLock(path, thread_local=False)
    with without_locks_as_well():
        lock.acquire(poll_interval=POLL)
    try:
        yield
    finally:
        remove_held(lock, path)


def remove_held(lock: FileLock, path: Path) -> None:
    """Lets go of a lock, and removes its file."""
    if os.name != "nt":  # removed while held, so that nobody's new file is
        remove(path)
    lock.release()
    if os.name == "nt":  # which removes no open file
        remove(path)


class Lock:
    """An exclusive lock; `acquire` raises OutputError with the holder's process id and start
    time.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._holder = path.with_name(f"{path.name}.json")  # on Windows nobody reads a locked file
        self._lock: FileLock | None = None  # while held

    def acquire(self) -> None:
        with explained(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path, thread_local=False)
            try:
                with without_locks_as_well():
                    lock.acquire(blocking=False)
            except Timeout:
                raise OutputError(self._taken()) from None
            self._lock = lock
            text = {"pid": os.getpid(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
            self._holder.write_text(json.dumps(text), encoding="utf-8")

    def release(self) -> None:
        """Lets go, and removes the files."""
        if self._lock is not None:
            remove(self._holder)
            remove_held(self._lock, self.path)
            self._lock = None

    def _taken(self) -> str:
        folder = self.path.parent.parent
        try:
            holder = json.loads(self._holder.read_text(encoding="utf-8"))
            who = f"process {int(holder['pid'])}, since {holder['since']},"
        except (OSError, ValueError, KeyError, TypeError):
            who = "another process"
        return (
            f"{folder}: {who} is rendering here; wait for it or stop it, or choose another output"
        )
