"""A film parted at its cuts, and put together again without encoding a picture twice.

After a cut a scene begins afresh, and an iteration's random numbers come from (seed, iteration)
alone. So the state in front of a cut is known without what lies before it: that of the film's
beginning with the cut's iteration and frame for its own. A part is the film gone on with from there
and stopped at the next cut. Its frames lie in the segments that they have in the film; those of a
segment that a cut goes through are kept raw, and encoded when all are there.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..disk.files import explained, remove
from ..disk.part import Part
from ..errors import OutputError
from ..output import checkpoint
from ..output.latents import LatentPlaces, total_bytes
from ..output.progress import to_json
from ..output.space import Size, segment_frames
from ..output.steps import step_between
from ..output.stills import Poster
from ..storyboard.schema import Scene, Storyboard
from ..storyboard.timeline import Span, Timeline

LEAST = 8  # iterations of a part
FIRST = "first.npy"  # in the work folder: the part's first frame, coarsely
HEAD = "head.rgb"  # in the work folder: raw frames of the segment that the part begins in


@dataclass(frozen=True)
class FilmPart:
    """A part of a film: iterations and frames, the ends not included."""

    first_iteration: int
    end_iteration: int
    first_frame: int
    end_frame: int
    last: bool

    @property
    def iterations(self) -> int:
        return self.end_iteration - self.first_iteration

    @property
    def stop_at(self) -> int:
        """Iterations after which rendering is to stop; the last one's rest is for the whole."""
        return self.end_iteration - (3 if self.last else 1)


@dataclass(frozen=True)
class Rendered:
    """A part as it was left: `folder` is its run folder."""

    stretch: FilmPart
    folder: Path

    @property
    def work(self) -> Path:
        return self.folder / ".work"

    def state(self) -> checkpoint.Parts:
        saved = checkpoint.load_checkpoint(self.work)
        if saved is None:
            raise OutputError(f"{self.folder}: the part has no checkpoint; start it anew")
        return saved


def film_parts(storyboard: Storyboard) -> tuple[FilmPart, ...]:
    """The parts of a film; a single one where it has no cut, or something goes across them: CLIPs
    in turns, whose similarities are the latest of each, scenes that begin as another one ends, and
    a loop's way home.
    """
    timeline, groups = Timeline(storyboard), []
    across = storyboard.models.alternate or storyboard.loop is True
    across = across or any(map(_begins_as_another, storyboard.scenes))
    for span in filter(_has_iterations, timeline.spans):
        afresh = timeline.at(span.first_iteration).afresh and not across
        if groups and afresh and _length(groups[-1]) >= LEAST:
            groups.append([span])
        elif groups:
            groups[-1].append(span)
        else:
            groups.append([span])
    if len(groups) > 1 and _length(groups[-1]) < LEAST:
        short = groups.pop()
        groups[-1] += short
    return tuple(_film_part(group, group is groups[-1]) for group in groups)


def begin(work: Path, stretch: FilmPart) -> None:
    """Makes of the checkpoint of a film's beginning, in `work`, that of a part's."""
    saved = checkpoint.load_checkpoint(work)
    placed = {
        "loop": Part(numbers={"iteration": stretch.first_iteration}),
        "film": Part(numbers={"frames": stretch.first_frame}),
    }
    checkpoint.save(work, {**saved, **placed})
    for older in sorted(work.glob("checkpoint-*"))[:-1]:
        remove(older)


def lay(work: Path, stretch: FilmPart, size: Size) -> None:
    """Puts black frames where those before the part would lie, as far as they are not there; and
    holds on to the raw frames of the segment that the part begins in.
    """
    length = segment_frames(size)
    full, rest = divmod(stretch.first_frame, length)
    with explained(work):
        for segment in range(full):
            if not _encoded(work, segment).exists():
                _black(_raw(work, segment), length, size)
        raw, head = _raw(work, full), work / HEAD
        if rest and not raw.exists() and not head.exists():
            _black(raw, rest, size)
        if rest and raw.exists():
            remove(head)
            os.link(raw, head)


def is_of(path: Path, stretch: FilmPart, size: Size) -> bool:
    """Whether a file of a part's work folder is its own, and no black one before it."""
    if not path.name.startswith("segment-"):
        return True
    number = int(path.name.partition("-")[2].partition(".")[0])
    return number >= stretch.first_frame // segment_frames(size)


def fit_together(parts: Sequence[Rendered]) -> bool:
    """Whether no part has what a cut does not set back: a learning rate lowered after a number
    that is none, or a step beyond its end that was captured.
    """
    states = [part.state() for part in parts]
    whole = all(
        state["log"].numbers["lines"] == part.stretch.end_frame - part.stretch.first_frame
        for part, state in zip(parts[:-1], states, strict=False)
    )
    kept = len({"latents" in state for state in states}) == 1
    steady = all(state["recovery"].numbers["rate_scale"] == 1.0 for state in states)
    return whole and kept and steady


