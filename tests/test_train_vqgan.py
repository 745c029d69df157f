"""Training a VQGAN: config, pictures, losses and codebook by hand, and the command from a folder
to a film.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import yaml
from click.testing import CliRunner
from PIL import Image
from taming.modules.discriminator.model import NLayerDiscriminator
from tiny import DDCONFIG, N_EMBED, VQ_CHANNELS, make_vqgan
from torch import nn

from vqclip_video.catalogue import store
from vqclip_video.catalogue.vqgan_config import GUMBEL, read_config
from vqclip_video.cli.main import main
from vqclip_video.errors import ModelError, UsageError
from vqclip_video.models.vqgan.first_stage import load_vqgan
from vqclip_video.models.weights import read_tensors
from vqclip_video.training import codebook, losses, network
from vqclip_video.training.config import read_training
from vqclip_video.training.data import (
    LONGEST_SHAPE,
    RandomSquares,
    hold_out,
    open_pictures,
    plain_square,
    whole,
)

TRAINING = Path(__file__).parents[1] / "docs/training.md"
STORYBOOK = Path(__file__).parents[1] / "vqclip_video" / "models/storybook"
# A network of the tests' smallest size, without a CLIP to load.
TINY = {
    "model": {
        "params": {
            "embed_dim": VQ_CHANNELS,
            "n_embed": N_EMBED,
            "ddconfig": DDCONFIG,
            "lossconfig": {"params": {"perceptual_weight": 0.0, "disc_start": 2, "disc_ndf": 8}},
        }
    },
    "data": {"size": 32, "crop": [16, 32], "batch_size": 4, "workers": 0},
    "training": {"steps": 6, "quantise_from": 3, "save_every": 4, "precision": "fp32"},
}


@pytest.fixture(autouse=True)
def quick(one_thread):
    """Networks this small are slower on two threads."""


def write_config(folder: Path, **changes) -> Path:
    """TINY with the values of `changes` in its sections, as a file."""
    tree = json.loads(json.dumps(TINY))
    loss = tree["model"]["params"]["lossconfig"]["params"]
    for section, values in changes.items():
        (loss if section == "loss" else tree[section]).update(values)
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    return path


def write_pictures(folder: Path, count: int = 12) -> Path:
    """Pictures of soft blobs in two formats, one in a folder below, with one broken file among
    them.
    """
    random = np.random.default_rng(0)
    (folder / "below").mkdir(parents=True)
    for i in range(count):
        small = Image.fromarray(random.integers(0, 255, (4, 5, 3), dtype=np.uint8))
        name = "below/first.jpg" if i == 0 else f"{i}.png"
        small.resize((50, 40), Image.Resampling.BICUBIC).save(folder / name)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 not much")
    return folder


def train(*arguments, status: int = 0) -> str:
    result = CliRunner().invoke(main, ["train", "vqgan", *map(str, arguments)])
    assert result.exit_code == status, result.output + repr(result.exception)
    return result.output


# The config


def test_the_defaults_are_a_config():
    config = read_training(None)
    assert config.network.factor == 8 and config.data.crop == (128,)
    assert config.training.quantise_from == 2000 and config.losses.disc_start == 5000


def test_the_storybooks_config_is_that_of_the_shipped_network():
    from vqclip_video.training.storybook.presets import VQGAN_CONFIG

    config = read_training(VQGAN_CONFIG, STORYBOOK / "vqgan.yaml")
    assert config.training.quantise_from is None and config.training.group_norm_eps == 0.5


def test_a_config_of_taming_is_read_as_it_is(tmp_path):
    path = tmp_path / "custom_vqgan.yaml"
    path.write_text("""
model:
  target: taming.models.vqgan.VQModel
  params:
    embed_dim: 256
    n_embed: 1024
    ddconfig: {double_z: False, z_channels: 256, resolution: 256, in_channels: 3, out_ch: 3, ch: 128,
               ch_mult: [1, 1, 2, 2, 4], num_res_blocks: 2, attn_resolutions: [16], dropout: 0.0}
    lossconfig:
      target: taming.modules.losses.vqperceptual.VQLPIPSWithDiscriminator
      params: {disc_conditional: False, disc_in_channels: 3, disc_start: 10000, disc_weight: 0.8, codebook_weight: 1.0}
