"""What a film is heard with: in time, as long, as loud; in deliveries, previews, and gone on with."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from commands import run
from complaints import complaint
from filmprobe import ffmpeg, read_film
from sounds import HERTZ, clicks, heard, music, onset_after, write_wav

from vqclip_video.output.boxes import read_mp4
from vqclip_video.sound.listen import reading
from vqclip_video.sound.soundtrack import Cut, loudness_of, make_soundtrack
from vqclip_video.storyboard import reader
from vqclip_video.storyboard.timeline import Timeline

STORY = """\
size: 32x32
fps: 12
models: {{clip: {clip}, vqgan: {vqgan}, vqgan_config: {config}}}
settings: {{cutouts: 2, show_step: 1, guide: off}}
audio: {{file: song.wav, start: 0.5s, gain: 0dB}}
scenes:
  - {{prompt: a red apple, duration: 1s}}
  - {{prompt: the sea, duration: 0.75s}}
  - {{prompt: a hill, duration: 0.5s}}
"""
STARTS = (1.0, 1.75)  # of scenes, seconds of film


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def story_in(home, files):
    """The storyboard's text; its models are put beside it, so that prints find them there."""
    return STORY.format(**{kind: shutil.copy(path, home) for kind, path in files.items()})


@pytest.fixture(scope="module")
def film(tiny_files, tmp_path_factory):
    """A film of three scenes with a click at the start of each, and its folder."""
    home = tmp_path_factory.mktemp("film")
    write_wav(home / "song.wav", clicks(4, [0.5, *(0.5 + start for start in STARTS)]))
    (home / "story.yaml").write_text(story_in(home, tiny_files))
    result = run("render", home / "story.yaml", "-o", home / "film.mp4")
    assert "sound: " in result.output
    return home / "film.mp4"


def test_a_click_at_each_scene_start_is_heard_at_its_frame(film):
    samples = heard(film)
    for start in STARTS:
        assert abs(onset_after(samples, start) - start) <= 0.001
    assert not any(track.edits for track in read_mp4(film).tracks)
    assert read_film(film).starts[0] == 0


def test_the_sound_is_as_long_as_the_pictures_and_named(film):
    assert 0 <= len(heard(film)) - 2.25 * HERTZ <= 1024
    (sound,) = read_mp4(film).of_kind("soun")
    assert (sound.entry.kind, sound.timescale, sound.entry.numbers("H", 16)) == (
        "mp4a",
        HERTZ,
        (2,),
    )
    about = json.loads((film.with_suffix("") / "run.json").read_text())["sound"]
    assert about["gain_db"] == 0 and about["peak_dbtp"] < -3


def test_a_print_is_heard_as_its_film_is(film, folder):
    run("print", film, "-o", "whole.mp4", "--fps", 24, "--to", "discord")
    assert np.array_equal(heard(folder / "whole.mp4"), heard(film))
    part = ("--from", "0.75s", "--to", "2s", "--to", "discord")
    assert "sound: " in run("print", film, "-o", "part.mp4", *part).output
    for name in ("part.mp4", "part.discord.mp4"):
        samples = heard(folder / name)
        assert 0 <= len(samples) - 1.25 * HERTZ <= 2048
        for start in STARTS:
            assert abs(onset_after(samples, start - 0.75) - start + 0.75) <= 0.005
    run("print", film, "-o", "again.mp4", *part[:4], "-q")
    assert (folder / "again.mp4").read_bytes() == (folder / "part.mp4").read_bytes()
    assert not any(track.edits for track in read_mp4(folder / "part.mp4").tracks)


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (("--slow", 2), "another pace"),
        (("--loop",), "come back"),
        (("--pingpong",), "come back"),
        (("--best-loop", "1s"), "come back"),
    ],
)
def test_a_print_that_keeps_another_time_is_silent_and_says_so(film, folder, wish, said):
    assert f"no sound: the pictures {'go at ' if wish[0] == '--slow' else ''}{said}" in (
        run("print", film, "-o", "other.mp4", *wish).output
    )
    assert not read_mp4(folder / "other.mp4").of_kind("soun")


def test_only_the_films_own_ends_fade_and_only_its_own_sound_is_heard(folder, tiny_files):
    write_wav(folder / "song.wav", np.full(2 * HERTZ, 0.3) * np.sign(np.sin(np.arange(2 * HERTZ))))
    fades = "gain: 0dB, fade_in: 250ms, fade_out: 250ms"
    (folder / "story.yaml").write_text(story_in(folder, tiny_files).replace("gain: 0dB", fades))
    run("render", "story.yaml", "-o", "film.mp4", "-q")

    def level(name, second):
        return np.abs(heard(folder / name)[round(second * HERTZ) :][:960]).mean()

    run("print", "film", "-o", "begin.mp4", "--to", "1s", "-q")
    run("print", "film", "-o", "middle.mp4", "--from", "0.25s", "--to", "1.25s", "-q")
    full = level("middle.mp4", 0.5)
    assert level("begin.mp4", 0.03) < 0.4 * full and level("begin.mp4", 0.95) > 0.8 * full
    assert level("middle.mp4", 0.03) > 0.8 * full and level("middle.mp4", 0.95) > 0.8 * full
    run("print", "film", "-o", "after.mp4", "--from", "1.75s", "-q")  # the song is over there
    assert np.abs(heard(folder / "after.mp4")).max() < 1e-3
    write_wav(folder / "song.wav", clicks(4, [1]))
    said = run("print", "film", "-o", "x.mp4").output
    assert "no sound: song.wav is no longer what" in said
    assert not read_mp4(folder / "x.mp4").of_kind("soun")


