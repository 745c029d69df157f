"""Several files from the frames of one film: each whole, whatever happened on the way."""

import os

import numpy as np
import pytest
from filmprobe import read_film, read_frames
from footage import SIZE, picture
from killing import killed_at

from vqclip_video.errors import OutputError
from vqclip_video.output import space
from vqclip_video.output.encoders import pick_encoder
from vqclip_video.output.film_writer import FilmWriter
from vqclip_video.output.formats import FITS, Encoder, Format
from vqclip_video.output.metadata import FilmMetadata

PLAIN = FilmMetadata()
FRAMES = 23


@pytest.fixture(scope="module")
def formats():
    """The film, and two deliveries that differ from it and from one another in everything."""
    x264 = pick_encoder("libx264", SIZE)
    x265 = Encoder(x264.ffmpeg, "libx265")
    tall, square = Format(x264, (36, 64), "pad"), Format(x265, (48, 48), "blur")
    return {"film": Format(x264, SIZE), "tall": tall, "square": square}


@pytest.fixture(autouse=True)
def short_segments(monkeypatch):
    monkeypatch.setattr(space, "SEGMENT_FRAMES", (5, 5))


def shoot(work, formats, start=0, until=FRAMES, release=True, **more):
    """Frames `start` to `until`, with a checkpoint at each; files of the deliveries at the end."""
    with FilmWriter(work, SIZE, 24, FRAMES, formats, start, **more) as film:
        for number in range(start, until):
            film.append(picture(number))
            position = film.sync()
            if release:
                film.release(position)
        if until == FRAMES:
            film.finish({name: work / f"{name}-whole.mp4" for name in formats}, PLAIN)
    return {name: (work / f"{name}-whole.mp4") for name in formats if until == FRAMES}


