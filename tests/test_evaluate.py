"""How a pair is judged, and that the packaged one still is what docs/storybook.md says of it."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from vqclip_video.catalogue.store import BUNDLED
from vqclip_video.cli.main import main
from vqclip_video.materials import find_models
from vqclip_video.sketchbook import subject
from vqclip_video.storyboard.schema import Models
from vqclip_video.training import evaluate
from vqclip_video.training.storybook import judged
from vqclip_video.training.storybook.judged import flat_error


def test_the_packaged_pair_is_small():
    assert sum(path.stat().st_size for path in BUNDLED.glob("*.safetensors")) < 70e6


def test_every_fixed_prompt_finds_a_sketch_of_its_subject(storybook_pair):
    perceptor, _ = storybook_pair
    for prompt, pick in evaluate.picks(find_models(Models()), perceptor):
        assert pick, prompt
        assert pick.subject.split()[-1] in subject.tokens(prompt), (prompt, pick)


def test_words_that_no_caption_held_are_understood(storybook_pair):
    perceptor, _ = storybook_pair
    right = [meant == found for _, meant, found in judged.nearest_known(perceptor.embed_text)]
    assert sum(right) >= 27


def test_plain_colours_stay_plain(storybook_pair, one_thread):
    _, vqgan = storybook_pair
    assert flat_error(vqgan, side=64) < 0.02


def test_measures_are_told_with_their_bars(tmp_path, monkeypatch):
    rows = [evaluate.at_least("seen", 0.5, 0.78), evaluate.at_most("size, MB", 39.5, 40)]
    monkeypatch.setattr(evaluate, "measures", lambda models, held_out, report: iter(rows))
    picture = Image.fromarray(np.full((192, 192, 3), 200, np.uint8))
    monkeypatch.setattr(evaluate, "stills", lambda models, guide: [("a cat", picture)] * 7)
    ended = CliRunner().invoke(main, ["train", "evaluate", "-o", str(tmp_path / "out")])
    assert ended.exit_code == 0, ended.output
    assert (
        "| seen | 0.5 | 0.78 | not yet |" in ended.output
        and "| size, MB | 39.5 | 40 | reached |" in ended.output
    )
    assert [
        row["good"] for row in json.loads((tmp_path / "out" / "measures.json").read_text())
    ] == [False, True]
    with Image.open(tmp_path / "out" / "guide-off.png") as sheet:
        assert sheet.width > 6 * 192 and sheet.height > 2 * 192
        assert sheet.getpixel((20, 20)) == (200, 200, 200)


def test_a_folder_without_a_pair_is_one_line(tmp_path):
    arguments = ["--pair", str(tmp_path), "-o", str(tmp_path / "out")]
    ended = CliRunner().invoke(main, ["train", "evaluate", *arguments])
    assert (
        ended.exit_code == 1
        and "clip.safetensors" in ended.output
        and "Traceback" not in ended.output
    )


def test_unseen_pictures_are_shrunk_as_the_tower_sees_them():
    pictures = np.zeros((3, 192, 192, 3), np.uint8)
    pictures[1] = 255
    (small,) = evaluate._shrunk(pictures, 64)
    assert small.shape == (3, 3, 64, 64) and torch.equal(
        small.mean((1, 2, 3)), torch.tensor([0.0, 1.0, 0.0])
    )


@pytest.mark.parametrize("guide", ["auto", "off"])
def test_the_fixed_prompts_are_rendered_from_noise(guide, monkeypatch):
    monkeypatch.setattr(judged, "prompts", lambda: ("a cat on a hill",))
    monkeypatch.setattr(evaluate, "ITERATIONS", 2)
    monkeypatch.setattr(evaluate, "STILL_SIDE", 64)
    ((prompt, picture),) = evaluate.stills(Models(), guide)
    assert prompt == "a cat on a hill" and picture.size == (64, 64)
