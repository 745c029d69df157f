"""What a storyboard will become: its scenes, frames, iterations, time and disk, before anything
heavy is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from . import speed
from .catalogue import registry
from .catalogue.vqgan_config import read_config
from .errors import VqclipError
from .footprint import available_host, footprint, size_that_fits
from .output.film_writer import estimate_disk
from .storyboard.problems import Problem, setting_of
from .storyboard.reader import problem_at
from .storyboard.schema import Storyboard
from .storyboard.sizes import frame_size, picture_size
from .storyboard.timeline import Timeline
from .storyboard.words import prompt_text
from .text import clock, gigabytes

if TYPE_CHECKING:
    from .sketchbook.choose import Choice

CONTEXT_LENGTH = 77  # of every published OpenAI CLIP
MOST_CHANNELS = 256  # of the latent of any published VQGAN
SAFETENSORS_HEADER = 128  # bytes


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
    memory_bytes: int  # at most, on a CPU, in the number format that this machine has taken before
    memory_low: bool  # whether that is with memory=low, chosen because all would not fit
    device_bytes: int  # at most, on a GPU, in half precision
    available_bytes: int | None  # of this machine's memory
    size_that_fits: tuple[int, int] | None  # where not even memory=low does
    # of the scenes, where they were asked for
    guides: tuple[Choice, ...] = field(default=(), compare=False)

    def as_dict(self) -> dict:
        plan = asdict(replace(self, guides=()))
        guides = [guide.as_dict() for guide in self.guides]
        del plan["guides"]
        return {**plan, "guides": guides} if guides else plan

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
            *(f"{guide.scene + 1:>5}  {guide}" for guide in self.guides),
        ]
        table += drawn if self.guides else []
        return "\n".join([*([self.title, ""] if self.title else []), *table, "", *self._totals()])

    def summary(self) -> str:
        """One line: the storyboard is right, and what it becomes."""
        height, width, _ = self.im_shape
        return (
            f"{self.storyboard}: ok, {len(self.scenes)} scenes, {self.frames} frames of "
            f"{width}x{height}, {clock(self.seconds)} at {self.fps:g} fps, {self.total_iter} "
            "iterations" + "".join(f"\n{line}" for line in self._missing())
        )

    def _memory(self) -> str:
        """What the film takes of it, and where that is more than there is, what would fit."""
        host, device = gigabytes(self.memory_bytes), gigabytes(self.device_bytes)
        about = (
            f"about {host}{' with memory low' if self.memory_low else ''}; on a GPU about {device} "
            "of its own"
        )
        if self.available_bytes is None or self.memory_bytes < self.available_bytes:
            return about
        smaller = (
            "x".join(map(str, self.size_that_fits)) if self.size_that_fits else "a smaller size"
        )
        there = gigabytes(self.available_bytes)
        return (
            f"{about}; this machine has {there}, which is too little: {smaller} with --memory low "
            "would fit"
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
        yield f"models      {self.models}"
        yield f"goes to     {self.film}, and {self.folder}/"
        known = self.render_seconds is not None
        about = f"about {clock(self.render_seconds)}, on {self.rendered_on}" if known else ""
        yield f"rendering   {about or 'known after a first render here'}"
        yield f"memory      {self._memory()}"
        yield f"disk        at most {self.disk_bytes / 1e6:,.0f} MB while rendering"
        yield from self._missing()


def choose_guides(storyboard: Storyboard) -> tuple[Choice, ...]:
    """What each scene will be drawn toward. Loads CLIP, whose file has to be here, on the CPU."""
    from .sketchbook.choose import choose, open_book

    paths = registry.resolve(storyboard.models)
    book = open_book(storyboard, paths)
    if book is None:
        return tuple(choose(storyboard, None, None))
    from .models.clip.perceptor import load_perceptor

    perceptor = load_perceptor(paths.clip)
    return tuple(choose(storyboard, book, lambda texts: perceptor.embed_text(texts).numpy()))


def make_plan(storyboard: Storyboard, film: Path, guides: tuple[Choice, ...] = ()) -> Plan:
    """The plan of a storyboard whose film goes to `film`. The models' files need not be here."""
    timeline = Timeline(storyboard)
    width, height = frame_size(storyboard.size)
    factor = registry.factor(storyboard.models)
    inner_width, inner_height = picture_size(storyboard.size, factor)
    known = speed.recall(storyboard, factor)
    bytes_a_value = 2 if "16" in (known.on if known else "") or speed.half_pays() else 4
    memory, available = footprint(storyboard, bytes_a_value), available_host()
    host, low = memory.host_at(available)
    return Plan(
        storyboard=str(storyboard.source or "storyboard"),
        title=storyboard.title,
        models=storyboard.models.names,
        missing=registry.missing(storyboard.models),
        style=_style(storyboard),
        seed=storyboard.seed,
        scenes=tuple(
            _scene_row(storyboard, timeline, index) for index in range(len(storyboard.scenes))
        ),
        frames=timeline.frames,
        fps=float(storyboard.fps),
        seconds=timeline.seconds,
        total_iter=timeline.total_iter,
        im_shape=(height, width, 3),
        optimised_shape=(inner_height, inner_width, 3),
        film=str(film),
        folder=str(film.with_suffix("")),
        render_seconds=known and known.seconds * timeline.total_iter,
        rendered_on=known and known.on,
        disk_bytes=estimate_disk(timeline.frames, (width, height), frame_latent_bytes(storyboard)),
        memory_bytes=host,
        memory_low=low,
        device_bytes=footprint(storyboard, 2).device,
        available_bytes=available,
        size_that_fits=(
            size_that_fits(storyboard, available, bytes_a_value)
            if available and host > available
            else None
        ),
        guides=guides,
    )


def frame_latent_bytes(storyboard: Storyboard) -> int:
    """Bytes of the latent that is kept beside each frame, at most: 0 where only the scenes' ends
    are kept.
    """
    if storyboard.latents != "all":
        return 0
    factor = registry.factor(storyboard.models)
    width, height = picture_size(storyboard.size, factor)
    channels = MOST_CHANNELS
    with suppress(VqclipError):  # a model that is not here is known by its factor alone
        channels = read_config(registry.resolve(storyboard.models).vqgan_config).embed_dim
    return width // factor * (height // factor) * channels * 4 + SAFETENSORS_HEADER


def warnings(storyboard: Storyboard) -> list[Problem]:
    """What may not mean what its writer thinks, each once, and what CLIP will not read of long
    texts.
    """
    found = {problem: None for problem in storyboard.warnings}
    for index, scene in enumerate(storyboard.scenes):
        for key, prompt in scene.parts.items():
            where = f"scenes[{index}].{key}"
            if key != "prompt":
                where = setting_of(
                    f"scenes[{index}]", key.removeprefix("settings."), storyboard.marks
                )
            for message in filter(None, (_unread(part.text) for part in prompt if part.text)):
                found[problem_at(storyboard, where, message)] = None
    return list(found)


def _unread(text: str) -> str:
    """What to say of a text longer than CLIP's context; nothing of others."""
    # No token is shorter than a byte, so a short text needs no tokeniser (and no wait for its
    # vocabulary).
    if len(text.encode()) <= CONTEXT_LENGTH - 2:
        return ""
    from .models.clip.tokens import count_tokens

    count, lost = count_tokens(text)
    return f"{count} tokens, but CLIP reads {CONTEXT_LENGTH}; not read: {lost!r}" if lost else ""


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