""")
    config = read_training(path)
    assert (
        config.network.factor == 16
        and config.losses.disc_start == 10000
        and config.losses.disc_weight == 0.8
    )


def test_the_config_in_the_docs_is_right(tmp_path):
    blocks = re.findall(r"```yaml\n(.*?)```", TRAINING.read_text("utf-8"), re.DOTALL)
    (example,) = [block for block in blocks if "\ntraining:" in block]
    path = tmp_path / "my.yaml"
    path.write_text(example)
    config = read_training(path, STORYBOOK / "vqgan.yaml")
    assert config.losses.clip_weight == 0.1 and config.data.crop == (256,)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("trainng: {steps: 3}", "trainng: no such key; did you mean 'training'?"),
        (
            "training: {learning_rte: 3}",
            "training.learning_rte: no such key; did you mean 'learning_rate'?",
        ),
        ("training: {steps: many}", "training.steps: found 'many', a whole number is needed"),
        ("training: {steps: 0}", "steps: found 0, a number above 0 is needed"),
        ("training: {precision: fp8}", "precision: found 'fp8', known are auto, fp32, bf16"),
        ("training: {ema: 1.0}", "ema: found 1.0"),
        ("data: {flip: 2}", "flip: found 2.0, a number from 0 to 1 is needed"),
        ("data: 3", "data: found 3, a section is needed"),
        (
            "data: {crop: 100}",
            "data.crop: found 100, a multiple of 8, the pixels that one place of this VQGAN's",
        ),
        ("data: {crop: 512}", "512 is more than data.size, 256"),
        (
            "data: {crop: 16}\nmodel: {params: {lossconfig: {params: {disc_num_layers: 3}}}}",
            "raise it to 24 at least",
        ),
        ("model: {target: taming.models.vqgan.GumbelVQ}", "only VQModel can be trained here"),
        ("model: {params: {ddconfig: {ch: 40}}}", "a multiple of 32 is needed"),
        (
            "model: {params: {lossconfig: {params: {disc_conditional: true}}}}",
            "only False is there",
        ),
        ("- a list", "no mapping"),
        ("a: [", "not YAML"),
    ],
)
def test_a_mistake_in_a_config_is_named(tmp_path, written, said):
    path = tmp_path / "mine.yaml"
    path.write_text(written)
    with pytest.raises(UsageError, match="^" + str(path)) as error:
        read_training(path)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_fine_tuning_keeps_the_network_it_starts_from(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("training: {steps: 7}")
    config = read_training(path, make_vqgan(tmp_path)[1])
    assert config.network.embed_dim == VQ_CHANNELS and config.training.steps == 7
    path.write_text("model: {params: {ddconfig: {ch: 128}}}")
    with pytest.raises(
        UsageError,
        match="model.params.ddconfig.ch: 128, but the VQGAN to start from has 32; remove",
    ):
        read_training(path, make_vqgan(tmp_path)[1])


@pytest.mark.parametrize("net2net", [False, True])
def test_fine_tuning_reads_every_kind_of_vqgans_yaml(tmp_path, net2net):
    base = make_vqgan(tmp_path)[1]
    tree = yaml.safe_load(base.read_text())
    if net2net:
        target = "taming.models.cond_transformer.Net2NetTransformer"
        tree = {
            "model": {
                "target": target,
                "params": {"first_stage_config": tree["model"], "ckpt": "${none}"},
            }
        }
    base.write_text(yaml.safe_dump(tree))
    config = read_training(None, base)
    assert config.network.n_embed == N_EMBED and config.network.ddconfig.ch == DDCONFIG["ch"]
    (vqgan := tree["model"]["params"]["first_stage_config"] if net2net else tree["model"])[
        "target"
    ] = GUMBEL
    vqgan["params"]["embed_dim"] = vqgan["params"]["ddconfig"]["z_channels"]
    base.write_text(yaml.safe_dump(tree))
    with pytest.raises(UsageError, match="GumbelVQ.* begin with a VQModel"):
        read_training(None, base)
    base.write_text("model: 3")
    with pytest.raises(ModelError, match="no mapping `model:`"):
        read_training(None, base)


def test_todays_tokenizers_are_trained_on_where_they_are_a_vqmodel():
    for name in ("llamagen-f16", "llamagen-f8"):
        with pytest.raises(UsageError, match="cannot be trained here .*LlamaGen's"):
            read_training(None, store.CONFIGS / f"{name}.yaml")
    ibq = read_training(None, store.CONFIGS / "ibq-f16-16384.yaml").network
    assert (ibq.n_embed, ibq.ddconfig.num_res_blocks) == (16384, 4)


def test_a_discriminator_fits_into_the_smallest_crop_that_is_allowed(tmp_path):
    for layers in (1, 2, 4):
        crop = 3 << layers
        judge = NLayerDiscriminator(ndf=4, n_layers=layers)
        assert judge(torch.rand(2, 3, crop, crop)).shape == (2, 1, 1, 1)


# The network


def taming_outputs(
    state: dict, eps: float, images: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents and pictures by taming's own modules, with norms of `eps`."""
    parts = network.new_network(read_config(STORYBOOK / "vqgan.yaml"))
    parts.load_state_dict(state)
    network.set_eps(parts, eps)
    with torch.no_grad():
        latents = parts.quant_conv(parts.encoder(images))
        return latents, parts.decoder(parts.post_quant_conv(latents))


