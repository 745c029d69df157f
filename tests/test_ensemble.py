"""Several CLIPs at once: how they are asked for, how they judge together, what a film of them is."""

import json
import re

import pytest
import torch
from casting import cast_of
from click.testing import CliRunner
from complaints import complaints
from tiny import make_clip

from vqclip_video.cli.main import main
from vqclip_video.engine.judge import Judge, Judges
from vqclip_video.engine.memory import activation_bytes
from vqclip_video.engine.session import Session
from vqclip_video.film import FilmOptions, make_film, make_fingerprint
from vqclip_video.footprint import footprint
from vqclip_video.materials import find_materials
from vqclip_video.outline import outline
from vqclip_video.storyboard import reader
from vqclip_video.storyboard.schema import ChosenCLIP
from vqclip_video.storyboard.timeline import Timeline
from vqclip_video.storyboard.writer import dump

ONE_SCENE = "scenes: [{prompt: a boat, duration: 1s}]\n"


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    """A tiny CLIP, a ResNet of 64 pixels."""
    return make_clip(tmp_path_factory.mktemp("second"), "resnet", "safetensors")


@pytest.fixture(scope="module")
def third(tmp_path_factory):
    """A tiny CLIP, a ViT of 32 pixels."""
    return make_clip(tmp_path_factory.mktemp("third"), "vit", "safetensors")


def story(second, more: str = "", clips: str = "", iterations: int = 8, guide: str = "off"):
    clips = clips or f"storybook, {{file: {second}, weight: 0.5}}"
    text = f"""
size: 48x32
fps: 8
seed: 4
models: {{clip: [{clips}], vqgan: storybook{more}}}
settings: {{cutouts: 4, show_step: 1, exclude: [text], guide: {guide}}}
scenes:
  - {{prompt: a lighthouse at sunset, iterations: {iterations}}}
  - {{prompt: a fox in the snow, iterations: {iterations}, transition: {{duration: 0.125s}}}}
"""
    return reader.parse(text)


def progresses(board, cast=None, **rest):
    return list(Session(board, cast or cast_of(board, "cpu", "fp32"), **rest).run())


def test_a_clip_is_named_alone_or_in_a_list_with_weights(second):
    board = reader.parse(
        f"models: {{clip: [ViT-B/32, {{name: RN50, weight: 0.5}}, {second}]}}\n{ONE_SCENE}"
    )
    assert board.models.clip == (
        ChosenCLIP("ViT-B/32"),
        ChosenCLIP("RN50", weight=0.5),
        ChosenCLIP.of(str(second)),
    )
    assert not board.models.alternate
    assert board.models.names == f"ViT-B/32 + RN50 + {second.name} + storybook"
    assert reader.parse(dump(board)) == board
    alone = reader.parse(f"models: {{clip: [RN50]}}\n{ONE_SCENE}")
    assert alone == reader.parse(f"models: {{clip: RN50}}\n{ONE_SCENE}")


@pytest.mark.parametrize(
    ("models", "where", "said"),
    [
        ("{clip: []}", "models.clip", "from 1 to 16 CLIPs, found 0"),
        ("{clip: [RN50, RN50]}", "models.clip", "RN50 twice"),
        ("{clip: [RN50, {name: RN50, weight: 2}]}", "models.clip", "RN50 twice"),
        ("{clip: [RN50, {weight: 2}]}", "models.clip[1]", "neither name nor file"),
        ("{clip: [RN50, {name: RN101, weight: 0}]}", "models.clip[1].weight", "above 0"),
        ("{clip: RN50, alternate: true}", "models.alternate", "there is one CLIP"),
        ("{clip: [RN50], alternate: true}", "models.alternate", "there is one CLIP"),
        ("{alternate: true}", "models.alternate", "there is one CLIP"),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused_at_its_place(models, where, said):
    found = complaints(f"models: {models}\n{ONE_SCENE}")
    assert any(where in line and said in line for line in found), found


def test_a_list_is_checked_before_anything_is_loaded(tmp_path):
    path = tmp_path / "story.yaml"
    path.write_text(f"models: {{clip: [storybook, RN51, ./none.pt]}}\n{ONE_SCENE}")
    said = CliRunner().invoke(main, ["plan", str(path)])
    assert said.exit_code != 0 and "RN51" in said.output and "none.pt" in said.output


def test_gradients_and_similarities_are_those_of_each_by_its_share(second):
    board = story(second)
    cast = cast_of(board, "cpu", "fp32")
    moment = Timeline(board).at(0)
    picture = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))

    def judged(judge):
        leaf = picture.clone().requires_grad_()
        return judge.look(leaf, judge.inputs(moment, (32, 48))), leaf.grad

    judges = Judges(cast.perceptors, board, low_memory=False)
    verdict, gradient = judged(judges)
    alone = [
        judged(Judge(perceptor, board, judges.calls, place=place))
        for place, perceptor in enumerate(cast.perceptors)
    ]
    shares = (2 / 3, 1 / 3)
    seen = [verdict.seen[place] for place, (verdict, _) in enumerate(alone)]
    similarity = sum(s * each for s, each in zip(shares, seen, strict=True))
    together, each = judges.together(verdict.seen)
    assert together == pytest.approx(float(similarity), abs=1e-6)
    for name in ("clip", "exclude"):
        together = sum(s * each.terms[name] for s, (each, _) in zip(shares, alone, strict=True))
        assert verdict.terms[name] == pytest.approx(float(together), abs=1e-6)
    wanted = sum(share * each for share, (_, each) in zip(shares, alone, strict=True))
    assert torch.allclose(gradient, wanted, atol=1e-7)
    assert [float(value) for value in each.values()] == [float(value) for value in seen]
    assert list(each) == ["storybook", second.name]


