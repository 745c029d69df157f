"""The frame at which a new prompt overtakes the old falls on a beat, within a frame."""

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from complaints import complaint
from filmprobe import read_frames

from vqclip_video.cli.main import main
from vqclip_video.printing.landing import beats_in_frames, crossings, landed
from vqclip_video.printing.route import Leg, Route
from vqclip_video.storyboard import reader
from vqclip_video.storyboard.timeline import Timeline


@pytest.mark.parametrize("fps", [24, 30, 60])
@pytest.mark.parametrize("seed", range(20))
def test_every_change_lands_within_a_frame_of_its_beat(fps, seed):
    dice = np.random.default_rng(seed)
    frames = 20 * fps
    period = 60 / dice.uniform(70, 180) * fps
    beats = np.arange(dice.uniform(0, period), frames, period)
    crossed = np.sort(dice.choice(np.arange(fps, frames - fps, 2 * round(period)), 5, False))
    crossed = crossed + dice.integers(0, round(period), 5)
    places = landed(np.arange(frames, dtype=float), crossed, beats)
    shown = [int(np.argmax(places >= place - 1e-9)) for place in crossed]
    for frame, place in zip(shown, crossed, strict=True):
        assert np.abs(beats - frame).min() <= 1
        assert abs(frame - place) <= period / 2 + 1  # the beat next to where it was
    assert len(set(shown)) == 5 and len(places) == frames
    assert places[0] == 0 and places[-1] == frames - 1 and (np.diff(places) >= 0).all()


def test_a_cut_stays_one_where_it_lands():
    legs = [Leg(0, 10, False), Leg(10, 10, False, afresh=True)]
    route = Route(legs, np.ones(20), crossed=[10], beats=[0, 7, 14])
    assert route.places[7] == 10 and 8 < route.places[6] <= 9
    assert not ((route.places > 9) & (route.places < 10)).any()
    assert route.at(6.5) == route.places[6] and 10 < route.at(7.5) < 11


def test_without_beats_nothing_moves():
    plain = np.arange(8, dtype=float)
    assert landed(plain, [4], []).tolist() == landed(plain, [], [3]).tolist() == plain.tolist()
    assert landed(plain, [4], [9]).tolist() == plain.tolist()  # a beat after the film


BOARD = """\
fps: 10
bpm: 60
land: {}
scenes: [{{prompt: a, duration: 4s}}, {{prompt: b, duration: 4s}}, {{prompt: c, duration: 2s}}]
"""


def test_the_log_tells_where_prompts_overtake(tmp_path):
    line = Timeline(reader.parse(BOARD.format("beats")))
    rows = []
    for frame in range(100):
        scene = min(frame // 40, 2)
        ahead = frame >= 53 or frame == 45  # one alone is chance
        rows.append(
            {"frame": frame, "scenes": {"0": 0.2, "1": 0.2 + 0.1 * ahead, "2": 0.1}, "scene": scene}
        )
    (tmp_path / "log").write_text("\n".join(map(json.dumps, rows)))
    assert list(crossings(tmp_path / "log", line)) == [(1, 53)]
    assert beats_in_frames(line) == list(range(0, 101, 10))
    assert beats_in_frames(Timeline(reader.parse(BOARD.format("downbeats")))) == [0, 40, 80]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("land: beats", "1:7: land: there is nothing to land on: there are none; write bpm"),
        ("land: bars", "1:7: land: expected one of beats, downbeats"),
    ],
)
def test_what_cannot_be_landed_on(text, said):
    assert said in complaint(f"{text}\nscenes: [{{prompt: a}}]")


STORY = """\
size: 32x32
fps: 12
seed: 4
models: {{clip: {clip}, vqgan: {vqgan}, vqgan_config: {config}}}
settings: {{cutouts: 4, show_step: 1, guide: off, learning_rate: 0.2}}
bpm: 100
offset: 0.1s
land: beats
scenes: [{{prompt: a red apple, duration: 1.3s}}, {{prompt: the sea, duration: 1.7s, transition: 0.5s}}]
"""


def test_a_landed_film_lands_again_where_it_is_printed(tiny_files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here = {kind: shutil.copy(path, tmp_path) for kind, path in tiny_files.items()}
    story = STORY.format(**here).replace("transition: 0.5s", "transition: cut")
    (tmp_path / "story.yaml").write_text(story.replace("offset: 0.1s", "offset: 0.4s"))
    for command in (
        ["render", "story.yaml", "-o", "film.mp4"],
        ["print", "film", "-o", "again.mp4"],
    ):
        done = CliRunner().invoke(main, [*command, "--device", "cpu", "-q"])
        assert done.exit_code == 0, done.output + repr(done.exception)
    film, again = (read_frames(tmp_path / name) for name in ("film.mp4", "again.mp4"))
    assert np.array_equal(film, again)
    steps = np.abs(np.diff(film.astype(int), axis=0)).mean((1, 2, 3))
    assert steps.argmax() + 1 == 19  # shot at frame 16, on a beat at 1.6s


def test_a_film_lands_and_says_where_it_does_not(tiny_files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "story.yaml").write_text(STORY.format(**tiny_files))
    said = CliRunner().invoke(main, ["render", "story.yaml", "-o", "film.mp4"])
    assert said.exit_code == 0, said.output + repr(said.exception)
    line = Timeline(reader.read("story.yaml"))
    found = dict(crossings(tmp_path / "film" / "progress.jsonl", line))
    assert bool(found) != ("land on no beat: 2" in said.output)
