import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from filmprobe import ffmpeg
from PIL import Image, ImageFont

from vqclip_video.output import checkpoint
from vqclip_video.output import stills as report
from vqclip_video.output.metadata import Chapter, FilmMetadata, chapters
from vqclip_video.output.stills import (
    MARGIN,
    ContactSheet,
    Poster,
    draw_sheet,
    lines_that_fit,
    sheet_frames,
)
from vqclip_video.storyboard.schema import PromptPart, Scene
from vqclip_video.storyboard.timeline import Showing
from vqclip_video.storyboard.words import caption

STRANGE = [
    "",
    "é 🎬 مرحبا\nבעברית\t\0\u202e",
    "word " * 2000,
    "x" * 10_000,
    "100% {curly} 'quoted'=;#\\",
    "👨\u200d👩",
]


def picture(value, size=(40, 30)):
    return np.full((size[1], size[0], 3), value, np.uint8)


def film_of(similarities):
    return [(picture(number), similarity) for number, similarity in enumerate(similarities)]


@pytest.mark.parametrize(
    "similarities, best",
    [
        ([0.1, 0.3, 0.2], 1),
        ([0.3, 0.3], 0),
        ([-1.0], 0),
        ([math.nan, -0.5, math.nan], 1),
        ([math.nan, math.nan], 0),
        ([0.2, math.nan, 0.1], 0),
    ],
)
def test_poster_is_the_most_similar_frame(tmp_path, similarities, best):
    poster = Poster()
    for frame, similarity in film_of(similarities):
        poster.offer(frame, similarity)
        frame[:] = 255  # the caller's buffer is used again
    poster.save(tmp_path / "poster.png")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "poster.png")), picture(best))


def test_poster_of_no_frames_is_no_file(tmp_path):
    Poster().save(tmp_path / "poster.png")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("cut", range(5))
def test_poster_goes_on_from_a_checkpoint(tmp_path, cut):
    """What was offered after the checkpoint and lost with a kill leaves no trace."""
    film = film_of([0.1, 0.4, 0.2, 0.4, 0.3])
    poster = Poster()
    for frame, similarity in film[:cut]:
        poster.offer(frame, similarity)
    checkpoint.save(tmp_path, {"poster": poster.state()})
    poster.offer(picture(99), 0.9)
    again = Poster()
    again.restore(checkpoint.load_checkpoint(tmp_path)["poster"])
    for frame, similarity in film[cut:]:
        again.offer(frame, similarity)
    assert np.array_equal(again.picture, picture(1)) and again.similarity == 0.4


@pytest.mark.parametrize("total", [0, 1, 2, 5, 12, 13, 100, 7200])
def test_sheet_shows_first_last_and_evenly_between(total):
    frames = sheet_frames(total)
    assert len(frames) == min(total, 12)
    if total:
        assert frames[0] == 0 and frames[-1] == total - 1
    steps = np.diff(frames)
    assert len(steps) == 0 or steps.max() - steps.min() <= 1


@pytest.mark.parametrize("size", [(40, 30), (1920, 1080), (64, 512), (16, 16)])
@pytest.mark.parametrize("total", [1, 30])
def test_sheet_holds_the_frames_in_order(tmp_path, size, total):
    sheet = ContactSheet(tmp_path, total)
    for number in range(total):
        sheet.offer(picture(number * 8, size), number)
    sheet.save(tmp_path / "sheet.jpg", 24, (Chapter(0, total, "a prompt"),), "title")
    image = Image.open(tmp_path / "sheet.jpg")
    image.load()
    assert image.width <= 2600 and image.height <= 2600
    assert len(list(tmp_path.glob("sheet-*.png"))) == min(total, 12)
    if total == 30:
        brightest = np.asarray(image.convert("L"))[
            np.ix_(range(0, image.height, 2), range(0, image.width, 2))
        ]
        assert (brightest > 220).any()


def test_sheet_is_the_same_after_going_on(tmp_path):
    """Thumbnails from before a kill are found again, those after it are made again."""
    whole, resumed = tmp_path / "a.jpg", tmp_path / "b.jpg"
    first = ContactSheet(tmp_path, 40)
    for number in range(40):
        first.offer(picture(number * 6), number)
    first.save(whole, 24, ())
    second = ContactSheet(tmp_path, 40)
    for number in range(17, 40):
        second.offer(picture(number * 6), number)
    second.save(resumed, 24, ())
    assert whole.read_bytes() == resumed.read_bytes()


