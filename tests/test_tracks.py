"""Settings that move: what a track is at an instant, that all forms of it agree, and that one which
cannot be is refused at its place.

The suite tries a few hundred random tracks. The long form, alone and in arrays:

    python tests/test_tracks.py --examples 10000
"""

import argparse
import itertools
import json
import math
import random
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
import yaml
from commands import run
from complaints import ONE_SCENE, complaint, complaints
from PIL import Image

from vqclip_video.engine.cast import load_cast
from vqclip_video.engine.options import EngineOptions
from vqclip_video.engine.session import Session
from vqclip_video.errors import StoryboardError
from vqclip_video.materials import find_materials
from vqclip_video.storyboard import reader
from vqclip_video.storyboard.courses import opening
from vqclip_video.storyboard.formulas import FUNCTIONS, WAVES
from vqclip_video.storyboard.instants import Instant
from vqclip_video.storyboard.maths import NotFiniteError, arrays
from vqclip_video.storyboard.motions import Formula
from vqclip_video.storyboard.timeline import Timeline, stretches

SOME = 300  # random tracks in the suite
TWO_SCENES = "scenes: [{prompt: a hill, duration: 2s}, {prompt: a lake, duration: 4s}]\n"


def film(settings: str, scenes: str = TWO_SCENES):
    return reader.parse(f"fps: 10\nsettings: {{show_step: 1, {settings}}}\n{scenes}")


def at(storyboard, second: float):
    """The settings at a second of film, of ten frames a second with an iteration each."""
    return Timeline(storyboard).at(round(second * 10)).settings


def value_of(text: str, second: float = 0.0) -> float:
    return at(film(f"w1: {json.dumps(text)}"), second).w1


# Keys

WAYS = {  # half way, and at a tenth
    "linear": (0.5, 0.1),
    "hold": (0.0, 0.0),
    "in": (0.25, 0.01),
    "out": (0.75, 0.19),
    "in-out": (0.5, 0.028),
    "'bezier(0.25, 0.25, 0.75, 0.75)'": (0.5, 0.1),
    "'bezier(.25,.1,.25,1)'": (0.8024, 0.0948),  # CSS's `ease`
}


@pytest.mark.parametrize("ease", WAYS)
def test_a_key_goes_to_the_next_by_its_ease(ease):
    half, tenth = WAYS[ease]
    for keys in (f"{{0s: 1, 2s: 2, ease: {ease}}}", f"{{0s: {{value: 1, ease: {ease}}}, 2s: 2}}"):
        found = [at(film(f"w1: {keys}"), second).w1 for second in (0, 0.2, 1, 2, 5.9)]
        assert found == pytest.approx([1, 1 + tenth, 1 + half, 2, 2], abs=1e-4)


def test_a_keys_own_ease_comes_before_that_of_the_track():
    board = film("w1: {0s: {value: 0, ease: hold}, 2s: 1, 4s: 0, ease: in}, style: ink")
    assert at(board, 1.9).w1 == 0 and at(board, 3).w1 == 0.75


def test_times_in_seconds_frames_and_shares_are_one():
    written = ("{1.5s: 1, 3s: 2}", "{15f: 1, 30f: 2}", "{25%: 1, 50%: 2}", "{0:01.5: 1, 3000ms: 2}")
    for keys in written:
        board = film(f"w1: {keys}")
        assert [at(board, second).w1 for second in (0, 1.5, 2.4, 3, 4)] == pytest.approx(
            [1, 1, 1.6, 2, 2]
        )


def test_the_films_keys_count_from_its_start_and_a_scenes_own_from_there():
    own = "settings: {w1: {0s: 5, 50%: 7}}"
    board = film(
        "w1: {0s: 1, 100%: 7}",
        f"scenes: [{{prompt: a, duration: 2s}}, {{prompt: b, duration: 4s, {own}}}]",
    )
    assert [at(board, second).w1 for second in (0, 1, 2, 3, 4, 5)] == [1, 2, 5, 6, 7, 7]


def test_a_jump_is_on_its_very_frame_at_any_rate():
    for fps in ("24", "23.976", "29.97", "60"):
        text = f"fps: {fps}\nsettings: {{show_step: 3, w1: {{0s: 1, 100f: 2, ease: hold}}}}\n"
        timeline = Timeline(reader.parse(f"{text}scenes: [{{prompt: a, duration: 6s}}]"))
        jump = next(i for i in range(timeline.total_iter) if timeline.at(i).settings.w1 == 2)
        assert jump == 300


