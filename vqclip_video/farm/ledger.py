"""What the store knows of a farm's jobs: which are finished, what failed and why, and how it goes.

Everything lies in `.farm` beside the films. Notes of one sitting carry the generation of its lease.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .store import Store, files_in

JOBS, STATUS, STOP = ".farm/jobs", ".farm/status.json", ".farm/stop"


def place_of(job: str) -> str:
    """The folder of a job's notes in the store."""
    return f"{JOBS}/{job}"


class Ledger:
    """The notes of all jobs of a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def finished(self) -> set[str]:
        """The jobs that are done, by one look at the store."""
        names = (name.split("/") for name in self.store.names(JOBS))
        return {parts[-2] for parts in names if parts[-1] == "result.json"}

    def taken(self) -> set[str]:
        """The jobs that were ever begun here."""
        return {name.split("/")[2] for name in self.store.names(JOBS)}

    def begin(self, job: str, key: str) -> bool:
        """Notes what film a job is; whether it was no other one before."""
        name = f"{place_of(job)}/job.json"
        return self.store.create(name, _bytes({"key": key})) or self._json(name).get("key") == key

    def another(self, job: str) -> str:
        """What to say where it was."""
        return (
            f"{self.store}/{job} was begun from another storyboard or with other models; choose "
            "another output, or start over with fresh=True"
        )

    def forget(self, job: str) -> None:
        """Removes all notes of a job, so that it begins anew."""
        for name in self.store.names(place_of(job)):
            self.store.remove(name)

    def result(self, job: str) -> dict[str, Any]:
        """What became of a finished job; nothing where it is not finished."""
        return self._json(f"{place_of(job)}/result.json")

    def finish(self, job: str, output: Path, about: dict[str, Any]) -> None:
        """Publishes the film at `output` and all that lies in its folder, then says so."""
        folder = output.with_suffix("")
        for path in files_in(folder):
            place = path.relative_to(folder)
            if place.parts[0] != ".work":
                self.store.upload(path, f"{job}/{place.as_posix()}")
        self.store.upload(output, f"{job}.mp4")
        self.finish_part(job, about)

    def finish_part(self, job: str, about: dict[str, Any]) -> None:
        """Says that a part is rendered; its position is what it is put together from."""
        self.store.write(f"{place_of(job)}/result.json", _bytes(about))

    def note(self, job: str, kind: str, generation: int, text: str) -> None:
        """Keeps the words of a sitting; kind: "log", or "failure" of one that failed."""
        self.store.write(f"{place_of(job)}/{kind}-{generation:06d}.txt", text.encode())

    def logs(self, job: str) -> list[tuple[str, str]]:
        """What was said in each sitting and of each failure: what it is called, and the words."""
        found = []
        for name in self.store.names(place_of(job)):
            if name.endswith(".txt"):
                title = name.rpartition("/")[2].removesuffix(".txt")
                found.append((title, (self.store.read(name) or b"").decode("utf-8", "replace")))
        return sorted(found, key=lambda entry: entry[0].rpartition("-")[2])

    def tell(self, rows: Iterable[dict[str, Any]], ended: bool) -> None:
        """Says how the farm goes, for whoever asks for it from elsewhere."""
        about = {"at": time.time(), "ended": ended, "jobs": list(rows)}
        self.store.write(STATUS, _bytes(about))

    def told(self) -> dict[str, Any]:
        """What was said last; nothing where no farm was here."""
        return self._json(STATUS)

    def ask_to_stop(self) -> None:
        """Has the farm that is at work here stop, resumably."""
        self.store.write(STOP, b"")

    def asked_to_stop(self) -> bool:
        return self.store.read(STOP) is not None

    def go_on(self) -> None:
        """Takes an earlier wish to stop back."""
        self.store.remove(STOP)

    def _json(self, name: str) -> dict[str, Any]:
        return json.loads(self.store.read(name) or b"{}")


def _bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode()