def test_norms_of_another_eps_compute_the_same_both_ways(tmp_path):
    images = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    published = {
        name: tensor.float()
        for name, tensor in read_tensors(STORYBOOK / "vqgan.safetensors").items()
    }
    config = read_config(STORYBOOK / "vqgan.yaml")
    parts = network.network_of(published, config, Path("vqgan"), 0.5)
    wide = {name: tensor.detach() for name, tensor in parts.state_dict().items()}
    assert not torch.allclose(
        wide["decoder.conv_in.weight"], published["decoder.conv_in.weight"], rtol=0.5
    )
    back = network.rescale_norms(wide, 0.5, 1e-6)
    published = {name: tensor for name, tensor in published.items() if name in wide}
    wanted = taming_outputs(published, 1e-6, images)
    for found in (taming_outputs(wide, 0.5, images), taming_outputs(back, 1e-6, images)):
        for a, b in zip(found, wanted, strict=True):
            torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


def test_the_forward_passes_are_tamings(tmp_path):
    path, config = make_vqgan(tmp_path, format="safetensors")
    parts = network.network_of(read_tensors(path), read_config(config), path, 1e-6)
    images = torch.rand(2, 3, 32, 16) * 2 - 1
    latents = parts.quant_conv(parts.encoder(images))
    torch.testing.assert_close(
        network.encode_pictures(parts, images), latents, atol=1e-5, rtol=1e-5
    )
    wanted = parts.decoder(parts.post_quant_conv(latents))
    torch.testing.assert_close(network.decode_latents(parts, latents), wanted, atol=1e-5, rtol=1e-5)
    network.decode_latents(parts, latents).sum().backward()
    assert parts.decoder.conv_in.weight.grad.abs().sum() > 0


def test_a_share_of_the_latents_is_corrupted():
    torch.manual_seed(0)
    latents = torch.randn(400, 2, 5, 6)
    found = network.corrupted(latents, 0.4, None)
    same = (found == latents).flatten(1).all(1).float().mean()
    assert same == pytest.approx(0.6, abs=0.08)
    rounded = network.corrupted(latents, 1.0, torch.zeros_like(latents))
    assert (rounded == 0).flatten(1).all(1).float().mean() == pytest.approx(1 / 3, abs=0.08)


# The losses and the codebook


def test_gradient_and_scales_by_hand():
    wanted = torch.zeros(1, 1, 4, 4)
    found = wanted.clone()
    found[..., 2:] = 1.0  # one step across, between the second and the third column
    assert losses.gradient(found, wanted) == pytest.approx(1 / 3)
    assert losses.multiscale(found, wanted) == pytest.approx(0.5 + 0.5)
    assert losses.perceptual([found], [found]) == 0


def test_the_adaptive_weight_levels_the_pulls():
    layer = nn.Conv2d(2, 3, 1)
    pictures = layer(torch.randn(1, 2, 4, 4))
    main, adversarial = torch.randn_like(pictures), torch.randn_like(pictures) * 20
    weight = losses.adaptive_weight(pictures, main, adversarial, layer.weight)
    pulls = [
        torch.autograd.grad(pictures, layer.weight, s, retain_graph=True)[0].norm()
        for s in (main, adversarial)
    ]
    assert weight * pulls[1] == pytest.approx(float(pulls[0]), rel=1e-3)


