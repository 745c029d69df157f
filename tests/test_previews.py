"""What a film is drawn toward, looked at before: `dream`, `plan --guides`; and films and stills by
dreams, through the commands.
"""

import errno
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from tiny import make_prior

from vqclip_video.cli.main import main
from vqclip_video.engine.cast import load_cast
from vqclip_video.engine.guiding import Dreaming, StillGuides, choices_of
from vqclip_video.engine.options import EngineOptions
from vqclip_video.materials import find_materials, find_models
from vqclip_video.output import stills
from vqclip_video.previews import dream_storyboard, storyboard_of
from vqclip_video.storyboard import reader
from vqclip_video.storyboard.schema import Models
from vqclip_video.storyboard.timeline import Timeline

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = ("--device", "cpu", "--precision", "fp32")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def pair(tiny_files):
    return f"{{clip: {tiny_files['clip']}, vqgan: {tiny_files['vqgan']}, vqgan_config: " + (
        f"{tiny_files['config']}}}"
    )


@pytest.fixture
def prior(folder, tiny_files):
    models = Models(str(tiny_files["clip"]), str(tiny_files["vqgan"]), tiny_files["config"])
    return make_prior(folder, find_models(models))


@pytest.fixture
def tiny(pair, prior):
    """What makes `dream` and `image` take the tiny pair and its prior."""
    return ("--set", f"models={pair}", "--set", f"prior={prior}", "--size", "32x32")


def run(*arguments, status=0):
    ended = CliRunner().invoke(main, [*map(str, arguments)], catch_exceptions=False)
    assert ended.exit_code == status, ended.output
    return ended


def cells(sheet, count, size, title=True):
    """The pictures on a sheet."""
    columns, line = stills._columns(count, *size), round(stills.TEXT_SIZE * 1.35)
    wide = max(size[0], 120) + stills.MARGIN
    high = size[1] + stills.CAPTION_LINES * line + 2 * stills.MARGIN
    top = stills.MARGIN + (line + stills.MARGIN if title else 0)
    with Image.open(sheet) as image:
        for number in range(count):
            x = stills.MARGIN + number % columns * wide
            y = top + number // columns * high
            yield np.asarray(image.crop((x, y, x + size[0], y + size[1])))


def printed(ended):
    """The storyboard that `dream` says."""
    return ended.stdout[ended.stdout.index("size: ") :]


def dream_of_the_film(text, seed):
    """The dream that a film of this storyboard is drawn toward, and its picture."""
    story = reader.parse(text, overrides=(f"scenes[0].settings.dream.seed={seed}",))
    cast = load_cast(find_materials(story), EngineOptions("cpu", "fp32"))
    film = Dreaming(story, choices_of(story, cast), cast, StillGuides(story, cast))
    film.guides()
    drawn = film.dreamer.picture(film.dreams[0].latent)[0].permute(1, 2, 0)
    return film.dreams[0], (drawn * 255).round().byte().numpy()


def test_the_dream_under_a_seed_is_the_one_that_a_film_is_drawn_toward(folder, tiny):
    said = run("dream", "a cat", "-n", 3, "--seed", 4, "-o", "sheet.png", *tiny, *CPU)
    shown = list(cells("sheet.png", 3, (32, 32)))
    assert not np.array_equal(shown[0], shown[1])
    for seed, picture in zip((4, 5, 6), shown, strict=True):
        dream, of_the_film = dream_of_the_film(printed(said), seed)
        assert dream.seed == seed and np.array_equal(of_the_film, picture)


def test_one_that_begins_over_a_sketch_is_too(folder):
    said = run("dream", "a red apple", "-n", 1, "--seed", 1, "--size", "64x64", *CPU)
    (shown,) = cells("outputs/dreams.png", 1, (192, 192))
    dream, of_the_film = dream_of_the_film(printed(said), 1)
    assert dream.over == "a sketch" and np.array_equal(of_the_film, shown)


def test_a_seed_draws_the_same_in_however_long_a_row(folder, tiny):
    run("dream", "a cat", "-n", 3, "--seed", 4, "-q", *tiny, *CPU)
    assert run("dream", "a cat", "-n", 1, "--seed", 6, "-q", *tiny, *CPU).output == ""
    (alone,) = cells("outputs/dreams-2.png", 1, (32, 32))
    assert np.array_equal(list(cells("outputs/dreams.png", 3, (32, 32)))[2], alone)


