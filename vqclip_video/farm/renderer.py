"""One worker: renders one job after another, with its networks kept between those that share them.

It knows a store and a disk, and nothing of Ray.
"""

from __future__ import annotations

import contextlib
import gc
import platform
import shutil
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from ..disk.cache import cache_dir
from ..disk.files import explained
from ..engine.cast import Cast, load_cast
from ..engine.device import pick_device
from ..engine.memory import explained_failures, release
from ..errors import FullDiskError, StoryboardError, UsageError, VqclipError
from ..film import FilmOptions, make_film
from ..recorder import FilmResult, device_name
from ..show.flags import in_flags
from ..storyboard.sizes import frame_size
from .lease import Lease
from .ledger import Ledger, place_of
from .orders import (
    APART,
    FAILED,
    FINISHED,
    FULL,
    HELD,
    LACKING,
    REFUSED,
    STOPPED,
    THERE,
    Assignment,
    JobOutcome,
    Report,
    WorkerOptions,
)
from .position import Position
from .shipping import Unpacked, locate, unload
from .split import Rendered, begin, fit_together, is_of, join, lay
from .store import files_in, open_store
from .watcher import Watcher


class Renderer:
    """A worker's own state: a store, and the networks of the last film."""

    def __init__(self, options: WorkerOptions, worker: str) -> None:
        """worker: what it is called in leases, for a person."""
        self.options, self.worker = options, worker
        self.store = open_store(options.store)
        self.ledger = Ledger(self.store)
        self.report, self.stopping = Report(), False
        self.casts_loaded = 0
        self._cast: tuple[str, Cast] | None = None

    @property
    def device(self) -> str:
        """What it computes on, as a person knows it."""
        return device_name(pick_device(self.options.engine.device))

    def stop(self) -> None:
        """Has the job at hand stop after its step, resumably."""
        self.stopping = True

    def render(self, order: Assignment) -> JobOutcome:
        """Renders a job from wherever it is to its end; never raises VqclipError."""
        began, self.stopping = time.monotonic(), False
        self.report = Report(order.job)
        try:
            outcome = self._under_lease(order)
        except VqclipError as error:  # the store itself does not answer
            outcome = JobOutcome(order.job, FAILED, in_flags(str(error)))
        self.report = Report()
        return replace(outcome, seconds=time.monotonic() - began)

    def _under_lease(self, order: Assignment) -> JobOutcome:
        place = place_of(order.job)
        lease = Lease(self.store, place, self.worker, self.options.lease_seconds)
        if not lease.acquire():
            return JobOutcome(order.job, HELD)
        sitting = Sitting(self, order, lease)
        with lease.kept():
            if not self.ledger.begin(order.job, order.key):
                return JobOutcome(order.job, REFUSED, self.ledger.another(order.job))
            if result := self.ledger.result(order.job):
                return JobOutcome(order.job, THERE, about=result)
            return sitting.outcome()

    @contextlib.contextmanager
    def cast(self, key: str, unpacked: Unpacked) -> Iterator[Cast]:
        """The networks of a film: those of the film before, where they are the same."""
        if self._cast and self._cast[0] != key:
            self.forget()
        if not self._cast:
            engine, size = self.options.engine, unpacked.storyboard.size
            with explained_failures(size, pick_device(engine.device)):
                self._cast = key, load_cast(unpacked.materials, engine)
            self.casts_loaded += 1
        yield self._cast[1]

    def forget(self) -> None:
        """Frees the networks."""
        self._cast = None
        gc.collect()
        release(pick_device(self.options.engine.device))