def test_latents_of_the_normal_distribution_cost_nothing():
    latents = torch.randn(64, 3, 16, 16)
    assert losses.latent_normal(latents) < 0.01 < 1 < losses.latent_normal(latents * 2 + 1)


def test_quantised_latents_are_the_nearest_entries_and_hand_their_gradient_on():
    latents, entries = torch.randn(2, 3, 4, 5, requires_grad=True), torch.randn(7, 3)
    found = codebook.quantised(latents, entries)
    distances = torch.cdist(codebook.places(latents), entries)
    torch.testing.assert_close(codebook.places(found), entries[distances.argmin(1)])
    passed = codebook.straight_through(latents, found)
    torch.testing.assert_close(passed, found)
    (slope,) = torch.autograd.grad((passed * 2).sum(), latents)
    assert (slope == 2).all()
    assert codebook.vq_loss(latents, found, 0.25).item() == pytest.approx(
        1.25 * F.mse_loss(latents, found).item()
    )


def test_k_means_finds_the_middles_and_moves_unused_entries():
    random = torch.Generator().manual_seed(0)
    middles = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    vectors = (middles[:, None] + 0.1 * torch.randn(3, 50, 2, generator=random)).flatten(0, 1)
    far = torch.tensor([[0.1, 0.1], [500.0, 500.0], [600.0, 600.0], [700.0, 700.0]])
    found = codebook.k_means(vectors, far, 20, random)
    assert torch.cdist(middles, found).amin(1).max() < 0.1


# The pictures


def open_in(folder: Path, tmp_path: Path, **data):
    return open_pictures(
        folder, read_training(write_config(tmp_path, data=data)).data, tmp_path / "skipped.txt"
    )


def test_bad_pictures_are_listed_with_what_is_wrong(tmp_path):
    pictures, skipped = open_in(write_pictures(tmp_path / "pictures"), tmp_path)
    assert len(pictures) == 12 and skipped == 1
    assert "broken.jpg" in (tmp_path / "skipped.txt").read_text()
    assert pictures[0].shape == (32, 40, 3) and pictures[0].dtype == np.uint8


def test_a_line_of_a_picture_is_not_blown_up_and_a_name_in_no_encoding_is_listed(tmp_path):
    folder = write_pictures(tmp_path / "pictures", 3)
    (folder / "broken.jpg").rename(os.fsdecode(os.fsencode(folder) + b"/broken \xff.jpg"))
    Image.new("RGB", (20_000, 1)).save(folder / "0 line.png")
    pictures, skipped = open_in(folder, tmp_path)
    assert pictures[0].shape == (32, 32 * LONGEST_SHAPE, 3) and skipped == 1
    assert "broken ?.jpg" in (tmp_path / "skipped.txt").read_text()
    (folder / "1.png").write_bytes((folder / "1.png").read_bytes()[:60])  # after the check
    assert len(whole(pictures, np.arange(4), 8)) == 3
    next(folder.glob("broken*")).unlink()
    (folder / "1.png").unlink()
    assert open_in(folder, tmp_path)[1] == 0 and not (tmp_path / "skipped.txt").exists()


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda folder: None, "is no folder; name one with pictures in it"),
        (lambda folder: folder.mkdir(), "no pictures in it; known are .jpg"),
        (
            lambda folder: write_pictures(folder, 1),
            "1 usable of 2 pictures, 2 at least are needed; ",
        ),
        (
            lambda folder: save_array(folder, np.zeros((4, 24, 24, 3), np.uint8)),
            "24x24 hold no square of 32 pixels",
        ),
        (
            lambda folder: save_array(folder, np.zeros((4, 32, 32))),
            "uint8 [N, height, width, 3] is needed",
        ),
    ],
)
def test_a_folder_that_will_not_do(tmp_path, prepare, said):
    prepare(tmp_path / "pictures")
    with pytest.raises(UsageError) as error:
        open_in(tmp_path / "pictures", tmp_path)
    assert said in str(error.value)


def save_array(folder: Path, array: np.ndarray) -> None:
    folder.mkdir()
    np.save(folder / "pictures.npy", array)