def contents(files):
    return {name: path.read_bytes() for name, path in files.items()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory, formats):
    """What each delivery is when nothing happens."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(space, "SEGMENT_FRAMES", (5, 5))
        return contents(shoot(tmp_path_factory.mktemp("whole"), formats))


def test_deliveries_of_another_size_fit_and_codec_from_the_same_frames(tmp_path, formats):
    files = shoot(tmp_path, formats)
    for name, codec in (("film", "h264"), ("tall", "h264"), ("square", "hevc")):
        film = read_film(files[name])
        assert (film.frames, film.size) == (FRAMES, formats[name].size)
        assert codec in film.about and "yuv420p(tv, bt709" in film.about
    assert (
        "DAR" not in read_film(files["tall"]).about or "SAR 1:1" in read_film(files["tall"]).about
    )


def test_the_film_is_the_same_with_and_without_deliveries(tmp_path, formats, whole):
    alone = shoot(tmp_path, {"film": formats["film"]})
    assert contents(alone) == {"film": whole["film"]}


@pytest.mark.parametrize("fit", FITS)
def test_fits_keep_proportions_and_colours(tmp_path, formats, fit):
    """A wide picture with a grey square in its middle, on a tall format."""
    frame = np.full((SIZE[1], SIZE[0], 3), (200, 30, 40), np.uint8)
    frame[8:16, 12:20] = 128
    delivery = Format(formats["film"].encoder, (36, 72), fit)
    with FilmWriter(tmp_path, SIZE, 24, 1, {"film": delivery}) as film:
        film.append(frame)
        film.finish({"film": tmp_path / "film.mp4"}, PLAIN)
    shown = read_frames(tmp_path / "film.mp4")[0].astype(int)
    grey = np.abs(shown - 128).max(axis=-1) < 40
    down, across = grey[:, 18].sum(), grey[36].sum()
    factor = 72 / SIZE[1] if fit == "crop" else 36 / SIZE[0]
    assert abs(down - 8 * factor) <= 2 and abs(across - 8 * factor) <= 2
    assert np.abs(shown[36, 2] - (200, 30, 40)).max() < 25
    edge = shown[2, 2]
    assert edge.max() < 25 if fit == "pad" else np.abs(edge - (200, 30, 40)).max() < 25


def test_a_spool_waits_for_every_delivery(tmp_path, formats):
    with FilmWriter(tmp_path, SIZE, 24, FRAMES, formats) as film:
        for number in range(11):
            film.append(picture(number))
        film.preview(tmp_path / "preview.mp4", PLAIN)
        for missing in ("film", "tall", "square"):
            segment = tmp_path / f"segment-00000.{missing}.mp4"
            segment.rename(tmp_path / "away")
            film.release(5)
            assert (tmp_path / "segment-00000.rgb").exists()
            (tmp_path / "away").rename(segment)
        film.release(5)
        assert sorted(file.name for file in tmp_path.glob("*.rgb")) == [
            "segment-00001.rgb",
            "segment-00002.rgb",
        ]


@pytest.mark.parametrize("there", ["film", "tall", "square"])
def test_a_kill_after_one_deliverys_segment_and_before_anothers(tmp_path, formats, whole, there):
    shoot(tmp_path, formats, until=12, release=False)
    for file in tmp_path.glob("segment-0000[01].*.mp4"):
        if there not in file.name:
            file.unlink()
    assert contents(shoot(tmp_path, formats, start=12)) == whole


def test_a_delivery_that_is_no_longer_asked_for_leaves_nothing(tmp_path, formats, whole):
    shoot(tmp_path, formats, until=17)
    fewer = {name: formats[name] for name in ("film", "square")}
    files = shoot(tmp_path, fewer, start=17)
    assert contents(files) == {name: whole[name] for name in fewer}
    assert not list(tmp_path.glob("*tall*"))
    assert len(list(tmp_path.glob("*.rgb"))) <= 2


def test_a_delivery_asked_for_while_all_frames_are_there_is_as_if_it_always_was(
    tmp_path, formats, whole
):
    shoot(tmp_path, {"film": formats["film"]}, until=17, release=False)
    said = []
    assert contents(shoot(tmp_path, formats, start=17, warn=said.append)) == whole
    assert said == []


def test_a_delivery_asked_for_later_takes_what_is_gone_from_the_film(tmp_path, formats, whole):
    shoot(tmp_path, {"film": formats["film"]}, until=17)
    assert not (tmp_path / "segment-00001.rgb").exists()
    said = []
    files = shoot(tmp_path, formats, start=17, warn=said.append)
    assert contents(files)["film"] == whole["film"]
    assert [line.partition(";")[0] for line in said] == [
        f"{name} was not asked for when the film was begun" for name in ("tall", "square")
    ]
    for name in ("tall", "square"):
        (tmp_path / "expected.mp4").write_bytes(whole[name])
        expected = read_frames(tmp_path / "expected.mp4").astype(int)
        shown = read_frames(files[name]).astype(int)
        assert shown.shape == expected.shape
        assert np.abs(shown - expected).mean(axis=(1, 2, 3)).max() < 6


def test_a_delivery_that_changes_is_begun_anew(tmp_path, formats, whole):
    other = {**formats, "tall": Format(formats["film"].encoder, (64, 64))}
    shoot(tmp_path, other, until=17, release=False)
    assert contents(shoot(tmp_path, formats, start=17)) == whole


def test_film_whose_frames_are_neither_raw_nor_encoded_is_refused(tmp_path, formats):
    shoot(tmp_path, formats, until=17)
    (tmp_path / "segment-00000.film.mp4").unlink()
    with pytest.raises(OutputError, match="fresh=True"):
        FilmWriter(tmp_path, SIZE, 24, FRAMES, formats, 17)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked children")
def test_deliveries_are_the_same_after_a_kill_at_any_step(tmp_path, formats, whole, monkeypatch):
    """A child dies at one of its calls on files and processes, for one after the other."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # no power cut here
    deaths, step = 0, 0
    while True:
        work = tmp_path / f"run-{step}"
        work.mkdir()
        killed = killed_at(step, lambda work=work: _go_on(work, formats))
        deaths += killed
        _go_on(work, formats)
        made = {name: (work / f"{name}-whole.mp4").read_bytes() for name in formats}
        assert made == whole, f"killed at step {step}"
        if not killed:
            break
        step += 13
    assert deaths > 10


def _go_on(work, formats):
    """A render that goes on by itself: a checkpoint every four frames, the one before kept."""
    marks = work / "marks"
    old = [int(mark) for mark in marks.read_text().split()] if marks.exists() else []
    with FilmWriter(work, SIZE, 24, FRAMES, formats, old[-1] if old else 0) as film:
        for number in range(film.frames, FRAMES):
            film.append(picture(number))
            if film.frames % 4 == 0:
                old = [*old[-1:], film.sync()]
                (work / "marks.new").write_text(" ".join(map(str, old)))
                (work / "marks.new").replace(marks)
                film.release(old[0] if len(old) > 1 else 0)
        film.finish({name: work / f"{name}-whole.mp4" for name in formats}, PLAIN)
