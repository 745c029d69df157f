"""A lock on a folder that a dead process does not hold: the system lets go of it with the
process.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import time
from pathlib import Path

from ..errors import OutputError
from .files import explained, remove

# Some network and FUSE file systems know no locks; a film there is better than none.
NO_LOCKS = {errno.ENOTSUP, errno.ENOSYS, errno.ENOLCK, errno.EINVAL}
LOCKED_BYTE = 1 << 30  # far behind the text: Windows lets nobody read a locked byte


class Lock:
    """An exclusive lock; `acquire` raises OutputError with the holder's process id and start
    time.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        with explained(self.path):
            while self._descriptor is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._try()
            text = {"pid": os.getpid(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
            os.ftruncate(self._descriptor, 0)
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.write(self._descriptor, json.dumps(text).encode())

    def release(self) -> None:
        """Lets go, and removes the file."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        if (
            os.name != "nt"
        ):  # removed while held, so that nobody's new file is; Windows removes no open file
            remove(self.path)
        os.close(descriptor)
        if os.name == "nt":
            remove(self.path)

    def _try(self) -> None:
        """One attempt; it has to be repeated when the file was removed between opening and
        locking it.
        """
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                if not _lock(descriptor):
                    raise OutputError(self._taken())
                if os.path.samestat(os.fstat(descriptor), self.path.stat()):
                    self._descriptor, descriptor = descriptor, -1
            finally:
                if descriptor >= 0:
                    os.close(descriptor)

    def _taken(self) -> str:
        folder = self.path.parent.parent
        try:
            holder = json.loads(self.path.read_text(encoding="utf-8"))
            who = f"process {int(holder['pid'])}, since {holder['since']},"
        except (OSError, ValueError, KeyError, TypeError):
            who = "another process"
        return (
            f"{folder}: {who} is rendering here; wait for it or stop it, or choose another name "
            "with -o"
        )


def _lock(descriptor: int) -> bool:
    """Locks an open file without waiting; False when somebody else has it. Raises OSError."""
    try:
        if os.name == "nt":
            import msvcrt

            os.lseek(descriptor, LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in NO_LOCKS:
            return True
        if error.errno in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK):
            return False
        raise
    return True
