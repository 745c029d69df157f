"""Films drawn toward sketches and pictures: how strongly, toward what, and that they go on
exactly.
"""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from vqclip_video.catalogue import known, names, store
from vqclip_video.catalogue.model import Model, ModelFile, Pair
from vqclip_video.cli.main import main
from vqclip_video.engine.cast import Cast, load_pair
from vqclip_video.engine.guides import Guides
from vqclip_video.engine.guiding import prepare
from vqclip_video.engine.latent import Latent
from vqclip_video.engine.session import Session
from vqclip_video.errors import StoryboardError
from vqclip_video.film import FilmOptions, make_fingerprint
from vqclip_video.materials import companion, find_materials, find_models
from vqclip_video.models.vqgan.bounds import ChannelRange
from vqclip_video.sketchbook import book as books
from vqclip_video.sketchbook.build import Drawing, build_sketchbook
from vqclip_video.sketchbook.choose import choose
from vqclip_video.storyboard import reader
from vqclip_video.storyboard.schema import Guide, GuideWeight, Models, Scene, Settings
from vqclip_video.storyboard.timeline import Timeline

pytestmark = pytest.mark.usefixtures("one_thread")
COLOURS = {"cat": (220, 40, 40), "dog": (40, 60, 220)}


@pytest.fixture
def tiny_models(tiny_files):
    return Models(str(tiny_files["clip"]), str(tiny_files["vqgan"]), tiny_files["config"])


@pytest.fixture
def tiny_book(tiny_pair, tiny_models):
    """A red cat and a blue dog."""
    drawings = [
        Drawing(Image.new("RGB", (32, 24), colour), f"a {name}", name)
        for name, colour in COLOURS.items()
    ]
    return build_sketchbook(drawings, *tiny_pair, find_models(tiny_models), (32, 24))


def board(scenes, models=None, settings="", top="", **about):
    """Scenes of a second and `iterations: 12` each from their prompts."""
    text = (
        f"size: 32x32\nfps: 12\ngrids: 2\n{top}\nsettings: {{cutouts: 2, show_step: 2, "
        f"{settings}}}\nscenes:\n"
    )
    text += "".join(f"  - {scene}\n" for scene in scenes)
    story = reader.parse(text, **about)
    return replace(story, models=models) if models else story


def scene(prompt, *rest):
    return "{" + ", ".join([f"prompt: {prompt}", "iterations: 12", *rest]) + "}"


def weights(*scenes, settings=""):
    line = Timeline(board(scenes, settings=settings))
    return [line.at(i) for i in range(line.total_iter)]


def test_the_pull_falls_geometrically_and_stays():
    found = [
        m.settings.guide_weight
        for m in weights(scene("a"), settings="guide_weight: {start: 0.4, end: 0.1, over: 0.5}")
    ]
    assert found[0] == 0.4 and found[3] == pytest.approx(0.2) and found[6:] == [0.1] * 6
    assert np.diff(np.log(found[:7])) == pytest.approx(np.log(0.25) / 6)


def test_a_number_pulls_the_same_all_through_the_scene():
    assert {m.settings.guide_weight for m in weights(scene("a"), settings="guide_weight: 0.3")} == {
        0.3
    }
    assert {m.settings.guide_weight for m in weights(scene("a"), settings="guide_weight: 0")} == {
        0.0
    }


@pytest.mark.parametrize(("start", "end"), [(0.4, 0.0), (0.0, 0.4)])
def test_a_pull_to_or_from_nothing_is_a_course_too(start, end):
    found = weights(scene("a"), settings=f"guide_weight: {{start: {start}, end: {end}, over: 0.5}}")
    shares = [m.settings.guide_weight for m in found]
    assert shares[6:] == [end] * 6 and all(0 <= share <= 0.4 for share in shares)
    assert shares == sorted(shares, reverse=start > end)


def test_a_scene_keeps_its_full_pull_until_the_film_has_arrived():
    travel = "transition: {duration: 0.25s, curve: linear}"  # 6 of 12 iterations
    settings = "guide_weight: {start: 0.4, end: 0.1, over: 0.5}"
    second = weights(scene("a"), scene("b", travel), settings=settings)[12:]
    assert [m.settings.guide_weight for m in second[:7]] == [0.4] * 7 and second[
        -1
    ].settings.guide_weight == pytest.approx(0.1)
    assert [m.before.settings.guide_weight for m in second[:5]] == [0.1] * 5
    assert second[5].before is None


