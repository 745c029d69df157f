"""Training from given weights: at their own scale, held against what they could, gone on with."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from click.testing import CliRunner
from PIL import Image
from test_train_vqgan import TINY, write_config, write_pictures
from tiny import make_vqgan

from vqclip_video.catalogue.store import BUNDLED
from vqclip_video.catalogue.vqgan_config import read_config
from vqclip_video.cli import train as commands
from vqclip_video.cli.main import main
from vqclip_video.models.vqgan.first_stage import load_vqgan
from vqclip_video.models.weights import read_tensors
from vqclip_video.training import network
from vqclip_video.training.train_vqgan import train_vqgan

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """Twelve pictures of soft colours; one is kept apart."""
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for i in range(12):
        small = Image.fromarray(random.integers(0, 255, (4, 4, 3), dtype=np.uint8))
        small.resize((64, 64), Image.Resampling.BICUBIC).save(folder / f"{i}.png")
    return folder


def config(folder: Path, loss: dict | None = None, **training) -> Path:
    """Small squares, few steps and no other network to load; the rest is as it comes."""
    off = {"perceptual_weight": 0.0, "disc_weight": 0.0} | (loss or {})
    tree = {
        "model": {"params": {"lossconfig": {"params": off}}},
        "data": {"size": 64, "crop": 32, "batch_size": 2, "workers": 0},
        "training": {"steps": 2, "precision": "fp32"} | training,
    }
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    return path


def train(*arguments, status: int = 0) -> str:
    result = CliRunner().invoke(main, ["train", "vqgan", *map(str, arguments)])
    assert result.exit_code == status, result.output + repr(result.exception)
    return result.output


def log_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def eps_of(folder: Path) -> float:
    return yaml.safe_load((folder / "model.yaml").read_text())["training"]["group_norm_eps"]


# The scale of the weights


def test_the_packaged_weights_are_trained_at_the_scale_that_they_were_made_at():
    tensors = read_tensors(BUNDLED / "vqgan.safetensors")
    assert 0.2 < network.suitable_eps(tensors) < 1.2  # of 0.5
    parts = network.network_of(tensors, read_config(BUNDLED / "vqgan.yaml"), Path("vqgan"))
    assert network.eps_of(parts) == network.suitable_eps(tensors)


@pytest.mark.parametrize("eps", [1e-4, 0.05, 0.5, 20.0])
def test_the_eps_of_a_training_is_found_from_what_it_has_published(eps):
    state = network.new_network(read_config(BUNDLED / "vqgan.yaml")).state_dict()
    published = network.rescale_norms(state, eps, network.PUBLISHED_EPS)
    assert eps / 5 < network.suitable_eps(published) < eps * 5


def test_weights_of_a_usual_scale_keep_tamings_eps(tmp_path):
    ours = network.new_network(read_config(BUNDLED / "vqgan.yaml")).state_dict()
    theirs = read_tensors(make_vqgan(tmp_path)[0])
    for state in (
        ours,
        theirs,
        {name: weight * 0.3 for name, weight in theirs.items()},
        {name: weight * 0 for name, weight in theirs.items()},
    ):
        assert network.suitable_eps(state) == network.PUBLISHED_EPS


def test_a_training_from_the_packaged_pair_keeps_what_it_can(pictures, tmp_path):
    loss = {"perceptual_weight": 0.5, "disc_weight": 0.2, "disc_start": 0}
    settings = config(tmp_path, loss)
    train(pictures, "-o", tmp_path / "mine", "--from", "storybook", "--config", settings)
    before, *after = [row["psnr"] for row in log_of(tmp_path / "mine")]
    assert [row["step"] for row in log_of(tmp_path / "mine")] == [0, 1, 2]
    assert before > 25 and min(after) > before - 1
    assert eps_of(tmp_path / "mine") > 0.1
    assert (tmp_path / "mine/samples/0000000.png").is_file()
    image = torch.rand(1, 3, 32, 32)
    tuned = load_vqgan(tmp_path / "mine/last.ckpt", tmp_path / "mine/model.yaml")
    packaged = load_vqgan(BUNDLED / "vqgan.safetensors", BUNDLED / "vqgan.yaml")
    assert (tuned.encode(image) - packaged.encode(image)).abs().mean() < 0.05


def test_a_training_from_weights_of_a_usual_scale_keeps_tamings_eps(pictures, tmp_path):
    vqgan, _ = make_vqgan(tmp_path)
    train(pictures, "-o", tmp_path / "mine", "--from", vqgan, "--config", config(tmp_path))
    assert eps_of(tmp_path / "mine") == network.PUBLISHED_EPS


@pytest.mark.parametrize("spoiling", [{"group_norm_eps": 1e-6}, {"learning_rate": 0.5}])
def test_first_steps_that_spoil_the_weights_end_the_training(spoiling, pictures, tmp_path):
    settings, folder = (
        config(tmp_path, steps=60, save_every=1, warmup=0, **spoiling),
        tmp_path / "mine",
    )
    said = train(pictures, "-o", folder, "--from", "storybook", "--config", settings, status=1)
    (line,) = (line for line in said.splitlines() if line.startswith("error: "))
    assert re.search(r"step 1: .* from [23]\d\.\d to 1?\d\.\d dB", line)
    for key in ("learning_rate", "group_norm_eps"):
        assert f"training.{key} (" in line
    assert not (folder / "last.ckpt").exists()
    assert [row["step"] for row in log_of(folder)] == [0]


def test_a_training_that_goes_on_is_held_against_its_beginning(pictures, tmp_path):
    folder, answers = tmp_path / "mine", iter([False, True])
    settings = config(tmp_path, steps=9)
    train_vqgan(pictures, settings, folder, "storybook", stop=lambda: next(answers))
    kept = (folder / "last.ckpt").read_bytes()
    spoiling = config(tmp_path, steps=9, learning_rate=9.0, warmup=0)
    said = train(pictures, "-o", folder, "--from", "storybook", "--config", spoiling, status=1)
    assert "step 2: the PSNR has fallen" in said
    assert (folder / "last.ckpt").read_bytes() == kept
    train(pictures, "-o", folder, "--from", "storybook", "--config", config(tmp_path, steps=2))
    assert log_of(folder)[-1]["step"] == 2


def test_a_training_that_goes_on_keeps_the_eps_it_began_with(pictures, tmp_path):
    folder = tmp_path / "mine"
    settings = config(tmp_path, steps=1, group_norm_eps=0.3)
    train(pictures, "-o", folder, "--from", "storybook", "--config", settings)
    train(pictures, "-o", folder, "--from", "storybook", "--config", config(tmp_path, steps=2))
    assert eps_of(folder) == 0.3 and log_of(folder)[-1]["step"] == 2


def test_a_few_pictures_of_which_none_is_kept_apart_are_watched_too(pictures, tmp_path):
    few, folder = tmp_path / "few", tmp_path / "mine"
    few.mkdir()
    for name in ("0.png", "1.png", "2.png"):
        (few / name).write_bytes((pictures / name).read_bytes())
    settings = config(tmp_path, group_norm_eps=1e-6, warmup=0)
    said = train(few, "-o", folder, "--from", "storybook", "--config", settings, status=1)
    assert "step 1: the PSNR has fallen" in said


# The time left


def seconds_left(said: str) -> list[int]:
    """What the bar has said, in its order."""
    found = []
    for time in re.findall(r"([\d:]+) left", said):
        parts = reversed(time.split(":"))
        found.append(sum(int(part) * 60**place for place, part in enumerate(parts)))
    return found


def test_a_training_bounded_by_minutes_says_what_is_left_of_them(tmp_path):
    pictures = write_pictures(tmp_path / "pictures")
    settings = write_config(tmp_path, training={"steps": 100_000}, loss={"disc_weight": 0.0})
    said = train(pictures, "--config", settings, "-o", tmp_path / "mine", "--minutes", 0.05)
    assert "of 0.05 min" in said and "of 100000" not in said
    left = seconds_left(said)
    assert left[0] == 3 and left[-1] == 0 and left == sorted(left, reverse=True)


def test_where_the_steps_are_done_sooner_than_the_minutes_the_steps_are_shown(tmp_path):
    pictures, settings = write_pictures(tmp_path / "pictures"), write_config(tmp_path)
    said = train(pictures, "--config", settings, "-o", tmp_path / "mine", "--minutes", 600)
    assert f"step 6 of {TINY['training']['steps']}" in said and seconds_left(said)[-1] == 0


# What is read


@pytest.mark.parametrize("version", ["2.5.1", "2.9.1+cu128"])
@pytest.mark.parametrize("command", ["vqgan", "storybook"])
def test_a_torch_that_reads_checkpoints_unsafely_is_refused_first(
    command, version, tmp_path, monkeypatch
):
    monkeypatch.setattr(torch, "__version__", version)
    monkeypatch.setattr(commands, "needs_extra", lambda module: None)
    none = str(tmp_path / "none")
    result = CliRunner().invoke(main, ["train", command, none, "-o", str(tmp_path / "mine")])
    assert result.exit_code == 2 and version in result.output and "2.10" in result.output
    assert "vqclip-video[training]" in result.output and not (tmp_path / "mine").exists()


class Evil:
    """Touches a file where a checkpoint is executed."""

    def __init__(self, canary: Path):
        self.canary = canary

    def __reduce__(self):
        return Path.touch, (self.canary,)


@pytest.mark.parametrize("where", ["instead", "beside"])
def test_a_checkpoint_made_to_do_harm_is_refused_and_never_executed(where, pictures, tmp_path):
    folder, settings = tmp_path / "mine", config(tmp_path, steps=1)
    train(pictures, "-o", folder, "--from", "storybook", "--config", settings)
    found = torch.load(folder / "last.ckpt", weights_only=True)
    evil = Evil(tmp_path / "canary")
    torch.save(evil if where == "instead" else found | {"evil": evil}, folder / "last.ckpt")
    said = train(pictures, "-o", folder, "--from", "storybook", "--config", settings, status=1)
    assert "no training to go on with" in said and not (tmp_path / "canary").exists()


def test_a_checkpoint_damaged_in_its_weights_is_not_gone_on_with(pictures, tmp_path):
    folder, settings = tmp_path / "mine", config(tmp_path, steps=1)
    train(pictures, "-o", folder, "--from", "storybook", "--config", settings)
    with (folder / "last.ckpt").open("r+b") as file:
        file.seek(5_000_000)
        file.write(b"damaged" * 10)
    said = train(pictures, "-o", folder, "--from", "storybook", "--config", settings, status=1)
    assert "damaged one; remove it or choose another -o" in said
