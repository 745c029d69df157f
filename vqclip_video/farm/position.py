"""How far an unfinished job is, kept in the store, so that another machine can go on from there.

A position is a manifest that names files by the objects which hold them. Objects are put first and
never written again, then the manifest is swapped in; so what it names is whole, whenever a machine
dies. Manifest and objects carry the generation of the lease: a machine that was believed dead
cannot disturb the one that went on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ..disk.checksums import sha256_of
from ..errors import OutputError
from .store import Store

TRIES = 3  # of reading a position whose objects go away meanwhile: it was just replaced


@dataclass(frozen=True)
class Kept:
    """A file of a position: the object that holds it, and its content."""

    object: str
    bytes: int
    sha256: str


class Position:
    """That of the job whose files lie under `place` in the store, in one generation."""

    def __init__(self, store: Store, place: str, generation: int = 0) -> None:
        self.store, self.place, self.generation = store, place, generation
        self._serial = 0
        self._sent: dict[str, tuple[tuple[int, int], Kept]] = {}  # by name: version, object

    def push(self, files: Mapping[str, Path]) -> None:
        """Makes `files`, by their names, the position; what has not changed is not sent again.

        Raises OutputError.
        """
        sent = {name: self._kept(name, path) for name, path in files.items()}
        entries = {name: asdict(kept) for name, (_, kept) in sent.items()}
        self.store.write(self._manifest(self.generation), json.dumps(entries).encode())
        self._sent = sent
        self._sweep({kept.object for _, kept in sent.values()})

    def fetch(self, folder: Path) -> int:
        """Puts the newest position's files into a folder; the number of them, 0 where there is no
        position. Raises OutputError.
        """
        for attempt in range(TRIES):
            entries = self._newest()
            try:
                for name, kept in entries.items():
                    self._download(kept, folder / name)
                break
            except OutputError:
                if attempt == TRIES - 1:
                    raise
        return len(entries)

    def clear(self) -> None:
        """Removes all of it: the job is finished."""
        for folder in ("position", "data"):
            for name in self.store.names(f"{self.place}/{folder}"):
                self.store.remove(name)

    def _kept(self, name: str, path: Path) -> tuple[tuple[int, int], Kept]:
        about = path.stat()
        version = (about.st_size, about.st_mtime_ns)
        before = self._sent.get(name)
        if before and before[0] == version:
            return before
        self._serial += 1
        object = f"{self.place}/data/{self.generation:06d}-{self._serial:06d}"
        kept = Kept(object, about.st_size, sha256_of(path))
        self.store.upload(path, object)
        return version, kept

    def _newest(self) -> dict[str, Kept]:
        names = self.store.names(f"{self.place}/position")
        content = self.store.read(names[-1]) if names else None
        entries = json.loads(content) if content else {}
        return {name: Kept(**entry) for name, entry in entries.items()}

    def _download(self, kept: Kept, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        self.store.download(kept.object, target)
        if sha256_of(target) != kept.sha256:
            raise OutputError(
                f"{self.store}/{kept.object} is not what was put there; remove {self.place} there "
                "to render this film anew, then try again"
            )

    def _manifest(self, generation: int) -> str:
        return f"{self.place}/position/{generation:06d}.json"

    def _sweep(self, wanted: set[str]) -> None:
        """Removes what this generation, and those before it, do not need any more."""
        for folder in ("position", "data"):
            for name in self.store.names(f"{self.place}/{folder}"):
                number = int(name.rpartition("/")[2][:6])
                own = name in wanted or name == self._manifest(self.generation)
                if number <= self.generation and not own:
                    self.store.remove(name)
