"""The jobs of a farm: films × seeds × values, and what is known of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import StoryboardError
from ..storyboard.schema import Storyboard
from ..storyboard.sizes import frame_size
from ..storyboard.timeline import Timeline
from ..storyboard.variants import choices, variants
from .orders import REFUSED, Report
from .split import FilmPart, film_parts

WAITING, RUNNING = "waiting", "running"
# What an iteration takes goes half with the pixels and half with the cutouts (see speed.py).
USUAL_PIXELS, USUAL_CUTOUTS = 256 * 256, 32


@dataclass
class FilmJob:
    """A film to be made: `name` is the film's, without .mp4; without a storyboard it is refused."""

    name: str
    storyboard: Storyboard | None
    source: Path
    state: str = WAITING
    message: str = ""
    failures: int = 0
    lost_on: list[str] = field(default_factory=list)  # nodes whose worker ended with it
    worker: str = ""
    device: str = ""
    about: dict[str, Any] = field(default_factory=dict)  # of a finished one
    report: Report = Report()
    stretch: FilmPart | None = None  # of the film `whole`, where it is a part
    whole: str = ""
    parts: tuple[FilmJob, ...] = ()  # that have to be rendered before

    def row(self) -> dict[str, Any]:
        """What is told of it, in plain values."""
        report, told = self.report, {"job": self.name, "state": self.state}
        if self.state == RUNNING:
            told |= {"frame": report.frame, "frames": report.frames, "rate": round(report.rate, 3)}
            told |= {"iteration": report.iteration, "total_iter": report.total}
            told |= {"stage": report.state, "worker": self.worker, "device": self.device}
            if report.rate and report.total:
                told["left"] = round((report.total - report.iteration) / report.rate, 1)
        failures = self.failures + len(self.lost_on)
        told |= {"failures": failures} if failures else {}
        told |= {"message": self.message} if self.message else {}
        return told | {key: value for key, value in self.about.items() if key != "key"}


def jobs_of(paths: Sequence[Path], seeds: Sequence[int], settings: Sequence[str]) -> list[FilmJob]:
    """All jobs, in order. A storyboard that is wrong is one job, refused, whose message has every
    mistake with its line. Raises UsageError for settings that are none.
    """
    for text in settings:
        choices(text)
    taken: Counter[str] = Counter()
    found: list[FilmJob] = []
    for path in paths:
        for job in _of(path, seeds, settings):
            taken[job.name] += 1
            if taken[job.name] > 1:
                job.name = f"{job.name}-{taken[job.name]}"
            found.append(job)
    return found


def _of(path: Path, seeds: Sequence[int], settings: Sequence[str]) -> Iterator[FilmJob]:
    try:
        for variant in list(variants(path, seeds, settings)):
            yield FilmJob(variant.name, variant.storyboard, path)
    except StoryboardError as error:
        yield FilmJob(path.stem, None, path, REFUSED, str(error))


def parts_of(job: FilmJob) -> tuple[FilmJob, ...]:
    """The parts of a film, each a job; none where it is not parted."""
    found = film_parts(job.storyboard)
    if len(found) < 2:
        return ()
    return tuple(
        FilmJob(
            f"{job.name}.part-{number}", job.storyboard, job.source, stretch=stretch, whole=job.name
        )
        for number, stretch in enumerate(found, 1)
    )


def work_of(storyboard: Storyboard) -> float:
    """How much a film is to render, in iterations of a usual one."""
    timeline, (width, height) = Timeline(storyboard), frame_size(storyboard.size)
    cutouts = sum(
        span.iterations * storyboard.scenes[span.scene].settings.cutouts for span in timeline.spans
    )
    pixels = timeline.total_iter * width * height / USUAL_PIXELS
    return 0.5 * pixels + 0.5 * cutouts / USUAL_CUTOUTS
