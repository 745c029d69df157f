"""CLIPs under the names of Hugging Face and open_clip, with what their configs say, against the
packaged network.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from click.testing import CliRunner, Result
from safetensors.torch import save_file
from tiny import CLIPShape, make_hugging_face_clip, make_open_clip, random_clip
from torch import Tensor, nn

from vqclip_video.catalogue import clip_config
from vqclip_video.catalogue.clip_beside import open_clip_beside
from vqclip_video.catalogue.clip_config import (
    ARCHITECTURES,
    MEAN,
    STD,
    architecture,
    architectures_like,
)
from vqclip_video.cli.main import main
from vqclip_video.errors import ModelError
from vqclip_video.materials import find_materials
from vqclip_video.models.clip.perceptor import load_perceptor
from vqclip_video.models.clip.tokens import tokens_of
from vqclip_video.outline import outline
from vqclip_video.storyboard import reader

TEXTS = ["a red apple", "", "an old lighthouse above a stormy sea, at dusk"]
# what the names and shapes of a CLIP leave open, each away from OpenAI's
WIDE = CLIPShape(width=160, head=80, text_width=96, text_head=32, quick_gelu=False)
GREY = {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.5, 0.75]}


def vectors_of(clip: nn.Module, mean=MEAN, std=STD) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures, and what the packaged network makes of them and of the texts."""
    size = clip.visual.input_resolution
    images = torch.rand(3, 3, size, size, generator=torch.Generator().manual_seed(5))
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (mean, std))
    ids = torch.zeros(len(TEXTS), 77, dtype=torch.long)
    for row, text in zip(ids, TEXTS, strict=True):
        row[: len(tokens_of(text))] = torch.tensor(tokens_of(text))
    with torch.no_grad():
        found = clip.encode_image((images - mean) / std), clip.encode_text(ids)
    return images, *(F.normalize(vectors, dim=-1) for vectors in found)


def assert_same(path: Path, clip: nn.Module, mean=MEAN, std=STD, config=None) -> None:
    perceptor = load_perceptor(path, config=config)
    images, seen, read = vectors_of(clip, mean, std)
    torch.testing.assert_close(perceptor.embed_image(images), seen, atol=1e-6, rtol=0)
    torch.testing.assert_close(perceptor.embed_text(TEXTS), read, atol=1e-6, rtol=0)


@pytest.mark.parametrize("shape", [CLIPShape(), WIDE], ids=["as OpenAI's", "wide"])
@pytest.mark.parametrize("suffix", [".safetensors", ".bin"])
def test_a_clip_model_of_hugging_face_is_computed_as_its_config_says(tmp_path, shape, suffix):
    path = make_hugging_face_clip(tmp_path, shape, suffix)
    assert_same(path, random_clip(shape))


def test_hugging_faces_colours_come_from_the_preprocessor(tmp_path):
    path = make_hugging_face_clip(tmp_path)
    colours = {"image_mean": GREY["mean"], "image_std": GREY["std"]}
    path.with_name("preprocessor_config.json").write_text(json.dumps(colours))
    assert_same(path, random_clip(), **GREY)


def test_what_older_configs_say_twice_counts_the_second_time(tmp_path):
    path = make_hugging_face_clip(tmp_path, WIDE)
    config = json.loads(path.with_name("config.json").read_text())
    for tower in ("text", "vision"):
        config[f"{tower}_config_dict"] = config.pop(f"{tower}_config")
        config[f"{tower}_config"] = {"hidden_act": "quick_gelu", "num_attention_heads": 1}
    path.with_name("config.json").write_text(json.dumps(config))
    assert_same(path, random_clip(WIDE))


@pytest.mark.parametrize("shape", [CLIPShape(), WIDE, replace(WIDE, mlp=5)], ids=range(3))
def test_open_clips_weights_are_computed_as_their_config_says(tmp_path, shape):
    path = make_open_clip(tmp_path, shape, colours=GREY)
    assert_same(path, random_clip(shape), **GREY)


def test_a_resnet_of_open_clip_has_gelu_in_its_text_tower(tmp_path):
    shape = CLIPShape("resnet", quick_gelu=False)
    assert_same(make_open_clip(tmp_path, shape), random_clip(shape))


@pytest.mark.parametrize("prefix", ["module.", "clip.", "model.", "module.clip."])
def test_wrappers_names_are_taken_off(tmp_path, prefix):
    path = make_open_clip(tmp_path, prefix=prefix)
    assert_same(path, random_clip())


def test_a_text_tower_apart_and_its_mask_are_open_clips_too(tmp_path):
    path = make_open_clip(tmp_path, WIDE)
    tensors = torch.load(path, weights_only=True)
    tensors = {
        name if name.startswith(("visual.", "logit")) else f"text.{name}": tensor
        for name, tensor in tensors.items()
    } | {"text.attn_mask": torch.zeros(77, 77)}
    torch.save(tensors, path)
    assert_same(path, random_clip(WIDE))


