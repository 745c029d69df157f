"""The stills that stay beside a film: its poster, and a contact sheet of evenly spaced frames."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..disk.files import atomic_write, beside, explained, remove
from ..disk.part import Part
from ..errors import OutputError, UsageError
from ..text import plain_text
from .lettering import lines_that_fit
from .metadata import Chapter
from .provenance import UNSAID, Label

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")  # of pictures that are written
SHEET_FRAMES = 12
THUMBNAIL = 240  # pixels of the longer side
MARGIN = 12
TEXT_SIZE = 14
SHEET_SHAPE = 1.4  # width by height
# Fonts that most systems have one of; Pillow's own, which is always there, knows no accents.
FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial Unicode.ttf", "arial.ttf")
CAPTION_LINES = 3  # the time, then two lines of prompt
PAPER, INK, FAINT = (18, 18, 20), (235, 235, 235), (150, 150, 155)


class Poster:
    """The captured frame with the highest similarity; of equal ones the first.

    It is held in memory and belongs into checkpoints (`state`), so that a run that goes on from one
    ends in the poster it would have had. Pictures are uint8 [H, W, 3].
    """

    def __init__(self) -> None:
        self.similarity = -math.inf
        self.picture: np.ndarray | None = None

    def offer(self, picture: np.ndarray, similarity: float) -> None:
        """Considers a captured frame; a similarity that is no number wins against none only."""
        similarity = -math.inf if math.isnan(similarity) else similarity
        if self.picture is None or similarity > self.similarity:
            self.similarity = similarity
            self.picture = picture.copy()

    def state(self) -> Part:
        """For a checkpoint; empty before the first frame."""
        if self.picture is None:
            return Part()
        # As an array: a similarity that is no number has no place in JSON.
        similarity = np.array(self.similarity, np.float64)
        return Part({"picture": self.picture, "similarity": similarity})

    def restore(self, part: Part) -> None:
        """Takes up a `state`."""
        if part.tensors:
            self.picture = np.asarray(part.tensors["picture"]).copy()
            self.similarity = float(part.tensors["similarity"])

    def save(self, path: Path, label: Label = UNSAID) -> None:
        """Writes the PNG, if there has been a frame."""
        if self.picture is not None:
            image = Image.fromarray(self.picture)
            atomic_write(path, encoded_picture(image, "PNG", **label.in_picture("PNG")))


@dataclass(frozen=True)
class Still:
    """A frame of a contact sheet."""

    frame: int
    picture: Image.Image
    time: str
    prompt: str

    def jpeg(self) -> bytes:
        """The picture as it goes into a page."""
        return encoded_picture(self.picture, "JPEG", quality=82)


class ContactSheet:
    """Collects the thumbnails of frames that are known beforehand, one file each in `work`."""

    def __init__(self, work: Path, frames_total: int) -> None:
        self._work = work
        self.frames = sheet_frames(frames_total)

    def offer(self, picture: np.ndarray, frame: int) -> None:
        """Keeps a thumbnail of captured frame number `frame` (uint8 [H, W, 3]), where the sheet
        shows it.
        """
        if frame in self.frames:
            thumbnail = Image.fromarray(picture)
            thumbnail.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
            atomic_write(self._path(frame), encoded_picture(thumbnail, "PNG"))

    def save(
        self,
        path: Path,
        fps: Fraction,
        chapters: Sequence[Chapter],
        title: str = "",
        label: Label = UNSAID,
    ) -> None:
        """Composes the JPEG: each frame there is with its time and the prompt of its chapter."""
        entries = [(each.picture, each.time, each.prompt) for each in self.stills(fps, chapters)]
        if entries:
            about = label.in_picture("JPEG")
            sheet = draw_sheet(entries, title)
            atomic_write(path, encoded_picture(sheet, "JPEG", quality=90, **about))

    def stills(self, fps: Fraction, chapters: Sequence[Chapter]) -> Iterator[Still]:
        """The frames that are there, with their times and the prompts of their chapters."""
        for frame in self.frames:
            if self._path(frame).exists():
                with explained(self._path(frame)), Image.open(self._path(frame)) as image:
                    picture = image.convert("RGB")
                yield Still(frame, picture, _clock(float(frame / fps)), _prompt(chapters, frame))

    def _path(self, frame: int) -> Path:
        return self._work / f"sheet-{frame:06d}.png"


def sheet_frames(frames_total: int) -> tuple[int, ...]:
    """Numbers of the frames that a sheet shows: the first, the last, and evenly between."""
    count = min(SHEET_FRAMES, frames_total)
    if count < 2:
        return tuple(range(count))
    return tuple(round(step * (frames_total - 1) / (count - 1)) for step in range(count))


def draw_sheet(entries: Sequence[tuple[Image.Image, str, str]], title: str = "") -> Image.Image:
    """A sheet of (picture, a few words such as its time, prompt); all pictures have one size."""
    font = text_font()
    width, height = entries[0][0].size
    columns = _columns(len(entries), width, height)
    cell_width, line = max(width, 120), round(TEXT_SIZE * 1.35)
    cell_height = height + CAPTION_LINES * line + MARGIN
    top = MARGIN + (line + MARGIN if title else 0)
    size = (
        columns * (cell_width + MARGIN) + MARGIN,
        top + math.ceil(len(entries) / columns) * (cell_height + MARGIN),
    )
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    if title:
        draw.text(
            (MARGIN, MARGIN),
            lines_that_fit(plain_text(title), font, size[0] - 2 * MARGIN, 1)[0],
            INK,
            font,
        )
    for number, (picture, time, prompt) in enumerate(entries):
        x = MARGIN + number % columns * (cell_width + MARGIN)
        y = top + number // columns * (cell_height + MARGIN)
        sheet.paste(picture, (x, y))
        draw.text(
            (x, y + height + 4), "".join(lines_that_fit(time, font, cell_width, 1)), FAINT, font
        )
        for row, text in enumerate(
            lines_that_fit(plain_text(prompt), font, cell_width, CAPTION_LINES - 1), 1
        ):
            draw.text((x, y + height + 4 + row * line), text, INK, font)
    return sheet


def check_picture_place(
    path: Path, argument: str = "output", suffixes: Sequence[str] = SUFFIXES
) -> None:
    """Makes the folder of a picture that is going to be written.

    argument: what the path is called. Raises UsageError for a name of no such picture, OutputError
    where nothing can be written there.
    """
    if path.suffix.lower() not in suffixes:
        endings = ", ".join(suffixes)
        raise UsageError(f"{argument}={path}: a picture's name ends in one of {endings}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        why = f"{path.parent}: cannot be made ({reason.strerror}); choose another {argument}"
        raise OutputError(why) from reason
    if path.is_dir():
        raise OutputError(f"{path}: a folder lies there; choose another {argument}")
    trial = beside(path)
    try:
        trial.touch()
    except OSError as reason:
        why = f"{path}: cannot be written ({reason.strerror}); choose another {argument}"
        raise OutputError(why) from reason
    remove(trial)


def write_picture(image: Image.Image, path: Path) -> None:
    """Writes a picture in the format of its path's suffix."""
    kind = Image.registered_extensions()[path.suffix.lower()]
    atomic_write(path, encoded_picture(image, kind, quality=95))