# Oscillators and formulas


@pytest.mark.parametrize(
    ("wave", "quarters"),
    [
        ("sin", [2, 3, 4, 3]),
        ("tri", [2, 3, 4, 3]),
        ("saw", [2, 2.5, 3, 3.5]),
        ("square", [4, 4, 2, 2]),
        ("pulse", [4, 4, 2, 2]),
    ],
)
def test_oscillators_begin_where_they_say(wave, quarters):
    text = f"{wave}(period=2s, from=2, to=4)"
    assert [value_of(text, second) for second in (0, 0.5, 1, 1.5)] == pytest.approx(quarters)
    shifted = f"{wave}(period=20f, from=2, to=4, phase=0.25)"
    assert [value_of(shifted, second) for second in (1.5, 2, 2.5, 3)] == pytest.approx(quarters)


def test_a_pulse_is_as_wide_as_it_says():
    text = "pulse(period=1s, from=1, to=3, width=0.2)"
    assert [value_of(text, tenth / 10) for tenth in range(4)] == [3, 3, 1, 1]


def test_what_a_formula_may_ask_for():
    own = 'settings: {w1: "1 + s + 10*u", losses: {tv: t + f + i}}'
    scenes = f"scenes: [{{prompt: a, duration: 2s}}, {{prompt: b, duration: 4s, {own}}}]"
    found = at(film("w2: t + f + i", scenes), 3)
    assert (found.w1, found.w2, found.losses.tv) == (1 + 1 + 2.5, 3 + 30 + 30, 3 + 10 + 30)


PYTHON = [
    "1 + 2*3", "2**3**2", "-2**2 + 9", "2**-1", "7 % 3 + 7/2", "(1 + 2)*(3 - 1)", "- -1 + 2", "10 - 2 - 3",
    "2*-3 + 9", "-7 % 3", "1e2 + .5 + 5.", "8/2/2", "+4*+2",
]  # fmt: skip


@pytest.mark.parametrize("text", PYTHON)
def test_formulas_bind_as_they_do_in_python(text):
    assert value_of(text) == pytest.approx(eval(text))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("sin(pi/2) + cos(0) + tan(0)", 2),
        ("asin(1) + acos(1) + atan(0)", math.pi / 2),
        ("sqrt(9) + exp(0) + log(1)", 4),
        ("abs(-2) + floor(1.7) + ceil(1.2) + round(1.6) + sign(5)", 8),
        ("min(3, 1, 2) + max(3, 7, 5)", 8),
        ("clamp(9, 1, 2) + clamp(0, 1, 2) + mix(2, 4, 0.5)", 6),
        ("0.5 + sin(period=2s, from=1, to=2)", 1.5),
    ],
)
def test_functions(text, value):
    assert value_of(text) == pytest.approx(value)


def test_a_formula_may_stand_at_a_key_and_runs_to_the_next():
    board = film('w1: {0s: 1, 1s: "1 + t", 3s: 9}')
    assert [at(board, second).w1 for second in (0, 0.5, 1, 2, 2.9, 3)] == pytest.approx(
        [1, 1.5, 2, 3, 3.9, 9]
    )


def test_a_schedule_of_deforum_is_taken_as_it_is():
    board = film('w1: "0:(1.02), 20:(1.05), 40: (2+t/40)"')
    assert [at(board, s).w1 for s in (0, 1, 2, 3, 4, 5)] == pytest.approx(
        [1.02, 1.035, 1.05, (1.05 + 3) / 2, 3, 2 + 50 / 40]
    )
    plain = reader.parse(f"settings:\n  w1: 0:(1), 10:(2),\n{ONE_SCENE}")
    assert Timeline(plain).at(20).settings.w1 == 2


def test_equal_seconds_have_equal_values_at_any_rate():
    settings = (
        "settings: {w1: {0s: 1, 50%: 3, 6s: 2, ease: in-out}, w2: 'sin(period=1.5s)', show_step: 1}"
    )
    boards = [reader.parse(f"fps: {fps}\n{settings}\n{TWO_SCENES}") for fps in (12, 24, 60)]
    for second in (0, 0.5, 1.25, 3, 5.75):
        found = [Timeline(board).at(round(second * board.fps)).settings for board in boards]
        assert len({(now.w1, now.w2) for now in found}) == 1


