"""progress.jsonl: one line of JSON for each captured frame."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..disk.files import explained, write_all
from ..disk.part import Part
from ..errors import OutputError


class ProgressLog:
    """Appends lines; opened at a position of the film, it keeps as many as there were by then."""

    def __init__(self, path: Path, lines: int = 0) -> None:
        self.path, self.lines = path, lines
        with explained(path):
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
            self._descriptor: int | None = os.open(path, flags, 0o666)
            end = _end_of_line(path, lines)
            os.ftruncate(self._descriptor, end)
            os.lseek(self._descriptor, end, os.SEEK_SET)

    def append(self, record: Mapping[str, Any]) -> None:
        """Adds one record; whoever reads the file meanwhile sees whole lines.

        Raises OutputError.
        """
        with explained(self.path):
            write_all(self._descriptor, to_json(record).encode() + b"\n")
        self.lines += 1

    def sync(self) -> None:
        """Forces the lines to the disk."""
        with explained(self.path):
            os.fsync(self._descriptor)

    def state(self) -> Part:
        """Forces the lines to the disk, and says how many there are."""
        self.sync()
        return Part(numbers={"lines": self.lines})

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def frame_record(progress) -> dict[str, Any]:
    """What is kept of a captured frame: of an `engine.session.Progress` that was captured.

    `scenes` are its similarities to the own targets of the scene before, its own and the next, by
    their indices: where the one overtakes the other, the film has turned to the new prompt.
    """
    moment, several = progress.moment, progress.similarities
    each = {name: round(value, 5) for name, value in several.items()}
    return {
        "frame": moment.frame,
        "iteration": progress.iteration,
        "time": round(moment.time, 4),
        "scene": moment.scene,
        "mix": round(moment.mix, 4),
        "similarity": round(progress.similarity, 5),
        **({"similarities": each} if each else {}),
        "scenes": {str(scene): round(value, 5) for scene, value in progress.to_scenes.items()},
        "losses": {name: round(value, 6) for name, value in progress.losses.items()},
    }


def read_steps(log: Path) -> np.ndarray:
    """From each captured picture of a film to the next, as its log has them; the first is 0.

    Raises OutputError where the log is not there, or not whole.
    """
    with explained(log):
        lines = log.read_bytes().splitlines()
    try:
        return np.array([float(json.loads(line)["step"]) for line in lines])
    except (ValueError, KeyError, TypeError):
        raise OutputError(
            f"{log}: not the log that the film was shot with, by which its frames are placed; "
            "start again with fresh=True"
        ) from None


def to_json(value: Any, indent: int | None = None) -> str:
    """JSON that every reader takes: NaN and infinities, which JSON lacks, become null."""
    return json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, indent=indent)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _end_of_line(path: Path, lines: int) -> int:
    """Bytes of the first `lines` lines, of the whole ones there are at most."""
    end = 0
    with path.open("rb") as file:
        for _, line in zip(range(lines), file, strict=False):
            if line.endswith(b"\n"):
                end += len(line)
    return end
