import errno
import os
import re
import signal
import subprocess
import sys
import threading
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from filmprobe import read_film, read_frames
from footage import SIZE, fake_ffmpeg, picture
from killing import killed_at

from vqclip_video.disk import ffmpeg
from vqclip_video.errors import OutputError
from vqclip_video.output import space
from vqclip_video.output.encoders import pick_encoder
from vqclip_video.output.film_writer import FilmWriter
from vqclip_video.output.formats import Encoder, Format, concat_list, rate
from vqclip_video.output.metadata import Chapter, FilmMetadata
from vqclip_video.output.space import check_space, estimate_disk, segment_frames

PLAIN = FilmMetadata()


@pytest.fixture(scope="module")
def encoder():
    return pick_encoder("libx264", SIZE)


@pytest.fixture(autouse=True)
def short_segments(monkeypatch):
    monkeypatch.setattr(space, "SEGMENT_FRAMES", (5, 5))


def writer(work, encoder, frames=23, start=0, size=SIZE, fps=24, **more):
    return FilmWriter(work, size, fps, frames, {"film": Format(encoder, size)}, start, **more)


def make(work, encoder, frames=23, size=SIZE, fps=24, metadata=PLAIN):
    with writer(work, encoder, frames, size=size, fps=fps) as film:
        for number in range(frames):
            film.append(picture(number, size))
        film.finish({"film": work / "film.mp4"}, metadata)
    return work / "film.mp4"


@pytest.mark.parametrize("fps", [24, 23.976, 24000 / 1001, 12.5, 1, 240, 10 / 3])
def test_joined_film_has_the_planned_frames_at_even_distances(tmp_path, encoder, fps):
    film = read_film(make(tmp_path, encoder, fps=fps))
    exact = 1 / Fraction(fps).limit_denominator(1001)
    assert film.starts == [number * exact for number in range(23)]
    assert film.lasts == [exact] * 23
    assert film.size == SIZE


def test_film_is_what_players_expect(tmp_path, encoder):
    path = make(tmp_path, encoder)
    about = read_film(path).about
    assert "h264 (High)" in about and "yuv420p(tv, bt709, progressive)" in about
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_joining_changes_no_picture(tmp_path, encoder):
    film = read_frames(make(tmp_path, encoder))
    segments = [read_frames(file) for file in sorted(tmp_path.glob("segment-*.mp4"))]
    assert len(segments) == 4
    assert np.array_equal(film[:20], np.concatenate(segments))


def test_frames_come_in_order_and_look_as_given(tmp_path, encoder):
    film = read_frames(make(tmp_path, encoder)).astype(float)
    for number, frame in enumerate(film):
        distance = [np.abs(frame - picture(other)).mean() for other in range(len(film))]
        assert np.argmin(distance) == number


@pytest.mark.parametrize(
    "colour", [(200, 30, 40), (20, 180, 60), (30, 50, 220), (255, 255, 255), (0, 0, 0)]
)
def test_colours_survive(tmp_path, encoder, colour):
    with writer(tmp_path, encoder, 2) as film:
        for _ in range(2):
            film.append(np.full((24, 32, 3), colour, np.uint8))
        film.finish({"film": tmp_path / "film.mp4"}, PLAIN)
    assert np.abs(read_frames(tmp_path / "film.mp4").astype(int) - colour).max() <= 3


@pytest.mark.parametrize("fps", [24, 23.976, 24000 / 1001, 239.76])
def test_a_thousand_joints_shift_nothing(tmp_path, encoder, fps):
    make(tmp_path, encoder, 5, fps=fps)
    exact = rate(fps)
    (tmp_path / "list").write_text(concat_list([("segment-00000.film.mp4", 5)] * 1000, exact))
    (tmp_path / "about").write_text(PLAIN.text(exact))
    assert ffmpeg.run(
        encoder.ffmpeg,
        Format(encoder, SIZE).join_arguments("list", "about", tmp_path / "long.mp4"),
        tmp_path,
    ).ok
    assert read_film(tmp_path / "long.mp4").starts == [number / exact for number in range(5000)]


