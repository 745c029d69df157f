"""A storyboard becomes a film on disk: the engine's frames go into the run folder, and a stop
loses none of them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from . import speed
from .catalogue.registry import ModelPaths, resolve
from .disk.checksums import sha256_of
from .disk.files import explained
from .engine.compilation import pick_compile
from .engine.device import pick_device
from .engine.memory import explained_failures, release
from .engine.precision import PRECISIONS, pick_precision
from .engine.session import Session
from .engine.setup import load_pair, open_prior, prepare, prior_path
from .output import checkpoint
from .output.ffmpeg import pick_encoder
from .output.film_writer import check_space
from .output.rundir import FINISHED, UNFINISHED, RunDir
from .plan import frame_latent_bytes
from .recorder import FilmResult, Recorder, timed
from .show.terminal import Display
from .sketchbook.choose import book_path, open_book
from .storyboard.schema import Storyboard
from .storyboard.seed import settled
from .storyboard.sizes import frame_size
from .storyboard.timeline import Timeline
from .storyboard.writer import dump, without_places

# To be raised by whoever changes what an iteration computes: runs of another version do not mix in
# one film.
NUMERICS = 2
ENOUGH_DIGITS = 16  # of a sha256, to tell a picture from the one it was
ENOUGH_ITERATIONS = 10  # for a speed worth remembering


@dataclass(frozen=True)
class FilmOptions:
    """Where and how to render; none of it changes what the storyboard asks for."""

    device: str = "auto"
    precision: str = "auto"
    memory: str = "auto"
    compile: str = "auto"
    encoder: str = "auto"
    fresh: bool = False


def make_film(
    storyboard: Storyboard,
    output: Path,
    options: FilmOptions = FilmOptions(),
    display: Display | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> FilmResult:
    """Render `storyboard` to the MP4 `output` and a folder of the same name; goes on with an
    unfinished one.

    `should_stop` is asked after each iteration; when it says so, the run is saved with a playable
    preview. The resumed film is, on a CPU, bit for bit the film it would have been. Raises
    ModelError, OutputError, RenderError or UsageError, each with its remedy.
    """
    display = display or Display(storyboard)
    began = time.monotonic()
    paths, device = resolve(storyboard.models), pick_device(options.device)
    with RunDir(output) as run:
        begun = {} if options.fresh else run.begun()
        storyboard = settled(storyboard, str(begun.get("storyboard")))
        options = replace(options, precision=_precision(options, begun, device))
        dtype = pick_precision(options.precision, device)
        fingerprint = make_fingerprint(storyboard, paths, device, dtype, options.compile)
        names = {content: path.name for path, content in content_names(storyboard).items()}
        state = run.open(fingerprint, as_rendered(storyboard, run.folder), options.fresh, names)
        if state == FINISHED:
            result = FilmResult("there", run.film, Timeline(storyboard).frames, None)
        else:
            saved = checkpoint.load(run.work, display.notice) if state == UNFINISHED else None
            with _recorder(storyboard, run, saved, options, display, began) as recorder:
                result = _shoot(storyboard, recorder, paths, device, options, display, should_stop)
    display.end(result)
    return result


def _recorder(
    storyboard: Storyboard, run: RunDir, saved, options: FilmOptions, display: Display, began: float
) -> Recorder:
    """What the frames go to, once an encoder works and the disk has room."""
    size = frame_size(storyboard.size)
    encoder = pick_encoder(options.encoder, size, storyboard.fps)
    if encoder.message:
        display.notice(encoder.message)
    if saved:
        _same_threads(saved[1]["threads"], display.notice)
    frames_left = Timeline(storyboard).frames - (saved[1]["frames"] if saved else 0)
    check_space(run.work, frames_left, size, frame_latent_bytes(storyboard))
    return Recorder(storyboard, run, encoder, saved, display.notice, began)


def _shoot(storyboard, recorder, paths, device, options, display, should_stop) -> FilmResult:
    """From nothing but files to a finished, or stopped, film; the device's memory is free
    afterwards.
    """
    try:
        with explained_failures(storyboard.size, device):
            return _optimise(storyboard, recorder, paths, device, options, display, should_stop)
    finally:
        release(device)


def _optimise(storyboard, recorder, paths, device, options, display, should_stop) -> FilmResult:
    seconds = recorder.seconds
    with timed(seconds, "load"):
        perceptor, vqgan = load_pair(paths, device, options.precision)
        prepare(storyboard, perceptor, vqgan, options.memory, options.compile)
        prior = open_prior(storyboard, paths, perceptor, vqgan)
    with timed(seconds, "prompts"):
        book = open_book(storyboard, paths)
        session = Session(
            storyboard,
            perceptor,
            vqgan,
            start=recorder.start,
            book=book,
            prior=prior,
            on_notice=display.notice,
        )
    if recorder.start:
        display.notice(f"going on from frame {recorder.writer.frames} of {session.timeline.frames}")
    display.start(session.iteration)
    first, before = session.iteration, seconds.get("render", 0.0)
    if should_stop():  # asked while the models were loading
        return recorder.stop(session.state(), device)
    for progress in recorder.timed_iterations(session.run()):
        recorder.take(progress)
        display.update(progress)
        if should_stop():
            if progress.state and progress.iteration < progress.total:
                return recorder.stop(progress.state, device)
            session.want_state()
    recorder.checkpoint(session.state())
    result = recorder.finish(device)
    rendered = session.iteration - first
    if rendered >= ENOUGH_ITERATIONS:
        on = f"{device.type}, {_dtype_name(vqgan.dtype)}"
        speed.remember(storyboard, vqgan.factor, (seconds["render"] - before) / rendered, on)
    return result


def make_fingerprint(
    storyboard: Storyboard,
    paths: ModelPaths,
    device: torch.device,
    dtype: torch.dtype,
    compile: str = "auto",
) -> dict:
    """What makes the film this film; a run with another one is not gone on with."""
    book, prior = book_path(storyboard), prior_path(storyboard)
    contents = content_names(storyboard)
    return {
        # By content, so that a project that was moved or renamed is still the same film.
        "storyboard": dump(storyboard, lambda path: contents.get(path, "a file, see below")),
        "CLIP file (sha256)": sha256_of(paths.clip),
        "VQGAN file (sha256)": sha256_of(paths.vqgan),
        "VQGAN config (sha256)": sha256_of(paths.vqgan_config),
        **({"sketchbook (sha256)": sha256_of(book)} if book else {}),
        **({"prior (sha256)": sha256_of(prior)} if prior else {}),
        "device": device.type,
        "precision": _dtype_name(dtype),
        "compiled": pick_compile(compile, device, Timeline(storyboard).total_iter),
        "numerics": f"{NUMERICS}, torch {torch.__version__}",
    }


def content_names(storyboard: Storyboard) -> dict[Path, str]:
    """What to call the files that a storyboard names by what is in them."""
    return {path: f"sha256 {sha256_of(path)[:ENOUGH_DIGITS]}" for path in named_files(storyboard)}


def named_files(storyboard: Storyboard) -> list[Path]:
    """The pictures and latents that a storyboard names, each once."""
    parts = [
        part for scene in storyboard.scenes for prompt in scene.parts.values() for part in prompt
    ]
    files = [part.image for part in parts] + [
        scene.settings.guide.image for scene in storyboard.scenes
    ]
    files += [storyboard.init.image, storyboard.init.latent]
    return list(dict.fromkeys(file for file in files if file))


def as_rendered(storyboard: Storyboard, folder: Path) -> str:
    """The storyboard to keep in `folder`, with the sha256 of the files that it names."""
    files = [f"#   {path.name}  sha256 {sha256_of(path)}" for path in named_files(storyboard)]
    about = (
        "\n".join(["# The files that this storyboard names, by their content:", *files, ""])
        if files
        else ""
    )
    with explained(folder):  # the current folder, from which paths are told, may be gone
        return about + dump(storyboard, without_places(storyboard.home, folder.absolute()))


def _precision(options: FilmOptions, begun: dict, device: torch.device) -> str:
    """The precision asked for, or, left to choose, that of the run which is gone on from: what is
    best here may have been measured anew since.
    """
    if options.precision != "auto" or begun.get("device") != device.type:
        return options.precision
    return next(
        (
            name
            for name, dtype in PRECISIONS.items()
            if _dtype_name(dtype) == begun.get("precision")
        ),
        "auto",
    )


def _same_threads(threads: int, notice: Callable[[str], None]) -> None:
    """Go on with as many threads as before: another number of them adds up in another order."""
    if threads <= (os.cpu_count() or 1):
        torch.set_num_threads(threads)
    else:
        notice(
            f"begun with {threads} threads, now {torch.get_num_threads()}: frames may differ in "
            "their last bits"
        )


def _dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