def test_each_sees_cutouts_of_its_own_size_and_choice(second, third):
    board = story(second, clips=f"storybook, {second}, {third}", iterations=1)
    cast, seen = cast_of(board, "cpu", "fp32"), []
    for perceptor in cast.perceptors:
        embed = perceptor.embed_image
        perceptor.embed_image = lambda images, embed=embed: seen.append(images) or embed(images)
    next(Session(board, cast).run())
    storybook, resnet, vit = seen[:3]
    assert [images.shape[-1] for images in (storybook, resnet, vit)] == [64, 64, 32]
    assert not torch.equal(storybook, resnet)


def test_in_turns_each_iteration_is_shown_to_one(second, third):
    clips = f"storybook, {second}, {{file: {third}, weight: 2}}"
    board = story(second, ", alternate: true", clips, iterations=3)
    cast, calls = cast_of(board, "cpu", "fp32"), []
    for number, perceptor in enumerate(cast.perceptors):
        embed = perceptor.embed_image

        def noted(images, embed=embed, number=number):
            calls.append(number)
            return embed(images)

        perceptor.embed_image = noted
    found = progresses(board, cast)
    assert calls == [0, 1, 2, 0, 1, 2]
    assert [len(each.similarities) for each in found] == [1, 2, 3, 3, 3, 3]
    kept = found[2].similarities, found[3].similarities
    assert [name for name in kept[0] if kept[0][name] != kept[1][name]] == ["storybook"]
    together = sum(
        share * value for share, value in zip((0.25, 0.25, 0.5), kept[1].values(), strict=True)
    )
    assert found[3].similarity == pytest.approx(together, abs=1e-6)


def test_over_all_turns_each_counts_by_its_share(second):
    """The gradients of as many iterations as there are CLIPs add up to as many times that of all."""
    board = story(second)
    turns = story(second, ", alternate: true")
    cast, timeline = cast_of(board, "cpu", "fp32"), Timeline(board)
    picture = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(1))
    at_once, in_turns = (Judges(cast.perceptors, each, low_memory=False) for each in (board, turns))
    for place, share in enumerate((2 / 3, 1 / 3)):
        leaf, other = picture.clone().requires_grad_(), picture.clone().requires_grad_()
        moment = timeline.at(place)
        in_turns.look(leaf, in_turns.inputs(moment, (32, 48)))
        judge = at_once.all[place]
        judge.look(other, judge.inputs(moment, (32, 48)))
        assert at_once.all[place].weight == pytest.approx(share)
        assert torch.allclose(leaf.grad, 2 * other.grad, atol=1e-7)


@pytest.mark.parametrize("more", ["", ", alternate: true"])
def test_a_film_that_was_stopped_is_the_film_it_would_have_been(second, tmp_path, more):
    board, options = story(second, more), FilmOptions(device="cpu", precision="fp32")
    whole, stopped = tmp_path / "whole.mp4", tmp_path / "stopped.mp4"
    make_film(board, whole, options)
    asked = []
    result = make_film(
        board, stopped, options, should_stop=lambda: asked.append(0) or len(asked) > 6
    )
    assert result.state == "stopped"
    assert make_film(board, stopped, options).state == "finished"
    for name in ("progress.jsonl", "poster.png", "latents/scene-02.safetensors"):
        one, other = (path.with_suffix("") / name for path in (whole, stopped))
        assert one.read_bytes() == other.read_bytes(), name
    log = whole.with_suffix("") / "progress.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(lines) == 16
    assert list(lines[-1]["similarities"]) == ["storybook", second.name]
    first, other = lines[-1]["similarities"].values()
    assert lines[-1]["similarity"] == pytest.approx((2 * first + other) / 3, abs=2e-5)