# Ramps


def test_keys_and_formulas_take_the_place_of_a_ramp_and_a_ramp_of_them():
    own = "settings: {learning_rate: {end: 0.2}, guide_weight: '0.1 + 0.1*u'}"
    board = film(
        "learning_rate: {0s: 0.1, 2s: 0.3}, guide_weight: {start: 0.5, end: 0.3}",
        f"scenes: [{{prompt: a, duration: 2s}}, {{prompt: b, duration: 4s, transition: 0, {own}}}]",
    )
    found = [at(board, second) for second in (0, 1, 2, 4, 5.9)]
    assert [now.learning_rate for now in found] == pytest.approx(
        [0.1, 0.2, 0.08, 0.08 * 2.5 ** (2 / 2.4), 0.2]
    )
    assert [now.guide_weight for now in found[2:4]] == pytest.approx([0.1, 0.15])
    assert reader.parse(reader.dump(board)) == board


# All forms agree


def random_formula(draw: random.Random, depth: int = 0) -> str:
    if depth > 3 or draw.random() < 0.2:
        return draw.choice(["t", "s", "u", "i", "f", "pi", f"{draw.uniform(0, 3):.3g}"])
    inner = [random_formula(draw, depth + 1) for _ in range(3)]
    if draw.random() < 0.5:
        return f"({inner[0]} {draw.choice(['+', '-', '*', '/', '%', '**'])} {inner[1]})"
    if draw.random() < 0.3:
        period = draw.choice(["2s", "30f", "40%", "700ms"])
        return f"{draw.choice(WAVES)}(period={period}, from={inner[0]}, to={inner[1]})"
    name = draw.choice(list(FUNCTIONS))
    return f"{name}({', '.join(inner[: FUNCTIONS[name][0]])})"


def random_keys(draw: random.Random) -> str:
    units = [("s", 6), ("f", 60), ("%", 100)]
    unit, most = draw.choice(units)
    times = sorted(draw.sample(range(most + 1), draw.randint(1, 5)))
    points = [f"{draw.random():.2f}" for _ in range(4)]
    eases = ["linear", "hold", "in", "out", "in-out", f"bezier({','.join(points)})"]
    keys = []
    for when in times:
        value = f"{draw.uniform(1, 9):.4g}"
        if draw.random() < 0.2:
            value = json.dumps(f"5 + {random_wave(draw)}")
        elif draw.random() < 0.5:
            value = f"{{value: {value}, ease: '{draw.choice(eases)}'}}"
        keys.append(f"{when}{unit}: {value}")
    return f"{{{', '.join(keys)}, ease: '{draw.choice(eases)}'}}"


def random_wave(draw: random.Random) -> str:
    return f"{draw.choice(WAVES)}(period={draw.uniform(0.1, 5):.3f}s, phase={draw.random():.3f})"


def worst_difference(seed: int) -> tuple[float, bool]:
    """How far a random track's values in an array are from those one by one, as a share of them or
    of 1; and whether it is a number anywhere.

    Where a step is no finite number, both say so.
    """
    draw = random.Random(seed)
    keyed = draw.random() < 0.4
    text = random_keys(draw) if keyed else json.dumps(f"1 + clamp({random_formula(draw)}, 0, 99)")
    try:
        board = film(f"w1: {text}")
    except StoryboardError as error:
        assert "no finite number" in str(error), f"{text}: {error}"
        return 0.0, False
    track = board.settings.w1
    worst = 0.0
    for stretch in stretches(board):
        done = np.arange(stretch.iterations, dtype=np.float64)
        together = np.broadcast_to(track.at(Instant(stretch, done), arrays()), done.shape)
        alone = [track.at(Instant(stretch, local)) for local in range(stretch.iterations)]
        worst = max(worst, np.max(np.abs(together - alone) / np.maximum(np.abs(together), 1)))
    return float(worst), True


