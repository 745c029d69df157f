"""Times in beats: the grid, where it comes from, and what is said where there is none."""

import numpy as np
import pytest
from complaints import complaint
from sounds import drums, write_wav

from vqclip_video.sound.listen import HERTZ
from vqclip_video.sound.tempo import fitted_pulse, likely_tempos
from vqclip_video.storyboard import reader
from vqclip_video.storyboard.beat_files import read_beats
from vqclip_video.storyboard.grid import Grid
from vqclip_video.storyboard.timeline import Timeline

HALF_A_FRAME = 1 / 60  # of 30 a second


def durations(text, **options):
    return [scene.duration for scene in reader.parse(text, **options).scenes]


@pytest.mark.parametrize("bpm", [70, 97.5, 124, 174, 180])
@pytest.mark.parametrize("drift", [0.0, 0.001, -0.001])
def test_every_beat_is_found_within_half_a_frame(bpm, drift):
    samples = drums(bpm, 60, drift=drift, hertz=HERTZ)
    pulse = fitted_pulse(samples, bpm)
    true = np.arange(0.37, 60, 60 / bpm * (1 + drift))
    number = np.rint((true - pulse.first) / pulse.period)
    assert np.diff(number).tolist() == [1] * (len(true) - 1)
    worst = np.abs(pulse.first + number * pulse.period - true).max()
    assert worst <= HALF_A_FRAME and worst < 0.003


@pytest.mark.parametrize("bpm", [70, 84, 110, 124, 150, 174, 180])
def test_the_true_tempo_is_among_the_candidates(bpm):
    assert bpm in likely_tempos(drums(bpm, 30, hertz=HERTZ))


def test_silence_and_a_moment_have_no_tempo():
    assert likely_tempos(np.zeros(10 * HERTZ, np.float32)) == []
    assert likely_tempos(np.ones(100, np.float32)) == []


def test_durations_and_starts_in_beats_and_bars():
    board = "bpm: 120\n{}scenes: [{}]"
    assert durations(
        board.format("", "{prompt: a, duration: 4b}, {prompt: b, duration: 2bars}")
    ) == [2, 4]
    at = "{prompt: a, at: 0b}, {prompt: b, at: 3b}, {prompt: c, at: 1.5 bars, duration: 1 beat}"
    assert durations(board.format("", at)) == [1.5, 1.5, 0.5]
    assert durations(board.format("bar: 3\n", "{prompt: a, duration: 1bar}")) == [1.5]
    story = reader.parse(
        board.format(
            "", "{prompt: a}, {prompt: b, transition: 2b}, {prompt: c, transition: {duration: 1b}}"
        )
    )
    assert [scene.transition.duration for scene in story.scenes[1:]] == [1, 0.5]
    assert reader.parse(reader.dump(story)) == story


def test_scenes_begin_on_beats_whatever_comes_before_the_first(tmp_path):
    board = (
        "bpm: 120\noffset: 0.37s\nscenes: [{prompt: a, duration: 4b}, {prompt: b, duration: 4b}]"
    )
    assert durations(board) == [2.37, 2]
    write_wav(tmp_path / "song.wav", np.zeros(HERTZ * 9), HERTZ)
    cut = f"audio: {{file: song.wav, start: 1s}}\n{board}"
    # the sound's beats are at .37, .87, 1.37: the film's first is at .37 again, its third one's bar
    story = reader.parse(cut, base=tmp_path)
    assert [scene.duration for scene in story.scenes] == [2.37, 2]
    assert story.grid.downbeats_until(3) == pytest.approx([1.37])


def test_another_rate_leaves_the_beats_where_they_are():
    board = "fps: {}\nbpm: 130\nscenes: [{{prompt: a, duration: 4b}}, {{prompt: b, duration: 4b}}]"
    for fps in (24, 25, 30, 60):
        timeline = Timeline(reader.parse(board.format(fps)))
        assert abs(timeline.spans[1].first_frame / fps - 240 / 130) <= 0.5 / fps


