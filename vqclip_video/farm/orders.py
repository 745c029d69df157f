"""What goes between whoever keeps a farm's list and the workers, and back. No torch, no Ray."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..engine.options import EngineOptions
from .lease import SECONDS
from .shipping import Cargo, Shipped, digest_of
from .split import FilmPart

FINISHED, THERE, STOPPED = "finished", "there", "stopped"
# rendered by another farm; its files are lacking; the disk is full; an error; the worker is gone
HELD, LACKING, FULL, FAILED, LOST = "held", "lacking", "full", "failed", "lost"
# its storyboard, or what is there under its name, does not let it begin
REFUSED = "refused"
# its parts do not fit together: it is to be rendered whole
APART = "apart"


@dataclass(frozen=True)
class WorkerOptions:
    """How every job of a farm is rendered.

    store: the place of the farm's store. threads: of torch, for one film. sync_seconds: between two
    positions in the store at least. lease_seconds: see lease.py.
    """

    store: str
    engine: EngineOptions = EngineOptions()
    encoder: str = "auto"
    threads: int = 2
    sync_seconds: float = 30.0
    lease_seconds: float = SECONDS


@dataclass(frozen=True)
class Assignment:
    """One job to be rendered.

    stretch: of the film, where the job is a part of it. parts: jobs that have rendered all of it,
    in order, where it is to be put together.
    """

    job: str
    cargo: Cargo
    stretch: FilmPart | None = None
    parts: tuple[tuple[str, FilmPart], ...] = ()

    @property
    def key(self) -> str:
        """What makes it this job and no other, by its content."""
        return digest_of([self.cargo.key, repr(self.stretch)]) if self.stretch else self.cargo.key


@dataclass(frozen=True)
class Report:
    """How far a worker is with its job."""

    job: str = ""
    state: str = "loading"
    iteration: int = 0
    total: int = 0
    frame: int = 0
    frames: int = 0
    rate: float = 0.0  # iterations a second
    similarity: float | None = None


@dataclass(frozen=True)
class JobOutcome:
    """How a worker's try at a job ended; `message` is for the user where it is not finished."""

    job: str
    state: str
    message: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)  # what is kept of a finished one
    lacking: tuple[Shipped, ...] = ()
    seconds: float = 0.0