def test_a_track_is_the_same_alone_and_in_an_array():
    found = [worst_difference(seed) for seed in range(SOME)]
    assert max(difference for difference, _ in found) <= 1e-12
    assert sum(finite for _, finite in found) > SOME / 2


@pytest.mark.parametrize("text", ["1/s", "log(s)", "10**(400*s)", "sqrt(-s - 1)", "s % 0"])
def test_what_is_no_number_is_none_alone_and_in_an_array(text):
    track = Formula(text=text)
    stretch = stretches(film("w1: 1"))[0]
    with pytest.raises(NotFiniteError):
        for local in range(20):
            track.at(Instant(stretch, local))
    with pytest.raises(NotFiniteError):
        track.at(Instant(stretch, np.arange(20.0)), arrays())


def test_tracks_survive_being_written_out():
    for seed in range(60):
        draw = random.Random(seed)
        first, second = random_keys(draw), random_keys(draw)
        scene = (
            f"{{prompt: [[a, {first}], b], settings: {{w2: {second}, exclude: [[c, {first}]]}}}}"
        )
        board = film(
            f"w1: {json.dumps('2 + ' + random_wave(draw))}", f"scenes: [{{prompt: a}}, {scene}]"
        )
        again = reader.parse(reader.dump(board))
        assert again == board and reader.dump(again) == reader.dump(board)
        before, after = Timeline(board), Timeline(again)
        for iteration in (0, 17, before.total_iter - 1):
            assert before.at(iteration).now == after.at(iteration).now


def test_a_scenes_own_track_is_not_the_films_where_both_are_written_alike():
    keys = "{0s: 1, 2s: 2}"
    board = film(
        f"w1: {keys}",
        f"scenes: [{{prompt: a}}, {{prompt: b}}, {{prompt: c, settings: {{w1: {keys}}}}}]",
    )
    written = yaml.safe_load(reader.dump(board))
    assert ["settings" in scene for scene in written["scenes"]] == [False, False, True]
    assert [at(board, second).w1 for second in (0, 3, 6)] == [1, 2, 1]


# What is refused, and where

LONG = "1" + "+1" * 5000
REFUSED = [
    (LONG, "2:7", "a formula of 10,001 characters"),
    ("(" * 900, "2:47", "nested more than 40 deep"),
    ("-" * 300 + "t", "2:47", "nested more than 40 deep"),
    ("1e308**2", "2:12", "the step at character 6 is no finite number at 0s of the film"),
    ("1/(t - 1)", "2:8", "the step at character 2 is no finite number at 1s of the film"),
    ("1 + nan*t", "2:11", "unknown name 'nan'"),
    ("1e999 + t", "2:7", "'1e999' is too large a number"),
    ("1 + 0.5*tt", "2:15", "unknown name 'tt'"),
    ("1 + flor(t)", "2:11", "did you mean 'floor'?"),
    ("__import__('os')", "2:7", "unknown function '__import__'"),
    ("t.real", "2:8", "'.' is no part of a formula"),
    ("2^t", "2:8", "a power is written **"),
    ("(1 + t", "2:12", "expected ')', found the end"),
    ("1 + t)", "2:12", "')' does not belong here"),
    ("t t", "2:9", "'t' does not belong here"),
    ("1 +", "2:9", "expected a number, a name or a bracket, found the end"),
    ("sin(1, 2)", "2:7", "sin takes 1 value, found 2"),
    ("sin + t", "2:7", "sin is a function"),
    ("tri(t)", "2:7", "write tri(period=2s, from=0, to=1)"),
    ("sin(period=4x)", "2:17", "expected a period such as 2s, 500ms, 4b, 48f or 50%, found '4x'"),
    ("sin(period=0s)", "2:17", "expected a period"),
    ("sin(from=2)", "2:7", "the period is missing"),
    ("sin(period=1s, to=2, to=3)", "2:28", "'to' is repeated"),
    ("saw(period=1s, width=2)", "2:22", "saw takes period=..., from=..., to=..., phase=..."),
    ("exp(period=1s)", "2:7", "exp has no period"),
    ("300*t", "2:7", "expected a number from 0 to 1000, found 1006.25 at 3.354s of the film"),
    ("0:(1), 60:(2", "2:17", "a bracket is not closed"),
    ("0:(1) 60:(2)", "2:13", "expected a frame and a value in brackets"),
    ("0:(1), 9:(sin(x))", "2:21", "unknown name 'x'"),
    ("0:(1), 60:(2000)", "2:7", "found 2000 at 60f"),
    ("0:(1), 60:(2), 30:(1)", "2:7", "30f comes after 60f; put the keys in order"),
    ("{2s: 1, 1s: 2}", "2:15", "1s comes after 2s; put the keys in order"),
    ("{1s: 1, 24f: 2}", "2:15", "24f is there twice, as 1s before it"),
    ("{0s: 1, 3s: 2, 50%: 1}", "2:22", "50% does not come after the key before it: the film lasts 5s"),
    ("{4x: 1}", "2:8", "expected a time such as 2s"),
    ("{-1s: 1}", "2:8", "expected a time such as 2s"),
    ("{0s: 1, 2s: 2000}", "2:19", "expected a number from 0 to 1000, found '2000'"),
    ("{0s: .nan}", "2:12", "found '.nan'"),
    ("{0s: 1e400}", "2:12", "found '1e400'"),
    ("{ease: in}", "2:7", "expected keys such as"),
    ("{0s: 1, ease: soft}", "2:21", "expected one of linear, hold, in, out, in-out"),
    ("{0s: 1, ease: in, ease: out}", "2:25", "ease is there twice"),
    ("{0s: 1, ease: 'bezier(2,0,0,1)'}", "2:21", "with x from 0 to 1"),
    ("{0s: {value: 1, eas: in}}", "2:23", "expected {value: ..., ease: ...}"),
    ("{0s: {value: {0s: 1}}}", "2:20", "found a mapping"),
    ("{0s: 0.1, 3s: {value: 2}, ease: 'bezier(0.5,-2,0.5,1)'}", "2:7", "expected a number from 0"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "place", "message"), REFUSED, ids=lambda part: str(part)[:30])