def test_weights_alone_are_refused_with_the_key_that_settles_it(tmp_path):
    for path in (make_open_clip(tmp_path), make_hugging_face_clip(tmp_path)):
        for config in tmp_path.glob("*.json"):
            config.unlink()
        with pytest.raises(ModelError) as refusal:
            load_perceptor(path)
        message = str(refusal.value)
        assert "GELU" in message and "config.json" in message


def test_weights_of_a_known_size_are_refused_with_the_names_they_may_go_by(tmp_path, monkeypatch):
    path = make_open_clip(tmp_path)
    sizes = open_clip_beside(path).sizes
    path.with_name("open_clip_config.json").unlink()
    monkeypatch.setitem(clip_config._SHAPES, "ViT-Tiny", (sizes, 64))
    with pytest.raises(ModelError, match="arch: ViT-Tiny}} or ViT-Tiny-quickgelu"):
        load_perceptor(path)


def test_a_config_of_another_clip_is_refused_by_what_differs(tmp_path):
    path = make_open_clip(tmp_path, WIDE)
    config = json.loads((tmp_path / "open_clip_config.json").read_text())
    config["model_cfg"]["vision_cfg"]["width"] = 240
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"open_clip_config.json describes: 240 .*weights 160"):
        load_perceptor(path)
    with pytest.raises(ModelError, match=r"arch: ViT-B-32 describes: .*224 pixels"):
        load_perceptor(path, config=architecture("ViT-B-32"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c["vision_cfg"].update(timm_model_name="convnext_base"), "convnext_base"),
        (lambda c: c["text_cfg"].update(hf_model_name="roberta-base"), "roberta-base"),
        (lambda c: c.update(multimodal_cfg={}), "CoCa"),
        (lambda c: c["vision_cfg"].update(pool_type="avg"), "pool_type: 'avg'"),
        (lambda c: c["vision_cfg"].update(no_ln_pre=True), "no_ln_pre"),
        (lambda c: c["text_cfg"].update(hf_tokenizer_name="bert"), "hf_tokenizer_name"),
        (lambda c: c["vision_cfg"].update(width="wide"), "width: 'wide'"),
        (lambda c: c["text_cfg"].update(heads=7), "7 attention heads"),
        (lambda c: c.pop("vision_cfg"), "vision_cfg"),
    ],
)
def test_what_an_open_clip_config_asks_for_beyond_is_refused_by_name(tmp_path, change, says):
    path = make_open_clip(tmp_path)
    beside = tmp_path / "open_clip_config.json"
    config = json.loads(beside.read_text())
    change(config["model_cfg"])
    beside.write_text(json.dumps(config))
    with pytest.raises(ModelError) as refusal:
        load_perceptor(path)
    assert says in str(refusal.value) and str(beside) in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model_type": "siglip"}, "siglip"),
        ({"vision_config": {"hidden_act": "gelu_new"}}, "gelu_new"),
        ({"text_config": {"eos_token_id": 5}}, "eos_token_id"),
        ({"text_config": {"layer_norm_eps": 1e-6}}, "layer_norm_eps"),
        ({"text_config": 7}, "config.json"),
        ({"projection_dim": 10**9}, "projection_dim"),
    ],
)
def test_what_a_config_of_hugging_face_asks_for_beyond_is_refused(tmp_path, change, says):
    path = make_hugging_face_clip(tmp_path)
    beside = tmp_path / "config.json"
    beside.write_text(json.dumps(json.loads(beside.read_text()) | change))
    with pytest.raises(ModelError) as refusal:
        load_perceptor(path)
    assert says in str(refusal.value) and str(beside) in str(refusal.value)


@pytest.mark.parametrize("content", ["{", "[]", "null", "<!doctype html><html>", "[" * 100_000])
def test_a_config_that_is_none_is_answered_with_its_name(tmp_path, content):
    path = make_open_clip(tmp_path)
    (tmp_path / "open_clip_config.json").write_text(content)
    with pytest.raises(ModelError, match=r"open_clip_config\.json: "):
        load_perceptor(path)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["vision_model.head.attention.in_proj_weight", "text_model.head.weight"], "a SigLIP"),
        (["visual.trunk.attn_pool.latent", "text.token_embedding.weight"], "a SigLIP"),
        (["text_decoder.ln_final.weight", "visual.proj"], "a CoCa"),
        (["visual.trunk.stages.0.blocks.0.gamma", "text_projection"], "ConvNeXt"),
        (["visual.trunk.blocks.0.norm1.weight"], "timm"),
        (["text.transformer.embeddings.word_embeddings.weight"], "text tower of Hugging Face"),
        (["model.diffusion_model.input_blocks.0.0.weight"], "Stable Diffusion"),
        (["lora_te_text_model_encoder_layers_0_mlp_fc1.lora_up.weight"], "a LoRA"),
        (["encoder.layers.0.hada_w1_a"], "a LoRA"),
        (["visual.proj.absmax", "visual.proj.quant_map"], "packed into few bits"),
        (["encoder.conv_in.weight", "post_quant_conv.weight"], "belongs under vqgan"),
        (["text_model.encoder.layers.0.mlp.fc1.weight"], "without its image tower"),
        (["vision_model.encoder.layers.0.mlp.fc1.weight"], "without its text tower"),
        (["vision_model.post_layernorm.weight", "transformer.resblocks.0.ln_1.bias"], "half"),
    ],
)
def test_what_only_looks_like_a_clip_is_refused_by_what_it_is(tmp_path, names, says):
    path = tmp_path / "x.safetensors"
    save_file({name: torch.zeros(2, 2) for name in names}, path)
    with pytest.raises(ModelError) as refusal:
        load_perceptor(path)
    assert str(refusal.value).startswith(f"{path}: ") and says in str(refusal.value)