def test_target_and_pull_travel_with_the_mix():
    red, blue = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    moment = replace(
        weights(scene("a"))[0],
        scene=1,
        previous=0,
        mix=0.25,
        now=Scene(settings=Settings(guide_weight=0.4)),
        before=Scene(settings=Settings(guide_weight=0.08)),
    )
    target, share = Guides([red, blue]).at(moment, (2, 2))
    assert (target == 0.25).all() and share == pytest.approx(0.25 * 0.4 + 0.75 * 0.08)
    target, share = Guides([red, None]).at(moment, (2, 2))
    assert (target == 0).all() and share == pytest.approx(0.06)
    target, share = Guides([None, blue]).at(moment, (2, 2))
    assert (target == 1).all() and share == pytest.approx(0.1)
    assert Guides([None, None]).at(moment, (2, 2)) is None
    assert Guides([red, blue]).at(moment, (4, 3))[0].shape == (1, 1, 4, 3)


@pytest.mark.parametrize("grids", [1, 3])
def test_a_pull_moves_the_latent_that_share_of_the_way(grids):
    bound = torch.ones(2)
    latent = Latent(torch.rand(1, 2, 12, 12), ChannelRange(-bound, bound), grids)
    for grid in latent.grids:
        grid.grad = torch.rand_like(grid)
    latent.step(latent.pace(0.1, 0.0))
    before, target = latent.value.detach().clone(), torch.full((1, 2, 12, 12), 0.5)
    moments = [moment.clone() for moment in latent.means]
    latent.pull(target, 0.3)
    assert torch.allclose(latent.value, before.lerp(target, 0.3), atol=1e-6)
    assert all(torch.equal(one, other) for one, other in zip(moments, latent.means, strict=True))


def final_latent(storyboard, pair, book=None, start=None, notices=None):
    on_notice = (lambda text: None) if notices is None else notices.append
    session = Session(storyboard, Cast(*pair, book=book), start=start, on_notice=on_notice)
    return list(session.run())[-1].latent, session


def test_the_film_is_drawn_toward_its_sketch(tiny_pair, tiny_book, tiny_models):
    story, notices = board([scene("a cat in the snow")], tiny_models, "guide_weight: 0.3"), []
    guided, session = final_latent(story, tiny_pair, tiny_book, notices=notices)
    target = session.guides.targets[0]
    perceptor, vqgan = load_pair(find_models(tiny_models), torch.device("cpu"), "fp32")
    free, _ = final_latent(story, (perceptor, vqgan))
    assert (guided - target).norm() < 0.5 * (free - target).norm()
    fit = choice_fit(story, vqgan, tiny_book, tiny_models)
    assert notices == [f"scene 1 is drawn toward the sketch: a cat (fit {fit:.2f})"]


def choice_fit(story, vqgan, book, models):
    perceptor, _ = load_pair(find_models(models), torch.device("cpu"), "fp32")
    (choice,) = choose(story, book, lambda texts: perceptor.embed_text(texts).numpy())
    return choice.sketch.fit


@pytest.mark.parametrize("settings", ["guide: off", "guide_weight: 0", ""])
def test_without_a_guide_the_film_is_what_it_was(settings, tiny_pair, tiny_book, tiny_models):
    prompt = "an ambulance" if not settings else "a cat"
    with_book, _ = final_latent(board([scene(prompt)], tiny_models, settings), tiny_pair, tiny_book)
    pair = load_pair(find_models(tiny_models), torch.device("cpu"), "fp32")
    plain, _ = final_latent(board([scene(prompt)], tiny_models), pair)
    assert torch.equal(with_book, plain)


def test_where_no_sketch_fits_the_scene_says_so_and_runs(tiny_pair, tiny_book, tiny_models):
    notices = []
    final_latent(
        board([scene("a cat"), scene("an ambulance")], tiny_models),
        tiny_pair,
        tiny_book,
        notices=notices,
    )
    assert notices[1:] == ["scene 2: none fits: no sketch of 'ambulance'; it runs unguided"]


def test_a_guided_film_goes_on_bit_for_bit(tiny_pair, tiny_book, tiny_models):
    story = board(
        [scene("a cat"), scene("a dog", "transition: {duration: 0.4s}")],
        tiny_models,
        top="grow: true",
    )
    whole = list(Session(story, Cast(*tiny_pair, book=tiny_book)).run())
    state = whole[13].state
    pair = load_pair(find_models(tiny_models), torch.device("cpu"), "fp32")
    rest = list(Session(story, Cast(*pair, book=tiny_book), start=state).run())
    assert (rest[-1].frame == whole[-1].frame).all() and torch.equal(
        rest[-1].latent, whole[-1].latent
    )