def test_equal_frames_become_equal_bytes(tmp_path, encoder):
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    about = FilmMetadata("title", "comment", (Chapter(0, 10, "one"), Chapter(10, 23, "two")))
    first, second = (make(tmp_path / name, encoder, metadata=about).read_bytes() for name in "ab")
    assert first == second


@pytest.mark.parametrize("frames", [1, 4, 5, 6, 10])
def test_films_around_the_length_of_a_segment(tmp_path, encoder, frames):
    assert read_film(make(tmp_path, encoder, frames)).frames == frames


@pytest.mark.parametrize("size", [(33, 24), (32, 25)])
def test_odd_sizes_are_the_callers_mistake(tmp_path, encoder, size):
    with pytest.raises(ValueError, match="even"):
        writer(tmp_path, encoder, size=size)


def test_frame_of_another_shape_is_the_callers_mistake(tmp_path, encoder):
    with writer(tmp_path, encoder) as film, pytest.raises(ValueError, match=r"\(25, 32, 3\)"):
        film.append(np.zeros((25, 32, 3), np.uint8))


def test_preview_plays_and_disturbs_nothing(tmp_path, encoder):
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    whole = make(tmp_path / "a", encoder)
    with writer(tmp_path / "b", encoder) as film:
        assert not film.preview(tmp_path / "preview.mp4", PLAIN)
        for number in range(23):
            film.append(picture(number))
            if number in (0, 4, 12):
                assert film.preview(tmp_path / "preview.mp4", PLAIN)
                assert read_film(tmp_path / "preview.mp4").frames == number + 1
        film.finish({"film": tmp_path / "b" / "film.mp4"}, PLAIN)
    assert (tmp_path / "b" / "film.mp4").read_bytes() == whole.read_bytes()


def test_metadata_of_any_text_comes_back(tmp_path, encoder):
    comment = (
        "seed = 7; # of \\ 'quotes' \"double\" 100% {a: b}\nline two\n🎬 مرحبا " + "long " * 2000
    )
    scenes = (Chapter(0, 12, "one=1; ☂\n" * 900), Chapter(12, 23, ""))
    about = FilmMetadata("a=b;c#d\\e 100% 🎬\nf\0g", comment + "\0\x1b\ud800", scenes)
    text = read_film(make(tmp_path, encoder, metadata=about)).metadata
    plain = text.replace("\\\n", "\n")
    for char in "=;#\\":
        plain = plain.replace("\\" + char, char)
    assert "title=a=b;c#d\\e 100% 🎬 f g\n" in plain
    assert f"comment={comment}\n" in plain
    assert plain.count("[CHAPTER]") == 2
    assert "title=one=1; ☂ one=1; ☂ " in plain and "…" in plain


def test_chapters_start_at_their_frames(tmp_path, encoder):
    about = FilmMetadata(chapters=(Chapter(0, 12, "one"), Chapter(12, 23, "two")))
    text = read_film(make(tmp_path, encoder, fps=23.976, metadata=about)).metadata
    times = [line for line in text.splitlines() if line.startswith(("TIMEBASE", "START", "END"))]
    base = Fraction(times[3].split("=")[1])
    assert abs(int(times[4].split("=")[1]) * base - 12 / Fraction("23.976")) < Fraction(1, 1000)


def test_paths_with_signs_of_every_kind(tmp_path, encoder):
    work = tmp_path / 'it\'s 100%d: a "work" #1 🎬' / "-y"
    work.mkdir(parents=True)
    with writer(work, encoder, 7) as film:
        for number in range(7):
            film.append(picture(number))
        film.finish({"film": work / "-i 'film' %05d.mp4"}, PLAIN)
    assert read_film(work / "-i 'film' %05d.mp4").frames == 7


