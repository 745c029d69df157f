import itertools
import tracemalloc
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from vqclip_video.storyboard.instants import Instant, Stretch
from vqclip_video.storyboard.maths import arrays
from vqclip_video.storyboard.motions import Ramp
from vqclip_video.storyboard.schema import (
    GuideWeight,
    PromptPart,
    Scene,
    Settings,
    StepSize,
    Storyboard,
    Transition,
)
from vqclip_video.storyboard.timeline import Timeline


def scene(
    seconds=None, *, iterations=None, show_step=2, travel=None, curve="linear", blend="slerp"
):
    transition = None if travel is None else Transition(travel, curve, blend)
    prompt = (PromptPart(text="a hill"),)
    chosen = Settings(show_step=show_step)
    return Scene(prompt, seconds, iterations, None, transition, settings=chosen)


def timeline(*scenes, fps=24.0):
    return Timeline(Storyboard(fps=Fraction(str(fps)), scenes=scenes))


def test_frames_and_iterations_follow_from_seconds():
    line = timeline(scene(3.0), scene(2.5, show_step=3))
    assert [(span.first_frame, span.frames) for span in line.spans] == [(0, 72), (72, 60)]
    assert [(span.first_iteration, span.iterations) for span in line.spans] == [
        (0, 144),
        (144, 180),
    ]
    assert (line.frames, line.total_iter, line.seconds) == (132, 324, 5.5)


@pytest.mark.parametrize("fps", [12, 23.976, 24, 25, 29.97, 60, 240])
@pytest.mark.parametrize("seconds", [0.1, 1 / 3, 0.7, 1.1])
def test_many_short_scenes_never_drift_from_the_clock(fps, seconds):
    line = timeline(*[scene(seconds)] * 1000, fps=fps)
    for index, span in enumerate(line.spans):
        true = Fraction(str(seconds)) * Fraction(str(fps)) * index
        assert abs(span.first_frame - true) <= Fraction(1, 2)
        assert span.frames >= 1


def test_frames_are_numbered_without_gaps_and_each_ends_its_steps():
    line = timeline(
        scene(0.5), scene(iterations=25, show_step=4), scene(0.33, show_step=1), scene(iterations=7)
    )
    moments = [line.at(i) for i in range(line.total_iter)]
    frames = [moment.frame for moment in moments if moment.frame is not None]
    assert frames == list(range(line.frames))
    for span, show_step in zip(line.spans, (2, 4, 1, 2), strict=True):
        captured = [m.iteration for m in moments if m.scene == span.scene and m.frame is not None]
        assert captured == [
            span.first_iteration + (n + 1) * show_step - 1 for n in range(span.frames)
        ]


def test_steps_that_fill_no_frame_are_still_taken():
    line = timeline(scene(iterations=25, show_step=4), scene(1.0))
    assert (line.spans[0].iterations, line.spans[0].frames) == (25, 6)
    assert line.at(24).frame is None and line.at(24).scene == 0
    assert line.at(25).scene == 1 and line.spans[1].first_frame == 6


@pytest.mark.parametrize(
    ("curve", "half"),
    [("linear", 0.5), ("ease-in", 0.25), ("ease-out", 0.75), ("ease-in-out", 0.5)],
)
def test_the_target_travels_along_the_curve_and_arrives(curve, half):
    line = timeline(scene(1.0), scene(2.0, travel=1.0, curve=curve, blend="lerp"))
    first = line.spans[1].first_iteration
    travel = [line.at(first + i) for i in range(line.spans[1].iterations)]
    assert line.spans[1].transition_iterations == 48
    assert travel[23].mix == pytest.approx(half)
    mixes = [moment.mix for moment in travel]
    assert mixes[0] > 0 and mixes == sorted(mixes) and mixes[47:] == [1.0] * 49
    assert all((moment.previous is None) == (moment.mix == 1) for moment in travel)
    assert travel[0].previous == 0 and travel[0].blend == "lerp"


@pytest.mark.parametrize(
    "second", [scene(1.0), scene(1.0, travel=0.0), scene(1.0, travel=1.0, curve="cut")]
)
def test_a_cut_arrives_at_once(second):
    line = timeline(scene(1.0), second)
    moment = line.at(line.spans[1].first_iteration)
    assert (moment.previous, moment.mix, line.spans[1].transition_iterations) == (None, 1.0, 0)


