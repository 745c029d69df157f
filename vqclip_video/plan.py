"""What a storyboard will become: its scenes, frames, iterations, time and disk, before anything
heavy is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .catalogue.platforms import PLATFORMS
from .footprint import available_host, footprint, frame_latent_bytes, size_that_fits
from .outline import Outline
from .output.fitting import delivered_rate, delivered_size
from .output.space import estimate_disk
from .speed import Speed, half_pays, recall_speed
from .storyboard.courses import TrackOfFilm, tracks_over
from .storyboard.numbers import plain_number, rate_text
from .storyboard.schema import Storyboard
from .storyboard.sizes import frame_size, picture_size
from .storyboard.timeline import Timeline, held, is_as_shot, pacing_of
from .storyboard.words import prompt_text, sound_in_words
from .text import clock, gigabytes, readable, sparkline

if TYPE_CHECKING:
    from .previews import SceneGuide

ASKED_FOR = ("guides", "tracks", "sound")  # parts of a plan that are left out where there are none
SAMPLES, BARS_A_FILM, MOST_APART = 960, 60, 12  # of a track over a film; scenes drawn apart


@dataclass(frozen=True)
class PlannedScene:
    """One row of the plan."""

    scene: int  # from 1
    start: float  # seconds of film
    seconds: float
    frames: int
    iterations: int
    transition_iterations: int
    prompt: str
    exclude: str


@dataclass(frozen=True)
class PlannedMemory:
    """What a film takes of a machine's memory, and where that is more than there is, what would
    fit.
    """

    bytes: int  # at most, on a CPU, in the number format that this machine has taken before
    low: bool  # whether that is with memory=low, chosen because all would not fit
    device_bytes: int  # at most, on a GPU, in half precision
    available_bytes: int | None  # of this machine
    size_that_fits: tuple[int, int] | None  # where not even memory=low does

    def __str__(self) -> str:
        low = " with --memory low" if self.low else ""
        device = gigabytes(self.device_bytes)
        about = f"about {gigabytes(self.bytes)}{low}; on a GPU about {device} of its own"
        if self.available_bytes is None or self.bytes < self.available_bytes:
            return about
        smaller = "x".join(map(str, self.size_that_fits or ())) or "a smaller size"
        return (
            f"{about}; this machine has {gigabytes(self.available_bytes)}, which is too little: "
            f"{smaller} with --memory low would fit"
        )


@dataclass(frozen=True)
class Plan:
    """All that is known before rendering."""

    storyboard: str
    title: str
    models: str
    missing: tuple[str, ...]  # names of the models whose files are not here, or not whole
    style: str
    seed: int | None  # None: drawn at the first render
    scenes: tuple[PlannedScene, ...]
    frames: int
    fps: float
    seconds: float
    total_iter: int
    im_shape: tuple[int, int, int]  # height x width x 3, as delivered
    optimised_shape: tuple[int, int, int]  # as decoded: the next multiple of the VQGAN's factor
    film: str
    folder: str
    render_seconds: float | None  # estimated; None before a first render with these models
    rendered_on: str | None  # the device and precision that the estimate comes from
    disk_bytes: int  # at most, while rendering
    memory: PlannedMemory
    timing: str  # how frames are placed, in words
    deliveries: tuple[str, ...]  # what is made of the finished film, in words
    # of the scenes, where they were asked for
    guides: tuple[SceneGuide, ...] = field(default=(), compare=False)
    tracks: tuple[TrackOfFilm, ...] = ()  # what moves
    sound: str = ""  # what it is heard with, and its beats, in words

    def as_dict(self) -> dict:
        plan = asdict(replace(self, guides=()))
        plan["guides"] = [guide.as_dict() for guide in self.guides]
        return {name: value for name, value in plan.items() if value or name not in ASKED_FOR}

    def as_text(self) -> str:
        """The table that `vqclip-video plan` prints."""
        rows = [("scene", "start", "length", "frames", "iterations", "prompt")]
        for s in self.scenes:
            prompt = s.prompt + (f"  (not: {s.exclude})" if s.exclude else "")
            rows.append(
                (
                    str(s.scene),
                    clock(s.start),
                    clock(s.seconds),
                    str(s.frames),
                    str(s.iterations),
                    prompt,
                )
            )
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        table = [
            "  ".join([*(cell.rjust(w) for cell, w in zip(row, widths, strict=False)), row[5]])
            for row in rows
        ]
        drawn = [
            "",
            "scene  drawn toward",
            *(f"{guide.choice.scene + 1:>5}  {guide}" for guide in self.guides),
        ]
        table += drawn if self.guides else []
        table += self._tracks() if self.tracks else []
        return "\n".join([*([self.title, ""] if self.title else []), *table, "", *self._totals()])

    def _tracks(self) -> Iterator[str]:
        """Each track as a row of bars, scene by scene."""
        width = max(len("track"), *(len(track.setting) for track in self.tracks))
        yield from ("", f"{'track':<{width}}  {'least':>8}  {'most':>8}  over the scenes")
        for track in self.tracks:
            bars = (track.scenes, track.least, track.most)
            span = f"{track.least:>8.4g}  {track.most:>8.4g}"
            yield f"{track.setting:<{width}}  {span}  {_bars(*bars)}"

    def summary(self) -> str:
        """One line: the storyboard is right, and what it becomes."""
        height, width, _ = self.im_shape
        return (
            f"{self.storyboard}: ok, {len(self.scenes)} scenes, {self.frames} frames of "
            f"{width}x{height}, {clock(self.seconds)} at {self.fps:g} fps, {self.total_iter} "
            "iterations" + "".join(f"\n{line}" for line in self._missing())
        )

    def _missing(self) -> Iterator[str]:
        for name in self.missing:
            yield f"{name} is not here yet; get it with: vqclip-video models fetch {name}"

    def _totals(self) -> Iterator[str]:
        height, width, _ = self.im_shape
        inner = "x".join(str(n) for n in self.optimised_shape[1::-1])
        yield f"film        {self.frames} frames at {self.fps:g} fps, {clock(self.seconds)}"
        yield f"total_iter  {self.total_iter}"
        yield f"im_shape    {height} x {width} x 3" + (
            f", cut from {inner}" if self.optimised_shape != self.im_shape else ""
        )
        if self.style:
            yield f"style       {self.style}"
        if self.seed is None:
            yield "seed        random: drawn at the first render, and written down"
        if self.sound:
            yield f"sound       {self.sound}"
        yield f"models      {self.models}"
        yield f"goes to     {self.film}, and {self.folder}/"
        known = self.render_seconds is not None
        about = f"about {clock(self.render_seconds)}, on {self.rendered_on}" if known else ""
        yield f"timing      {self.timing}"
        for delivery in self.deliveries:
            yield f"delivers    {delivery}"
        yield f"rendering   {about or 'known after a first render here'}"
        yield f"memory      {self.memory}"
        yield f"disk        at most {self.disk_bytes / 1e6:,.0f} MB while rendering"
        yield from self._missing()


def _bars(scenes: Sequence[Sequence[float | None]], least: float, most: float) -> str:
    """One row for a film; its scenes are told apart where they are few."""
    if len(scenes) > MOST_APART:
        return sparkline([value for values in scenes for value in values], least, most, BARS_A_FILM)
    total = sum(map(len, scenes))
    widths = [round(BARS_A_FILM * len(values) / total) for values in scenes]
    return "│".join(map(lambda v, w: sparkline(v, least, most, w), scenes, widths))


def make_plan(
    timeline: Timeline, outline: Outline, film: Path, guides: tuple[SceneGuide, ...] = ()
) -> Plan:
    """The plan of a film that goes to `film`. The models' files need not be here."""
    storyboard, factor = timeline.storyboard, outline.factor
    width, height = frame_size(storyboard.size)
    inner_width, inner_height = picture_size(storyboard.size, factor)
    known = recall_speed(timeline, factor)
    return Plan(
        storyboard=str(storyboard.source or "storyboard"),
        title=storyboard.title,
        models=storyboard.models.names,
        missing=outline.missing,
        style=_style(storyboard),
        seed=storyboard.seed,
        scenes=tuple(
            _scene_row(storyboard, timeline, index) for index in range(len(storyboard.scenes))
        ),
        frames=timeline.film_frames,
        fps=float(storyboard.fps),
        seconds=timeline.seconds,
        total_iter=timeline.total_iter,
        im_shape=(height, width, 3),
        optimised_shape=(inner_height, inner_width, 3),
        film=str(film),
        folder=str(film.with_suffix("")),
        render_seconds=known and known.seconds * timeline.total_iter,
        rendered_on=known and known.on,
        disk_bytes=estimate_disk(
            timeline.frames,
            (width, height),
            frame_latent_bytes(storyboard, outline.config),
            0 if is_as_shot(storyboard) else timeline.film_frames,
        ),
        memory=_memory(storyboard, outline, known),
        timing=_timing(storyboard),
        deliveries=tuple(_deliveries(storyboard, timeline.seconds)),
        guides=guides,
        tracks=tracks_over(storyboard, SAMPLES),
        sound=sound_in_words(storyboard),
    )


