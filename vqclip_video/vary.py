"""A sheet of drafts: one storyboard with other seeds and other values, to choose from.

Each draft is a film of its own with a run folder of its own, called by what is in it. So a sheet
that was stopped goes on where it was, and a draft that is there is never made twice.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageOps

from .errors import UsageError
from .materials import Materials, find_materials
from .outline import outline
from .output.deliver import workshop
from .output.film_frames import frames_of
from .output.report import read_records
from .output.rundir import RunDir
from .output.source_film import read_source
from .output.stills import save_sheet
from .storyboard import reader
from .storyboard.draft import drafted
from .storyboard.schema import Storyboard
from .storyboard.timeline import Timeline
from .storyboard.variants import choices
from .storyboard.writer import as_filmed, dump
from .text import plain_text, safe_name

if TYPE_CHECKING:
    from .film import FilmOptions

SEEDS = 12  # where nothing else varies
MOST = 100  # drafts of a sheet
PICTURES = 6  # of a draft at most
LEAST_PICTURES = 3
SIDE = 150  # pixels of a picture's longer side
GAP = 4
NAME = 48  # letters of a draft's name


@dataclass(frozen=True)
class Candidate:
    """One draft of a sheet: what it is told beside the storyboard, and the film that comes of
    it.
    """

    values: tuple[str, ...]  # as for --set, of what varies
    common: tuple[str, ...]  # as for --set, of what all have
    draft: Storyboard = field(repr=False)

    @property
    def words(self) -> str:
        return ", ".join(value.replace("=", " ", 1) for value in self.values)

    @property
    def slug(self) -> str:
        return safe_name(self.words.replace(" ", "-")[:NAME])

    @property
    def name(self) -> str:
        """Of its film; another storyboard's draft has another one."""
        digest = hashlib.sha256(dump(as_filmed(self.draft)).encode()).hexdigest()
        return f"{self.slug}.{digest[:8]}.mp4"

    def command(self, story: Path) -> str:
        """What renders it in full."""
        told = (word for value in (*self.common, *self.values) for word in ("--set", value))
        output = f"outputs/{safe_name(f'{story.stem}-{self.slug}')}.mp4"
        return shlex.join(["vqclip-video", "render", str(story), *told, "-o", output])


@dataclass(frozen=True)
class Drafted:
    """A draft that is there."""

    candidate: Candidate
    likeness: float  # mean similarity to the prompts, where the film has arrived at them
    strip: Image.Image


def candidates(story: Path, overrides: Sequence[str], seeds: int | None) -> list[Candidate]:
    """The drafts of a sheet: of so many seeds from the storyboard's own on, times the values of
    each override that has several.

    seeds: None is one where an override varies, else SEEDS. Raises StoryboardError, and UsageError
    for too many.
    """
    told = [choices(override) for override in overrides]
    common = tuple(values[0] for values in told if len(values) == 1)
    axes = [values for values in told if len(values) > 1]
    if seeds is None:
        seeds = 1 if axes else SEEDS
    if seeds > 1 or not axes:
        if any(axis[0].partition("=")[0].strip() == "seed" for axis in axes):
            raise UsageError("seeds are named one by one already; leave out their number")
        first = reader.read(story, common).seed or 0
        axes.insert(0, tuple(f"seed={seed}" for seed in range(first, first + seeds)))
    count = math.prod(map(len, axes))
    if count > MOST:
        raise UsageError(f"that would be {count} drafts, and a sheet has {MOST} at most; vary less")
    return [_candidate(story, common, values) for values in itertools.product(*axes)]


def make_drafts(
    found: Sequence[Candidate], folder: Path, options: FilmOptions, should_stop: Callable[[], bool]
) -> Iterator[Drafted]:
    """Makes the drafts that are not in the folder yet, and gives all, in order, until it is to
    stop; a stopped one goes on where it was.

    The networks are loaded once for as many drafts in a row as have the same. Raises what
    `make_film` raises.
    """
    with ExitStack() as stack:
        lent = _Lent(stack, options)
        for candidate in found:
            film = folder / candidate.name
            there = _finished(film) and not options.fresh
            if not there and (should_stop() or not lent.make(candidate, film, should_stop)):
                return
            yield _drafted(candidate, film)