def test_one_of_several_parts_is_told(tmp_path):
    path = tmp_path / "model-00002-of-00003.safetensors"
    save_file({"visual.proj": torch.zeros(2, 2)}, path)
    with pytest.raises(ModelError, match="one of 3 parts.*in one file"):
        load_perceptor(path)


def test_sizes_that_no_architecture_has_are_not_given_its_name(tmp_path):
    (path := make_open_clip(tmp_path, WIDE)).with_name("open_clip_config.json").unlink()
    with pytest.raises(ModelError, match="no architecture known by name") as refusal:
        load_perceptor(path)
    assert "arch:" not in str(refusal.value)


def test_every_architecture_is_found_by_its_sizes():
    for name in ARCHITECTURES:
        found = architectures_like(architecture(name).sizes)
        assert name in found and len(found) == 2
    assert architecture("ViT-H-14").image_head == 80
    assert architecture("ViT-B-32-quickgelu").quick_gelu
    assert not architecture("ViT-B-32").quick_gelu


# As a storyboard says it

FILM = "size: 64x64\nmodels: {{clip: {clip}, vqgan: storybook}}\nscenes: [{{prompt: a sea}}]\n"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def checked(folder: Path, clip: str) -> tuple[int, str]:
    (folder / "s.yaml").write_text(FILM.format(clip=clip))
    done = run("check", str(folder / "s.yaml"))
    return done.exit_code, done.output


def test_a_file_and_its_architecture_in_a_storyboard(tmp_path):
    make_open_clip(tmp_path)
    mapping = "{file: open_clip_pytorch_model.bin, arch: ViT-H-14}"
    board = reader.parse(FILM.format(clip=mapping), base=tmp_path)
    assert board.models.clips == (str(tmp_path / "open_clip_pytorch_model.bin"),)
    (file,) = find_materials(board).models.clips
    assert file.config == architecture("ViT-H-14")
    assert outline(board).clip_side == 224


@pytest.mark.parametrize(
    ("clip", "says"),
    [
        ("{file: x.bin, arch: ViT-H14}", "did you mean 'ViT-H-14'"),
        ("{file: x.bin, arch: ViT-B/32}", "ViT-B-32-quickgelu"),
        ("{name: ViT-B/32, arch: ViT-B-32}", "is known"),
        ("{name: RN50, file: x.bin}", "both name and file"),
        ("{arch: ViT-B-32}", "neither name nor file"),
        ("{file: x.bin, weights: y}", "unknown key 'weights'"),
    ],
)
def test_a_wrong_mapping_is_told_at_its_place(tmp_path, clip, says):
    (tmp_path / "x.bin").write_bytes(b"x")
    code, output = checked(tmp_path, clip)
    assert code == 2 and "models.clip" in output and says in output


def test_a_folder_as_hugging_face_has_it_is_a_clip(tmp_path):
    make_hugging_face_clip(tmp_path / "clip", suffix=".bin")
    path = make_hugging_face_clip(tmp_path / "clip")
    board = reader.parse(FILM.format(clip="clip"), base=tmp_path)
    assert find_materials(board).models.clip == path
    assert outline(board).clip_side == 32
    code, output = checked(tmp_path, "clip")
    assert code == 0, output


def test_another_config_makes_another_film(tmp_path):
    make_hugging_face_clip(tmp_path / "clip")
    board = reader.parse(FILM.format(clip="clip"), base=tmp_path)
    before = find_materials(board).identity()
    config = tmp_path / "clip" / "config.json"
    config.write_text(config.read_text().replace('"quick_gelu"', '"gelu"'))
    assert find_materials(board).identity() != before


def test_a_film_is_rendered_with_a_clip_of_hugging_face(tmp_path):
    make_hugging_face_clip(tmp_path / "clip", WIDE)
    (tmp_path / "s.yaml").write_text(
        FILM.format(clip="clip").replace("a sea", "a sea, iterations: 2")
        + "settings: {cutouts: 2, guide: off}\n"
    )
    done = run("render", str(tmp_path / "s.yaml"), "-o", str(tmp_path / "film.mp4"))
    assert done.exit_code == 0, done.output