def test_a_film_that_goes_there_and_back_is_printed_with_its_sound(folder, tiny_files):
    write_wav(folder / "song.wav", music(120, 8))
    (folder / "story.yaml").write_text("loop: pingpong\n" + story_in(folder, tiny_files))
    run("render", "story.yaml", "-o", "film.mp4", "-q")
    run("print", "film", "-o", "again.mp4", "-q")
    assert np.array_equal(heard(folder / "again.mp4"), heard(folder / "film.mp4"))


@pytest.mark.parametrize("place", ["x", "youtube"])
def test_a_delivery_is_heard_in_time_too(film, folder, place):
    run("deliver", film, "--to", place, "-o", folder / "there.mp4", "-q")
    samples = heard(folder / "there.mp4")
    for start in STARTS:
        assert abs(onset_after(samples, start) - start) <= 0.005
    said = run("check", folder / "there.mp4", "--for", place).output
    assert "broken" not in said and "sound as long" in said and "LUFS" in said


def test_after_ten_milliseconds_the_beginning_is_whole(folder):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(HERTZ) / HERTZ)
    path = write_wav(folder / "tone.wav", tone)
    made = make_soundtrack(Cut(path, 1.0, gain=0.0), folder)
    ffmpeg("-f", "aac", "-i", made.name, "-c", "copy", "sound.mp4")
    found = heard(folder / "sound.mp4")
    late = slice(round(0.012 * HERTZ), HERTZ // 2)
    assert np.abs(found[late] - tone[late]).max() < 0.05


@pytest.mark.parametrize("loudness", [0.02, 0.4, 1.0, 6.0])
def test_auto_is_as_loud_as_platforms_play_it(folder, loudness):
    path = write_wav(folder / "song.wav", loudness * np.stack([music(120, 8)] * 2, 1))
    before = loudness_of(reading(path), "", folder)
    made = make_soundtrack(Cut(path, 8.0), folder)
    assert made.loudness.peak <= -1
    if loudness > 0.1:
        assert abs(made.loudness.lufs + 14) <= 0.5
    else:  # very quiet sound is not lifted by more than 12 dB
        assert made.gain == 12 and made.loudness.lufs == pytest.approx(before.lufs + 12, abs=0.5)


def test_the_same_cut_gives_the_same_bytes(folder):
    path = write_wav(folder / "song.wav", music(120, 3))
    made = [make_soundtrack(Cut(path, 2.0, 0.5), folder), (folder / "sound.adts").read_bytes()]
    assert [
        make_soundtrack(Cut(path, 2.0, 0.5), folder),
        (folder / "sound.adts").read_bytes(),
    ] == made


def test_plan_says_what_is_heard_and_where_the_beats_are(film):
    board = film.with_name("story.yaml")
    said = run("plan", board, "--set", "bpm=120", "--set", "offset=0.7s").output
    assert (
        "sound       song.wav from 0.5s on, +0 dB; 120.00 beats a minute, the first at 0.200s"
        in said
    )


def test_silence_stays_silence(folder):
    path = write_wav(folder / "song.wav", np.zeros(HERTZ))
    assert make_soundtrack(Cut(path, 1.0), folder).gain == 0


def test_fades_gain_and_one_channel(folder):
    path = write_wav(
        folder / "song.wav", np.full(3 * HERTZ, 0.25) * np.sign(np.sin(np.arange(3 * HERTZ) / 8))
    )
    made = make_soundtrack(Cut(path, 2.0, 0.5, fade_in=0.5, fade_out=1.0, gain=6.0), folder)
    ffmpeg("-f", "aac", "-i", made.name, "-c", "copy", "sound.mp4")
    samples = np.abs(heard(folder / "sound.mp4"))

    def level(second):
        return samples[round(second * HERTZ) :][:2400].mean()

    full = level(0.7)
    assert full == pytest.approx(0.25 * 10 ** (6 / 20), rel=0.1)
    assert level(0.25) == pytest.approx(0.5 * full, rel=0.15)
    assert level(1.5) == pytest.approx(0.5 * full, rel=0.15)


SOUND = "audio: {{file: song.wav{more}}}\n{film}scenes: [{{prompt: a, duration: 2s}}]"


def read(more="", film=""):
    return reader.parse(SOUND.format(more=more, film=film), base=Path.cwd())


def test_what_a_sound_may_be(folder):
    write_wav(folder / "song.wav", np.zeros((HERTZ * 3, 8)))
    (warning,) = read().warnings
    assert "8 channels are mixed down" in warning.message and warning.line == 1
    write_wav(folder / "song.wav", np.zeros(192_000 * 3), 192_000)
    assert "192 kHz" in read().warnings[0].message
    write_wav(folder / "song.wav", np.zeros(HERTZ))
    (warning,) = read().warnings
    assert "ends at 1.0s of 2.0s" in warning.message and warning.column == 15


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("audio: none.wav", "1:8: audio.file: cannot find"),
        ("audio: text.txt", "1:8: audio.file: 'text.txt' holds no sound"),
        ("audio: page.html", "1:8: audio.file: 'page.html' cannot be read: "),
        ("audio: list.m3u8", "1:8: audio.file: 'list.m3u8' holds no sound"),
        ("audio: picture.png", "holds no sound"),
        ("audio: cut.wav", "holds no sound"),
        ("audio: {start: 1s}", "1:8: audio: the file is missing"),
        ("audio: {file: song.wav, start: 5s}", "1:32: audio.start: the sound lasts 4s"),
        ("audio: {file: song.wav, gain: loud}", "1:31: audio.gain: expected auto, or decibels"),
        ("audio: {file: song.wav, gain: 61dB}", "1:31: audio.gain: expected auto"),
        ("audio: {file: song.wav, fade_out: 4s}", "1:35: audio.fade_out: the fades take 4s"),
        ("audio: {file: song.wav, fade_in: -1}", "1:34: audio.fade_in: expected a time"),
        ("audio: [song.wav]", "1:8: audio: expected the path of a sound"),
        ("length: audio", "1:9: length: there is no sound"),
        ("length: song", "1:9: length: expected one of audio"),
        ("bpm: fast", "1:6: bpm: expected a number"),
        ("bpm: 1000", "1:6: bpm: expected a number from 20 to 400"),
        ("offset: 1s", "1:9: offset: the first beat of which tempo"),
        ("bar: 0", "1:6: bar: expected a whole number"),
        ("beats: text.txt", "1:8: beats: 'text.txt': line 2: expected a time in seconds"),
        ("beats: one.txt", "1:8: beats: 'one.txt': a grid needs two beats"),
        ("beats: back.csv", "1:8: beats: 'back.csv': line 3: 1.0 is not after"),
    ],
)
def test_what_is_no_sound_and_no_grid(folder, text, said):
    write_wav(folder / "song.wav", np.zeros(4 * HERTZ))
    (folder / "text.txt").write_text("hello\nworld\n")
    (folder / "page.html").write_text("<!doctype html><html>no</html>")
    (folder / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nsong.wav\n")
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    (folder / "cut.wav").write_bytes((folder / "song.wav").read_bytes()[:30])
    (folder / "one.txt").write_text("0.5\n")
    (folder / "back.csv").write_text("time,beat\n2.0,1\n1.0,2\n")
    found = complaint(f"{text}\nscenes: [{{prompt: a, duration: 2s}}]", base=folder)
    assert said in found


def test_the_film_lasts_as_long_as_its_sound(folder):
    write_wav(folder / "song.wav", np.zeros(round(10.5 * HERTZ)))
    board = "audio: {{file: song.wav, start: 1s}}\nlength: audio\nscenes: [{}]"
    lengths = lambda scenes: [  # noqa: E731
        scene.duration for scene in reader.parse(board.format(scenes), base=folder).scenes
    ]
    assert lengths("{prompt: a}, {prompt: b}") == [4.75, 4.75]
    assert lengths("{prompt: a, duration: 2s}, {prompt: b, duration: 1s}") == [2, 7.5]
    assert lengths("{prompt: a, at: 0}, {prompt: b, at: 9s}") == [9, 0.5]
    said = complaint(board.format("{prompt: a, duration: 12s}, {prompt: b}"), base=folder)
    assert said.startswith("3:38: scenes[1]: the sound ends 2.5s before this scene starts")
    story = reader.parse(board.format("{prompt: a}, {prompt: b}"), base=folder)
    assert Timeline(story).seconds == 9.5
    assert reader.parse(reader.dump(story)) == story


def test_another_sound_is_another_film(film, folder):
    said = run(
        "render", film.with_name("story.yaml"), "-o", film, "--set", "audio.gain=-3dB", status=1
    )
    assert "gain" in said.output
    write_wav(folder / "other.wav", clicks(4, [1]))
    other = f"audio.file={folder / 'other.wav'}"
    said = run("render", film.with_name("story.yaml"), "-o", film, "--set", other, status=1)
    assert "different film" in said.output and "other.wav" in said.output
    run("render", film.with_name("story.yaml"), "-o", film)  # which is there
