"""Keeps the list: gives jobs to workers, takes in how they end, and gives the rest again.

What it knows lies in the store or can be found anew, so it may be killed: the next one goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..errors import VqclipError
from ..show.flags import in_flags
from .jobs import RUNNING, WAITING, FilmJob, parts_of, work_of
from .ledger import Ledger
from .orders import (
    APART,
    FAILED,
    FINISHED,
    FULL,
    HELD,
    LACKING,
    LOST,
    REFUSED,
    STOPPED,
    THERE,
    Assignment,
    JobOutcome,
)
from .queue import Queue, Waiting
from .shipping import Cargo, packed, put
from .store import Store

FAILURES = 3  # of one job until it is set aside
LOSSES = 10  # of machines under one job, likewise
LOOK, TELL, STOP_LOOK = 1.0, 5.0, 2.0  # seconds between two looks at the workers, two notes, …
AGAIN = 15.0  # seconds
ENDED = (FINISHED, THERE, REFUSED, FAILED)


class Crew(Protocol):
    """What is asked of the workers; cluster.py has them on Ray."""

    workers: list[Any]

    def refresh(self, wanted: int) -> None: ...
    def idle(self) -> list[Any]: ...
    def give(self, worker: Any, order: Assignment) -> None: ...
    def ended(self, seconds: float) -> list[tuple[Any, JobOutcome]]: ...
    def ask(self) -> None: ...
    def stop(self) -> None: ...
    def rest(self, worker: Any) -> bool: ...
    def alive(self, node: str) -> bool: ...


class Listener:
    """Whoever is told how a farm goes; this one says nothing."""

    def changed(self, job: FilmJob) -> None:
        """A job has another state."""

    def table(self, jobs: Sequence[FilmJob], left: float | None) -> None:
        """How all are; left: seconds, once that is known."""


class Foreman:
    """The list of one farm."""

    def __init__(
        self,
        jobs: Sequence[FilmJob],
        store: Store,
        crew: Crew,
        listener: Listener,
        split: bool = False,
        again: float = AGAIN,
    ) -> None:
        """split: whether films are parted at their cuts; again: seconds until a job that another
        farm renders is looked at again.
        """
        self.jobs = {job.name: job for job in jobs}
        self.store, self.ledger, self.crew, self.listener = store, Ledger(store), crew, listener
        self.folder = None if "://" in str(store) else Path(str(store))
        self.queue, self.again, self.split = Queue(), again, split
        self._held: dict[str, float] = {}  # by job: when it is looked at again
        self._work: dict[str, float] = {}
        self._models: dict[str, str] = {}  # of the workers, by their names
        self._done, self._began = 0.0, time.monotonic()
        self._told = self._looked = 0.0
        self.stopped = False

    def run(self, should_stop: Callable[[], bool]) -> None:
        """Until every job has ended, or it is to stop and every worker has. Raises RenderError
        where the cluster is lost, OutputError where the store is.
        """
        self.ledger.go_on()
        self._begin()
        while self._at_work:
            self.stopped = self.stopped or should_stop() or self._asked_to_stop()
            if self.stopped:
                self.crew.stop()
            else:
                self._give()
            for worker, outcome in self.crew.ended(LOOK):
                self._take_in(worker, outcome)
            self.crew.ask()
            self._tell()
        self._tell(ended=True)

    def forget(self) -> None:
        """Has every job begin anew, finished ones too."""
        for job in self.jobs.values():
            self.ledger.forget(job.name)

    @property
    def exit_code(self) -> int:
        """0 where every film is there, 130 where it was stopped, 1 where some could not be made."""
        if self.stopped:
            return 130
        return int(any(job.state not in (FINISHED, THERE) for job in self.jobs.values()))

    @property
    def _running(self) -> list[Any]:
        return [worker for worker in self.crew.workers if worker.order is not None]

    @property
    def _at_work(self) -> bool:
        left = not self.stopped and (len(self.queue) or self._held)
        return bool(self._running or left)

    def _begin(self) -> None:
        finished, taken = self.ledger.finished(), self.ledger.taken()
        there = {name.split("/")[0] for name in self.store.names("") if "/" in name}
        for job in list(self.jobs.values()):
            if job.storyboard is None:
                self._end(job, REFUSED, job.message)
            elif job.name in finished:
                self._end_there(job)
            elif job.name in there - taken:
                where = f"{self.store}/{job.name}"
                self._end(job, REFUSED, f"{where} is no film of a farm; choose another output")
            else:
                self._open(job, finished)
        self._began = time.monotonic()

    def _open(self, job: FilmJob, finished: set[str]) -> None:
        """Has a job wait, or those of its parts that are not rendered yet."""
        whole = work_of(job.storyboard)
        job.parts = parts_of(job) if self.split else ()
        self._work[job.name] = 0.0 if job.parts else whole
        for part in job.parts:
            self.jobs[part.name] = part
            share = part.stretch.iterations / job.parts[-1].stretch.end_iteration
            self._work[part.name] = whole * share
            if part.name in finished:
                part.about, part.state = self.ledger.result(part.name), THERE
            else:
                self._wait(part)
        if all(part.state == THERE for part in job.parts):
            self._wait(job)

    def _end_there(self, job: FilmJob) -> None:
        job.about = self.ledger.result(job.name)
        cargo = self._cargo(job)
        if cargo and job.about.get("key") != cargo.key:
            self._end(job, REFUSED, in_flags(self.ledger.another(job.name)))
        elif cargo:
            self._end(job, THERE)

    def _wait(self, job: FilmJob) -> None:
        """Into the line of its models; those are told apart by their names until they are read."""
        job.state = WAITING
        models = job.storyboard.models
        named = " + ".join([*models.clips, models.vqgan])
        self.queue.add([Waiting(job.name, named, self._work[job.name])])

    def _give(self) -> None:
        now = time.monotonic()
        for name in [name for name, when in self._held.items() if when <= now]:
            del self._held[name]
            self._wait(self.jobs[name])
        self.crew.refresh(len(self.queue) + len(self._running))
        for worker in self.crew.idle():
            while (waiting := self.queue.take(self._models.get(worker.name, ""))) is not None:
                self._models[worker.name] = waiting.models
                job = self.jobs[waiting.job]
                if cargo := self._cargo(job):
                    job.state, job.worker, job.message = RUNNING, worker.name, ""
                    job.device = worker.about.get("device", "")
                    parts = tuple((part.name, part.stretch) for part in job.parts)
                    self.crew.give(worker, Assignment(job.name, cargo, job.stretch, parts))
                    self.listener.changed(job)
                    break

    def _cargo(self, job: FilmJob) -> Cargo | None:
        """What is sent to a worker; None where the job is refused now, files of it lacking."""
        try:
            return packed(job.storyboard, job.whole or job.name, self.folder)
        except VqclipError as error:
            self._end(job, REFUSED, in_flags(str(error)))
            return None

    def _take_in(self, worker: Any, outcome: JobOutcome) -> None:
        job = self.jobs[outcome.job]
        if outcome.state == LOST:
            self.queue.leave(self._models.pop(worker.name, ""))
        if outcome.state in (FINISHED, THERE):
            job.about = dict(outcome.about)
            self._done += self._work[job.name] if outcome.state == FINISHED else 0.0
            self._end(job, outcome.state)
        elif outcome.state == REFUSED:
            self._end(job, REFUSED, outcome.message)
        elif outcome.state == STOPPED:
            self._end(job, STOPPED)
        elif outcome.state == HELD:
            job.state, job.message = HELD, "another farm renders it"
            self._held[job.name] = time.monotonic() + self.again
            self.listener.changed(job)
        elif outcome.state == LACKING:
            self._supply(job, outcome)
        elif outcome.state == APART:
            job.parts = ()
            self._wait(job)
        else:
            self._once_more(job, worker, outcome)

    def _supply(self, job: FilmJob, outcome: JobOutcome) -> None:
        """Puts what a worker's machine has not into the store."""
        try:
            for file in outcome.lacking:
                put(self.store, file)
        except VqclipError as error:
            self._fail(job, in_flags(str(error)))
            return
        self._wait(job)

    def _once_more(self, job: FilmJob, worker: Any, outcome: JobOutcome) -> None:
        """A try went wrong. What a machine is to blame for does not count against the job."""
        if outcome.state == FULL and self.crew.rest(worker):
            job.message = f"{outcome.message} ({worker.name} is left out for a while)"
            self._wait(job)
            self.listener.changed(job)
        else:
            if outcome.state == LOST:
                job.lost_on.append(outcome.about["node"])
            self._fail(job, outcome.message, outcome.state != LOST)

    def _fail(self, job: FilmJob, message: str, error: bool = True) -> None:
        """error: whether the job itself said so; else its worker ended, which counts unless its
        machine turns out to be gone.
        """
        job.failures, job.message = job.failures + error, message
        blamed = job.failures + sum(map(self.crew.alive, job.lost_on))
        if blamed >= FAILURES or len(job.lost_on) >= LOSSES:
            self._end(job, FAILED, message)
        else:
            self._wait(job)
            self.listener.changed(job)

    def _end(self, job: FilmJob, state: str, message: str = "") -> None:
        job.state, job.message = state, message
        self.listener.changed(job)
        whole = self.jobs.get(job.whole)
        if whole and state in (REFUSED, FAILED):
            self._end(whole, state, f"{job.name}: {message}")
        elif whole and all(part.state in (FINISHED, THERE) for part in whole.parts):
            self._wait(whole)

    def _asked_to_stop(self) -> bool:
        now = time.monotonic()
        if now - self._looked < STOP_LOOK:
            return False
        self._looked = now
        return self.ledger.asked_to_stop()

    def _tell(self, ended: bool = False) -> None:
        for worker in self._running:
            self.jobs[worker.order.job].report = worker.report
        self.listener.table(list(self.jobs.values()), self._left())
        if ended or time.monotonic() - self._told > TELL:
            self._told = time.monotonic()
            self.ledger.tell((job.row() for job in self.jobs.values()), ended)

    def _left(self) -> float | None:
        """Seconds to the end, by the work done so far; None until there is some."""
        done, left = self._done, 0.0
        for name, work in self._work.items():
            job = self.jobs[name]
            if job.state == RUNNING and job.report.total:
                first = job.stretch.first_iteration if job.stretch else 0
                end = job.stretch.end_iteration if job.stretch else job.report.total
                share = max(job.report.iteration - first, 0) / (end - first)
                done, left = done + work * share, left + work * (1 - share)
            elif job.state not in ENDED:
                left += work
        elapsed = time.monotonic() - self._began
        return left * elapsed / done if done else None