def _timing(storyboard: Storyboard) -> str:
    """How frames are placed: the pacing, where scenes stand still, how the film ends."""
    scenes = range(len(storyboard.scenes))
    own = [
        f"scene {n + 1} {storyboard.scenes[n].pacing}"
        for n in scenes
        if pacing_of(storyboard, n) != storyboard.pacing
    ]
    still = [f"scene {n + 1} stands still for the last {plain_number(held(storyboard, n))}s"
             for n in scenes if held(storyboard, n)]  # fmt: skip
    ends = {True: ["a loop"], "pingpong": ["there and back"]}.get(storyboard.loop, [])
    return "; ".join([storyboard.pacing, *own, *still, *ends])


def _deliveries(storyboard: Storyboard, seconds: float) -> Iterator[str]:
    """What each delivery will be, in words."""
    for order in storyboard.deliver:
        platform = PLATFORMS[order.name]
        width, height = delivered_size(frame_size(storyboard.size), platform)
        fps = delivered_rate(storyboard.fps, platform)
        cap = round(order.max_mb * 1e6) if order.max_mb is not None else platform.bytes
        most = f", at most {readable(cap)}" if cap else ""
        length = clock(min(seconds, platform.seconds[1]))
        yield f"{order.name}: {width}x{height} at {rate_text(fps)} fps, {length}, {order.fit}{most}"


