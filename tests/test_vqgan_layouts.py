"""VQGANs under the names and configs of others: forks, latent-diffusion, diffusers, LlamaGen, IBQ."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import yaml
from casting import cast_of
from click.testing import CliRunner
from PIL import Image
from plain_vqgan import decoded, encoded
from safetensors.torch import load_file, save_file
from tiny import make_clip, make_diffusers_vqgan, make_ibq, make_llamagen, make_vqgan
from torch import Tensor

from vqclip_video.catalogue.vqgan_config import read_config
from vqclip_video.cli.main import main
from vqclip_video.disk.pictures import fitted
from vqclip_video.engine.latent import Latent, noise_start
from vqclip_video.engine.session import Session
from vqclip_video.errors import ModelError
from vqclip_video.materials import find_models
from vqclip_video.models.clip.perceptor import load_perceptor
from vqclip_video.models.vqgan.bounds import UnitSphere
from vqclip_video.models.vqgan.first_stage import VQGAN, load_vqgan, packaged_vqgan
from vqclip_video.models.weights import read_tensors
from vqclip_video.sketchbook.build import Drawing, build_sketchbook
from vqclip_video.sketchbook.decode import decode_sketch
from vqclip_video.storyboard import reader
from vqclip_video.storyboard.schema import Models


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> tuple[Path, Path]:
    return make_vqgan(tmp_path_factory.mktemp("vqgan"), "vq", "safetensors")


@pytest.fixture(scope="module")
def taming(files) -> VQGAN:
    return load_vqgan(*files)


def pictures(vqgan: VQGAN) -> tuple[Tensor, Tensor]:
    """What it paints of a latent, and what it makes of a picture."""
    generator = torch.Generator().manual_seed(2)
    z = torch.randn(1, vqgan.channels, 4, 5, generator=generator)
    picture = torch.rand(1, 3, 16, 12, generator=generator)
    return vqgan.decode(z), vqgan.encode(picture)


def changed(files: tuple[Path, Path], folder: Path, names=None, config=None) -> tuple[Path, Path]:
    """The files with other names of the tensors, and another config."""
    tensors, tree = load_file(files[0]), yaml.safe_load(files[1].read_text())
    path, beside = folder / "m.safetensors", folder / "m.yaml"
    save_file({names(n) if names else n: t for n, t in tensors.items()}, path)
    beside.write_text(yaml.safe_dump(config(tree) if config else tree))
    return path, beside


def with_target(target: str):
    def change(tree: dict) -> dict:
        tree["model"]["target"] = target
        return tree

    return change


@pytest.mark.parametrize(
    "target",
    [
        "forks.taming_transformers.taming.models.vqgan.VQModel",
        "vqmodel.VQModel",
        "VQModel",
        "ldm.models.autoencoder.VQModel",
        "ldm.models.autoencoder.VQModelInterface",
        "taming.models.vqgan.EMAVQ",
    ],
)
def test_a_class_is_known_by_its_last_name(files, taming, tmp_path, target):
    found = load_vqgan(*changed(files, tmp_path, config=with_target(target)))
    torch.testing.assert_close(pictures(found), pictures(taming), atol=0, rtol=0)


@pytest.mark.parametrize(
    "prefix", ["module.", "model.", "vqgan.", "first_stage_model.", "module.first_stage_model."]
)
def test_what_wrappers_put_before_the_names_is_taken_off(files, taming, tmp_path, prefix):
    tensors = {f"{prefix}{name}": tensor for name, tensor in load_file(files[0]).items()}
    tensors |= {"model.diffusion_model.out.bias": torch.ones(1)} if "first" in prefix else {}
    save_file(tensors, tmp_path / "m.safetensors")
    found = load_vqgan(tmp_path / "m.safetensors", files[1])
    torch.testing.assert_close(pictures(found), pictures(taming), atol=0, rtol=0)


def test_moving_averages_beside_the_weights_are_left_alone(files, taming, tmp_path):
    tensors = load_file(files[0])
    tensors |= {"model_ema.decoderconv_inweight": torch.ones(3), "model_ema.decay": torch.ones(())}
    tensors |= {"quantize.embedding.cluster_size": torch.ones(32)}
    save_file(tensors, tmp_path / "m.safetensors")
    found = load_vqgan(tmp_path / "m.safetensors", files[1])
    torch.testing.assert_close(pictures(found), pictures(taming), atol=0, rtol=0)


def whole_model(tree: dict) -> dict:
    stage = tree["model"] | {"target": "ldm.models.autoencoder.VQModelInterface"}
    params = {"first_stage_config": stage, "unet_config": {"target": "x"}}
    return {"model": {"target": "ldm.models.diffusion.ddpm.LatentDiffusion", "params": params}}


def test_the_first_stage_of_a_diffusion_model_is_found(files, taming, tmp_path):
    found = load_vqgan(*changed(files, tmp_path, lambda n: f"first_stage_model.{n}", whole_model))
    torch.testing.assert_close(pictures(found), pictures(taming), atol=0, rtol=0)


def test_a_whole_model_without_its_first_stage_is_told(files, tmp_path):
    path, config = changed(files, tmp_path, lambda n: f"transformer.{n}", whole_model)
    with pytest.raises(ModelError, match="none is in the file"):
        load_vqgan(path, config)


def without_attention(tree: dict) -> dict:
    tree["model"]["params"]["ddconfig"] |= {"attn_type": "none"}
    return tree


def test_a_vqgan_without_attention_is_painted_without(files, tmp_path):
    path, config = changed(files, tmp_path, config=without_attention)
    # copies: what some versions of safetensors load is the file itself, which is written anew
    tensors = {n: t.clone() for n, t in load_file(path).items() if "attn" not in n}
    save_file(tensors, path)
    found, (picture, latent) = load_vqgan(path, config), pictures(load_vqgan(path, config))
    generator = torch.Generator().manual_seed(2)
    z = torch.randn(1, found.channels, 4, 5, generator=generator)
    expected = (decoded(tensors, z) + 1) / 2
    torch.testing.assert_close(picture, expected, atol=1e-5, rtol=0)
    image = torch.rand(1, 3, 16, 12, generator=generator)
    torch.testing.assert_close(latent, encoded(tensors, image * 2 - 1), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"attn_type": "linear"}, "attn_type: 'linear'"),
        ({"use_linear_attn": True}, "attn_type: 'linear'"),
        ({"tanh_out": True}, "tanh_out"),
    ],
)
def test_what_a_config_asks_for_beyond_is_refused_by_name(files, tmp_path, change, says):
    def asking(tree: dict) -> dict:
        tree["model"]["params"]["ddconfig"] |= change
        return tree

    with pytest.raises(ModelError, match=says):
        load_vqgan(*changed(files, tmp_path, config=asking))


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("ldm.models.autoencoder.AutoencoderKL", "a KL autoencoder"),
        ("src.Open_MAGVIT2.models.lfqgan.LFQ", "whose codes are signs"),
        ("torch.nn.Linear", "not a VQGAN known here"),
    ],
)
def test_another_class_is_refused_by_what_it_is(files, tmp_path, target, says):
    with pytest.raises(ModelError, match=says):
        load_vqgan(*changed(files, tmp_path, config=with_target(target)))


# diffusers


@pytest.mark.parametrize("old_names", [False, True])
def test_diffusers_names_mean_the_same_network(taming, files, tmp_path, old_names):
    path = make_diffusers_vqgan(tmp_path, load_file(files[0]), old_names)
    found = load_vqgan(path, tmp_path / "config.json")
    assert found.factor == taming.factor
    torch.testing.assert_close(pictures(found), pictures(taming), atol=0, rtol=0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"norm_type": "spatial"}, "norm_type: 'spatial'"),
        ({"_class_name": "AutoencoderKL"}, "AutoencoderKL"),
        ({"block_out_channels": [32, 48, 64]}, "multiples of the first"),
        ({"up_block_types": ["UpDecoderBlock2D"]}, "a list of 3"),
        ({"up_block_types": ["UpDecoderBlock2D"] * 3}, "at other resolutions"),
        ({"down_block_types": ["KDownBlock2D"] * 3}, "KDownBlock2D"),
        ({"norm_num_groups": 16}, "norm_num_groups"),
        ({"mid_block_add_attention": False}, "mid_block_add_attention"),
        ({"block_out_channels": "many"}, "block_out_channels"),
    ],
)
def test_what_a_config_of_diffusers_asks_for_beyond_is_refused(files, tmp_path, change, says):
    path = make_diffusers_vqgan(tmp_path, load_file(files[0]))
    config = tmp_path / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | change))
    with pytest.raises(ModelError, match=says):
        load_vqgan(path, config)


def test_half_of_one_layout_and_half_of_another_is_told(files, tmp_path):
    tensors = load_file(files[0])
    path = make_diffusers_vqgan(tmp_path, tensors)
    mixed = load_file(path)
    mixed |= {name: tensor for name, tensor in tensors.items() if name.startswith("decoder.")}
    save_file(mixed, path)
    with pytest.raises(ModelError, match="a part of its names is taming's"):
        load_vqgan(path, tmp_path / "config.json")


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["visual.proj", "transformer.resblocks.0.ln_1.bias"], "belongs under clip"),
        (["encoder.conv_in.weight", "quant_conv.weight"], "a part of one: it lacks decoder."),
        (["unet.conv_in.weight"], "it lacks encoder. and decoder."),
        (["decoder.conv_in.lora_A.weight"], "a LoRA"),
        (["decoder.conv_in.weight", "decoder.mid.qweight"], "packed into few bits"),
    ],
)
def test_what_is_no_whole_vqgan_is_told_by_what_it_is(files, tmp_path, names, says):
    path = tmp_path / "x.safetensors"
    save_file({name: torch.zeros(2, 2) for name in names}, path)
    with pytest.raises(ModelError) as refusal:
        load_vqgan(path, files[1])
    assert str(refusal.value).startswith(f"{path}: ") and says in str(refusal.value)


def test_a_config_of_other_weights_is_told_as_such(files, tmp_path):
    tree = yaml.safe_load(files[1].read_text())
    tree["model"]["params"]["ddconfig"]["ch"] = 64
    (other := tmp_path / "other.yaml").write_text(yaml.safe_dump(tree))
    with pytest.raises(
        ModelError, match="other.yaml describes.*\n(.*\n)*.*YAML is of other weights"
    ):
        load_vqgan(files[0], other)


def test_a_folder_of_diffusers_is_a_vqgan_in_a_storyboard(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vq").mkdir()
    make_diffusers_vqgan(tmp_path / "vq", load_file(files[0]))
    (tmp_path / "s.yaml").write_text(
        "size: 32x32\nmodels: {clip: storybook, vqgan: vq}\nsettings: {guide: off, cutouts: 2}\n"
        "scenes: [{prompt: a sea, iterations: 2}]\n"
    )
    done = CliRunner().invoke(main, ["render", "s.yaml"])
    assert done.exit_code == 0, done.output


# Codes on the sphere


@pytest.mark.parametrize("size", ["VQ_16", "VQ_8"])
@pytest.mark.slow
def test_llamagens_tokenizers_at_their_true_shapes(tmp_path, size):
    path, config = make_llamagen(tmp_path, size)
    vqgan = load_vqgan(path, config)
    assert vqgan.factor == int(size[3:]) and vqgan.codebook.shape == (16384, 8)
    torch.testing.assert_close(vqgan.codebook.norm(dim=1), torch.ones(16384))
    state = torch.load(path, weights_only=True)["model"]
    generator = torch.Generator().manual_seed(2)
    z = F.normalize(torch.randn(1, 8, 3, 2, generator=generator), dim=1)
    expected = (decoded(state, z) + 1) / 2
    torch.testing.assert_close(vqgan.decode(z), expected, atol=2e-5, rtol=0)
    image = torch.rand(1, 3, 32, 48, generator=generator)
    expected = F.normalize(encoded(state, image * 2 - 1), dim=1)
    torch.testing.assert_close(vqgan.encode(image), expected, atol=2e-5, rtol=0)


@pytest.mark.slow
def test_ibqs_tokenizer_at_its_true_shape(tmp_path):
    path, config = make_ibq(tmp_path)
    assert read_config(config).ddconfig.num_res_blocks == 4
    vqgan = load_vqgan(path, config)
    assert vqgan.factor == 16 and vqgan.codebook.shape == (16384, 256)
    assert vqgan.discriminator is None
    state = read_tensors(path)
    z = torch.randn(1, 256, 2, 3, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(vqgan.decode(z), (decoded(state, z) + 1) / 2, atol=2e-5, rtol=0)


@pytest.mark.parametrize("kind", ["taming", "diffusers", "sphere"])
def test_a_sketchbook_is_of_the_nearest_codes_whatever_the_layout(files, tmp_path, kind):
    path, config = files
    if kind == "diffusers":
        path = make_diffusers_vqgan(tmp_path, load_file(path))
        config = path.with_name("config.json")
    sizes = replace(read_config(config), sphere=kind == "sphere")
    network = packaged_vqgan(read_tensors(path), sizes, path, "its config")
    vqgan = VQGAN(network, sizes, path, torch.device("cpu"), torch.float32, False)
    picture = Image.effect_mandelbrot((32, 24), (-3, -2.5, 2, 2.5), 100).convert("RGB")
    perceptor = load_perceptor(make_clip(tmp_path, format="safetensors"))
    paths = find_models(Models())  # of whose digests its notes tell
    made = build_sketchbook([Drawing(picture)], perceptor, vqgan, paths, (32, 24))
    latent = vqgan.encode(torch.from_numpy(fitted(picture, 32, 24)).unsqueeze(0))[0]
    if kind == "sphere":
        likeness = torch.einsum("chw,ec->hwe", latent, vqgan.codebook)
        assert torch.allclose(latent.norm(dim=0), torch.ones(()), atol=1e-5)
    else:
        likeness = -(latent.movedim(0, -1).unsqueeze(2) - vqgan.codebook).square().sum(-1)
    assert (made.codes(0) == likeness.argmax(-1).numpy()).all()
    assert decode_sketch(made, 0, vqgan).size == (32, 24)


def on_sphere(latent: Tensor) -> bool:
    return torch.allclose(latent.norm(dim=1), torch.ones(()), atol=1e-5)


def test_a_latent_stays_on_the_sphere():
    random = torch.Generator().manual_seed(0)
    codebook = F.normalize(torch.randn(64, 8, generator=random), dim=1)
    start = noise_start(codebook, 6, 8, 0.3, random)
    latent = Latent(start, UnitSphere(), grids=3)
    assert on_sphere(latent.value) and not on_sphere(start)
    for step in range(5):
        latent.value.mul(codebook[step].view(1, 8, 1, 1)).sum().backward()
        latent.step(latent.pace(0.1, 0.01))
        assert on_sphere(latent.value)
    latent.pull(F.normalize(torch.randn(1, 8, 6, 8, generator=random), dim=1), 0.5)
    assert on_sphere(latent.value)
    latent.resize(9, 12)
    assert on_sphere(latent.value)
    state, again = latent.state(), Latent(start, UnitSphere(), grids=3)
    again.restore(state)
    assert torch.equal(again.value, latent.value)


def test_a_film_with_codes_on_the_sphere_is_exact_on_resume(tmp_path, one_thread):
    path, config = make_llamagen(tmp_path)
    text = (
        f"size: 24x16\nseed: 3\nmodels: {{clip: storybook, vqgan: {path}, vqgan_config: {config}}}"
        "\nsettings: {guide: off, cutouts: 2, show_step: 1, losses: {vq: 0.1}}\n"
        "scenes: [{prompt: a sea, iterations: 4}]\n"
    )
    story = reader.parse(text)
    cast = cast_of(story, precision="fp32")
    whole = list(Session(story, cast).run())
    assert all(on_sphere(progress.latent) for progress in whole)
    rest = list(Session(story, cast, start=whole[1].state).run())
    assert torch.equal(rest[-1].latent, whole[-1].latent)
    assert (rest[-1].frame == whole[-1].frame).all()