class Sitting:
    """One worker's try at one job."""

    def __init__(self, renderer: Renderer, order: Assignment, lease: Lease) -> None:
        self.renderer, self.order, self.lease = renderer, order, lease
        self.ledger, self.options = renderer.ledger, renderer.options
        self.lines = [f"{time.strftime('%Y-%m-%d %H:%M:%S')} on {renderer.worker}"]
        self.position = Position(renderer.store, place_of(order.job), lease.generation)

    def outcome(self) -> JobOutcome:
        """How it ended; what was said on the way lies in the store then."""
        try:
            found = self._rendered()
        except FullDiskError as error:
            found = self._outcome(FULL, error)
        except (StoryboardError, UsageError) as error:
            found = self._outcome(REFUSED, error)
        except Exception as error:  # of a library too: the others of a hundred go on
            if not isinstance(error, VqclipError):
                self.lines.append(traceback.format_exc())
            found = self._outcome(FAILED, error)
        self._note("log")
        if found.state in (FAILED, FULL):
            self.renderer.forget()  # whatever it was, the next film begins with fresh networks
            self._note("failure")
        return found

    def _outcome(self, state: str, error: Exception) -> JobOutcome:
        message = in_flags(str(error)) or type(error).__name__
        self.lines.append(message)
        return JobOutcome(self.order.job, state, message)

    def _note(self, kind: str) -> None:
        with contextlib.suppress(VqclipError):
            text = "".join(f"{line}\n" for line in self.lines)
            self.ledger.note(self.order.job, kind, self.lease.generation, text)

    def _rendered(self) -> JobOutcome:
        cargo = self.order.cargo
        found = {file.path: locate(self.renderer.store, file) for file in cargo.files}
        if lacking := tuple(file for file in cargo.files if found[file.path] is None):
            return JobOutcome(self.order.job, LACKING, lacking=lacking)
        with workspace() as folder:
            output = folder / cargo.output
            with explained(output):
                output.parent.mkdir(parents=True, exist_ok=True)
            files = self.position.fetch(output.parent)
            if files:
                self.lines.append(f"{files} files of the position that was kept are here")
            unpacked = unload(cargo, found, folder)
            if self.order.parts and not files and not self._joined(unpacked, folder, output):
                return JobOutcome(self.order.job, APART)
            if self.order.stretch:
                self._begin_part(unpacked, output, new=not files)
            return self._ended(self._filmed(unpacked, output), output)

    def _joined(self, unpacked: Unpacked, folder: Path, output: Path) -> bool:
        """Whether the run at `output` is now that of all parts together."""
        parts = []
        for number, (job, stretch) in enumerate(self.order.parts):
            place = folder / "parts" / str(number)
            Position(self.renderer.store, place_of(job)).fetch(place)
            parts.append(Rendered(stretch, place / output.stem))
        fit = fit_together(parts)
        if fit:
            join(parts, output.with_suffix(""), frame_size(unpacked.storyboard.size))
        shutil.rmtree(folder / "parts", ignore_errors=True)
        return fit

    def _begin_part(self, unpacked: Unpacked, output: Path, new: bool) -> None:
        """Has the run at `output` be one that goes on from the cut that the part begins after."""
        work, stretch = output.with_suffix("") / ".work", self.order.stretch
        if new:
            self._filmed(unpacked, output, begin_only=True)
            begin(work, stretch)
        lay(work, stretch, frame_size(unpacked.storyboard.size))

    def _filmed(self, unpacked: Unpacked, output: Path, begin_only: bool = False) -> FilmResult:
        options, engine = self.options, self.options.engine
        torch.set_num_threads(options.threads)
        watcher = Watcher(self, output, begin_only)
        film = FilmOptions(
            engine.device,
            engine.precision,
            engine.memory,
            engine.compile,
            engine.graphs,
            encoder=options.encoder,
        )
        told = {"display": watcher, "should_stop": watcher.should_stop}
        with self.renderer.cast(self.order.cargo.models_key, unpacked) as cast:
            return make_film(
                unpacked.storyboard, output, film, **told, cast=cast, materials=unpacked.materials
            )

    def _ended(self, result: FilmResult, output: Path) -> JobOutcome:
        job = self.order.job
        if not self.lease.confirm():
            return JobOutcome(job, HELD, "another worker has taken it over")
        stretch = self.order.stretch
        if result.state == STOPPED:
            self.push(output)
            if not (stretch and self.renderer.report.iteration > stretch.stop_at):
                return JobOutcome(job, STOPPED)
        about = {
            "key": self.order.key,
            "frames": result.frames - (stretch.first_frame if stretch else 0),
            "similarity": result.similarity,
            "seconds": round(result.seconds, 3),
            "sittings": result.sittings,
            "device": self.renderer.device,
            "node": platform.node(),
        }
        if stretch:
            self.ledger.finish_part(job, about)
        else:
            self.ledger.finish(job, output, about)
            self.position.clear()
            for part, _ in self.order.parts:
                self.ledger.forget(part)
        return JobOutcome(job, FINISHED, about=about)

    def push(self, output: Path) -> None:
        """Keeps in the store how far the run at `output` is, unless it has another holder."""
        if self.lease.confirm():
            folder = output.parent
            files = (path for path in files_in(output.with_suffix("")) if self._is_kept(path))
            self.position.push({path.relative_to(folder).as_posix(): path for path in files})

    def _is_kept(self, path: Path) -> bool:
        """Whether a file of a run belongs to its position: all but the lock, which is this
        machine's, what is made anew, and a part's black frames.
        """
        stretch, size = self.order.stretch, frame_size(self.order.cargo.storyboard.size)
        own = stretch is None or is_of(path, stretch, size)
        return own and not path.name.startswith(("lock", "join.", "tail."))


@contextlib.contextmanager
def workspace() -> Iterator[Path]:
    """A folder of this machine for one job, gone afterwards."""
    place = cache_dir() / "farm" / "work"
    with explained(place):
        place.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="job-", dir=place))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