def save_sheet(entries: Sequence[tuple[Image.Image, str, str]], title: str, path: Path) -> None:
    """Writes a sheet as `draw_sheet` draws it."""
    write_picture(draw_sheet(entries, title), path)


def text_font() -> ImageFont.FreeTypeFont:
    for name in FONTS:
        with contextlib.suppress(OSError):
            return ImageFont.truetype(name, TEXT_SIZE)
    return ImageFont.load_default(TEXT_SIZE)


def _columns(count: int, width: int, height: int) -> int:
    """The number of columns that brings the sheet nearest to SHEET_SHAPE."""
    cell_width, cell_height = (
        max(width, 120) + MARGIN,
        height + CAPTION_LINES * TEXT_SIZE * 1.35 + 2 * MARGIN,
    )
    shapes = {n: n * cell_width / (math.ceil(count / n) * cell_height) for n in range(1, count + 1)}
    return min(shapes, key=lambda n: abs(math.log(shapes[n] / SHEET_SHAPE)))


def _prompt(chapters: Sequence[Chapter], frame: int) -> str:
    return next((chapter.title for chapter in chapters if chapter.start <= frame < chapter.end), "")


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds, 1), 60)
    return f"{int(minutes)}:{seconds:04.1f}"


def encoded_picture(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The content of a picture's file, as Pillow writes this kind of it."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
