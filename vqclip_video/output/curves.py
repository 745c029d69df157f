"""What moves in a film as a sheet of curves, a PNG."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from ..storyboard.courses import TrackOfFilm
from ..text import clock, plain_text
from .lettering import lines_that_fit
from .stills import FAINT, INK, MARGIN, PAPER, TEXT_SIZE, text_font

WIDTH, HEIGHT = 960, 90  # of one curve, in pixels
LINE = round(TEXT_SIZE * 1.5)
BORDER, STROKE = (60, 60, 66), (232, 150, 84)


def draw_curves(
    tracks: Sequence[TrackOfFilm], ends: Sequence[float], title: str = ""
) -> Image.Image:
    """A curve for each track, one below the other, over the whole film.

    ends: of the scenes, in seconds of film, whose last is the film's.
    """
    top = MARGIN + (LINE if title else 0)
    row = LINE + HEIGHT + MARGIN
    sheet = Image.new("RGB", (WIDTH + 2 * MARGIN, top + row * len(tracks) + LINE), PAPER)
    draw, font = ImageDraw.Draw(sheet), text_font()
    if title:
        said = lines_that_fit(plain_text(title), font, WIDTH, 1)
        draw.text((MARGIN, MARGIN // 2), said[0] if said else "", INK, font)
    for number, track in enumerate(tracks):
        _draw_track(draw, track, ends, top + number * row)
    bottom = top + row * len(tracks) - MARGIN // 2
    draw.text((MARGIN, bottom), "0s", FAINT, font)
    last = clock(ends[-1])
    draw.text((MARGIN + WIDTH - font.getlength(last), bottom), last, FAINT, font)
    return sheet


def _draw_track(
    draw: ImageDraw.ImageDraw, track: TrackOfFilm, ends: Sequence[float], top: int
) -> None:
    font, low = text_font(), top + LINE + HEIGHT
    draw.text((MARGIN, top), track.setting, INK, font)
    span = f"{track.least:.4g} to {track.most:.4g}"
    draw.text((MARGIN + WIDTH - font.getlength(span), top), span, FAINT, font)
    draw.rectangle((MARGIN, top + LINE, MARGIN + WIDTH, low), outline=BORDER)
    for end in ends[:-1]:
        x = MARGIN + WIDTH * end / ends[-1]
        draw.line((x, top + LINE, x, low), BORDER)
    start = 0.0
    for values, end in zip(track.scenes, ends, strict=True):
        points = _points(track, values, (start / ends[-1], end / ends[-1]), low)
        if len(points) > 1:
            draw.line(points, STROKE, width=2)
        start = end


def _points(
    track: TrackOfFilm, values: Sequence[float | None], part: tuple[float, float], low: int
) -> list[tuple[float, float]]:
    """Where a scene's values lie; each is held for its step, so that jumps are seen as such."""
    start, end = part
    reach = track.most - track.least
    points = []
    for step, value in enumerate(values):
        if value is not None:
            height = (value - track.least) / reach if reach else 0.5
            y = low - 4 - height * (HEIGHT - 8)
            for at in (step, step + 1):
                points.append((MARGIN + WIDTH * (start + (end - start) * at / len(values)), y))
    return points