PROMPTS = ["a cat", "a: cat, {x}", "true", "12", '"x" # it\'s', "- a\nb", "köln ☃ " * 40, "~"]


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_line_that_uses_a_dream_is_read_as_it_was_meant(prompt):
    overrides = ("settings.w2=0.5", "models={clip: ViT-B/32, vqgan: imagenet}")
    board = dream_storyboard(prompt, "watercolor", "256x144", "3", "storybook", overrides)
    text = storyboard_of(board, 9)
    story = reader.parse(text)
    (scene,) = story.scenes
    assert scene.prompt == board.scenes[0].prompt and scene.settings.dream.seed == 9
    assert scene.settings.w2 == 0.5 and scene.settings.style[0].text == "watercolor"
    assert (story.size, story.models) == ((256, 144), board.models)
    assert Timeline(story).frames


def test_nothing_is_said_that_was_not_asked_for():
    text = storyboard_of(dream_storyboard("a cat", "", "256x256", "0", "storybook"), 9)
    assert text == "size: 256x256\nscenes:\n  - {prompt: a cat, settings: {dream: {seed: 9}}}\n"


REFUSED = {
    "size": (["--size", "abc"], "--size: "),
    "ending": (["-o", "sheet.mp4"], "ends in one of .png"),
    "a folder": (["-o", "there.png"], "another name with -o"),
    "below a file": (["-o", "file/sheet.png"], "another name with -o"),
    "none": (["-n", "0"], "1<=x<=100"),
    "many": (["-n", "101"], "1<=x<=100"),
    "seed": (["--seed", str(2**63 - 2)], "begin with a smaller one"),
    "guide": (["--set", "settings.guide=off"], "settings.guide"),
}


@pytest.mark.parametrize(("arguments", "way_out"), REFUSED.values(), ids=REFUSED)
def test_a_sheet_that_cannot_be_drawn_is_refused_before_anything_is(
    arguments, way_out, folder, tiny, monkeypatch
):
    monkeypatch.setattr("vqclip_video.engine.cast.load_cast", None)
    (folder / "there.png").mkdir()
    (folder / "file").touch()
    said = CliRunner().invoke(main, ["dream", "a cat", *tiny, *arguments])
    assert said.exit_code in (1, 2) and way_out in said.output, said.output
    assert not list(folder.rglob("sheet.*"))
    assert "PROMPT: " in run("dream", " ", status=2).output


def test_a_folder_that_nothing_can_be_written_to_is_told_before_anything_is_drawn(
    folder, tiny, monkeypatch
):
    def forbidden(path, *rest, **more):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("vqclip_video.engine.cast.load_cast", None)
    monkeypatch.setattr(Path, "touch", forbidden)
    said = run("dream", "a cat", "-o", "sheet.png", *tiny, status=1).output
    assert "sheet.png: cannot be written" in said and "another name with -o" in said


def test_a_pair_that_cannot_dream_says_what_can(folder, pair):
    said = run("dream", "a cat", "--set", f"models={pair}", "--size", "32x32", status=2).output
    assert "no prior" in said and "storybook" in said and "--set prior=" in said
    assert "no prior" in run("dream", "a cat", "--models", "imagenet", status=2).output


STORY = """\
size: 32x32
fps: 8
seed: 5
models: {pair}
prior: prior.safetensors
settings: {{cutouts: 2, show_step: 1, dream: {{tries: 2}}}}
scenes:
  - {{prompt: a cat, iterations: 4}}
  - {{prompt: a dog, iterations: 4, transition: {{duration: 0.25s, keyframes: 4}}}}
  - {{prompt: a hen, iterations: 4, transition: cut, settings: {{dream: {{seed: 9, carry: 0.9}}}}}}
  - {{prompt: a sea, iterations: 4, settings: {{guide: off}}}}
  - {{prompt: a bay, iterations: 4, settings: {{guide: {{image: red.png}}}}}}
"""


@pytest.fixture
def story(folder, pair, prior):
    Image.new("RGB", (64, 64), "red").save(folder / "red.png")
    path = folder / "story.yaml"
    path.write_text(STORY.format(pair=pair))
    return path


