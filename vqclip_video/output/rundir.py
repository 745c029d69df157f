"""Where a film and everything about it lie, whose run it is, and whether it is finished.

`outputs/NAME.mp4` is the film and `outputs/NAME/` its folder. The folder's `.work` exists while the
film is
unfinished: the lock, the identity of the run, checkpoints, frames. It is removed when all the rest
    is there.
"""

from __future__ import annotations

import contextlib
import glob
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .._version import __version__
from ..catalogue.platforms import PLATFORMS
from ..disk.files import atomic_write, explained, remove, remove_leftovers
from ..disk.lock import Lock
from ..errors import OutputError, UsageError
from .differences import differences
from .progress import to_json

PROGRAM = "vqclip-video"
NEW, UNFINISHED, FINISHED = "new", "unfinished", "finished"
OTHER_FORMATS = {".avi", ".gif", ".m4v", ".mkv", ".mov", ".webm"}
OWN_FILES = (
    "poster.png",
    "contact_sheet.jpg",
    "report.html",
    "progress.jsonl",
    "storyboard.yaml",
    "deliveries.json",
    ".*.part",
)
OWN_WORK = (
    "segment-*",
    "format.*",
    "tail.*",
    "join.*",
    "sound.adts",
    "loudness",
    "checkpoint-*",
    "guides",
    "about.json",
    "sheet-*.png",
    ".*.part",
)
NO_NAMES: Mapping[str, str] = {}