def test_the_first_scene_travels_from_nowhere():
    line = timeline(scene(1.0, travel=0.5))
    assert line.at(0).previous is None


def test_a_moment_tells_the_time_of_its_frame():
    line = timeline(scene(1.0, show_step=3), fps=10)
    assert [line.at(i).time for i in (0, 2, 3, 29)] == pytest.approx([0.0, 0.0, 0.1, 0.9])


def test_outside_the_film_there_is_no_moment():
    line = timeline(scene(1.0))
    for outside in (-1, line.total_iter, 10**12):
        with pytest.raises(IndexError):
            line.at(outside)


def test_a_day_long_film_takes_no_more_memory_than_a_second():
    tracemalloc.start()
    line = timeline(*itertools.repeat(scene(86400.0, show_step=100), 3), fps=240.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert line.total_iter == 3 * 86400 * 240 * 100
    assert line.at(line.total_iter - 1).frame == line.frames - 1
    assert peak < 100_000


def instant(done, travel=0):
    return Instant(Stretch(Fraction(24), 1, iterations=30, travel=travel), done)


def test_a_ramp_holds_its_start_while_the_film_travels_and_its_end_once_it_is_there():
    ramp = Ramp(4.0, 1.0, over=0.5, geometric=True)
    assert [ramp.at(instant(done, 10)) for done in (0, 10, 15, 20, 30)] == [4.0, 4.0, 2.0, 1.0, 1.0]


@pytest.mark.parametrize("geometric", [False, True])
def test_a_ramp_over_nothing_is_at_its_end_at_once(geometric):
    assert Ramp(4.0, 1.0, 0.0, geometric).at(instant(0)) == 1.0


def test_a_geometric_ramp_to_nothing_goes_by_a_thousandth():
    ramp = Ramp(1.0, 0.0, over=1.0, geometric=True)
    assert ramp.at(instant(15)) == pytest.approx(0.001**0.5)
    assert ramp.at(instant(30)) == 0.0


def test_a_short_ramp_after_a_long_travel_stays_between_its_ends():
    for ends in ((0.001, 10.0), (10.0, 0.001)):
        ramp = Ramp(*ends, over=1e-3, geometric=True)
        assert [ramp.at(instant(done, 25)) for done in (0, 25, 26, 29)] == [ends[0]] * 2 + [
            ends[1]
        ] * 2


@pytest.mark.parametrize("travel", [0, 10])
@pytest.mark.parametrize("geometric", [False, True])
@pytest.mark.parametrize("over", [0.0, 0.3, 1.0])
def test_a_ramp_is_the_same_alone_and_in_an_array(travel, geometric, over):
    ramp = Ramp(4.0, 0.0, over, geometric=geometric)
    together = ramp.at(instant(np.arange(30.0), travel), arrays())
    assert together == pytest.approx([ramp.at(instant(n, travel)) for n in range(30)], abs=1e-12)


def test_a_scene_settles_at_its_dream_unless_it_is_told_otherwise():
    """The defaults: the steps grow smaller, the pull stays, and in a transition all is as at first."""
    usual, film = Settings(), timeline(scene(iterations=100), scene(iterations=100, travel=1.0))
    first, last = film.at(0).settings, film.at(99).settings
    assert (first.learning_rate, last.learning_rate) == (0.08, 0.03)
    assert (first.guide_weight, last.guide_weight) == (0.25, 0.25)
    assert film.at(30).settings.learning_rate == pytest.approx((0.08 * 0.03) ** 0.5)
    assert {film.at(100 + i).settings.learning_rate for i in range(48)} == {0.08}
    assert film.at(100).before.settings.guide_weight == 0.25
    assert film.at(199).settings.learning_rate == 0.03
    own = replace(usual, learning_rate=StepSize(0.2, 0.1, 1.0), guide_weight=GuideWeight(0.0, 1.0))
    told = timeline(replace(scene(iterations=100), settings=own))
    rates = [told.at(i).settings.learning_rate for i in (0, 50)]
    assert rates == pytest.approx([0.2, 0.02**0.5]) and told.at(99).settings.guide_weight == 1.0