def test_sheet_of_an_interrupted_film_shows_what_there_is(tmp_path):
    sheet = ContactSheet(tmp_path, 100)
    sheet.save(tmp_path / "sheet.jpg", 24, ())
    assert not (tmp_path / "sheet.jpg").exists()
    sheet.offer(picture(3), 0)
    sheet.save(tmp_path / "sheet.jpg", 24, ())
    assert Image.open(tmp_path / "sheet.jpg").width >= 120


@pytest.mark.parametrize("text", STRANGE)
@pytest.mark.parametrize("bare", [False, True])
def test_captions_of_any_text_are_drawn(tmp_path, monkeypatch, text, bare):
    if bare:  # a system without fonts: Pillow's own
        monkeypatch.setattr(report, "FONTS", ())
    sheet = ContactSheet(tmp_path, 1)
    sheet.offer(picture(9), 0)
    sheet.save(tmp_path / "sheet.jpg", 24, (Chapter(0, 1, text),), text)
    assert Image.open(tmp_path / "sheet.jpg").size[0] < 400


@pytest.mark.parametrize(
    "text", ["a short one", "words for more than a line or two", "x" * 500, "a " + "y" * 99]
)
@pytest.mark.parametrize("lines", [1, 2, 5])
def test_fitted_lines_are_narrow_enough_and_say_when_they_are_cut(text, lines):
    font = ImageFont.load_default(14)
    rows = lines_that_fit(text, font, 100, lines)
    assert len(rows) <= lines and all(font.getlength(row) <= 100 for row in rows)
    whole = "".join(rows).replace(" ", "")
    assert whole == text.replace(" ", "") or (
        whole.endswith("…") and text.replace(" ", "").startswith(whole[:-1])
    )


def test_chapters_are_the_scenes_that_have_frames():
    scenes = [
        Scene(
            prompt=(PromptPart(text="hills"), PromptPart(image=Path("/x/ref 1.png"), weight=0.3))
        ),
        Scene(prompt=(PromptPart(text="never\nseen"),)),
        Scene(prompt=(PromptPart(text="a\nforest "),)),
    ]
    seen = [Showing(0, 0, 4), Showing(2, 4, 8)]
    assert caption(scenes[0].prompt) == "hills + ref 1.png"
    assert chapters(scenes, seen) == (Chapter(0, 4, "hills + ref 1.png"), Chapter(4, 8, "a forest"))


@pytest.mark.parametrize(
    "text", [*STRANGE, "\\", "a\\\n", "[CHAPTER]\n;\nSTART=7\n", "=", "x" * 50_000]
)
def test_comment_of_any_text_is_read_back_by_ffmpeg(tmp_path, text):
    written = FilmMetadata("before", text, (Chapter(0, 5, "a"), Chapter(5, 9, text))).text(
        Fraction(24)
    )
    (tmp_path / "in").write_text(written, encoding="utf-8", newline="\n")
    read = ffmpeg(
        "-f", "ffmetadata", "-i", tmp_path / "in", "-f", "ffmetadata", "-"
    ).stdout.decode()
    kept = text.replace("\0", "") + (" " if text.endswith("\\") else "")
    escaped = "".join("\\" + char if char in "=;#\\\n" else char for char in kept)
    assert not kept or f"\ncomment={escaped}\n" in read
    assert "title=before\n" in read and read.replace("\\\n", "").count("\n[CHAPTER]\n") == 2


def test_what_stands_under_a_narrow_picture_stays_under_it():
    narrow = Image.new("RGB", (108, 192), "red")
    long, short = (
        draw_sheet([(narrow, words, ""), (narrow, "", "")]) for words in ("likeness " * 9, "")
    )
    beside = (narrow.width + 2 * MARGIN + 12, 0, *long.size)
    assert long.crop(beside).tobytes() == short.crop(beside).tobytes()
    assert long.tobytes() != short.tobytes()