def test_any_pair_is_drawn_toward_a_picture_of_ones_own(tiny_pair, tiny_models, tmp_path):
    Image.new("RGB", (90, 40), (10, 200, 30)).save(tmp_path / "mine.png")
    story = board(
        [scene("a cat")], tiny_models, "guide: {image: mine.png}, guide_weight: 1", base=tmp_path
    )
    latent, session = final_latent(story, tiny_pair)
    assert torch.allclose(latent, session.guides.targets[0], atol=0.5)
    assert session.guides.targets[0].shape == (1, 8, 8, 8)


def test_a_sketch_is_made_once_for_all_scenes_that_share_it(tiny_pair, tiny_book):
    story = replace(board([scene("a cat"), scene("an ambulance"), scene("cats")]), size=(30, 22))
    first, none, third = prepare(story, Cast(*tiny_pair, book=tiny_book)).targets
    assert first is third and none is None and first.shape == (1, 8, 6, 8)
    assert torch.equal(tiny_pair[1].bound(first), first)


def test_words_of_ones_own_choose_the_sketch(tiny_book, tiny_pair):
    prompts = ["[{text: a dog, weight: 0.5}, {text: a cat}]", "a dog"]
    story = board([scene(prompts[0]), scene(prompts[1], "settings: {guide: {sketch: a cat}}")])
    choices = choose(story, tiny_book, lambda texts: tiny_pair[0].embed_text(texts).numpy())
    assert [choice.sketch.subject for choice in choices] == ["cat", "cat"]


@pytest.mark.parametrize("with_book", [True, False])
def test_a_sketch_that_is_not_there_is_told_with_its_place(with_book, tiny_book, tiny_pair):
    story = board([scene("a cat"), scene("a dog", "settings: {guide: {sketch: a zebra}}")])
    with pytest.raises(
        StoryboardError, match=r":8:\d+: scenes\[1\].settings.guide.sketch: "
    ) as caught:
        choose(
            story,
            tiny_book if with_book else None,
            lambda texts: tiny_pair[0].embed_text(texts).numpy(),
        )
    assert ("no sketch of 'zebra'" if with_book else "sketchbook build") in str(caught.value)


