"""Films that grow: coarse at first, whole from the middle of the first scene on."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from casting import cast_of

from vqclip_video.engine.cast import Cast
from vqclip_video.engine.session import Session
from vqclip_video.storyboard import reader
from vqclip_video.storyboard.schema import (
    Models,
    PromptPart,
    Scene,
    Settings,
    StepSize,
    Storyboard,
    Transition,
)
from vqclip_video.storyboard.timeline import Timeline

pytestmark = pytest.mark.usefixtures("one_thread")


def board(size=(48, 40), grow=True):
    settings = Settings(cutouts=4, show_step=2, learning_rate=StepSize(0.08, 0.08))
    first, second = (
        Scene(prompt=(PromptPart(text=text),), iterations=8, settings=settings)
        for text in ("sea", "sky")
    )
    second = replace(second, iterations=4, transition=Transition(duration=0.1))
    return Storyboard(size=size, seed=4, grow=grow, scenes=(first, second))


def test_only_the_first_half_of_the_first_scene_is_coarse():
    timeline = Timeline(board())
    assert [i for i in range(12) if timeline.at(i).coarse] == list(range(4))
    assert not any(Timeline(board(grow=False)).at(i).coarse for i in range(12))


def test_the_latent_grows_and_the_frames_do_not(tiny_pair):
    progresses = [p for p in Session(board(), Cast(*tiny_pair)).run() if p.frame is not None]
    assert {p.frame.shape for p in progresses} == {(40, 48, 3)}
    assert [tuple(p.latent.shape[-2:]) for p in progresses] == [(5, 6)] * 2 + [(10, 12)] * 4
    state = progresses[2].state["latent"]
    assert state.tensors["mean.0"].shape == state.tensors["grid.0"].shape == (1, 8, 10, 12)
    assert state.numbers["steps"] == 6


def test_the_picture_goes_on_where_it_was(tiny_pair):
    frames = [
        p.frame.astype(float)
        for p in Session(board(), Cast(*tiny_pair)).run()
        if p.frame is not None
    ]
    jump = abs(frames[2] - frames[1]).mean()
    unrelated = abs(frames[2][::-1, ::-1] - frames[2]).mean()
    assert jump < unrelated


@pytest.mark.parametrize("stop_after", [2, 4, 6])
def test_a_resumed_growing_film_is_bit_identical(tiny_files, stop_after):
    models = Models(str(tiny_files["clip"]), str(tiny_files["vqgan"]), tiny_files["config"])
    storyboard = replace(board(), models=models)
    whole = list(Session(storyboard, cast_of(storyboard, "cpu", "fp32")).run())
    state = whole[stop_after - 1].state
    assert state["loop"].numbers["iteration"] == stop_after
    rest = list(Session(storyboard, cast_of(storyboard, "cpu", "fp32"), start=state).run())
    for a, b in zip(whole[stop_after:], rest, strict=True):
        assert a.iteration == b.iteration
        if a.frame is not None:
            assert np.array_equal(a.frame, b.frame) and torch.equal(a.latent, b.latent)


def test_odd_latents_are_halved_upwards(tiny_pair):
    shapes = [
        tuple(p.latent.shape[-2:])
        for p in Session(board((36, 20)), Cast(*tiny_pair)).run()
        if p.frame is not None
    ]
    assert shapes[0] == (3, 5) and shapes[-1] == (5, 9)


def test_a_storyboard_says_so():
    text = "grow: {}\nscenes: [{{prompt: a cat}}]"
    assert reader.parse(text.format("true"), name="story.yaml").grow is True
    assert reader.parse("scenes: [{prompt: a cat}]", name="story.yaml").grow is False
