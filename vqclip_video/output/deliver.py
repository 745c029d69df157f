"""A finished film becomes the file that a platform takes.

The new file is made in a folder of its own beside its place and swapped in when it is whole, so a
kill leaves what was there before.
"""

from __future__ import annotations

import functools
import glob
import math
import os
import shutil
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ..catalogue.platforms import BURNT, H264, OFF, PLATFORMS, Codec
from ..disk.ffmpeg import REMEDY, find_ffmpeg, run
from ..disk.files import atomic_write, explained, free_space, full_disk, swap_in, sync_file
from ..errors import FullDiskError, OutputError, UsageError
from ..storyboard.doubts import of_length
from ..storyboard.schema import Order
from ..text import clock, readable
from .captions import Cue, burnt_in, srt_text
from .encoding import ATTEMPTS
from .fitting import delivered_rate, delivered_size
from .formats import FITS, ratio
from .provenance import Label
from .recipes import SUBTITLES, Arguments, Job, attempts
from .source_film import SourceFilm
from .xmp import packet_box, with_packet

MEGABYTE = 1_000_000
LACKING = "No such filter"  # in the words of ffmpeg
RESERVED = 1200  # bytes of a cap for where a container keeps its label


@dataclass(frozen=True)
class Words:
    """What is shown over a film: when, what, and in which style."""

    cues: tuple[Cue, ...]
    style: str


def make_delivery(
    film: SourceFilm,
    order: Order,
    target: Path,
    label: Label,
    words: Words | None = None,
    notice: Callable[[str], None] = lambda message: None,
) -> None:
    """Makes `target` of the film, as `order` says; what lies there is replaced at the end.

    `notice` gets a line where the platform will not be content. Raises OutputError when the disk
    or ffmpeg refuses, or no quality is small enough.
    """
    platform = PLATFORMS[order.name]
    ffmpeg = ready_for(platform.codec)
    job = plan_job(film, order)
    for doubt in of_length(platform, float(film.seconds)):
        notice(doubt)
    with workshop(target) as work:
        if words:
            job = _with_words(job, words, order.captions or platform.captions, work)
        made = work / f"film{platform.codec.suffix}"
        _encode(Kitchen(ffmpeg, work, target), film, job, made.name, len(label.packet))
        if (work / SUBTITLES).exists() and platform.codec is H264:
            atomic_write(target.with_suffix(".srt"), (work / SUBTITLES).read_bytes())
        _finish(made, target, label)


def _with_words(job: Job, words: Words, way: str, work: Path) -> Job:
    """The job with its captions: in the pictures or as a track, and as a file of their own."""
    cues = tuple(cue for cue in words.cues if cue.start < job.seconds)
    if way == OFF or not cues:
        return job
    (work / SUBTITLES).write_text(srt_text(cues), encoding="utf-8", newline="\n")
    if way == BURNT:
        return burnt_in(job, cues, words.style, work)
    return replace(job, subtitles=job.platform.codec is H264)


@dataclass(frozen=True)
class Kitchen:
    """Where ffmpeg works, and for which file."""

    ffmpeg: str
    work: Path
    target: Path

    def run(self, arguments: Arguments, needed: int) -> None:
        """Runs it to its end; one that was killed is begun again, a few times."""
        for attempt in range(1, ATTEMPTS + 1):
            outcome = run(self.ffmpeg, arguments, self.work)
            if outcome.ok:
                return
            if outcome.disk_full or free_space(self.work) < MEGABYTE:
                raise FullDiskError(full_disk(self.target, needed, "try again"))
            if LACKING in outcome.message:
                raise OutputError(f"{self.ffmpeg}: {outcome.message}; {REMEDY} that has it")
            if attempt == ATTEMPTS:
                raise OutputError(
                    f"{self.target}: ffmpeg failed {ATTEMPTS} times ({outcome.message}); the film "
                    "is untouched: try again, or choose another output"
                )


def plan_job(film: SourceFilm, order: Order) -> Job:
    """What is to be encoded for an order, captions aside."""
    platform = PLATFORMS[order.name]
    size, fps = delivered_size(film.size, platform), delivered_rate(film.fps, platform)
    frames = min(round(film.seconds * fps), math.floor(platform.seconds[1] * fps))
    even = [film.filters]
    fit = FITS[order.fit].format(width=size[0], height=size[1])
    shown = [fit] if size != film.size else []
    timed = [f"fps={ratio(fps)}"] if fps != film.fps else []
    # The same picture is not scaled twice, and none that is dropped afterwards.
    even += [*timed, *shown] if fps < film.fps else [*shown, *timed]
    cap = platform.bytes
    if order.max_mb is not None:
        cap = round(order.max_mb * MEGABYTE)
    sound = film.sound and platform.sound
    return Job(platform, ",".join(even), size, fps, max(frames, 1), sound, cap)


@functools.lru_cache(maxsize=16)
def ready_for(codec: Codec) -> str:
    """The ffmpeg to use. Raises OutputError where it does not have the codec's encoder."""
    ffmpeg = find_ffmpeg()
    test = ["-f", "lavfi", "-i", "color=s=64x64:d=0.1:r=10", "-c:v", codec.encoder, "-f", "null"]
    with explained(Path.cwd()):
        outcome = run(ffmpeg, [*test, "-"], Path.cwd())
    if not outcome.ok:
        raise OutputError(
            f"{ffmpeg} cannot write {codec.name} ({outcome.message}); {REMEDY} that has "
            f"{codec.encoder}"
        )
    return ffmpeg


@contextmanager
def workshop(target: Path):
    """A folder for what is on the way to `target`; those that killed processes left are removed."""
    target = target.absolute()
    for leftover in target.parent.glob(f".{glob.escape(target.name)}.*.making"):
        shutil.rmtree(leftover, ignore_errors=True)
    work = target.with_name(f".{target.name}.{os.getpid()}.making")
    with explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        work.mkdir()
    try:
        with explained(target):
            yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _encode(kitchen: Kitchen, film: SourceFilm, job: Job, made: str, label: int) -> None:
    """Encodes until the file is no larger than allowed, with the bytes of its label."""
    needed = job.cap or job.frames * job.size[0] * job.size[1] // 8
    for passes in attempts(job, made):
        for arguments in passes:
            kitchen.run([*film.arguments, *arguments], needed)
        size = (kitchen.work / made).stat().st_size
        if job.cap is None or size + label + RESERVED <= job.cap:
            return
    raise UsageError(
        f"{kitchen.target.name}: {clock(job.seconds)} of {job.size[0]}x{job.size[1]} take "
        f"{readable(size)} at the lowest quality, and {readable(job.cap)} are allowed; make the "
        "film shorter, or allow more with max_mb"
    )


def _finish(made: Path, target: Path, label: Label) -> None:
    """Adds what the file says of its origin, and gives it its name."""
    if label.source and made.suffix == H264.suffix:
        with made.open("ab") as file:
            file.write(packet_box(label.packet))
    elif label.source:
        made.write_bytes(with_packet(made.read_bytes(), made.suffix, label.packet))
    sync_file(made)
    swap_in(made, target.absolute())