def test_a_film_is_another_one_with_other_clips_weights_or_turns(second, third):
    options = FilmOptions(device="cpu", precision="fp32")

    def fingerprint(board):
        return make_fingerprint(
            Timeline(board), find_materials(board), torch.device("cpu"), options
        )

    boards = [
        story(second),
        story(second, ", alternate: true"),
        story(second, clips=f"storybook, {second}"),
        story(second, clips=f"storybook, {third}"),
        story(second, clips="storybook"),
    ]
    prints = [json.dumps(fingerprint(board), sort_keys=True) for board in boards]
    assert len(set(prints)) == len(prints)
    named = fingerprint(boards[0])
    assert {"CLIP file (sha256)", "CLIP 2 file (sha256)"} <= named.keys()
    second_again = second.rename(second.with_name("moved.safetensors"))
    try:
        moved = fingerprint(story(second_again))
        assert moved["CLIP 2 file (sha256)"] == named["CLIP 2 file (sha256)"]
    finally:
        second_again.rename(second)


def test_files_of_one_name_are_told_apart(second, tmp_path):
    other = tmp_path / second.name
    other.write_bytes(second.read_bytes())
    board = story(second, clips=f"{second}, {other}")
    assert board.models.labels == (second.name, f"{second.name} (2)")


def test_out_of_memory_in_the_second_lowers_what_each_gets_at_once(second):
    board = story(second, iterations=2)
    cast, notices = cast_of(board, "cpu", "fp32"), []
    embed = cast.others[0].embed_image

    def short_of_memory(images):
        if len(images) > 2:
            raise RuntimeError("out of memory")
        return embed(images)

    cast.others[0].embed_image = short_of_memory
    session = Session(board, cast, on_notice=notices.append)
    found = list(session.run())
    assert session.judge.calls.limit == 2
    assert session.state()["judge"].numbers == {"batch_size": 2}
    assert any("2 cutouts per CLIP call" in notice for notice in notices)
    undisturbed = progresses(board)
    assert found[0].similarity == pytest.approx(undisturbed[0].similarity, abs=1e-5)


def test_sketches_and_prior_belong_to_the_first(second):
    board = story(second, guide="auto")
    materials = find_materials(board)
    assert materials.prior is not None and materials.sketchbook is not None
    cast = cast_of(board, "cpu", "fp32")
    assert cast.prior is not None and cast.book is not None
    swapped = find_materials(story(second, clips=f"{second}, storybook", guide="auto"))
    assert swapped.prior is None and swapped.sketchbook is None


def test_memory_is_planned_for_the_one_that_keeps_most(second, third):
    def planned(*clips):
        board = story(second, clips=", ".join(map(str, clips)))
        return outline(board), footprint(board, outline(board))

    (small, low), (large, high) = planned(third), planned(second)
    both, together = planned(third, second)
    assert both.clip_side == large.clip_side and both.clip_values == large.clip_values
    assert both.bytes == small.bytes + second.stat().st_size
    assert low.kept < high.kept == together.kept and together.host > high.host
    board = story(second, clips=f"{third}, {second}")
    cast = cast_of(board, "cpu", "fp32")
    needed = activation_bytes(board, cast.perceptors, cast.vqgan)
    assert needed == activation_bytes(board, cast.others, cast.vqgan)
    assert needed > activation_bytes(board, [cast.perceptor], cast.vqgan)


def test_what_one_clip_says_is_told_as_it_was(tmp_path):
    board = reader.parse("size: 32x32\nsettings: {cutouts: 2}\n" + ONE_SCENE.replace("1s", "0.1s"))
    (first, *_) = [p for p in progresses(board) if p.similarity is not None]
    assert first.similarities == {}


def test_a_machine_reads_each_and_a_person_all_together(second, tmp_path):
    path = tmp_path / "story.yaml"
    path.write_text(dump(story(second, iterations=2)))
    render = ["render", str(path), "-o", str(tmp_path / "film.mp4"), "--device", "cpu"]
    said = CliRunner().invoke(main, [*render, "--json"])
    assert said.exit_code == 0, said.output
    events = [json.loads(line) for line in said.stdout.splitlines() if line.startswith("{")]
    frames = [event for event in events if event["event"] == "frame"]
    assert all(list(frame["similarities"]) == ["storybook", second.name] for frame in frames)
    best = max(frame["similarity"] for frame in frames)
    again = CliRunner().invoke(main, [*render, "--fresh"])
    assert re.search(rf"best similarity {best:.3f}", again.output)


def test_bench_measures_several_and_the_usual_recipe_only_one(second, tmp_path):
    path = tmp_path / "story.yaml"
    path.write_text(dump(story(second)))
    options = [str(path), "--repeats", "1", "--device", "cpu"]
    said = CliRunner().invoke(main, ["bench", *options, "--json"])
    assert said.exit_code == 0, said.output
    assert json.loads(said.stdout)["models"] == f"storybook + {second.name}"
    said = CliRunner().invoke(main, ["bench", *options, "--against", "reference"])
    assert said.exit_code != 0 and "one CLIP" in said.output and "--against" in said.output