def test_a_scenes_guide_replaces_the_films(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    scenes = [
        scene("a"),
        scene("b", "settings: {guide: auto}"),
        scene("c", "settings: {guide: {sketch: x}}"),
    ]
    story = board(scenes, settings="guide: {image: a.png}", base=tmp_path)
    assert [s.settings.guide for s in story.scenes] == [
        Guide(image=tmp_path / "a.png"),
        Guide(),
        Guide(sketch="x"),
    ]
    assert reader.parse(reader.dump(story)) == story
    story = board(
        [scene("a", "settings: {guide_weight: {end: 0.5}}"), scene("b")],
        settings="guide_weight: 0.25",
    )
    assert story.scenes[0].settings.guide_weight == GuideWeight(0.25, 0.5)
    assert story.scenes[1].settings.guide_weight == GuideWeight(0.25, 0.25)


MISTAKES = {
    "guide: of": "expected auto, dream, off, or a mapping with image, sketch or dream, found 'of'",
    "guide: {}": "expected auto, dream, off, or a mapping with image, sketch or dream",
    "guide: {image: no.png}": "cannot find",
    "guide: {sketch: ''}": "expected a text with words in it",
    "guide: {image: no.png, sketch: a}": "found both image and sketch",
    "guide_weight: 2": "expected a number from 0 to 1, found '2'",
    "guide_weight: {over: -1}": "expected a number from 0 to 1",
}


@pytest.mark.parametrize(("settings", "said"), MISTAKES.items())
def test_a_mistake_is_told_with_its_place(settings, said):
    with pytest.raises(StoryboardError, match=r"s.yaml:5:\d+: settings.guide") as caught:
        board([scene("a")], settings=settings, name="s.yaml")
    assert said in str(caught.value)


def test_a_sketchbook_that_is_none_is_told_with_its_place(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"nothing")
    for name, said in (
        ("a.safetensors", "is no .safetensors file"),
        ("b.safetensors", "cannot find"),
        ("c", "found 'c"),
    ):
        with pytest.raises(StoryboardError, match=r":4:\d+: sketchbook: .*" + said):
            board([scene("a")], top=f"sketchbook: {name}", base=tmp_path)


@pytest.fixture
def book_file(tiny_book, tmp_path):
    path = tmp_path / "book.safetensors"
    path.write_bytes(books.book_bytes(tiny_book))
    return path


def test_another_book_or_picture_is_another_film(book_file, tiny_models, tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")

    def fingerprint(guide):
        story = board(
            [scene("a cat")],
            tiny_models,
            f"guide: {guide}",
            "sketchbook: book.safetensors",
            base=tmp_path,
        )
        options = FilmOptions("cpu", "fp32")
        materials = find_materials(story)
        return make_fingerprint(Timeline(story), materials, torch.device("cpu"), options)

    auto, picture, off = fingerprint("auto"), fingerprint("{image: a.png}"), fingerprint("off")
    assert "sketchbook (sha256)" in auto and not {"sketchbook (sha256)"} & {*picture, *off}
    book_file.write_bytes(book_file.read_bytes() + b"\0")
    Image.new("RGB", (8, 8), "red").save(tmp_path / "a.png")
    assert (
        fingerprint("auto") != auto
        and fingerprint("{image: a.png}") != picture
        and fingerprint("off") == off
    )


def test_a_pairs_own_book_is_found_beside_its_weights(tmp_path, monkeypatch):
    file = ModelFile("sketchbook.safetensors")
    book = Model(
        "own-book", "sketchbook", 0, (file,), "MIT", "in the package", "sketches", bundled=True
    )
    monkeypatch.setitem(known.MODELS, "own-book", book)
    monkeypatch.setitem(
        known.PAIRS, "storybook", Pair("storybook-clip", "storybook-vqgan", "own-book")
    )
    monkeypatch.setattr(store, "BUNDLED", tmp_path)
    assert companion("sketchbook", Models()) is None  # the file is not here
    (tmp_path / "sketchbook.safetensors").write_bytes(b"x")
    assert companion("sketchbook", Models()) == tmp_path / "sketchbook.safetensors"
    assert companion("sketchbook", Models("storybook-clip", "storybook-vqgan")) is not None
    assert companion("sketchbook", Models("ViT-B/32", "storybook")) is None
    assert [model.kind for model in names.members("storybook")] == ["clip", "vqgan", "sketchbook"]


def test_plan_names_the_sketches_and_render_says_them(book_file, tiny_models, tmp_path):
    models = (
        f"{{clip: {tiny_models.clips[0]}, vqgan: {tiny_models.vqgan}, vqgan_config: "
        f"{tiny_models.vqgan_config}}}"
    )
    scenes = [scene("a cat"), scene("an ambulance"), scene("a dog", "settings: {guide: off}")]
    story = tmp_path / "story.yaml"
    story.write_text(
        f"size: 32x32\nmodels: {models}\nsketchbook: book.safetensors\nsettings: {{cutouts: "
        "2}\nscenes:\n" + "".join(f"  - {each}\n" for each in scenes)
    )

    def run(*arguments):
        ended = CliRunner().invoke(main, [*map(str, arguments)], catch_exceptions=False)
        assert ended.exit_code == 0, ended.output
        return ended.output

    text = run("plan", story, "--sketches")
    assert (
        "    1  a sketch: a cat (fit " in text
        and "    2  none fits: no sketch of 'ambulance'" in text
        and "    3  off" in text
    )
    assert "drawn toward" not in run("plan", story) and "guides" not in json.loads(
        run("plan", story, "--json")
    )
    guides = json.loads(run("plan", story, "--sketches", "--json"))["guides"]
    assert (
        guides[0]["sketch"]["caption"] == "a cat"
        and guides[1]["sketch"] is None
        and guides[2]["why"] == "off"
    )
    said = run(
        "render", story, "-o", tmp_path / "film.mp4", "--device", "cpu", "--precision", "fp32"
    )
    assert "scene 1 is drawn toward the sketch: a cat" in said and "scene 2: none fits" in said
    kept = json.loads((tmp_path / "film" / "run.json").read_text())["fingerprint"]
    assert len(kept["sketchbook (sha256)"]) == 64


def test_the_guides_in_the_docs_are_right(book_file, tmp_path):
    book_file.rename(tmp_path / "holiday.safetensors")
    Image.new("RGB", (8, 8)).save(tmp_path / "cat.jpg")
    page = (Path(__file__).parent.parent / "docs/guides.md").read_text("utf-8")
    (example,) = (
        text for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "guide:" in text
    )
    assert [scene.settings.guide.word for scene in reader.parse(example, base=tmp_path).scenes] == [
        "auto",
        "",
        "",
        "off",
    ]
