"""The loop, on tiny and on storybook weights: what it reports, that it repeats itself, and that
it reaches prompts.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from vqclip_video.engine.cast import Cast
from vqclip_video.engine.session import Session, render
from vqclip_video.errors import RenderError, VqclipError
from vqclip_video.storyboard.schema import (
    Guide,
    Init,
    Losses,
    Models,
    PromptPart,
    Scene,
    Settings,
    StepSize,
    Storyboard,
    Transition,
)
from vqclip_video.storyboard.sizes import frame_size, picture_size


def board(*texts, size=(32, 32), iterations=6, init=None, seed=1, **settings):
    chosen = Settings(**{"cutouts": 4, "show_step": 2, **settings})
    scenes = [
        Scene(prompt=(PromptPart(text=text),), iterations=iterations, settings=chosen)
        for text in texts
    ]
    scenes = [
        scenes[0],
        *(replace(scene, transition=Transition(duration=0.1)) for scene in scenes[1:]),
    ]
    return Storyboard(size=size, seed=seed, init=init or Init(), scenes=tuple(scenes))


def frames(progresses):
    return np.stack([progress.frame for progress in progresses if progress.frame is not None])


def test_every_iteration_is_reported_and_frames_come_when_the_timeline_says(tiny_pair):
    progresses = list(Session(board("sea", "sky"), Cast(*tiny_pair)).run())
    assert [progress.iteration for progress in progresses] == list(range(1, 13))
    assert [progress.moment.frame for progress in progresses if progress.frame is not None] == list(
        range(6)
    )
    captured = progresses[1]
    assert captured.frame.shape == (32, 32, 3) and captured.frame.dtype == np.uint8
    assert -1 <= captured.similarity <= 1
    assert captured.state["loop"].numbers["iteration"] == 2
    assert progresses[0].losses == {} and progresses[0].state is None


def test_the_same_storyboard_twice_gives_the_same_frames_and_another_seed_does_not(tiny_files):
    models = Models(str(tiny_files["clip"]), str(tiny_files["vqgan"]), tiny_files["config"])
    storyboard = replace(board("sea", "sky"), models=models)
    first, second = (frames(render(storyboard, "cpu")) for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, frames(render(replace(storyboard, seed=2), "cpu")))


@pytest.mark.parametrize("grids", [1, 4])
def test_after_a_cut_nothing_is_left_of_the_scene_before(tiny_files, grids):
    def second_scene(first: str, transition: Transition) -> np.ndarray:
        storyboard = board(first, "sky")
        scenes = (storyboard.scenes[0], replace(storyboard.scenes[1], transition=transition))
        models = Models(str(tiny_files["clip"]), str(tiny_files["vqgan"]), tiny_files["config"])
        return frames(
            render(replace(storyboard, scenes=scenes, models=models, grids=grids), "cpu")
        )[3:]

    cut, at_once = Transition(0.0, "cut"), Transition(0.0)
    assert np.array_equal(second_scene("sea", cut), second_scene("fire", cut))
    assert not np.array_equal(second_scene("sea", at_once), second_scene("fire", at_once))


def test_a_cut_begins_with_the_scenes_guide_where_it_has_one(storybook_pair, tmp_path):
    Image.new("RGB", (64, 64), "red").save(tmp_path / "red.png")
    storyboard = board(
        "sea", "sky", size=(64, 64), iterations=4, show_step=1, guide=Guide(said="off")
    )
    guided = replace(storyboard.scenes[1].settings, guide=Guide(image=tmp_path / "red.png"))
    second = replace(storyboard.scenes[1], settings=guided, transition=Transition(0.0, "cut"))
    storyboard = replace(storyboard, scenes=(storyboard.scenes[0], second))
    shown = frames(Session(storyboard, Cast(*storybook_pair)).run())
    red, green, blue = shown[4].astype(float).mean((0, 1))
    assert red > 200 and green < 60 and blue < 60


@pytest.mark.parametrize("stop_after", [6, 7, 8])
def test_a_session_resumed_around_a_cut_is_bit_identical(tiny_files, stop_after):
    from casting import cast_of

    models = Models(str(tiny_files["clip"]), str(tiny_files["vqgan"]), tiny_files["config"])
    storyboard = replace(board("sea", "sky", show_step=1), models=models)
    second = replace(storyboard.scenes[1], transition=Transition(0.0, "cut"))
    storyboard = replace(storyboard, scenes=(storyboard.scenes[0], second))
    whole = list(Session(storyboard, cast_of(storyboard, "cpu")).run())
    rest = Session(storyboard, cast_of(storyboard, "cpu"), start=whole[stop_after - 1].state).run()
    assert np.array_equal(frames(rest), frames(whole[stop_after:]))


@pytest.mark.parametrize("stop_after", [2, 6, 8])
def test_a_resumed_session_is_bit_identical(tiny_files, stop_after):
    from casting import cast_of

    models = Models(str(tiny_files["clip"]), str(tiny_files["vqgan"]), tiny_files["config"])
    storyboard = replace(board("sea", "sky"), models=models)
    whole = list(Session(storyboard, cast_of(storyboard, "cpu")).run())
    state = next(progress.state for progress in whole if progress.iteration == stop_after)
    rest = list(Session(storyboard, cast_of(storyboard, "cpu"), start=state).run())
    assert rest[0].iteration == stop_after + 1
    assert np.array_equal(frames(rest), frames(whole[stop_after:]))


@pytest.mark.parametrize("wanted", [1, 3])
def test_a_run_that_is_to_stop_yields_all_that_was_begun_and_has_the_state_of_its_end(
    tiny_pair, wanted
):
    session = Session(board("sea", show_step=100, iterations=100), Cast(*tiny_pair))
    yielded = []
    for progress in session.run(lambda: len(yielded) >= wanted):
        yielded.append(progress)
    assert yielded[-1].iteration == session.iteration in (wanted, wanted + 1)
    assert session.state()["loop"].numbers["iteration"] == session.iteration
    assert next(session.run()).iteration == session.iteration - 1  # it goes on from there


@pytest.mark.parametrize("grids", [1, 2])
def test_a_frames_latent_is_the_one_that_it_was_decoded_from(tiny_pair, grids):
    storyboard = replace(board("sea", learning_rate=StepSize(0.5, 0.5)), grids=grids)
    for progress in Session(storyboard, Cast(*tiny_pair)).run():
        if progress.frame is not None:
            with torch.no_grad():
                decoded = tiny_pair[1].decode(progress.latent)[0].clamp(0, 1).permute(1, 2, 0) * 255
            assert np.abs(decoded.numpy() - progress.frame).max() <= 1


def test_smaller_batches_change_the_memory_not_the_gradient(tiny_files):
    from casting import cast_of

    models = Models(str(tiny_files["clip"]), str(tiny_files["vqgan"]), tiny_files["config"])

    def gradient(batch_size):
        storyboard = replace(board("sea", batch_size=batch_size, cutouts=6), models=models)
        session, found = Session(storyboard, cast_of(storyboard, "cpu", "fp32")), []
        session.latent.step = lambda *_: found.extend(
            grid.grad.clone() for grid in session.latent.grids
        )
        next(session.run())
        return found[0]

    whole = gradient(0)
    for batch_size in (4, 1):
        # Sums in another order differ in the last bits, and no more.
        assert (gradient(batch_size) - whole).norm() < 1e-4 * whole.norm()


def test_each_weighted_loss_is_reported_and_only_those(tiny_files, tmp_path):
    from casting import cast_of
    from tiny import make_vqgan

    vqgan, config = make_vqgan(tmp_path, discriminator=True)
    storyboard = board(
        "sea", exclude=(PromptPart(text="boat"),), losses=Losses(clip=1, vq=0.5, gan=0.1, tv=2)
    )
    storyboard = replace(storyboard, models=Models(str(tiny_files["clip"]), str(vqgan), config))
    last = list(Session(storyboard, cast_of(storyboard, "cpu")).run())[-1]
    assert set(last.losses) == {"clip", "exclude", "vq", "gan", "tv"}
    assert all(np.isfinite(value) for value in last.losses.values())


@pytest.mark.parametrize("name", ["vq", "tv"])
def test_a_loss_that_is_weighted_is_minimised(tiny_files, name):
    models = Models(str(tiny_files["clip"]), str(tiny_files["vqgan"]), tiny_files["config"])

    def value_at_the_end(weight):
        losses = Losses(**{"clip": 0.0, "vq": 1e-6, "tv": 1e-6, name: weight})
        storyboard = replace(
            board("sea", iterations=20, losses=losses, learning_rate=StepSize(0.05, 0.05)),
            models=models,
        )
        *_, last = (
            progress for progress in render(storyboard, "cpu") if progress.frame is not None
        )
        return last.losses[name] / weight

    assert value_at_the_end(10.0) < 0.8 * value_at_the_end(1e-6)


def test_gan_without_a_discriminator_is_refused_before_anything_is_rendered(tiny_pair):
    with pytest.raises(VqclipError, match=r"scenes\[0\].*losses\.gan.*no discriminator"):
        Session(board("sea", losses=Losses(gan=1.0)), Cast(*tiny_pair))


@pytest.mark.parametrize(
    ("size", "film", "decoded"),
    [
        ((32, 32), (32, 32), (32, 32)),
        ((31, 45), (32, 46), (32, 48)),
        ((50, 18), (50, 18), (52, 20)),
    ],
)
def test_any_size_is_decoded_at_the_next_multiple_and_delivered_even(
    tiny_pair, size, film, decoded
):
    assert frame_size(size) == film
    assert picture_size(size, 4) == decoded
    assert frames(Session(board("sea", size=size, iterations=2), Cast(*tiny_pair)).run()).shape == (
        1,
        film[1],
        film[0],
        3,
    )


def test_a_film_can_start_from_a_picture(storybook_pair, tmp_path):
    picture = Image.new("RGB", (64, 64), (200, 40, 40))
    picture.paste((40, 60, 200), (0, 32, 64, 64))
    picture.save(tmp_path / "start.png")
    storyboard = board(
        "red", size=(64, 64), init=Init(image=tmp_path / "start.png"), show_step=1, iterations=1
    )
    (first,) = frames(Session(storyboard, Cast(*storybook_pair)).run())
    assert np.abs(first.astype(int) - np.asarray(picture)).mean() < 25


def test_a_film_can_start_from_the_latent_of_another_of_any_size(tiny_files, tmp_path):
    models = Models(str(tiny_files["clip"]), str(tiny_files["vqgan"]), tiny_files["config"])
    *_, last = render(replace(board("sea"), models=models), "cpu")
    save_file({"latent": last.latent.contiguous()}, tmp_path / "saved.safetensors")

    def first_frame(size):
        start = replace(
            board("sea", size=size, init=Init(latent=tmp_path / "saved.safetensors"), show_step=1),
            models=models,
        )
        return next(p.frame for p in render(start, "cpu") if p.frame is not None)

    assert np.array_equal(first_frame((32, 32)), last.frame)
    assert first_frame((48, 64)).shape == (64, 48, 3)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"z": torch.zeros(2)}, "no tensor 'latent'"),
        ({"latent": torch.zeros(1, 3, 8, 8)}, "3 channels"),
    ],
)
def test_a_latent_that_does_not_fit_is_refused(tiny_pair, tmp_path, tensors, message):
    save_file(tensors, tmp_path / "wrong.safetensors")
    with pytest.raises(VqclipError, match=message):
        Session(board("sea", init=Init(latent=tmp_path / "wrong.safetensors")), Cast(*tiny_pair))


def test_a_scene_ends_closer_to_its_own_prompt_than_to_the_one_before(storybook_pair):
    perceptor = storybook_pair[0]
    texts = ("waves on the ocean at sunset", "a green forest")
    vectors = perceptor.embed_text(texts)
    storyboard = board(
        *texts,
        size=(64, 64),
        iterations=60,
        show_step=60,
        cutouts=8,
        learning_rate=StepSize(0.05, 0.05),
    )
    for index, frame in enumerate(frames(Session(storyboard, Cast(*storybook_pair)).run())):
        picture = torch.from_numpy(frame).permute(2, 0, 1)[None] / 255
        own, other = (perceptor.embed_image(picture)[0] @ vectors[i] for i in (index, 1 - index))
        assert own > other + 0.2


def test_what_is_excluded_is_less_like_the_picture(storybook_pair):
    def likeness(exclude):
        from casting import cast_of

        storyboard = board(
            "a sky at sunset",
            size=(64, 64),
            iterations=40,
            show_step=40,
            cutouts=8,
            exclude=exclude,
            guide=Guide(said="off"),
        )
        (frame,) = frames(Session(storyboard, cast_of(storyboard, "cpu")).run())
        return (
            storybook_pair[0].embed_image(torch.from_numpy(frame).permute(2, 0, 1)[None] / 255)[0]
            @ red
        )

    red = storybook_pair[0].embed_text(["red and orange clouds"])[0]
    assert likeness((PromptPart(text="red and orange clouds", weight=1.0),)) < likeness(()) - 0.1


def test_the_device_of_a_failed_render_is_released(tiny_files, monkeypatch):
    from vqclip_video.engine import session as module

    released = []
    monkeypatch.setattr(module, "release", released.append)
    models = Models(str(tiny_files["clip"]), str(tiny_files["vqgan"]), tiny_files["config"])
    run = render(replace(board("sea"), models=models), "cpu")
    next(run)
    run.close()
    assert released == [torch.device("cpu")]


def test_numbers_that_are_none_lead_back_to_the_last_good_frame_with_a_lower_rate(tiny_pair):
    perceptor, _ = tiny_pair
    embed, notices = perceptor.embed_image, []
    session = Session(board("sea", iterations=12), Cast(*tiny_pair), on_notice=notices.append)
    poisoned = {7}

    def poison_once(images):
        broken = session.iteration in poisoned and (poisoned.discard(session.iteration) or True)
        return embed(images) * (float("nan") if broken else 1.0)

    perceptor.embed_image = poison_once
    progresses = list(session.run())
    assert [progress.moment.frame for progress in progresses if progress.frame is not None] == list(
        range(6)
    )
    assert session.state()["recovery"].numbers["rate_scale"] == 0.5
    assert len(notices) == 1 and "not a number" in notices[0]


def test_numbers_that_stay_none_end_the_render_with_advice(tiny_pair):
    perceptor, _ = tiny_pair
    embed = perceptor.embed_image
    session = Session(board("sea", iterations=12), Cast(*tiny_pair))
    perceptor.embed_image = lambda images: (
        embed(images) * (float("nan") if session.iteration >= 4 else 1.0)
    )
    with pytest.raises(RenderError, match="learning_rate"):
        list(session.run())
