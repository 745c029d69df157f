"""A film that was shot, opened to be printed from: its run's folder, without its optimiser."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..disk.checksums import remembered_sha256
from ..engine.device import pick_device
from ..engine.memory import explained_failures, release
from ..engine.options import EngineOptions
from ..engine.precision import pick_precision
from ..errors import ModelError, OutputError, UsageError
from ..materials import find_vqgan
from ..models.vqgan.first_stage import VQGAN, load_vqgan
from ..output.latents import KeptLatents, LatentPlaces
from ..output.origin import FORMATS, Origin
from ..output.progress import read_steps
from ..output.rundir import PROGRAM, RunDir
from ..output.self_description import read_origin
from ..storyboard.reader import read
from ..storyboard.schema import Models
from ..storyboard.timeline import Timeline

VQGAN_FILE = "VQGAN file (sha256)"  # as the identity of a run calls it


@dataclass(frozen=True)
class ShotFilm:
    """A finished run with the latents of all its frames."""

    run: RunDir
    timeline: Timeline
    latents: KeptLatents
    steps: np.ndarray
    made: dict  # the identity of the run
    origin: Origin | None

    @contextmanager
    def vqgan(self, options: EngineOptions, file: Path | None = None) -> Iterator[VQGAN]:
        """The VQGAN that it was shot with, for a while, in the number format of then.

        `file`: where it lies now. Raises ModelError where it is not here, or another one.
        """
        board = self.timeline.storyboard
        weights, config = self._found(Models(vqgan=str(file)) if file else board.models)
        if remembered_sha256(weights) != self.made.get(VQGAN_FILE):
            raise ModelError(
                f"{weights}: not the VQGAN that {self.run.folder} was rendered with, whose latents "
                "only it can decode; say where that file lies, as vqgan=FILE"
            )
        device, precision = pick_device(options.device), options.precision
        if precision == "auto" and self.made.get("device") == device.type:
            precision = FORMATS.get(self.made.get("precision"), precision)
        with ExitStack() as stack:
            stack.callback(release, device)
            stack.enter_context(explained_failures(board.size, device))
            vqgan = load_vqgan(weights, config, device, pick_precision(precision, device))
            vqgan.low_memory = options.memory == "low"
            yield vqgan

    def _found(self, models: Models) -> tuple[Path, Path]:
        try:
            return find_vqgan(models)
        except (ModelError, UsageError) as error:
            raise ModelError(f"{error}\n(where it lies elsewhere now, say vqgan=FILE)") from None


def open_shot(path: Path, notice: Callable[[str], None] = lambda text: None) -> ShotFilm:
    """The run whose folder, or film, is named.

    Raises UsageError where it cannot be printed from, OutputError where its files are damaged.
    """
    if not path.exists():
        raise UsageError(f"there is no film {path}; name the folder of a run, or its film")
    run = RunDir(path if path.name else path.absolute())
    about = _about(run)
    if about is None:
        raise UsageError(
            f"{path}: no run lies beside it; a film is printed from what its optimiser left, so "
            "name the folder of a run, or a film that lies beside its own"
        )
    if not about.get("finished"):
        raise UsageError(f"{run.folder}: the film is not finished; render it to the end first")
    if not LatentPlaces(run.latents).index.exists():
        raise UsageError(
            f"{run.folder}: the latents of its frames were not kept; render it once more with "
            "`latents: frames`"
        )
    timeline = Timeline(read(run.storyboard))
    latents, steps = KeptLatents.indexed(run.latents), read_steps(run.progress)
    if not len(latents) == len(steps) == timeline.frames:
        raise OutputError(
            f"{run.folder}: storyboard, log and latents are not of one film; start again with "
            "fresh=True"
        )
    origin = read_origin(run.film) if run.film.exists() else None
    return ShotFilm(run, timeline, latents, steps, about.get("fingerprint", {}), origin)


def _about(run: RunDir) -> dict | None:
    """What run.json says; None where there is none of ours."""
    try:
        about = json.loads(run.run.read_bytes())
    except (OSError, ValueError):
        return None
    return about if isinstance(about, dict) and about.get("program") == PROGRAM else None