class _Lent:
    """Networks that one draft after the other borrows."""

    def __init__(self, stack: ExitStack, options: FilmOptions):
        self._stack, self._options = stack, options
        self._materials: Materials | None = None
        self._cast = None

    def make(self, candidate: Candidate, film: Path, should_stop: Callable[[], bool]) -> bool:
        """Whether the film was made to its end."""
        from .engine.cast import lent_cast
        from .film import make_film

        materials = find_materials(candidate.draft)
        if self._materials is None or _networks(materials) != _networks(self._materials):
            self._stack.close()
            self._materials = materials
            self._cast = self._stack.enter_context(
                lent_cast(materials, candidate.draft, self._options)
            )
        told = (None, should_stop, self._cast, materials)
        return make_film(candidate.draft, film, self._options, *told).state != "stopped"


def save_drafts(drafts: Sequence[Drafted], story: Path, sheet: Path) -> list[Drafted]:
    """Writes the sheet, with the command under each draft; gives them with the likest first."""
    best = max(drafts, key=lambda each: each.likeness)
    entries = []
    for each in drafts:
        likest = ", the likest" if each is best and len(drafts) > 1 else ""
        about = f"{plain_text(each.candidate.words)}: similarity {each.likeness:.3f}{likest}"
        size = drafts[0].strip.size
        strip = each.strip if each.strip.size == size else ImageOps.pad(each.strip, size)
        entries.append((strip, about, each.candidate.command(story)))
    title = drafts[0].candidate.draft.title or story.stem
    save_sheet(entries, f"{title}: {len(drafts)} drafts", sheet)
    return sorted(drafts, key=lambda each: -each.likeness)


def _candidate(story: Path, common: tuple[str, ...], values: tuple[str, ...]) -> Candidate:
    board = reader.read(story, (*common, *values))
    return Candidate(values, common, drafted(board, outline(board).factor))


def _networks(materials: Materials) -> tuple:
    return materials.models, materials.sketchbook, materials.prior


def _finished(film: Path) -> bool:
    try:
        return film.exists() and json.loads(RunDir(film).run.read_bytes())["finished"] is True
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _drafted(candidate: Candidate, film: Path) -> Drafted:
    timeline = Timeline(candidate.draft)
    numbers = shown_frames(timeline)
    with workshop(film.with_suffix(".strip")) as work:
        pictures = frames_of(read_source(film), numbers, work)
    arrived = [r["similarity"] for r in read_records(RunDir(film).progress) if r["mix"] == 1]
    known = [value for value in arrived if value is not None]
    return Drafted(candidate, sum(known) / len(known) if known else -1.0, _strip(pictures))


def shown_frames(timeline: Timeline) -> list[int]:
    """Numbers of the frames that stand for a film: the ends of its scenes, and between them where
    the scenes are few.
    """
    spans = [span for span in timeline.spans if span.frames]
    each = -(-LEAST_PICTURES // len(spans))
    found = [
        span.first_frame + max(-(-span.frames * part // each), 1) - 1
        for span in spans
        for part in range(1, each + 1)
    ]
    found = list(dict.fromkeys(found))
    if len(found) <= PICTURES:
        return found
    return [found[round(k * (len(found) - 1) / (PICTURES - 1))] for k in range(PICTURES)]


def _strip(pictures: Sequence[Image.Image]) -> Image.Image:
    """Pictures of one size beside each other, smaller."""
    factor = SIDE / max(pictures[0].size)
    width, height = (max(1, round(side * factor)) for side in pictures[0].size)
    strip = Image.new("RGB", (len(pictures) * (width + GAP) - GAP, height))
    for place, picture in enumerate(pictures):
        small = picture.resize((width, height), Image.Resampling.LANCZOS)
        strip.paste(small, (place * (width + GAP), 0))
    return strip
