"""How the times of a storyboard fit together."""

import pytest
from complaints import complaint

from vqclip_video.storyboard import reader
from vqclip_video.storyboard.schema import Transition
from vqclip_video.storyboard.timeline import Timeline


def lengths(text):
    return [(scene.duration, scene.iterations) for scene in reader.parse(text).scenes]


def test_starts_become_durations():
    text = (
        "scenes:\n- {prompt: a, at: 0}\n- {prompt: b, at: 0.1}\n- {prompt: c, at: '0:00.3', "
        "iterations: 9}\n"
    )
    assert lengths(text) == [(0.1, None), (0.2, None), (None, 9)]
    assert lengths(text.replace(", iterations: 9", "")) == [(0.1, None), (0.2, None), (3.0, None)]
    assert [span.first_frame for span in Timeline(reader.parse(text)).spans] == [0, 2, 7]


@pytest.mark.parametrize(
    ("scenes", "message"),
    [
        ("at: 1", "scenes[0].at: the first scene starts at 0, not at 1"),
        ("at: 0 | at: 0", "scenes[1].at: 0 is not after 0"),
        ("at: 0 | at: 5 | at: 4", "scenes[2].at: 4 is not after 5"),
        ("at: 0 | duration: 3", "scenes[1]: other scenes start `at` a time"),
        ("at: 0, duration: 3 | at: 3", "scenes[0].duration: the next scene's `at` ends this one"),
        (
            "at: 0, iterations: 3 | at: 3",
            "scenes[0].iterations: the next scene's `at` ends this one",
        ),
        ("at: 0 | at: 0.01", "scenes[0].duration: 0.01s is less than one frame at 24 fps"),
        ("duration: 3, iterations: 3", "scenes[0].iterations: found both duration and iterations"),
        ("duration: 0.01", "scenes[0].duration: 0.01s is less than one frame at 24 fps"),
        (
            "iterations: 1",
            "scenes[0].iterations: 1 iterations are less than one frame with show_step 2",
        ),
        (
            "duration: 3, transition: {duration: 1}",
            "scenes[0].transition: the first scene has nothing to travel from",
        ),
        ("transition: linear", "scenes[0].transition: the first scene has nothing to travel from"),
        (
            "duration: 3 | transition: {duration: 4}",
            "scenes[1].transition.duration: 4s is longer than its scene",
        ),
        (
            "duration: 3 | iterations: 24, transition: {duration: 1}",
            "1s is longer than its scene, which lasts 0.5s",
        ),
    ],
)
def test_times_that_do_not_fit_together(scenes, message):
    text = "scenes:\n" + "".join(
        f"- {{prompt: a, {scene.strip()}}}\n" for scene in scenes.split("|")
    )
    assert message in complaint(text)


def test_a_film_beyond_all_measure_is_refused():
    text = "fps: 240\nsettings: {show_step: 10000}\nscenes: [{prompt: a, duration: 24h}]"
    assert "the film takes 207,360,000,000 iterations" in complaint(text)


def second_transition(scene):
    return reader.parse(f"scenes: [{{prompt: a}}, {{prompt: b, {scene}}}]").scenes[1].transition


def test_transitions_by_default_and_in_short():
    assert second_transition("duration: 3") == Transition(1.0, "ease-in-out", "slerp")
    assert second_transition("duration: 0.5") == Transition(0.5, "ease-in-out", "slerp")
    assert second_transition("iterations: 24") == Transition(0.5, "ease-in-out", "slerp")
    assert second_transition("transition: cut") == Transition(0.0, "cut", "slerp")
    assert second_transition("transition: linear") == Transition(1.0, "linear", "slerp")
    assert second_transition("transition: 250ms") == Transition(0.25, "ease-in-out", "slerp")
    assert second_transition("transition: {duration: 0, curve: cut}") == Transition(
        0.0, "cut", "slerp"
    )
    assert reader.parse("scenes: [{prompt: a, transition: cut}]").scenes[0].transition is None