def test_what_cannot_be_is_refused_at_its_place(text, place, message):
    said = complaint(f"settings:\n  w1: {text}\nscenes: [{{prompt: a, duration: 5s}}]\n")
    assert said.startswith(f"{place}: settings.w1") and message in said


def test_a_quoted_formula_has_its_column_and_one_on_several_lines_its_beginning():
    assert complaint(f'settings:\n  w1: "1 + tt"\n{ONE_SCENE}').startswith("2:12: settings.w1: ")
    for folded in ('"1 +\n    tt"', ">\n    1 +\n    tt"):
        said = complaint(f"settings:\n  w1: {folded}\n{ONE_SCENE}")
        assert said.startswith("2:7: settings.w1: ") and said.endswith("at character 5")


def test_each_mistake_is_told_once_however_many_scenes_share_it():
    scenes = f"scenes: [{', '.join(['{prompt: a}'] * 5)}]"
    assert len(complaints(f"settings: {{w1: 1 - t, w2: 1 - t}}\n{scenes}")) == 2


@pytest.mark.parametrize(
    "prompt",
    ["{text: a, weight: {0s: 1, 1s: 0}}", "[[a, 'square(period=2s)'], [b, 'square(period=2s)']]"],
)
def test_a_prompt_always_weighs_something(prompt):
    said = complaint(f"scenes: [{{prompt: {prompt}}}]")
    assert said.startswith("1:19: scenes[0].prompt: nothing has a weight at 1s of the film")


def test_a_film_with_more_to_check_than_can_be_is_refused_at_once():
    said = complaint(
        "settings: {show_step: 9000, w1: 'max(t, 1, 2, s)'}\nscenes: [{prompt: a, duration: 8m}]"
    )
    assert said.startswith("1:33: settings.w1: the film's tracks take too many steps to check")


def test_what_is_no_setting_of_an_iteration_does_not_move():
    for key in ("cutouts", "show_step", "batch_size"):
        assert "expected a whole number" in complaint(f"settings: {{{key}: t + 2}}\n{ONE_SCENE}")


# What comes of it


def test_prompts_and_exclusions_weigh_what_they_weigh_now():
    board = film(
        "exclude: [[text, {0s: 0.5, 6s: 1.1}]]",
        "scenes: [{prompt: [[day, {0%: 1, 100%: 0}], [night, {0%: 0, 100%: 1}]], duration: 6s}]",
    )
    now = Timeline(board).at(15).now
    assert [part.weight for part in now.prompt] == [0.75, 0.25]
    assert now.settings.exclude[0].weight == pytest.approx(0.65)