def test_nothing_runs_after_the_end_or_an_error(tmp_path, encoder):
    threads = threading.active_count()
    for index, error in enumerate((None, KeyboardInterrupt)):
        work = tmp_path / str(index)
        work.mkdir()
        try:
            with writer(work, encoder, 11) as film:
                for number in range(11):
                    film.append(picture(number))
                if error:
                    raise error
                film.finish({"film": work / "film.mp4"}, PLAIN)
        except KeyboardInterrupt:
            assert not list(work.glob("*.part"))
        assert film._encoding.process is None
    assert threading.active_count() == threads
    if sys.platform == "linux":
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        assert not [pid for pid in children if "ffmpeg" in Path(f"/proc/{pid}/cmdline").read_text()]


@pytest.mark.skipif(os.name == "nt", reason="uses POSIX signals")
def test_ffmpeg_killed_while_encoding_is_started_again(tmp_path, encoder):
    said = []
    with writer(tmp_path, encoder, warn=said.append) as film:
        for number in range(23):
            film.append(picture(number))
            if number == 14:
                os.kill(film._encoding.process.pid, signal.SIGKILL)
        film.finish({"film": tmp_path / "film.mp4"}, PLAIN)
    assert said == ["ffmpeg failed (ended by signal 9); encoding frames from 10 again"]
    (tmp_path / "whole").mkdir()
    assert (tmp_path / "film.mp4").read_bytes() == make(tmp_path / "whole", encoder).read_bytes()


def test_unfinished_film_is_not_finished(tmp_path, encoder):
    with writer(tmp_path, encoder) as film, pytest.raises(ValueError, match="0 of 23 frames"):
        film.finish({"film": tmp_path / "film.mp4"}, PLAIN)


@pytest.mark.skipif(os.name == "nt", reason="needs scripts that can be run")
def test_rendering_goes_on_while_a_segment_is_encoded(tmp_path):
    slow = Encoder(fake_ffmpeg(tmp_path, "import time; time.sleep(60)"), "libx264")
    begun = time.monotonic()
    with writer(tmp_path, slow) as film:
        for number in range(9):
            film.append(picture(number))
        assert film._encoding.process.running
    assert time.monotonic() - begun < 30


@pytest.mark.skipif(os.name == "nt", reason="needs scripts that can be run")
def test_one_encoder_at_a_time(tmp_path, encoder):
    script = f"""import os, subprocess, sys
os.open('busy', os.O_CREAT | os.O_EXCL)
code = subprocess.call([{encoder.ffmpeg!r}, *sys.argv[1:]])
os.unlink('busy')
sys.exit(code)"""
    said = []
    with writer(
        tmp_path, Encoder(fake_ffmpeg(tmp_path, script), "libx264"), warn=said.append
    ) as film:
        for number in range(23):
            film.append(picture(number))
        film.finish({"film": tmp_path / "film.mp4"}, PLAIN)
    assert said == [] and read_film(tmp_path / "film.mp4").frames == 23


@pytest.mark.skipif(os.name == "nt", reason="needs scripts that can be run")
@pytest.mark.parametrize(
    "script, message",
    [
        (
            "import sys; sys.exit('Broken!')",
            r"ffmpeg failed 3 times \(Broken!\); no frame is lost: try",
        ),
        ("pass", r"of 5 frames it wrote 0"),
        (
            "import sys; sys.exit('write: No space left on device')",
            r"not enough disk space.*goes on from frame 2",
        ),
    ],
)
def test_ffmpeg_that_keeps_failing_stops_the_film_and_loses_nothing(
    tmp_path, encoder, script, message
):
    work = tmp_path / "work"
    work.mkdir()
    broken = Encoder(fake_ffmpeg(tmp_path, script), "libx264")
    with pytest.raises(OutputError, match=message), writer(work, broken) as film:
        for number in range(23):
            film.append(picture(number))
            if number == 1:
                film.sync()
    with writer(work, encoder, start=2) as film:
        for number in range(2, 23):
            film.append(picture(number))
        film.finish({"film": tmp_path / "film.mp4"}, PLAIN)
    assert read_film(tmp_path / "film.mp4").frames == 23


