"""Settings that move with a sound, and with its beats."""

import numpy as np
import pytest
from complaints import complaint
from sounds import write_wav

from vqclip_video.sound.envelope import envelope_of
from vqclip_video.sound.listen import HERTZ
from vqclip_video.storyboard import reader
from vqclip_video.storyboard.courses import tracks_over, values_of
from vqclip_video.storyboard.driven import drivable
from vqclip_video.storyboard.instants import Instant
from vqclip_video.storyboard.timeline import Timeline, stretches

FRAME = 1 / 24


@pytest.fixture
def folder(tmp_path):
    silence = np.zeros(5 * HERTZ)
    hit = silence.copy()
    hit[HERTZ : HERTZ + 240] = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(240) / HERTZ)
    write_wav(tmp_path / "song.wav", silence + 0.01, HERTZ)
    write_wav(tmp_path / "drums.wav", hit, HERTZ)
    return tmp_path


@pytest.mark.parametrize("band", [(20, 150), (150, 2000), (2000, 12000), (40, 120)])
@pytest.mark.parametrize(("attack", "release"), [(0.02, 0.2), (0.1, 0.5), (0.0, 0.05)])
def test_an_impulse_rises_within_its_attack_and_falls_by_its_release(band, attack, release):
    samples = np.zeros(4 * HERTZ, np.float32)
    samples[HERTZ : HERTZ + 24] = 0.8
    envelope = envelope_of(samples, band, attack, release)
    assert envelope.values.min() >= 0 and envelope.values.max() == pytest.approx(1)
    peak = envelope.step * int(envelope.values.argmax())
    assert abs(peak - 1 - attack) <= FRAME and envelope.at(0.95) < 0.01
    after = np.arange(peak, 4, 0.001)
    fallen = after[np.argmax(envelope.at(after) < 1 / np.e)] - peak
    assert abs(fallen - release) <= max(FRAME, attack / 2 + envelope.step)


def test_silence_drives_nothing_and_a_minute_of_attack_is_no_trouble():
    assert not envelope_of(np.zeros(HERTZ, np.float32), (20, 150), 0.02, 0.2).values.any()
    noise = np.random.default_rng(0).standard_normal(HERTZ).astype(np.float32)
    assert envelope_of(noise, (20, 150), 86400.0, 86400.0).values.max() <= 1


def values(story, path, fps=24):
    line = Timeline(story)
    found = []
    for iteration in range(0, line.total_iter, 2):
        value = line.at(iteration).settings
        for step in path.split("."):
            value = getattr(value, step)
        found.append(value)
    return np.array(found)


BOARD = """\
audio: {{file: song.wav, start: 0.5s}}
drive: [{{file: drums.wav, band: mid, to: {to}, amount: {amount}, attack: 20ms, release: 200ms}}]
scenes: [{{prompt: a, duration: 1s}}, {{prompt: b, duration: 2s}}]
"""


@pytest.mark.parametrize("to", ["w2", "losses.tv", "settings.augment.gain"])
def test_a_stem_drives_a_setting_while_the_song_is_heard(folder, to):
    story = reader.parse(BOARD.format(to=to, amount=0.5), base=folder)
    path = to.removeprefix("settings.")
    found, usual = values(story, path), values(reader.parse("scenes: [{prompt: a}]"), path)[0]
    assert found.min() == usual and found.max() == pytest.approx(usual + 0.5, abs=0.05)
    assert abs(found.argmax() * FRAME - 0.52) <= FRAME  # the hit at 1 s, and the film begins at 0.5
    (track,) = tracks_over(story, 60)
    assert track.setting.endswith(path) and track.most > track.least
    assert reader.parse(reader.dump(story)) == story
    assert "drums.wav" in reader.dump(story) and reader.dump(story).count("settings:") == 1


@pytest.mark.parametrize("to", ["camera.zoom", "camera.rotate", "camera.pan.y"])
def test_a_sound_drives_the_camera(folder, to):
    story = reader.parse(BOARD.format(to=to, amount=0.5), base=folder)
    line = Timeline(story)

    def now(frame):
        camera = line.begins(frame).now.camera
        return {"zoom": camera.zoom, "rotate": camera.rotate, "pan.y": camera.pan[1]}[to[7:]]

    found = np.array([now(frame) for frame in range(line.frames)])
    assert np.ptp(found) == pytest.approx(0.5, abs=0.05)
    assert abs(found.argmax() / 24 - 0.52) <= FRAME
    assert reader.parse(reader.dump(story)) == story


