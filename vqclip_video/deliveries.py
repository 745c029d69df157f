"""What is made of a finished film: the deliveries that its storyboard, or a command, asks for."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from .catalogue.platforms import AS_OF, PLATFORMS
from .disk.files import atomic_write
from .errors import OutputError, UsageError, VqclipError
from .output.captions import Cue
from .output.deliver import Words, make_delivery
from .output.guides import draw_safe_zones
from .output.progress import to_json
from .output.provenance import Label, read_label
from .output.rundir import RunDir
from .output.self_description import described
from .output.source_film import SourceFilm, read_source
from .storyboard.schema import Order
from .storyboard.timeline import Timeline
from .storyboard.words import caption
from .text import readable

Notice = Callable[[str], None]


@dataclass(frozen=True)
class Shown:
    """A finished film, and what its deliveries say beside its pictures."""

    film: SourceFilm
    label: Label
    words: Words | None = None  # that its storyboard asks for
    spoken: Words | None = None  # that it has: its scenes' prompts, where nothing is asked for


def words_of(timeline: Timeline) -> Words | None:
    """The captions that a storyboard asks for."""
    board = timeline.storyboard
    if board.captions is None:
        return None
    cues = []
    for seen in timeline.showings():
        scene = board.scenes[seen.scene]
        text = scene.caption or (caption(scene.prompt) if board.captions.text == "prompt" else "")
        if text.strip():
            cues.append(Cue(seen.start / board.fps, seen.end / board.fps, text))
    return Words(tuple(cues), board.captions.style)


def deliver_ordered(
    run: RunDir, timeline: Timeline, notice: Notice, should_stop: Callable[[], bool]
) -> list[Path]:
    """Makes what the storyboard of a finished film asks for and is not there yet; returns all that
    is there then.

    One that fails does not keep the others: what went wrong is raised at the end, as OutputError.
    """
    if not timeline.storyboard.deliver:
        return []
    with run.locked():
        return _delivered(run, timeline, notice, should_stop)


def _delivered(
    run: RunDir, timeline: Timeline, notice: Notice, should_stop: Callable[[], bool]
) -> list[Path]:
    board = timeline.storyboard
    shown = Shown(read_source(run.film), read_label(run.film), words_of(timeline))
    there, failures = [], []
    for order in board.deliver:
        target = delivery_path(run.film, order.name)
        wanted = _note(order, shown)
        if not (target.exists() and _notes(run).get(order.name) == wanted):
            if should_stop():
                break
            try:
                deliver_one(shown, order, target, notice)
            except VqclipError as error:
                failures.append(str(error))
                continue
            atomic_write(run.deliveries, to_json({**_notes(run), order.name: wanted}, indent=2))
        there.append(target)
    if failures:
        raise OutputError(
            "\n".join([f"{run.film} is finished, but not all deliveries:", *failures])
        )
    return there


def deliver_one(shown: Shown, order: Order, target: Path, notice: Notice) -> None:
    """Makes one delivery, and says what came of it.

    Raises OutputError and UsageError.
    """
    platform = PLATFORMS[order.name]
    words = shown.words or (shown.spoken if order.captions else None)
    doubt = lambda message: notice(f"{order.name}: {message}")  # noqa: E731
    make_delivery(shown.film, order, target, shown.label, words, doubt)
    notice(f"{target}: {platform.title}, {readable(target.stat().st_size)}")


def deliver_guides(shown: Shown, order: Order, target: Path, notice: Notice) -> None:
    """Draws what a platform leaves free on a picture of the film, beside its delivery.

    Raises OutputError.
    """
    still = target.with_name(f"{target.stem}.guides.png")
    draw_safe_zones(shown.film, order, still, shown.label)
    notice(f"{still}: what stays visible")


def read_shown(path: Path) -> Shown:
    """A finished film by itself, ours or anybody's: what it says of its scenes and its origin.

    Raises UsageError and OutputError.
    """
    film, about = read_source(path), described(path)
    spoken = Words(about.cues, about.style)
    return Shown(film, read_label(path), spoken if about.asked else None, spoken)


def film_at(path: Path) -> Path:
    """The film that is meant by a film, or by the folder of a run. Raises UsageError."""
    if not path.is_dir():
        if not path.exists():
            raise UsageError(f"there is no film {path}; name an MP4, or the folder of a run")
        return path
    run = RunDir(path if path.name else path.absolute())
    if not run.film.exists():
        remedy = "render its storyboard to the end first"
        raise UsageError(f"{path}: the folder of no finished film; {remedy}")
    return run.film


@contextmanager
def run_held(film: Path) -> Iterator[None]:
    """Holds the folder of the run that a film is of, so that nobody starts over in the meantime.

    Of anybody's film, or where nothing can be written and so nobody renders, there is nothing to
    hold. Raises OutputError where the folder is in use.
    """
    run = RunDir(film) if film.suffix.lower() == ".mp4" else None
    if run and run.finished and os.access(run.folder, os.W_OK):
        with run.locked():
            yield
    else:
        yield


def delivery_path(film: Path, name: str) -> Path:
    """Where a film's delivery lies: in the folder of its run, or beside a film that has none."""
    folder = film.with_suffix("")
    home = folder if (folder / "run.json").exists() else film.parent
    suffix = PLATFORMS[name].codec.suffix
    return home / f"{film.stem}.{name}{suffix if suffix != f'.{name}' else ''}"


def order_with(order: Order, **given: object) -> Order:
    """The order with what a command gives instead."""
    return replace(order, **{name: value for name, value in given.items() if value is not None})


def _note(order: Order, shown: Shown) -> dict[str, Any]:
    """All that a delivery of a film depends on, so that one of other wishes is made anew."""
    words = shown.words or Words((), "")
    cues = [[str(cue.start), str(cue.end), cue.text] for cue in words.cues]
    about = {"as_of": AS_OF, "label": shown.label.source, "style": words.style, "cues": cues}
    return {**asdict(order), **about}


def _notes(run: RunDir) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        notes = json.loads(run.deliveries.read_bytes())
        return notes if isinstance(notes, dict) else {}
    return {}