def test_full_disk_while_spooling(tmp_path, encoder, monkeypatch):
    def full(descriptor, data):
        real(descriptor, bytes(data)[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with writer(tmp_path, encoder) as film:
        for number in range(8):
            film.append(picture(number))
        film.sync()
        real = os.write
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(
            OutputError, match=r"needs about \d+ kB, [\d,.]+ MB free at .*goes on from frame 8"
        ):
            film.append(picture(8))
        monkeypatch.undo()
        assert film.frames == 8
    monkeypatch.setattr(space, "SEGMENT_FRAMES", (5, 5))
    with writer(tmp_path, encoder, start=8) as film:
        for number in range(8, 23):
            film.append(picture(number))
        film.finish({"film": tmp_path / "film.mp4"}, PLAIN)
    (tmp_path / "whole").mkdir()
    assert (tmp_path / "film.mp4").read_bytes() == make(tmp_path / "whole", encoder).read_bytes()


@pytest.fixture
def small_disk(tmp_path):
    """A disk of its own of 200 kB, where this machine lets us have one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)]
    if (
        sys.platform != "linux"
        or os.geteuid() != 0
        or subprocess.run(mount, capture_output=True).returncode
    ):
        pytest.skip("cannot mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("left", range(0, 80_000, 8_000))
def test_truly_full_disk_stops_with_the_remedy_and_the_film_goes_on_after_it(
    tmp_path, encoder, small_disk, left
):
    """The disk is filled but for `left` bytes, so that it runs full in a spool, in the encoder
    or in the joining.
    """
    (tmp_path / "whole").mkdir()
    whole = make(tmp_path / "whole", encoder).read_bytes()
    (small_disk / "ballast").write_bytes(bytes(200 * 1024 - left))
    marks = [0]
    for attempt in ("full", "with space"):
        try:
            with writer(small_disk, encoder, start=marks[-1]) as film:
                for number in range(film.frames, 23):
                    film.append(picture(number))
                    marks.append(film.sync())
                film.finish({"film": small_disk / "film.mp4"}, PLAIN)
        except OutputError as error:
            assert attempt == "full"
            assert re.search(
                rf"not enough .* free at .*make space and try .* from frame {marks[-1]}$",
                str(error),
            )
            assert not (small_disk / "film.mp4").exists()
            (small_disk / "ballast").unlink()
    assert (small_disk / "film.mp4").read_bytes() == whole


@pytest.mark.skipif(os.name == "nt", reason="an open file keeps its folder on Windows")
def test_vanished_folder(tmp_path, encoder):
    work = tmp_path / "work"
    work.mkdir()
    film = writer(work, encoder)
    film.append(picture(0))
    work.rename(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="vanished"):
        film.sync()
    with pytest.raises(OutputError, match="vanished"):
        for number in range(1, 23):
            film.append(picture(number))
    film.close()


def test_missing_frames_are_noticed_before_going_on(tmp_path, encoder):
    with writer(tmp_path, encoder) as film:
        for number in range(8):
            film.append(picture(number))
    next(tmp_path.glob("segment-00001.rgb")).unlink()
    with pytest.raises(OutputError, match="fresh=True"):
        writer(tmp_path, encoder, start=7)


def test_another_encoder_cannot_go_on(tmp_path, encoder):
    with writer(tmp_path, encoder) as film:
        film.append(picture(0))
    with pytest.raises(OutputError, match="begun with libx264"):
        writer(tmp_path, Encoder(encoder.ffmpeg, "libx265"), start=1)


@pytest.mark.parametrize("kept", [0, 1, 4, 5, 6, 9, 10, 14, 15, 16])
def test_every_position_that_a_checkpoint_may_hold_can_be_returned_to(tmp_path, encoder, kept):
    """Frames go on to 17 after the checkpoint at `kept`; spools that it needs are never
    released.
    """
    with writer(tmp_path, encoder) as film:
        for number in range(17):
            if film.frames == kept:
                film.sync()
            film.append(picture(number))
        film.preview(tmp_path / "preview.mp4", PLAIN)
        film.release(kept)
    with writer(tmp_path, encoder, start=kept) as film:
        assert film.frames == kept
        for number in range(kept, 23):
            film.append(255 - picture(number))
        film.finish({"film": tmp_path / "film.mp4"}, PLAIN)
    shown = read_frames(tmp_path / "film.mp4").astype(float)
    assert len(shown) == 23
    for number, frame in enumerate(shown):
        before, after = (
            np.abs(frame - given).mean() for given in (picture(number), 255 - picture(number))
        )
        assert (before < after) == (number < kept)


def test_released_spools_are_gone_and_the_film_is_whole(tmp_path, encoder):
    with writer(tmp_path, encoder) as film:
        for number in range(23):
            film.append(picture(number))
            film.release(film.sync())
            assert len(list(tmp_path.glob("*.rgb"))) <= 3
        film.finish({"film": tmp_path / "film.mp4"}, PLAIN)
    assert read_film(tmp_path / "film.mp4").frames == 23


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked children")
def test_film_is_the_same_after_a_kill_at_any_step(tmp_path, encoder, monkeypatch):
    """A child counts the system's calls on files and processes and dies at one of them, for one
    after the other.
    """
    # a kill, unlike a power cut, does not need it
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    (tmp_path / "whole").mkdir()
    whole = make(tmp_path / "whole", encoder).read_bytes()
    deaths, step = 0, 0
    while True:
        work = tmp_path / f"run-{step}"
        work.mkdir()
        killed = killed_at(step, lambda work=work: _render(work, encoder))
        deaths += killed
        _render(work, encoder)
        assert (work / "film.mp4").read_bytes() == whole, f"killed at step {step}"
        if not killed:
            break
        step += 4
    assert deaths > 15


def _render(work, encoder):
    """A render that goes on by itself: a checkpoint every four frames, the one before kept."""
    marks = work / "marks"
    old = [int(mark) for mark in marks.read_text().split()] if marks.exists() else []
    with writer(work, encoder, start=old[-1] if old else 0) as film:
        for number in range(film.frames, 23):
            film.append(picture(number))
            if film.frames % 4 == 0:
                old = [*old[-1:], film.sync()]
                (work / "marks.new").write_text(" ".join(map(str, old)))
                (work / "marks.new").replace(marks)
                film.release(old[0] if len(old) > 1 else 0)
        film.finish({"film": work / "film.mp4"}, PLAIN)


def test_segments_fill_the_disk_little_and_the_player_often(monkeypatch):
    monkeypatch.undo()
    assert segment_frames((192, 192)) == 96
    assert segment_frames((1920, 1080)) == 41
    assert segment_frames((8192, 8192)) == 8
    assert estimate_disk(1000, (192, 192)) > estimate_disk(100, (192, 192)) > 100 * 192 * 192 * 3


def test_film_that_cannot_fit_is_refused_before_it_begins(tmp_path):
    check_space(tmp_path, 10, SIZE)
    with pytest.raises(OutputError, match=r"needs about [\d,]+ MB, .* free at"):
        check_space(tmp_path, 10**9, (1920, 1080))


@pytest.mark.skipif(os.name == "nt", reason="needs scripts that can be run")
@pytest.mark.parametrize("loses", [False, True])
def test_an_ffmpeg_that_does_not_count_what_it_copies_is_held_to_the_file(tmp_path, encoder, loses):
    """As ffmpeg 7.0 does; `loses`: and it leaves out a frame."""
    script = f"""import subprocess, sys
arguments = sys.argv[1:]
copies = 'copy' in arguments
if copies and {loses}:
    arguments[arguments.index('copy'):arguments.index('copy')] = ['copy', '-frames:v', '22', '-c']
ended = subprocess.run([{encoder.ffmpeg!r}, *arguments], capture_output=True, text=True)
lines = ended.stdout.splitlines() + ended.stderr.splitlines()
print(*[line for line in lines if not (copies and line.startswith('frame='))], sep='\\n')
sys.exit(ended.returncode)"""
    quiet = Encoder(fake_ffmpeg(tmp_path, script), "libx264")
    if loses:
        with pytest.raises(OutputError, match="of 23 frames it wrote 22"):
            make(tmp_path, quiet)
    else:
        assert read_film(make(tmp_path, quiet)).frames == 23