def test_a_drive_is_added_to_what_moves_already(folder):
    more = "settings: {w1: {0s: 1, 3s: 2}, learning_rate: 0.05}\n"
    board = BOARD.format(to="w1", amount=0.5) + more
    plain = reader.parse(more + "scenes: [{prompt: a, duration: 3s}]")
    story = reader.parse(board, base=folder)
    added = values(story, "w1") - values(plain, "w1")
    assert added.max() == pytest.approx(0.5, abs=0.05) and abs(added[0]) < 1e-9
    scene, stretch = story.scenes[1], stretches(story)[1]
    done = np.arange(stretch.iterations, dtype=float)
    together = values_of(scene.settings.w1, Instant(stretch, done))
    alone = [scene.settings.w1.at(Instant(stretch, step)) for step in done]
    assert together.tolist() == alone


def test_the_learning_rate_with_its_course_can_be_driven(folder):
    board = BOARD.format(to="learning_rate", amount=0.02)
    story = reader.parse(board, base=folder)
    rates = [Timeline(story).at(i).settings.learning_rate for i in range(0, 70)]
    usual = Timeline(reader.parse(board.replace("0.02", "0"), base=folder))
    assert max(r - usual.at(i).settings.learning_rate for i, r in enumerate(rates)) > 0.015
    assert reader.parse(reader.dump(story)) == story


@pytest.mark.parametrize(
    ("drive", "said"),
    [
        (
            "{to: seed, amount: 1}",
            "1:13: drive.to: 'seed' cannot be driven; these can: learning_rate",
        ),
        ("[{to: w3, amount: 1}]", "1:14: drive[0].to: 'w3' cannot be driven"),
        ("{to: learning_rat, amount: 1}", "did you mean 'learning_rate'?"),
        ("{to: w1}", "1:8: drive: 'amount' is missing: how far?"),
        ("{amount: 1}", "1:8: drive: 'to' is missing"),
        ("{to: w1, amount: 1}", "1:8: drive: to which sound?"),
        ("{to: w1, amount: 1, file: none.wav}", "1:34: drive.file: cannot find"),
        ("{to: w1, amount: 1, band: treble}", "1:34: drive.band: expected bass, mid, high"),
        ("{to: w1, amount: 1, band: [120, 40]}", "1:34: drive.band: of two frequencies"),
        ("{to: w1, amount: 1, band: [1, 40]}", "1:34: drive.band: expected bass"),
        ("{to: w1, amount: 1, attack: -1s}", "1:36: drive.attack: expected a time"),
        ("{to: w1, amount: loud}", "1:25: drive.amount: expected a number"),
        ("bass", "1:8: drive: expected a list of"),
        (
            "{to: noise_factor, amount: 4, file: drums.wav, band: mid}",
            "1:35: settings.noise_factor: expected a number from 0 to 1, found",
        ),
    ],
)
def test_what_cannot_be_driven(folder, drive, said):
    found = complaint(f"drive: {drive}\nscenes: [{{prompt: a}}]", base=folder)
    assert said in found


def test_every_setting_that_moves_can_be_driven(folder):
    assert {
        "camera.zoom",
        "camera.rotate",
        "learning_rate",
        "w1",
        "losses.tv",
        "augment.rotate",
        "guide_weight",
    } <= set(drivable())
    for setting in drivable():
        reader.parse(BOARD.format(to=setting, amount=0.001), base=folder)


def test_tracks_in_beats(folder):
    board = "bpm: 120\nsettings: {{w1: {}}}\nscenes: [{{prompt: a, duration: 2b}}, {{prompt: b, duration: 4b}}]"
    found = values(reader.parse(board.format("{0b: 1, 4b: 2, 1.25bars: 3}")), "w1")
    assert found[0] == 1 and found[48] == 2 and found[60] == 3
    found = values(reader.parse(board.format('"square(period=2b, from=1, to=2)"')), "w1")
    assert found[[0, 11, 12, 23, 24, 36]].tolist() == [2, 2, 1, 1, 2, 1]
    found = values(reader.parse(board.format('"1 + b"')), "w1")
    assert found[[0, 12, 24]] == pytest.approx([1, 2, 3])
    own = "bpm: 120\nscenes: [{prompt: a, duration: 2b}, {prompt: b, duration: 4b, settings: {w1: {1b: 1, 3b: 2}}}]"
    assert values(reader.parse(own), "w1")[[24 + 12, 24 + 36]].tolist() == [1, 2]
    said = complaint("settings: {w1: {0b: 1, 4b: 2}}\nscenes: [{prompt: a}]")
    assert said.startswith("1:16: settings.w1: this is in beats, and there are none; write bpm")
    said = complaint(board.format("{4b: 1, 2b: 2}"))
    assert "2b does not come after the key before it" in said