def test_plan_says_what_each_scene_is_drawn_toward(story):
    text = run("plan", story, "--guides").stdout
    assert "    1  a dream: the best of seeds 5 to 6, from noise\n" in text
    assert "    3  a dream: seed 9, over the last scene\n" in text
    assert "    4  off\n" in text and "red.png\n" in text
    assert text == run("plan", story, "--sketches").stdout
    assert "drawn toward" not in run("plan", story).stdout
    guides = json.loads(run("plan", story, "--guides", "--json").stdout)["guides"]
    assert [guide["dream"] and guide["dream"]["seeds"] for guide in guides] == [
        [5, 6],
        [5, 6],
        [9],
        None,
        None,
    ]
    assert guides[2]["dream"]["carried"] and "drawn" not in guides[0]["dream"]
    random = run("plan", story, "--guides", "--set", "seed=random").stdout
    assert "drawn at the render" in random


def test_plan_draws_the_guides_as_the_film_does(story, tiny, monkeypatch):
    # What is best on this machine is measured, and each command may find another thing.
    monkeypatch.setattr("vqclip_video.engine.cast.pick_precision", lambda *rest: torch.float32)
    ended = run("plan", story, "--sheet", "guides.png", "--json")
    guides = json.loads(ended.output[ended.output.index("{") :])["guides"]
    first, _, _, none, red = cells("guides.png", 5, (32, 32), title=False)
    assert (red == (255, 0, 0)).all() and (none == none[0, 0]).all()
    said = run("render", story, "-o", "film.mp4").output
    for scene, guide in enumerate(guides[:3], 1):
        drawn = guide["dream"]["drawn"]
        best = ", the best of 2" if scene < 3 else ""
        assert f"scene {scene} is drawn toward a dream{best}: seed {drawn['seed']}" in said
        assert f"likeness {drawn['likeness']:.2f}" in said
    seed = guides[0]["dream"]["drawn"]["seed"]
    run("dream", "a cat", "-n", 1, "--seed", seed, "-o", "a.png", "-q", *tiny)
    assert np.array_equal(next(cells("a.png", 1, (32, 32))), first)


def test_guides_of_a_seed_that_is_not_there_yet_are_not_drawn(story, folder):
    said = run("plan", story, "--sheet", "g.png", "--set", "seed=random", status=2).output
    assert "--set seed=" in said and not (folder / "g.png").exists()
    for name in ("g.txt", "red.png/g.png"):
        ended = CliRunner().invoke(main, ["plan", str(story), "--sheet", name])
        assert ended.exit_code in (1, 2) and "--sheet" in ended.output


def test_a_film_by_dreams_says_them_and_how_long_they_took(story, folder):
    said = run("render", story, "-o", "film.mp4", *CPU).output
    assert "scene 1 becomes scene 2 through 4 dreams" in said
    assert "scene 2 becomes" not in said and "scene 4 is drawn" not in said
    seconds = json.loads((folder / "film/run.json").read_text())["seconds"]
    assert seconds["guides"] > 0
    again = run("render", story, "-o", "again.mp4", "--set", "settings.guide=dream", *CPU).output
    assert again.splitlines()[:2] == said.splitlines()[:2]
    blended = ("--set", "scenes[1].transition.morph=blend")
    assert "becomes" not in run("render", story, "-o", "blend.mp4", *blended, *CPU).output
    film, same, other = (
        (folder / name / "latents/scene-02.safetensors").read_bytes()
        for name in ("film", "again", "blend")
    )
    assert film == same != other


def test_a_still_is_drawn_toward_its_dream(folder, tiny):
    still = ("--iterations", 4, "--set", "settings.cutouts=2", *tiny, *CPU)
    said = run("image", "a cat", "-o", "cat.png", "--set", "settings.dream.seed=9", *still).output
    assert "scene 1 is drawn toward a dream: seed 9" in said
    run("image", "a cat", "-o", "other.png", "--set", "settings.dream.seed=8", *still)
    run("image", "a cat", "-o", "free.png", "--set", "settings.guide=off", *still)
    pictures = [(folder / name).read_bytes() for name in ("cat.png", "other.png", "free.png")]
    assert len(set(pictures)) == 3