def join(parts: Sequence[Rendered], folder: Path, size: Size) -> None:
    """Makes the run folder `folder` of all parts, in order: a film that is gone on with from where
    the last one stopped.
    """
    states = [part.state() for part in parts]
    work = folder / ".work"
    frames = int(states[-1]["film"].numbers["frames"])
    with explained(folder):
        for part in parts:  # the last one's own files, such as its checkpoint, come last
            shutil.copytree(part.folder, folder, dirs_exist_ok=True, ignore=_no_frames)
        for older in sorted(work.glob("checkpoint-*")):
            remove(older)
        length = segment_frames(size)
        for segment in range(-(-frames // length)):
            _put_segment(parts, segment, frames, work, size)
        (folder / "progress.jsonl").write_bytes(b"".join(_logs(parts, states)))
        latents = _join_latents(parts, states, folder)
    together = {
        "log": Part(numbers={"lines": sum(state["log"].numbers["lines"] for state in states)}),
        **latents,
        "poster": _poster(states).state(),
        "watch": _watch(states),
    }
    checkpoint.save(work, {**states[-1], **together})


def _begins_as_another(scene: Scene) -> bool:
    return scene.from_ is not None and scene.from_.scene is not None


def _has_iterations(span: Span) -> bool:
    return span.iterations > 0


def _length(group: Sequence[Span]) -> int:
    return sum(span.iterations for span in group)


def _film_part(group: Sequence[Span], last: bool) -> FilmPart:
    first, end = group[0], group[-1]
    iterations = first.first_iteration, end.first_iteration + end.iterations
    return FilmPart(*iterations, first.first_frame, end.first_frame + end.frames, last)


def _raw(work: Path, segment: int) -> Path:
    return work / f"segment-{segment:05d}.rgb"


def _encoded(work: Path, segment: int) -> Path:
    return work / f"segment-{segment:05d}.film.mp4"


def _black(path: Path, frames: int, size: Size) -> None:
    """A raw file of black frames, which takes no space where files may have holes."""
    with path.open("ab") as file:
        file.truncate(frames * size[0] * size[1] * 3)


def _no_frames(folder: str, names: list[str]) -> list[str]:
    taken = ("segment-", "head.", "lock", "progress.jsonl", "frames.", FIRST)
    return [name for name in names if name.startswith(taken)]


def _put_segment(
    parts: Sequence[Rendered], segment: int, frames: int, work: Path, size: Size
) -> None:
    """One segment of the whole: as a part has encoded it, or of raw pieces of several."""
    length = segment_frames(size)
    start, end = segment * length, min((segment + 1) * length, frames)
    pieces = []
    for part in parts:
        stop = frames if part.stretch.last else part.stretch.end_frame
        a, b = max(start, part.stretch.first_frame), min(end, stop)
        if a < b:
            pieces.append((part, a, b))
    whole, encoded = pieces[0][1:] == (start, start + length), _encoded(pieces[0][0].work, segment)
    if whole and encoded.exists():
        shutil.copyfile(encoded, _encoded(work, segment))
        return
    bytes_each = size[0] * size[1] * 3
    with _raw(work, segment).open("wb") as target:
        for part, a, b in pieces:
            begins_here = part.stretch.first_frame > start
            source = part.work / HEAD if begins_here else _raw(part.work, segment)
            with source.open("rb") as file:
                file.seek((a - start) * bytes_each)
                content = file.read((b - a) * bytes_each)
            if len(content) != (b - a) * bytes_each:
                raise OutputError(f"{source}: frames of the part are missing; start it anew")
            target.write(content)


def _logs(parts: Sequence[Rendered], states: Sequence[checkpoint.Parts]) -> Iterator[bytes]:
    """Each part's lines; the first one's step is that from the part before."""
    before = None
    for part, state in zip(parts, states, strict=True):
        lines = (part.folder / "progress.jsonl").read_bytes().splitlines(keepends=True)
        lines = lines[: state["log"].numbers["lines"]]
        if before is not None:
            step = step_between(before, np.load(part.work / FIRST, allow_pickle=False))
            record = json.loads(lines[0]) | {"step": round(step, 6)}
            lines[0] = to_json(record).encode() + b"\n"
        before = np.asarray(state["takes"].tensors["last"])
        yield b"".join(lines)


def _join_latents(
    parts: Sequence[Rendered], states: Sequence[checkpoint.Parts], folder: Path
) -> dict[str, Part]:
    """All parts' latents in one file, where they are kept; what a checkpoint says of them."""
    shapes: list[list] = []
    if "latents" not in states[0]:
        return {}
    with LatentPlaces(folder / "latents").file.open("wb") as target:
        for part, state in zip(parts, states, strict=True):
            own = state["latents"].numbers["shapes"]
            with LatentPlaces(part.folder / "latents").file.open("rb") as file:
                target.write(file.read(total_bytes([(n, tuple(shape)) for n, shape in own])))
            for count, shape in own:
                if shapes and shapes[-1][1] == shape:
                    shapes[-1][0] += count
                else:
                    shapes.append([count, shape])
    return {"latents": Part(numbers={"shapes": shapes})}


def _poster(states: Sequence[checkpoint.Parts]) -> Poster:
    best = Poster()
    for state in states:
        own = Poster()
        own.restore(state["poster"])
        if own.picture is not None:
            best.offer(own.picture, own.similarity)
    return best


def _watch(states: Sequence[checkpoint.Parts]) -> Part:
    """The time of all parts, added up."""
    watches = [state["watch"].numbers for state in states]
    seconds: dict[str, float] = {}
    for watch in watches:
        for stage, value in watch["seconds"].items():
            seconds[stage] = seconds.get(stage, 0.0) + value
    sums = {name: sum(watch[name] for watch in watches) for name in ("elapsed", "sittings")}
    return Part(numbers={"seconds": seconds, **sums})
