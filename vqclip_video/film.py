"""A storyboard becomes a film on disk: the engine's frames go into the run folder, and a stop
loses none of them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from .deliveries import deliver_ordered
from .disk.files import explained
from .disk.part import Part
from .engine.cast import Cast, load_cast
from .engine.compilation import pick_compile
from .engine.device import pick_device
from .engine.guides import Guides
from .engine.guiding import Interrupted, prepare
from .engine.memory import explained_failures, heap_kept, release
from .engine.options import EngineOptions
from .engine.precision import PRECISIONS, pick_precision
from .engine.session import Session
from .footprint import frame_latent_bytes
from .materials import Materials, find_materials
from .output.checkpoint import Parts, load_checkpoint
from .output.encoders import pick_encoder
from .output.flashes import flashes_of, in_seconds
from .output.origin import origin_of
from .output.rundir import FINISHED, UNFINISHED, RunDir
from .output.space import check_space
from .printing.takes import Takes
from .recorder import FilmResult, Recorder
from .show.displays import Display
from .speed import remember_speed
from .storyboard.schema import Storyboard
from .storyboard.seed import with_seed
from .storyboard.sizes import frame_size
from .storyboard.timeline import Timeline, is_as_shot
from .storyboard.writer import as_filmed, dump, without_places

# To be raised by whoever changes what an iteration computes: runs of another version do not mix in
# one film.
NUMERICS = 4
ENOUGH_DIGITS = 16  # of a sha256, to tell a picture from the one it was
ENOUGH_ITERATIONS = 10  # for a speed worth remembering


@dataclass(frozen=True)
class FilmOptions(EngineOptions):
    """Where and how to render; none of it changes what the storyboard asks for."""

    encoder: str = "auto"
    fresh: bool = False


def make_film(
    storyboard: Storyboard,
    output: Path,
    options: FilmOptions = FilmOptions(),
    display: Display | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    cast: Cast | None = None,
    materials: Materials | None = None,
) -> FilmResult:
    """Render `storyboard` to the MP4 `output` and a folder of the same name; goes on with an
    unfinished one.

    `should_stop` is asked after each iteration; when it says so, the run is saved with a playable
    preview. The resumed film is, on a CPU, bit for bit the film it would have been. `cast`: the
    networks, where they are loaded already, for the device and precision of `options`; `materials`:
    the film's files, where they are found already.
    Raises ModelError, OutputError, RenderError or UsageError, each with its remedy.
    """
    began, display = time.monotonic(), display or Display()
    materials, device = materials or find_materials(storyboard), pick_device(options.device)
    with RunDir(output) as run:
        begun = {} if options.fresh else run.begun()
        storyboard = with_seed(storyboard, str(begun.get("storyboard")))
        timeline = Timeline(storyboard)
        options = replace(options, precision=_precision(options, begun, device))
        fingerprint = make_fingerprint(timeline, materials, device, options)
        names = {text: path.name for path, text in content_names(materials).items()}
        text = as_rendered(storyboard, materials, run.folder)
        state = run.open(fingerprint, text, options.fresh, names)
        if state == FINISHED:
            result = FilmResult("there", run.film, timeline.film_frames, None)
        else:
            saved = load_checkpoint(run.work, display.notice) if state == UNFINISHED else None
            shoot = Shoot(timeline, materials, device, options, display, should_stop, cast)
            result = shoot.film(run, saved, began)
    if result.state == "finished" and (found := flashes_of(run.film, float(storyboard.fps))):
        display.notice(
            f"more than three flashes a second at {in_seconds(found)}, which may cause seizures; "
            "let it change more slowly there"
        )
    display.end(result)
    if result.state != "stopped":
        deliver_ordered(run, timeline, display.notice, should_stop)
    return result


@dataclass(frozen=True)
class Shoot:
    """One sitting of a film: all that it takes, and who is told."""

    timeline: Timeline
    materials: Materials
    device: torch.device
    options: FilmOptions
    display: Display
    should_stop: Callable[[], bool]
    cast: Cast | None  # borrowed, or None: loaded for this film alone

    @property
    def storyboard(self) -> Storyboard:
        return self.timeline.storyboard

    def film(self, run: RunDir, saved: Parts | None, began: float) -> FilmResult:
        """From nothing but files to a finished, or stopped, film; what the sitting changes of the
        process, and the device's memory, is as before afterwards.
        """
        with ExitStack() as stack:
            stack.callback(release, self.device)
            stack.enter_context(explained_failures(self.storyboard.size, self.device))
            if saved:
                stack.enter_context(same_threads(saved["threads"], self.display.notice))
            recorder = stack.enter_context(self._recorder(run, saved, began))
            return self._optimise(recorder, stack)

    def _recorder(self, run: RunDir, saved: Parts | None, began: float) -> Recorder:
        """What the frames go to, once an encoder works and the disk has room."""
        board, timeline = self.storyboard, self.timeline
        size = frame_size(board.size)
        encoder = pick_encoder(self.options.encoder, size, board.fps)
        if encoder.message:
            self.display.notice(encoder.message)
        left = timeline.frames - (saved["film"].numbers["frames"] if saved else 0)
        latent = frame_latent_bytes(board, self.materials.config)
        printed = not is_as_shot(board)
        check_space(run.work, left, size, latent, timeline.film_frames if printed else 0)
        threads = torch.get_num_threads()
        origin = origin_of(board, self.materials, run.fingerprint, threads)
        takes = Takes(run, board.latents, timeline.frames * latent, printed, saved)
        notice = self.display.notice
        return Recorder(timeline, run, encoder, saved, notice, began, origin, takes)

    def _optimise(self, recorder: Recorder, stack: ExitStack) -> FilmResult:
        try:
            session = self._session(recorder, stack)
        except Interrupted:  # before there was anything to go on from
            return FilmResult("stopped", None, recorder.writer.frames, None)
        if recorder.saved:
            frames = f"{recorder.writer.frames} of {self.timeline.frames}"
            self.display.notice(f"going on from frame {frames}")
        first, before = session.iteration, recorder.watch.seconds.get("render", 0.0)
        self.display.start(self.timeline, first)
        if self.should_stop():  # asked while the models were loading
            return recorder.stop(session.state(), self.device)
        for progress in recorder.timed_iterations(session.run(self.should_stop)):
            recorder.take(progress)
            self.display.update(progress)
        if session.iteration < self.timeline.total_iter:
            return recorder.stop(session.state(), self.device)
        recorder.checkpoint(session.state())
        told, vqgan = self.display.printing, session.cast.vqgan
        if not recorder.print_film(vqgan, self.should_stop, told, self.display.notice):
            return recorder.stop(session.state(), self.device)
        result = recorder.finish(self.device)
        rendered = session.iteration - first
        if rendered >= ENOUGH_ITERATIONS:
            seconds = (recorder.watch.seconds["render"] - before) / rendered
            on = f"{self.device.type}, {dtype_name(session.cast.vqgan.dtype)}"
            remember_speed(self.timeline, self.materials.config.factor, seconds, on)
        return result

    def _session(self, recorder: Recorder, stack: ExitStack) -> Session:
        board, timeline = self.storyboard, self.timeline
        with recorder.watch.stage("load"):
            cast = self.cast or load_cast(self.materials, self.options)
            cast.prepare(board, timeline, self.options)
        if self.device.type == "cpu" and not cast.vqgan.low_memory:
            stack.enter_context(heap_kept())
        notice, start = self.display.notice, recorder.saved
        with recorder.watch.stage("guides"):
            guides = self._guides(cast, recorder)
        with recorder.watch.stage("prompts"):
            session = Session(
                board, cast, timeline=timeline, guides=guides, start=start, on_notice=notice
            )
        if self.cast is None:
            cast.forget_text()  # every text is encoded, and no other film follows
        return session

    def _guides(self, cast: Cast, recorder: Recorder) -> Guides:
        """The film's guides: those it was begun with, where they are kept, or new ones."""
        if (kept := recorder.kept_guides()) is not None:
            return Guides.restored(kept, self.device)
        guides = prepare(self.storyboard, cast, self.display.notice, self.should_stop)
        recorder.keep_guides(guides.state())
        return guides