def test_a_transition_comes_from_what_the_scene_before_ended_with():
    board = film("w1: 1 + s", "scenes: [{prompt: a, duration: 2s}, {prompt: b, duration: 2s}]")
    moment = Timeline(board).at(25)
    assert moment.previous == 0 and moment.before.settings.w1 == pytest.approx(2.9)
    assert moment.settings.w1 == pytest.approx(1.5)


def test_guides_are_chosen_for_what_a_scene_begins_with():
    board = film("w1: 1 + t", "scenes: [{prompt: a, duration: 2s}, {prompt: b, duration: 2s}]")
    assert [scene.settings.w1 for scene in opening(board).scenes] == [1, 3]
    assert {scene.settings.learning_rate for scene in opening(board).scenes} == {0.08}


MOVING = """
size: 32x32
fps: 8
models: storybook
settings:
  cutouts: 2
  show_step: 1
  guide: off
  learning_rate: {0s: 0.2, 0.5s: 0.05, ease: out}
  losses: {tv: "0:(0), 4:(0.5)", prior: 0}
scenes:
  - {prompt: [[a cat, "sin(period=1s)"], a hill], duration: 1s}
"""


@pytest.fixture(scope="module")
def cast():
    return load_cast(find_materials(reader.parse(MOVING)), EngineOptions("cpu", "fp32"))


def test_the_engine_steps_by_the_tracks_and_goes_on_where_it_was(cast, monkeypatch):
    def rendered(start=None, steps=8):
        session = Session(reader.parse(MOVING), cast, start=start)
        rates, pace = [], session.latent.pace

        def noted(rate, decay):
            rates.append(rate)
            return pace(rate, decay)

        monkeypatch.setattr(session.latent, "pace", noted)
        found = []
        for progress in session.run(lambda: session.iteration >= steps):
            found.append(progress.losses.get("tv"))
        return session, rates, found

    whole, rates, tv = rendered()
    assert rates == pytest.approx(
        [0.2 - 0.15 * (1 - (1 - n / 4) ** 2) for n in range(4)] + [0.05] * 4
    )
    assert tv[0] is None and all(tv[1:])
    half, _, _ = rendered(steps=3)
    rest, _, _ = rendered(half.state())
    assert torch.equal(rest.latent.value, whole.latent.value)


def test_the_target_moves_with_the_weights(cast):
    session = Session(reader.parse(MOVING), cast)
    include = [session.judge.targets.at(session.timeline.at(i)).include for i in range(8)]
    cat, hill = cast.perceptor.embed_text(["a cat", "a hill"])
    torch.testing.assert_close(include[0], hill)
    torch.testing.assert_close(include[4], torch.nn.functional.normalize(cat + hill, dim=0))
    assert include[2] @ cat > include[1] @ cat > include[0] @ cat