def test_a_grid_is_fitted_to_the_sound(tmp_path):
    write_wav(tmp_path / "song.wav", drums(124, 20, first=0.2, drift=0.001))
    board = (
        "audio: song.wav\nbpm: 124\nscenes: [{prompt: a, duration: 8b}, {prompt: b, duration: 8b}]"
    )
    first, second = durations(board, base=tmp_path)
    period = 60 / 124 * 1.001
    assert first == pytest.approx(0.2 + 8 * period, abs=0.005)
    assert second == pytest.approx(8 * period, abs=0.002)


def test_without_a_tempo_candidates_are_named_and_one_is_asked_for(tmp_path):
    write_wav(tmp_path / "song.wav", drums(124, 20))
    said = complaint("audio: song.wav\nscenes: [{prompt: a, duration: 4b}]", base=tmp_path)
    assert said.startswith("2:32: scenes[0].duration: 4b is in beats, and the tempo is missing")
    assert "124" in said and "write bpm: " in said
    said = complaint("scenes: [{prompt: a, duration: 4b}, {prompt: b, duration: 2bars}]")
    assert "4b is in beats, and there are none; write bpm: 124" in said
    write_wav(tmp_path / "song.wav", np.zeros(48_000))
    said = complaint("audio: song.wav\nscenes: [{prompt: a, duration: 4b}]", base=tmp_path)
    assert "the sound has none that can be heard" in said


def test_both_a_tempo_and_a_list(tmp_path):
    (tmp_path / "beats.txt").write_text("0.5\n1.0\n")
    said = complaint("bpm: 120\nbeats: beats.txt\nscenes: [{prompt: a}]", base=tmp_path)
    assert said.startswith("2:8: beats: found both bpm and beats")


@pytest.mark.parametrize(
    "text",
    [
        "0.5\n1.0\n1.6\n2.0\n2.5\n",
        "0.5\t1\n1.0\t2\n1.6\t3\n2.0\t4\n2.5\t1\n",
        "0.500000\t0.500000\t1\n1.000000\t1.000000\t2\n1.600000\t1.600000\t3\n2.0\t2.0\t4\n2.5\t2.5\t1\n",
        "time,beat\n0.5,1\n1.0,2\n1.6,3\n2.0,4\n2.5,1\n",
        "# found by hand\n\n0.5 1\n1.0 2\n1.6 3\n2.0 4\n2.5 1\n",
    ],
)
def test_lists_of_other_programs(tmp_path, text):
    (tmp_path / "beats").write_text(text)
    assert read_beats(tmp_path / "beats").seconds == (0.5, 1.0, 1.6, 2.0, 2.5)
    board = "beats: beats\nscenes: [{prompt: a, duration: 2b}, {prompt: b, duration: 1bar}]"
    story = reader.parse(board, base=tmp_path)
    assert [scene.duration for scene in story.scenes] == [1.6, 1.9]  # the last half second goes on
    assert story.grid.downbeats_until(4.6) == pytest.approx([0.5, 2.5, 4.5])
    assert reader.parse(reader.dump(story)) == story


def test_a_grid_goes_both_ways_and_on():
    grid = Grid((0.5, 1.0, 1.6), begin=0)
    for beat in (-2, -0.5, 0, 0.25, 1, 1.5, 2, 7.25):
        assert grid.beat(grid.second(beat)) == pytest.approx(beat)
    assert grid.second(4) == pytest.approx(2.8) and grid.beats_until(2.2) == pytest.approx(
        [0.5, 1.0, 1.6, 2.2]
    )


@pytest.mark.parametrize("written", ["0b", "-1b", "b", "4 b b", "1e3b", "9999999b"])
def test_what_is_no_time_in_beats(written):
    said = complaint(f"bpm: 120\nscenes: [{{prompt: a, duration: {written}}}]")
    assert "expected a time such as 3, 2.5s, 500ms, 1:30, 4b or 100f" in said