class RunDir:
    """The places of one film: `output` is its path, with or without `.mp4`.

    `open` decides whose run it is and takes the lock; `close` (or the end of a `with`) lets go of
    it.
    """

    def __init__(self, output: Path) -> None:
        if output.suffix.lower() in OTHER_FORMATS:
            raise UsageError(f"{output}: films are MP4 files; name it {output.stem}.mp4")
        name = output.name[:-4] if output.name.lower().endswith(".mp4") else output.name
        if not name.strip(". "):
            raise UsageError(
                f"{str(output)!r} names no file; name the film, for example outputs/film.mp4"
            )
        self.folder = output.with_name(name)
        self.film = output.with_name(f"{name}.mp4")
        self.preview = output.with_name(f"{name}.preview.mp4")
        self.poster = self.folder / "poster.png"
        self.contact_sheet = self.folder / "contact_sheet.jpg"
        self.report = self.folder / "report.html"
        self.progress = self.folder / "progress.jsonl"
        self.storyboard = self.folder / "storyboard.yaml"
        self.run = self.folder / "run.json"
        self.latents = self.folder / "latents"
        self.deliveries = self.folder / "deliveries.json"  # what each was made by
        self.work = self.folder / ".work"
        self.guides = self.work / "guides"
        self.printing = self.work / "print"
        self._identity = self.work / "identity.json"
        self._lock = Lock(self.work / "lock")
        self._fingerprint: dict[str, Any] = {}
        self._names: Mapping[str, str] = NO_NAMES

    def __enter__(self) -> RunDir:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def open(
        self,
        fingerprint: Mapping[str, Any],
        storyboard: str,
        fresh: bool = False,
        names: Mapping[str, str] = NO_NAMES,
    ) -> str:
        """Takes the folder for a run: returns "new", "unfinished" (go on from its checkpoint) or
        "finished".

        `fingerprint` is what makes the film this film (storyboard, seed, hashes of the models,
        ...): any JSON, in words that a user understands. `storyboard` is the text kept beside the
        film. `fresh` removes what an earlier run made, and nothing else. `names`: for texts of the
        fingerprint, what to call them in a message. A finished film is left alone and not locked.
        Raises OutputError when the folder is another program's, another run's or in use.
        """
        self._fingerprint, self._names = json.loads(to_json(fingerprint)), names
        state = self._state(fresh)
        if state == FINISHED and not self.work.exists():
            return state
        self._lock.acquire()
        try:
            state = self._state(fresh)
            with explained(self.folder):
                if state == FINISHED:
                    self._remove_work()
                else:
                    # A run killed before its first checkpoint may not have removed all of an older
                    # film's files.
                    if state == NEW or not any(self.work.glob("checkpoint-*")):
                        self._begin()
                    self.latents.mkdir(exist_ok=True)
                    atomic_write(self.storyboard, storyboard)
        except BaseException:
            self.close()
            raise
        return state

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """What makes the film this film, as `open` was given it."""
        return self._fingerprint

    def close(self) -> None:
        """Lets go of the folder; an unfinished run stays to be gone on with."""
        self._lock.release()

    @property
    def finished(self) -> bool:
        """Whether a film of ours is finished here."""
        with explained(self.folder):
            return bool(self._our_run().get("finished")) and self.film.exists()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Holds a finished run's folder, while something is added to it.

        Raises OutputError where it is in use.
        """
        self._lock.acquire()
        try:
            yield
        finally:
            self._remove_work()

    def save_run(self, run: Mapping[str, Any], finished: bool) -> None:
        """Writes run.json; `finished` says that all else is in place, and removes what was only
        for the way.
        """
        about = {"program": PROGRAM, "version": __version__, "finished": finished}
        atomic_write(
            self.run, to_json({**about, **run, "fingerprint": self._fingerprint}, indent=2) + "\n"
        )
        if finished:
            remove(self.preview)
            self._remove_work()

    def begun(self) -> dict[str, Any]:
        """The fingerprint of the run that is there, empty where there is none.

        Raises OutputError.
        """
        with explained(self.folder):
            known = _read_json(self._identity) or self._our_run().get("fingerprint")
            return known if isinstance(known, dict) else {}

    def state(self, fingerprint: Mapping[str, Any]) -> str:
        """What `open` would find, without touching anything. Raises OutputError likewise."""
        self._fingerprint = json.loads(to_json(fingerprint))
        return self._state(fresh=False)

    def _state(self, fresh: bool) -> str:
        with explained(self.folder):
            run = self._our_run()
            begun = _read_json(self._identity)
            if begun and not run and not any(self.work.glob("checkpoint-*")):
                return NEW  # it was refused or killed before there was anything to go on from
            known = begun or run.get("fingerprint")
            if known is None:
                self._refuse_foreign()
            if known is None or fresh:
                return NEW
            if different := differences(known, self._fingerprint):
                raise OutputError(self._different(different))
            if (
                run.get("finished")
                and run.get("fingerprint") == self._fingerprint
                and self.film.exists()
            ):
                return FINISHED
            return UNFINISHED if self._identity.exists() else NEW

    def _our_run(self) -> dict:
        run = _read_json(self.run)
        return run if run.get("program") == PROGRAM else {}

    def _refuse_foreign(self) -> None:
        """Only a folder that is empty, or that a run of ours was only about to begin in, is free
        to take.
        """
        if self.folder.is_dir():
            theirs = sorted(entry.name for entry in self.folder.iterdir() if entry != self.work)
            if theirs:
                raise OutputError(
                    f"{self.folder} holds files that no film of {PROGRAM} left there ({theirs[0]}, "
                    "…); choose another output, or move them away"
                )
        if self.film.exists():
            ways = "choose another output, or move it away"
            raise OutputError(
                f"{self.film} exists, but not the run folder it would belong to; {ways}"
            )

    def _different(self, lines: list[str]) -> str:
        lines = [
            f"{self.folder} holds the run of a different film:",
            *(f"  {line}" for line in lines),
        ]
        for text, name in self._names.items():
            lines = [line.replace(text, f"{name} ({text})") for line in lines]
        return "\n".join(
            [*lines, "choose another output, or discard what is there with fresh=True"]
        )

    def _begin(self) -> None:
        """Makes the folder this run's. A kill in between leaves a folder that is known as ours and
        starts anew: checkpoints go before the identity that they belonged to, all the rest after
        the new one is there.
        """
        _remove_matching(self.work, ("checkpoint-*",))
        atomic_write(self._identity, to_json(self._fingerprint, indent=2) + "\n")
        for file in (self.run, self.film, self.preview):
            file.unlink(missing_ok=True)
        remove_leftovers(self.film)
        name = glob.escape(self.folder.name)
        delivered = (f"{name}.{platform}{end}" for platform in PLATFORMS for end in ("", ".*"))
        _remove_matching(self.folder, (*OWN_FILES, *delivered))
        _remove_matching(self.latents, ("*.safetensors", "frames.*", ".*.part"))
        self._remove_own_work()

    def _remove_own_work(self) -> None:
        for folder in (self.printing, self.work):
            _remove_matching(folder, OWN_WORK)
        with contextlib.suppress(OSError):
            self.printing.rmdir()

    def _remove_work(self) -> None:
        for folder in (self.folder, self.latents):
            _remove_matching(folder, (".*.part",))
        self._remove_own_work()
        remove(self._identity)
        self._lock.release()
        with contextlib.suppress(OSError):  # somebody's own file in there keeps the folder
            self.work.rmdir()


def _read_json(file: Path) -> dict:
    """A JSON object that we wrote; anything else there, or nothing, is none. Raises OSError."""
    try:
        value = json.loads(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _remove_matching(folder: Path, patterns: tuple[str, ...]) -> None:
    """Removes our files from a folder, not through a link that somebody put in its place."""
    if folder.is_symlink():
        return
    for pattern in patterns:
        for file in folder.glob(pattern):
            file.unlink(missing_ok=True)