def test_batches_follow_from_the_seed_and_keep_to_their_sizes(tmp_path):
    save_array(
        tmp_path / "world",
        np.random.default_rng(0).integers(0, 255, (30, 40, 48, 3), dtype=np.uint8),
    )
    data = read_training(write_config(tmp_path, data={"flat": 0.2})).data
    pictures, _ = open_pictures(tmp_path / "world", data, tmp_path / "skipped.txt")
    learnt, apart = hold_out(len(pictures), 16, 0)
    assert len(apart) == 3 and not set(learnt) & set(apart)
    first, again, other = (
        iter(RandomSquares(pictures, learnt, data, (seed,))) for seed in (1, 1, 2)
    )
    shapes = set()
    for _ in range(8):
        batch = next(first)
        shapes.add(tuple(batch.shape))
        assert batch.dtype == torch.uint8 and torch.equal(batch, next(again))
    assert shapes == {(4, 3, 16, 16), (2, 3, 32, 32)}
    assert not torch.equal(next(iter(RandomSquares(pictures, learnt, data, (1,)))), next(other))


def test_plain_squares_are_plain():
    squares = [plain_square(16, np.random.default_rng(seed)).astype(int) for seed in range(40)]
    spans = [np.ptp(square.reshape(-1, 3), 0).max() for square in squares]
    steps = [np.abs(np.diff(square, axis=1)).max() for square in squares]
    assert 8 < sum(span == 0 for span in spans) < 32 and max(steps) < 25


# The command


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished training of six steps: its folder, its config, its pictures, and what the
    command said.
    """
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("training")
    pictures, config = write_pictures(folder / "pictures"), write_config(folder)
    said = train(pictures, "--config", config, "-o", folder / "mine")
    return folder / "mine", config, pictures, said


def log_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_the_command_leaves_checkpoint_config_log_and_sheets(trained):
    folder, _, _, said = trained
    assert "1 picture skipped" in said and "last.ckpt written" in said
    assert {path.name for path in folder.iterdir()} == {
        "last.ckpt",
        "model.yaml",
        "log.jsonl",
        "samples",
        "skipped.txt",
    }
    names = sorted(path.name for path in (folder / "samples").iterdir())
    assert names == ["0000000.png", "0000001.png", "0000006.png"]
    assert Image.open(folder / "samples" / names[-1]).width == 3 * 192
    last = log_of(folder)[-1]
    assert last["step"] == 6 and {
        "pixel",
        "codebook",
        "adversarial",
        "discriminator",
        "psnr",
    } <= set(last)


def test_a_film_is_rendered_with_the_result(trained, tmp_path, monkeypatch):
    folder, *_ = trained
    monkeypatch.chdir(tmp_path)
    story = tmp_path / "story.yaml"
    story.write_text(f"""