def _memory(storyboard: Storyboard, outline: Outline, known: Speed | None) -> PlannedMemory:
    half = "16" in known.on if known else half_pays()
    bytes_a_value, available = (2 if half else 4), available_host()
    host, low = footprint(storyboard, outline, bytes_a_value).host_at(available)
    smaller = None
    if available and host > available:
        smaller = size_that_fits(storyboard, outline, available, bytes_a_value)
    device = footprint(storyboard, outline, 2).device
    return PlannedMemory(host, low, device, available, smaller)


def _style(storyboard: Storyboard) -> str:
    """The film's style in words, with the scenes that have one of their own."""
    common = storyboard.settings.style
    own = [
        f"scene {index + 1}: "
        f"{prompt_text(scene.settings.style) if scene.settings.style else 'none'}"
        for index, scene in enumerate(storyboard.scenes)
        if scene.settings.style != common
    ]
    return "; ".join([*([prompt_text(common)] if common else []), *own])


def _scene_row(storyboard: Storyboard, timeline: Timeline, index: int) -> PlannedScene:
    span, scene = timeline.spans[index], storyboard.scenes[index]
    return PlannedScene(
        scene=index + 1,
        start=float(span.first_frame / storyboard.fps),
        seconds=float(span.frames / storyboard.fps),
        frames=span.frames,
        iterations=span.iterations,
        transition_iterations=span.transition_iterations,
        prompt=prompt_text(scene.prompt),
        exclude=prompt_text(scene.settings.exclude) if scene.settings.exclude else "",
    )
