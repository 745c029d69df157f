import random
import struct

import pytest
from filmprobe import ffmpeg
from footage import SIZE, picture

from vqclip_video.errors import OutputError, UsageError
from vqclip_video.output import space
from vqclip_video.output.boxes import Box, MediaTrack, Mp4, read_mp4
from vqclip_video.output.encoders import pick_encoder
from vqclip_video.output.film_writer import FilmWriter
from vqclip_video.output.formats import Encoder, Format
from vqclip_video.output.metadata import Chapter, FilmMetadata


@pytest.fixture(scope="module")
def encoder():
    return pick_encoder("libx264", SIZE)


def make(folder, encoder, frames, fps, group=None):
    """A film of several segments and chapters, and its preview of all frames but one."""
    chapters = (Chapter(0, 10, "one"), Chapter(10, frames, "two"))
    about = FilmMetadata("title", "comment", chapters)
    formats = {"film": Format(encoder, SIZE, group=group)}
    with FilmWriter(folder, SIZE, fps, frames, formats) as film:
        for number in range(frames):
            if number == frames - 1:
                film.preview(folder / "preview.mp4", about)
            film.append(picture(number))
        film.finish({"film": folder / "film.mp4"}, about)
    return folder / "film.mp4", folder / "preview.mp4"


@pytest.mark.parametrize("fps", [24, 23.976, 12.5])
def test_films_have_no_edit_list_and_one_frame_rate(tmp_path, encoder, monkeypatch, fps):
    monkeypatch.setattr(space, "SEGMENT_FRAMES", (20, 20))
    for path, frames in zip(make(tmp_path, encoder, 50, fps), (50, 49), strict=True):
        mp4 = read_mp4(path)
        assert mp4.index_first
        assert [(track.kind, track.edits) for track in mp4.tracks] == [("vide", 0), ("text", 0)]
        track = mp4.of_kind("vide")[0]
        assert (track.samples, float(track.rate), track.size) == (frames, fps, SIZE)
        ticks = [ticks for _, ticks in track.offsets]
        assert ticks[0] == 0 and min(ticks) < 0 < max(ticks)  # shown from 0 on, B-frames and all
        assert track.keys == (0, 20, 40)
        assert track.entry.kind == "avc1"
        assert track.part("avcC").content[1] == 100  # High
        assert track.part("colr").content == b"nclx" + struct.pack(">HHHB", 1, 1, 1, 0)


@pytest.mark.parametrize("name", ["libx264", "libx265"])
@pytest.mark.parametrize("fps", [24, 23.976])
def test_a_player_can_begin_every_two_seconds(tmp_path, encoder, name, fps):
    path, _ = make(tmp_path, Encoder(encoder.ffmpeg, name), 120, fps, group=2)
    track = read_mp4(path).of_kind("vide")[0]
    assert track.longest_group <= 2 * fps
    # Closed: from a key on, everything can be shown without what came before it.
    begun = ffmpeg("-ss", 48 / fps - 0.001, "-i", path, "-map", "0:v", "-f", "framecrc", "-")
    whole = ffmpeg("-i", path, "-map", "0:v", "-f", "framecrc", "-")
    assert sums(begun) == sums(whole)[-len(sums(begun)) :] and len(sums(begun)) >= 70


def sums(ended):
    lines = ended.stdout.decode().splitlines()
    return [line.rpartition(",")[2] for line in lines if not line.startswith("#")]


def test_what_others_wrote_is_read_too(tmp_path):
    """ffmpeg's own defaults: the index last, an edit list, sound."""
    theirs = tmp_path / "theirs.mp4"
    inputs = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=30:d=1", "-f", "lavfi", "-i", "sine=d=1")
    ffmpeg(*inputs, "-c:v", "libx264", "-c:a", "aac", "-ac", "2", theirs)
    mp4 = read_mp4(theirs)
    assert not mp4.index_first and mp4.bytes == theirs.stat().st_size
    video, sound = mp4.of_kind("vide")[0], mp4.of_kind("soun")[0]
    assert video.edits == 1 and sound.edits == 1
    assert (video.size, video.rate, video.seconds) == ((64, 48), 30, 1)
    assert (sound.entry.kind, sound.timescale) == ("mp4a", 44100)
    assert sound.part("esds").kind == "esds"


def test_a_frame_that_lasts_longer_is_no_constant_rate():
    track = MediaTrack("vide", 24, 0, Box("avc1", b""), ((3, 1), (1, 2)), (), (0, 2))
    assert track.rate is None
    assert track.longest_group == 2


@pytest.mark.parametrize("content", [b"", b"ftyp", b"\0" * 64, b"RIFF1234WEBP", b"\xff" * 100])
def test_what_is_no_mp4_is_said_to_be_none(tmp_path, content):
    (tmp_path / "film.mp4").write_bytes(content)
    with pytest.raises(UsageError, match="not an MP4"):
        read_mp4(tmp_path / "film.mp4")


def test_missing_file(tmp_path):
    with pytest.raises(OutputError):
        read_mp4(tmp_path / "film.mp4")


def test_damaged_files_are_read_or_refused_and_nothing_else(tmp_path, encoder):
    """A thousand films with bytes changed, or cut short."""
    whole = make(tmp_path, encoder, 12, 24)[0].read_bytes()
    index, draw = whole.index(b"mdat"), random.Random(1)
    read = 0
    for _ in range(1000):
        data = bytearray(whole)
        for _ in range(draw.choice((1, 3, 30))):
            data[draw.randrange(index)] = draw.choice((0, 1, 255, draw.randrange(256)))
        (tmp_path / "damaged.mp4").write_bytes(data[: draw.choice((None, draw.randrange(index)))])
        try:
            mp4 = read_mp4(tmp_path / "damaged.mp4")
        except UsageError:
            continue
        read += isinstance(mp4, Mp4)
        for track in mp4.tracks:
            track.rate, track.seconds, track.size, track.longest_group, track.part("colr")
    assert read > 100
