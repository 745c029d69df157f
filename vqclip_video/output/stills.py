"""The stills that stay beside a film: its poster, and a contact sheet of evenly spaced frames."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..disk.files import atomic_write, explained
from ..disk.part import Part
from ..text import plain_text
from .metadata import Chapter

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

    def save(self, path: Path) -> None:
        """Writes the PNG, if there has been a frame."""
        if self.picture is not None:
            atomic_write(path, _encoded(Image.fromarray(self.picture), "PNG"))


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
            atomic_write(self._path(frame), _encoded(thumbnail, "PNG"))

    def save(self, path: Path, fps: Fraction, chapters: Sequence[Chapter], title: str = "") -> None:
        """Composes the JPEG: each frame there is with its time and the prompt of its chapter."""
        entries = []
        for frame in self.frames:
            if self._path(frame).exists():
                with explained(self._path(frame)), Image.open(self._path(frame)) as image:
                    entries.append(
                        (image.convert("RGB"), _clock(float(frame / fps)), _prompt(chapters, frame))
                    )
        if entries:
            atomic_write(path, _encoded(draw_sheet(entries, title), "JPEG", quality=90))

    def _path(self, frame: int) -> Path:
        return self._work / f"sheet-{frame:06d}.png"


def sheet_frames(frames_total: int) -> tuple[int, ...]:
    """Numbers of the frames that a sheet shows: the first, the last, and evenly between."""
    count = min(SHEET_FRAMES, frames_total)
    if count < 2:
        return tuple(range(count))
    return tuple(round(step * (frames_total - 1) / (count - 1)) for step in range(count))


def draw_sheet(entries: Sequence[tuple[Image.Image, str, str]], title: str = "") -> Image.Image:
    """A sheet of (picture, time, prompt); all pictures have one size."""
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
        draw.text((x, y + height + 4), time, FAINT, font)
        for row, text in enumerate(
            lines_that_fit(plain_text(prompt), font, cell_width, CAPTION_LINES - 1), 1
        ):
            draw.text((x, y + height + 4 + row * line), text, INK, font)
    return sheet


def write_picture(image: Image.Image, path: Path) -> None:
    """Writes a PNG."""
    with explained(path):
        atomic_write(path, _encoded(image, "PNG"))


def lines_that_fit(text: str, font: ImageFont.FreeTypeFont, width: int, lines: int) -> list[str]:
    """`text` broken into at most `lines` lines of `width` pixels, with an ellipsis where it is
    cut.
    """
    rows: list[str] = []
    while text and len(rows) < lines:
        whole = _longest(text, font, width)
        if len(whole) == len(text):
            return [*rows, text]
        if len(rows) == lines - 1:
            return [*rows, _longest(text, font, width - font.getlength("…")).rstrip() + "…"]
        at_space = whole.rfind(" ") + 1 if not text[len(whole)].isspace() else len(whole)
        cut = at_space or max(len(whole), 1)
        rows.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return rows


def text_font() -> ImageFont.FreeTypeFont:
    for name in FONTS:
        with contextlib.suppress(OSError):
            return ImageFont.truetype(name, TEXT_SIZE)
    return ImageFont.load_default(TEXT_SIZE)


def _longest(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    """The longest beginning of `text` that is at most `width` pixels long."""
    low, high = 0, min(len(text), int(width))  # no character is narrower than a pixel, near enough
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if font.getlength(text[:middle]) <= width else (low, middle - 1)
    return text[:low]


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


def _encoded(image: Image.Image, kind: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
