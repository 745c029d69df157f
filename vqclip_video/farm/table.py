"""How a farm goes, for people and for machines."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ..show.streams import ERR, OUT
from ..text import clock, shortened
from .foreman import Listener
from .jobs import RUNNING, WAITING, FilmJob
from .orders import FAILED, FINISHED, HELD, LACKING, REFUSED, STOPPED, THERE

# In a table: what runs, then what went wrong, then the rest.
ORDER = (RUNNING, FAILED, REFUSED, HELD, LACKING, STOPPED, WAITING, FINISHED, THERE)
COLUMNS = ("job", "state", "frame", "it/s", "left", "device")
NAME_BYTES, MOST_ROWS = 40, 20
SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_ROWS = 5.0  # of a machine's progress
CLEAR = "\x1b[J"


class FarmLines(Listener):
    """A line for each change, and one for all every ten seconds."""

    def __init__(self) -> None:
        self._shown = time.monotonic()

    def changed(self, job: FilmJob) -> None:
        if job.state != WAITING or job.message:
            ERR.write(f"{changed_text(job)}\n")

    def table(self, jobs: Sequence[FilmJob], left: float | None) -> None:
        if time.monotonic() - self._shown >= SECONDS_BETWEEN_LINES:
            self._shown = time.monotonic()
            ERR.write(f"{totals([job.row() for job in jobs], left)}\n")


class FarmTable(FarmLines):
    """A table of what runs, in its place; what ends goes above it as a line."""

    def __init__(self) -> None:
        super().__init__()
        self._height = 0

    def changed(self, job: FilmJob) -> None:
        if job.state not in (WAITING, RUNNING) or job.message:
            self._clear()
            ERR.write(f"{changed_text(job)}\n")

    def table(self, jobs: Sequence[FilmJob], left: float | None) -> None:
        self._clear()
        rows = [job.row() for job in jobs]
        width = os.get_terminal_size(ERR.fileno()).columns
        running = [row for row in rows if row["state"] == RUNNING]
        lines = [*table_text(running, MOST_ROWS), totals(rows, left)]
        ERR.write("".join(f"{line[: width - 1]}\n" for line in lines))
        self._height = len(lines)

    def _clear(self) -> None:
        if self._height:
            ERR.write(f"\x1b[{self._height}F{CLEAR}")
            self._height = 0


class FarmEvents(Listener):
    """One JSON object a line on standard output: `event` is job, where one has another state or
    has come further, and farm, how all are.
    """

    def __init__(self) -> None:
        self._shown = time.monotonic()

    def changed(self, job: FilmJob) -> None:
        self._say("job", **job.row())

    def table(self, jobs: Sequence[FilmJob], left: float | None) -> None:
        if time.monotonic() - self._shown >= SECONDS_BETWEEN_ROWS:
            self._shown = time.monotonic()
            for job in jobs:
                if job.state == RUNNING:
                    self._say("job", **job.row())
            counts = Counter(job.state for job in jobs)
            self._say("farm", **counts, seconds_left=left and round(left, 1))

    def _say(self, event: str, **values: Any) -> None:
        OUT.write(json.dumps({"event": event, **values}) + "\n")


def table_text(rows: Sequence[Mapping[str, Any]], most: int | None = None) -> list[str]:
    """A table of jobs as lines; `most`: rows, of which those that matter come first."""
    ranked = sorted(rows, key=lambda row: ORDER.index(row["state"]))
    shown = [COLUMNS, *(_cells(row) for row in ranked[:most])]
    widths = [max(len(row[column]) for row in shown) for column in range(len(COLUMNS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in shown
    ]
    hidden = len(rows) - len(ranked[:most])
    return [*lines, f"… and {hidden} more"] if hidden else lines


def totals(rows: Sequence[Mapping[str, Any]], left: float | None) -> str:
    """All jobs in one line."""
    counts = Counter(row["state"] for row in rows)
    parts = [f"{counts[state]} {state}" for state in reversed(ORDER) if counts[state]]
    about = f"; about {clock(left)} left" if left else ""
    films = "1 film" if len(rows) == 1 else f"{len(rows)} films"
    return f"{films}: {', '.join(parts)}{about}"


def changed_text(job: FilmJob) -> str:
    """A job's new state in a line; a mistake in its storyboard has one each."""
    about = job.about
    if job.state == RUNNING:
        return f"{job.name}: on {job.worker}, {job.device}"
    if job.state == FINISHED:
        return f"{job.name}: {about['frames']} frames in {clock(about['seconds'])}"
    if job.state == THERE:
        return f"{job.name}: finished already"
    if job.state == STOPPED:
        return f"{job.name}: stopped, and kept to go on from"
    said = "set aside: " if job.state == FAILED else "again: " if job.state == WAITING else ""
    return f"{job.name}: {said}{job.message}"


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    frames = row.get("frames", "")
    frame = f"{row['frame']}/{frames}" if "frame" in row else str(frames)
    rate = f"{row['rate']:.2f}" if row.get("rate") else ""
    left = clock(row["left"]) if "left" in row else ""
    state = row["state"] if row["state"] != RUNNING else row.get("stage", RUNNING)
    return shortened(row["job"], NAME_BYTES), state, frame, rate, left, row.get("device", "")
