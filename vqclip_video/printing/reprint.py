"""One more film of a run, decoded from its latents: another rate, another part, another pace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from ..disk.files import explained
from ..errors import UsageError
from ..output.deliver import workshop
from ..output.encoders import pick_encoder
from ..output.film_writer import FilmWriter
from ..output.formats import LOSSLESS, Encoder, Format
from ..output.metadata import Chapter, FilmMetadata
from ..output.provenance import Label, label_of
from ..output.space import check_space
from ..sound.soundtrack import make_soundtrack
from ..storyboard.sizes import frame_size
from ..storyboard.timeline import exact
from ..storyboard.words import caption
from ..text import clock
from .best_loop import best_loop
from .heard import print_sound
from .landing import beats_in_frames, crossings
from .passage import Passage, usual_closing
from .reel import Reel, Way
from .route import Route, legs
from .shot import ShotFilm

Finished = Callable[[Path], None]  # is given a lossless file of the print, which goes afterwards
Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Wish:
    """What a print is to be like. Times in seconds; None: as the film is.

    slow: how many times as long. loop: True, "pingpong", or False; of a part, False is usual.
    best_loop: the seconds of the stretch to find. pacing: even or steady, of all scenes.
    """

    fps: Fraction | None = None
    start: float | None = None
    end: float | None = None
    slow: float = 1.0
    loop: bool | str | None = None
    best_loop: float | None = None
    pacing: str | None = None
    size: tuple[int, int] | None = None
    encoder: str = "auto"

    @property
    def is_of_a_part(self) -> bool:
        return (self.start, self.end, self.best_loop) != (None, None, None)


def cut_of(shot: ShotFilm, wish: Wish, way: Way) -> tuple[Passage, Route]:
    """What is printed of a film. Raises UsageError where there is no such part of it."""
    timeline = shot.timeline
    fps, frames = timeline.storyboard.fps, timeline.frames
    own = timeline.storyboard.loop
    loop = wish.loop if wish.loop is not None else (False if wish.is_of_a_part else own)
    step = fps / ((wish.fps or fps) * exact(wish.slow))
    route = _route(shot, wish, own is True)
    start = exact(wish.start or 0) * fps
    end = Fraction(frames) if wish.end is None else exact(wish.end) * fps
    if wish.best_loop is not None:
        length = round(exact(wish.best_loop) * fps)
        start = best_loop(route, way, length)
        end, loop = start + length, True
    if not 0 <= start < end <= frames:
        raise UsageError(
            f"from {float(start / fps):g}s to {float(end / fps):g}s is no part of the film, which "
            f"lasts {clock(float(frames / fps))}"
        )
    closing = Fraction(timeline.closing, timeline.storyboard.scenes[-1].settings.show_step)
    if loop is True and not (own is True and (start, end) == (0, frames)):
        closing = usual_closing(end - start, fps)
        route = _route(shot, wish, end == frames)
    return Passage(start, end, step, loop, closing), route


def _route(shot: ShotFilm, wish: Wish, loops: bool) -> Route:
    """The way of a print, which lands where its film does."""
    timeline = shot.timeline
    beats = beats_in_frames(timeline)
    crossed = [frame for _, frame in crossings(shot.run.progress, timeline)] if beats else []
    return Route(list(legs(timeline, wish.pacing)), shot.steps, loops, crossed, beats)


def print_shot(
    shot: ShotFilm,
    wish: Wish,
    reel: Reel,
    target: Path,
    notice: Callable[[str], None],
    told: Told,
    finished: Finished | None = None,
) -> None:
    """Prints a reel as `target`, which appears when it is whole. `finished`: for what is made of
    the lossless pictures. Raises OutputError.
    """
    board = shot.timeline.storyboard
    native, fps = frame_size(board.size), wish.fps or board.fps
    size = frame_size(wish.size or board.size)
    encoder = pick_encoder(wish.encoder, size, float(fps))
    if encoder.message:
        notice(encoder.message)
    formats = {"film": Format(encoder, size)}
    if finished:
        formats["lossless"] = Format(Encoder(encoder.ffmpeg, next(iter(LOSSLESS))), native)
    check_space(target.absolute().parent, len(formats) * reel.frames, max(size, native))
    metadata = _metadata(shot, reel, board.title or shot.run.folder.name)
    with workshop(target) as work:
        lossless = work / "lossless.mp4"
        with FilmWriter(work, native, float(fps), reel.frames, formats, 0, notice) as writer:
            for frame in range(reel.frames):
                writer.append(reel.picture(frame))
                writer.release(writer.frames)
                told(frame + 1, reel.frames)
            sound = _sound(shot, wish, reel, work, notice)
            writer.finish({"film": target, "lossless": lossless}, metadata, sound)
        if finished:
            finished(lossless)


def _sound(
    shot: ShotFilm, wish: Wish, reel: Reel, work: Path, notice: Callable[[str], None]
) -> str | None:
    """Encodes what a print is heard with in `work`; the name of that file, where it is heard."""
    seconds = float(reel.frames / (wish.fps or shot.timeline.storyboard.fps))
    cut = print_sound(shot, reel.cut, wish.slow, seconds, notice)
    if cut is None:
        return None
    with explained(cut.path):
        soundtrack = make_soundtrack(cut, work)
    notice(f"sound: {soundtrack}")
    return soundtrack.name


def reel_of(shot: ShotFilm, wish: Wish, vqgan) -> Reel:
    """The pictures of a print, by the VQGAN that the film was shot with."""
    way = Way(shot.latents, vqgan)
    cut, route = cut_of(shot, wish, way)
    return Reel(way, route, cut, vqgan, shot.timeline.storyboard.size)


def label_of_shot(shot: ShotFilm) -> Label:
    """What a print says of its origin."""
    return label_of(shot.timeline.storyboard, shot.origin.packed() if shot.origin else "")


def _metadata(shot: ShotFilm, reel: Reel, title: str) -> FilmMetadata:
    comment = shot.origin.as_json() if shot.origin else ""
    return FilmMetadata(title, comment, tuple(_chapters(shot, reel)), label_of_shot(shot))


def _chapters(shot: ShotFilm, reel: Reel):
    """A chapter for each run of frames that show one scene."""
    board, chapter = shot.timeline.storyboard, None
    scenes = {span.first_frame: span.scene for span in shot.timeline.spans if span.frames}
    starts = sorted(scenes)
    for frame in range(reel.frames):
        time = reel.cut.time(frame)
        scene = scenes[max(start for start in starts if start <= time)]
        title = caption(board.scenes[scene].prompt)
        if chapter is None or chapter.title != title:
            if chapter:
                yield chapter
            chapter = Chapter(frame, frame, title)
        chapter = replace(chapter, end=frame + 1)
    yield chapter