@pytest.fixture
def story(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "story.yaml"
    path.write_text(
        "settings: {learning_rate: {0s: 0.1, 6s: 0.2}}\nscenes:\n- prompt: a hill\n"
        "- {prompt: a lake, settings: {w1: 'square(period=3s, from=1, to=2)'}}\n"
    )
    return path


def test_plan_draws_each_track_over_the_scenes(story):
    said = run("plan", story).stdout.splitlines()
    (rate,) = [line for line in said if line.startswith("settings.learning_rate")]
    (weight,) = [line for line in said if line.startswith("settings.w1")]
    first, second = rate.split()[-1].split("│")
    assert first[0] == "▁" and second[-1] == "█" and sorted(first) == list(first)
    first, second = weight.split()[-1].split("│")
    assert set(first) == {"▁"} and set(second) == {"▁", "█"}
    tracks = json.loads(run("plan", story, "--json").stdout)["tracks"]
    assert [(each["setting"], each["least"]) for each in tracks] == [
        ("settings.learning_rate", 0.1),
        ("settings.w1", 1.0),
    ]


def test_plan_writes_the_tracks_as_a_sheet_of_curves(story, tmp_path):
    run("plan", story, "--tracks", "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    orange = (pixels[..., 0] > 200) & (pixels[..., 2] < 120)
    left, right = np.flatnonzero(orange.any(0))[[0, -1]]
    assert right - left > 900
    first = orange[: len(orange) // 2]
    assert np.argmax(first[:, left]) > np.argmax(first[:, right])  # the rate rises
    (tmp_path / "still.yaml").write_text(ONE_SCENE)
    assert "nothing in it moves" in run("plan", "still.yaml", "--tracks", "s.png", status=2).stderr
    assert "--tracks s.txt: a picture" in run("plan", story, "--tracks", "s.txt", status=2).stderr


def test_check_refuses_a_track_that_leaves_its_range(story):
    said = run("check", story, "--set", "settings.learning_rate=0.2 - 0.1*t", status=2).stderr
    assert "expected a number above 0 and at most 10, found 0 at 2s of the film" in said
    story.write_text("settings:\n  noise_factor: 0.3*t\nscenes: [{prompt: a, duration: 5s}]\n")
    said = run("check", story, status=2).stderr
    assert "story.yaml:2:17: settings.noise_factor: expected a number from 0 to 1" in said
    assert "at 3.354s of the film" in said


def test_plan_draws_a_ramp_that_somebody_asked_for(story):
    story.write_text(
        "settings: {learning_rate: {start: 0.3}, guide_weight: 0.3}\nscenes: [{prompt: a}]"
    )
    (track,) = json.loads(run("plan", story, "--json").stdout)["tracks"]
    assert (track["setting"], track["least"], track["most"]) == (
        "settings.learning_rate",
        0.03,
        0.3,
    )


def test_a_film_of_five_minutes_with_thirty_tracks_is_planned_in_a_second(tmp_path):
    forms = (
        "{0s: 0.12, 60s: 0.05, 100s: 0.2, ease: in-out}",
        "'sin(period=7s, from=0.03, to=0.1)'",
        "0.1 + 0.02*sin(2*pi*t/9)",
        "{0s: 0.12, 250s: {value: 0.3, ease: 'bezier(.2,0,0,1)'}, 300s: 0.4}",
    )
    names = {
        None: ("learning_rate", "weight_decay", "noise_factor", "w1", "w2", "guide_weight"),
        "losses": ("clip", "vq", "tv", "prior"),
        "augment": ("flip", "rotate", "shear", "overview", "smallest", "pad", "gain"),
    }
    form = itertools.cycle(forms)
    lines = ["settings:"]
    for section, keys in names.items():
        lines += [f"  {section}:"] if section else []
        lines += [f"{'    ' if section else '  '}{key}: {next(form)}" for key in keys]
    lines += ["  exclude:", *(f"    - {{text: x{n}, weight: {next(form)}}}" for n in range(5))]
    weights = ", ".join(f"{{text: a{n}, weight: {next(form)}}}" for n in range(8))
    lines += ["scenes:", *[f"  - {{duration: 5s, prompt: [{weights}]}}"] * 60]
    story = tmp_path / "story.yaml"
    story.write_text("\n".join(lines))
    assert len(json.loads(run("plan", story, "--json").stdout)["tracks"]) == 30
    began = time.process_time()
    run("plan", story)
    assert time.process_time() - began < 1.0


def test_the_command_line_sets_tracks(story):
    said = run("plan", story, "--json", "--set", "settings.w1={0s: 1, 50%: 3}").stdout
    assert json.loads(said)["tracks"][1]["most"] == pytest.approx(3, abs=0.02)


def test_a_plan_of_a_film_in_which_nothing_moves_needs_no_numpy(tmp_path):
    (tmp_path / "story.yaml").write_text(ONE_SCENE)
    program = (
        "import sys; from vqclip_video.cli.main import main\n"
        f"main(['check', {str(tmp_path / 'story.yaml')!r}], standalone_mode=False)\n"
        "assert not {'numpy', 'torch'} & set(sys.modules), 'heavy'"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Compare random tracks alone and in arrays.")
    parser.add_argument("--examples", type=int, default=10_000)
    examples = parser.parse_args().examples
    found = [worst_difference(seed) for seed in range(examples)]
    numbers = sum(finite for _, finite in found)
    worst = max(difference for difference, _ in found)
    print(f"{examples} tracks, {numbers} of them numbers all through; worst difference {worst:.2g}")