models: {{clip: storybook, vqgan: {folder}}}
size: 32x32
fps: 10
settings: {{cutouts: 2, show_step: 1, losses: {{vq: 0.1, gan: 0.1}}}}
scenes: [{{prompt: the sea, duration: 0.3s}}]
""")
    result = CliRunner().invoke(main, ["render", str(story), "-q"])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "outputs/story.mp4").stat().st_size > 500


def test_the_checkpoint_paints_like_the_running_mean(trained):
    folder, *_ = trained
    found = torch.load(folder / "last.ckpt", weights_only=False)
    mean = found["training"]["mean"]["decoder.conv_in.weight"]
    torch.testing.assert_close(found["state_dict"]["decoder.conv_in.weight"], mean)
    assert not torch.equal(mean, found["training"]["weights"]["decoder.conv_in.weight"])
    vqgan = load_vqgan(folder / "last.ckpt", folder / "model.yaml")
    assert vqgan.discriminator is not None
    assert vqgan.decode(vqgan.encode(torch.rand(1, 3, 16, 16))).isfinite().all()


def test_repeating_the_command_goes_on(trained, tmp_path):
    import shutil

    folder, _, pictures, _ = trained
    mine = tmp_path / "mine"
    shutil.copytree(folder, mine)
    said = train(pictures, "--config", write_config(tmp_path, training={"steps": 9}), "-o", mine)
    assert "written" in said and [row["step"] for row in log_of(mine)] == [0, 1, 6, 9]
    found = torch.load(mine / "last.ckpt", weights_only=False)
    assert found["training"]["step"] == 9
    steps = {int(state["step"]) for state in found["optimizer_states"][0]["state"].values()}
    assert max(steps) == 9, "the optimiser went on, too"
    minutes = log_of(mine)[-1]["minutes"]
    train(pictures, "--config", write_config(tmp_path, training={"steps": 9}), "-o", mine)
    assert len(log_of(mine)) == 4 and log_of(mine)[-1]["minutes"] == minutes, (
        "nothing was left to do"
    )


def test_another_network_does_not_go_on(trained, tmp_path):
    folder, _, pictures, _ = trained
    config = write_config(tmp_path, training={"group_norm_eps": 0.1})
    said = train(pictures, "--config", config, "-o", folder, status=2)
    assert "is of another network; go on with the config it was begun with" in said


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    pictures, config = write_pictures(tmp_path / "pictures"), write_config(tmp_path)
    (tmp_path / "last.ckpt").write_bytes(b"no checkpoint")
    said = train(pictures, "--config", config, "-o", tmp_path, status=1)
    assert "no training to go on with" in said and "choose another -o" in said


def test_fine_tuning_begins_with_the_weights_of_the_other(trained, tmp_path):
    folder, _, pictures, _ = trained
    config = tmp_path / "tune.yaml"
    tuning = {key: TINY[key] for key in ("data", "training")}
    tuning["training"] = tuning["training"] | {
        "steps": 1,
        "learning_rate": 1e-9,
        "group_norm_eps": 0.5,
    }
    loss = {"perceptual_weight": 0.0, "disc_weight": 0.0}
    config.write_text(
        yaml.safe_dump(tuning | {"model": {"params": {"lossconfig": {"params": loss}}}})
    )
    train(pictures, "--config", config, "-o", tmp_path / "tuned", "--from", folder)
    before, after = (
        load_vqgan(each / "last.ckpt", each / "model.yaml") for each in (folder, tmp_path / "tuned")
    )
    image = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(after.encode(image), before.encode(image), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(after.codebook, before.codebook)


def test_a_codebook_made_at_the_end_may_have_another_size(trained, tmp_path):
    folder, _, pictures, _ = trained
    config = tmp_path / "more.yaml"
    loss = {"perceptual_weight": 0.0, "disc_weight": 0.0}
    tree = {key: TINY[key] for key in ("data", "training")}
    tree["model"] = {"params": {"n_embed": 2 * N_EMBED, "lossconfig": {"params": loss}}}
    config.write_text(yaml.safe_dump(tree))
    said = train(pictures, "--config", config, "-o", tmp_path / "more", "--from", folder, status=2)
    assert f"n_embed: {2 * N_EMBED}, but the VQGAN to start from has {N_EMBED}" in said
    tree["training"] = tree["training"] | {"quantise_from": None}
    config.write_text(yaml.safe_dump(tree))
    train(pictures, "--config", config, "-o", tmp_path / "more", "--from", folder)
    assert (
        len(load_vqgan(tmp_path / "more/last.ckpt", tmp_path / "more/model.yaml").codebook)
        == 2 * N_EMBED
    )


def test_a_minute_is_kept_and_the_codebook_made_at_the_end(tmp_path):
    pictures = write_pictures(tmp_path / "pictures")
    config = write_config(
        tmp_path, training={"steps": 100_000, "quantise_from": None}, loss={"disc_weight": 0.0}
    )
    train(pictures, "--config", config, "-o", tmp_path / "mine", "--minutes", 0.02)
    last = log_of(tmp_path / "mine")[-1]
    assert 1 < last["step"] < 1000 and "codebook" not in last
    vqgan = load_vqgan(tmp_path / "mine/last.ckpt", tmp_path / "mine/model.yaml")
    images = torch.rand(4, 3, 32, 32)
    places = codebook.places(vqgan.encode(images))
    first = network.new_network(read_training(config).network).quantize.embedding.weight
    assert (
        torch.cdist(places, vqgan.codebook).amin(1).mean()
        < torch.cdist(places, first).amin(1).mean()
    )


def test_a_codebook_made_after_a_stop_knows_the_latents_from_before_it(tmp_path):
    from vqclip_video.training.train_vqgan import train_vqgan

    pictures = write_pictures(tmp_path / "pictures")
    config = write_config(
        tmp_path, training={"steps": 5, "quantise_from": None}, loss={"disc_weight": 0.0}
    )
    answers = iter([False] * 4 + [True])
    train_vqgan(pictures, config, tmp_path / "mine", stop=lambda: next(answers))
    train(pictures, "--config", config, "-o", tmp_path / "mine")
    found = torch.load(tmp_path / "mine/last.ckpt", weights_only=True)["training"]
    assert found["step"] == 5 and len(found["seen"]) == 5


def test_a_training_that_comes_apart_keeps_what_was_saved(tmp_path):
    from vqclip_video.training.vqgan import VQGANTraining

    pictures, config = write_pictures(tmp_path / "pictures"), write_config(tmp_path)
    step = VQGANTraining._learn

    def spoilt(self, images, judging, optimiser):
        return step(
            self, images * (float("nan") if self.budget.done > 4 else 1), judging, optimiser
        )

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(VQGANTraining, "_learn", spoilt)
        said = train(pictures, "--config", config, "-o", tmp_path / "mine", status=1)
    assert (
        "step 6: the weights are no numbers any more" in said
        and "Lower training.learning_rate" in said
    )
    assert torch.load(tmp_path / "mine/last.ckpt", weights_only=True)["training"]["step"] == 4
    train(pictures, "--config", config, "-o", tmp_path / "mine")


def test_training_makes_reconstructions_better(tmp_path):
    pictures = write_pictures(tmp_path / "pictures", 20)
    config = write_config(
        tmp_path, training={"steps": 60, "quantise_from": None, "ema": 0.0}, loss={"disc_weight": 0}
    )
    train(pictures, "--config", config, "-o", tmp_path / "mine")
    first, *_, last = [row["psnr"] for row in log_of(tmp_path / "mine") if "psnr" in row]
    assert last > first + 3


def test_the_terms_of_a_clip_reach_the_network(tmp_path, tiny_files):
    pictures = write_pictures(tmp_path / "pictures")
    terms = {
        "perceptual_weight": 0.5,
        "clip_weight": 0.5,
        "perceptual_clip": str(tiny_files["clip"]),
    }
    config = write_config(tmp_path, loss=terms, training={"steps": 2})
    train(pictures, "--config", config, "-o", tmp_path / "mine")
    last = log_of(tmp_path / "mine")[-1]
    assert last["perceptual"] > 0 and last["clip"] > 0


def test_a_stop_is_kept_for_the_next_time(tmp_path):
    from vqclip_video.training.train_vqgan import train_vqgan

    pictures, config = write_pictures(tmp_path / "pictures"), write_config(tmp_path)
    answers = iter([False, False, True])
    train_vqgan(pictures, config, tmp_path / "mine", stop=lambda: next(answers))
    assert torch.load(tmp_path / "mine/last.ckpt", weights_only=False)["training"]["step"] == 2
    train(pictures, "--config", config, "-o", tmp_path / "mine")
    assert log_of(tmp_path / "mine")[-1]["step"] == 6


def test_without_lightning_the_remedy_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "pip install 'vqclip-video[training]'" in train(
        tmp_path, "-o", tmp_path / "mine", status=2
    )


# The storybook's own


def test_the_storybooks_vqgan_can_be_exported_and_measured(trained, tmp_path):
    from vqclip_video.training.storybook.judged import flat_error, reconstruction
    from vqclip_video.training.storybook.published import publish_vqgan

    folder, *_ = trained
    path = publish_vqgan(folder, tmp_path / "pair")
    exported = load_vqgan(path, tmp_path / "pair/vqgan.yaml")
    assert (
        exported.discriminator is None
        and read_tensors(path)["decoder.conv_in.weight"].dtype == torch.float16
    )
    pictures = np.random.default_rng(0).integers(0, 255, (9, 32, 32, 3), dtype=np.uint8)
    original = load_vqgan(folder / "last.ckpt", folder / "model.yaml")
    assert reconstruction(exported, pictures) == pytest.approx(
        reconstruction(original, pictures), abs=0.05
    )
    assert 0.1 < flat_error(exported, 32) < 1


def test_the_shipped_vqgan_reconstructs_flat_colours():
    from vqclip_video.training.storybook.judged import flat_error

    assert (
        flat_error(load_vqgan(STORYBOOK / "vqgan.safetensors", STORYBOOK / "vqgan.yaml"), 64) < 0.04
    )