def make_fingerprint(
    timeline: Timeline, materials: Materials, device: torch.device, options: FilmOptions
) -> dict:
    """What makes the film this film; a run with another one is not gone on with."""
    contents = content_names(materials)
    filmed = as_filmed(timeline.storyboard)
    storyboard = dump(filmed, lambda path: contents.get(path, "a file, see below"))
    return {
        # By content, so that a project that was moved or renamed is still the same film.
        "storyboard": storyboard,
        **materials.identity(),
        "device": device.type,
        "precision": dtype_name(pick_precision(options.precision, device)),
        "compiled": pick_compile(options.compile),
        "numerics": f"{NUMERICS}, torch {torch.__version__}",
    }


def content_names(materials: Materials) -> dict[Path, str]:
    """What to call the files that a storyboard names by what is in them."""
    contents = materials.contents.items()
    return {path: f"sha256 {digest[:ENOUGH_DIGITS]}" for path, digest in contents}


def as_rendered(storyboard: Storyboard, materials: Materials, folder: Path) -> str:
    """The storyboard to keep in `folder`, with the sha256 of the files that it names."""
    files = [f"#   {path.name}  sha256 {digest}" for path, digest in materials.contents.items()]
    about = "# The files that this storyboard names, by their content:"
    lines = "\n".join([about, *files, ""]) if files else ""
    with explained(folder):  # the current folder, from which paths are told, may be gone
        return lines + dump(storyboard, without_places(storyboard, folder.absolute()))


def _precision(options: FilmOptions, begun: dict, device: torch.device) -> str:
    """The precision asked for, or, left to choose, that of the run which is gone on from: what is
    best here may have been measured anew since.
    """
    if options.precision != "auto" or begun.get("device") != device.type:
        return options.precision
    names = (name for name, dtype in PRECISIONS.items() if dtype_name(dtype) == begun["precision"])
    return next(names, "auto")


@contextmanager
def same_threads(part: Part, notice: Callable[[str], None]) -> Iterator[None]:
    """Inside, torch has as many threads as the film was begun with: another number of them adds up
    in another order.
    """
    before, threads = torch.get_num_threads(), part.numbers["count"]
    if threads <= (os.cpu_count() or 1):
        torch.set_num_threads(threads)
    else:
        notice(f"begun with {threads} threads, now {before}: frames may differ in their last bits")
    try:
        yield
    finally:
        torch.set_num_threads(before)


def dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
