"""CLIPs at the true shapes of open_clip and transformers, with random weights, against these
packages themselves.

Skipped where they are not installed: pip install -e '.[test,parity]'
"""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vqclip_video.catalogue.clip_config import MEAN, STD, architecture
from vqclip_video.catalogue.known import MODELS
from vqclip_video.models.clip.perceptor import load_perceptor
from vqclip_video.models.clip.tokens import tokens_of
from vqclip_video.models.vqgan.first_stage import load_vqgan

TEXTS = ["a dog", "an old lighthouse, at dusk", "Żółw 猫 🐙 &amp;", "word " * 200]
NEAR = 1e-6
# layers of the largest, whose shapes and not whose depth are in question
FEW = 2


def shaken(network: nn.Module) -> nn.Module:
    """With other biases, norms and statistics than a network begins with."""
    torch.manual_seed(1)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.2)
            layer.running_var.uniform_(0.5, 1.5)
        if isinstance(layer, nn.BatchNorm2d | nn.LayerNorm):
            nn.init.normal_(layer.weight, 1, 0.1)
            nn.init.normal_(layer.bias, 0, 0.1)
        elif isinstance(layer, nn.Linear) and layer.bias is not None:
            nn.init.normal_(layer.bias, 0, 0.02)
    return network.eval().requires_grad_(False)


def assert_near(path: Path, image, text, config=None, mean=MEAN, std=STD) -> None:
    """Unit vectors of pictures and texts, ours and the owner's."""
    perceptor = load_perceptor(path, config=config)
    size = perceptor.size
    pictures = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(3))
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (mean, std))
    seen, read = (F.normalize(found, dim=-1) for found in (image((pictures - mean) / std), text()))
    torch.testing.assert_close(perceptor.embed_image(pictures), seen, atol=NEAR, rtol=0)
    torch.testing.assert_close(perceptor.embed_text(TEXTS), read, atol=NEAR, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["RN50", "RN50-quickgelu", "ViT-B-32", "ViT-B-32-quickgelu", "ViT-B-16", "ViT-L-14"]
    + ["ViT-H-14", "ViT-g-14", "ViT-bigG-14"],
)
def test_open_clip(tmp_path, name):
    open_clip = pytest.importorskip("open_clip")
    config = copy.deepcopy(open_clip.get_model_config(name))
    if not name.startswith(("RN", "ViT-B")):
        config["vision_cfg"]["layers"] = config["text_cfg"]["layers"] = FEW
    torch.manual_seed(0)
    network = shaken(open_clip.model.CLIP(**config))
    path = tmp_path / "open_clip_pytorch_model.bin"
    torch.save(network.state_dict(), path)
    tokens = open_clip.tokenize(TEXTS)
    ways = network.encode_image, lambda: network.encode_text(tokens)
    if architecture(name).sizes.layers == layers_of(config):
        assert_near(path, *ways, config=architecture(name))
    grey = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.4, 0.3)}
    beside = {"model_cfg": config, "preprocess_cfg": grey}
    path.with_name("open_clip_config.json").write_text(json.dumps(beside))
    assert_near(path, *ways, **grey)


def layers_of(config: dict) -> tuple[int, ...]:
    layers = config["vision_cfg"]["layers"]
    return tuple(layers) if isinstance(layers, list) else (layers,)


@pytest.mark.parametrize("name", ["RN50x64", "ViT-L-14-336-quickgelu", "ViT-H-14", "ViT-bigG-14"])
def test_architectures_are_those_of_open_clip(name):
    open_clip = pytest.importorskip("open_clip")
    theirs, ours = open_clip.get_model_config(name), architecture(name)
    image, text = theirs["vision_cfg"], theirs["text_cfg"]
    assert ours.quick_gelu == theirs.get("quick_gelu", False)
    assert ours.image_head == image.get("head_width", 64)
    assert ours.text_head == text["width"] // text["heads"]
    sizes = ours.sizes
    assert (sizes.side, sizes.patch or None) == (image["image_size"], image["patch_size"])
    assert (sizes.width, sizes.layers) == (image["width"], layers_of(theirs))
    assert (sizes.embedding, sizes.text_width) == (theirs["embed_dim"], text["width"])
    assert (sizes.text_layers, sizes.context) == (text["layers"], text["context_length"])


def towers(act: str, text: tuple, image: tuple, projection: int) -> dict:
    """The config of a CLIPModel: width, heads and layers of each tower."""
    keys = ("hidden_size", "num_attention_heads", "num_hidden_layers")
    text, image = dict(zip(keys, text, strict=True)), dict(zip(keys, image, strict=False))
    for tower in (text, image):
        tower |= {"hidden_act": act, "intermediate_size": 4 * tower["hidden_size"]}
    image["patch_size"] = 32 if image["hidden_size"] == 768 else 14
    return {"text_config": text, "vision_config": image, "projection_dim": projection}


@pytest.mark.slow
@pytest.mark.parametrize(
    "config",
    [
        {},
        towers("gelu", (512, 8, 12), (768, 12, 12), 512),
        towers("quick_gelu", (768, 12, FEW), (1024, 16, FEW), 768),
        towers("gelu", (1024, 16, FEW), (1280, 16, FEW), 1024),
    ],
    ids=["B/32", "B/32 gelu", "L/14", "H/14"],
)
def test_transformers(tmp_path, config):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    network = shaken(transformers.CLIPModel(transformers.CLIPConfig(**config)))
    network.save_pretrained(tmp_path)
    ids = torch.full((len(TEXTS), 77), 49407)
    for row, text in zip(ids, TEXTS, strict=True):
        row[: len(tokens_of(text))] = torch.tensor(tokens_of(text))

    def image(pictures: Tensor) -> Tensor:
        return network.visual_projection(network.vision_model(pictures).pooler_output)

    def text() -> Tensor:
        return network.text_projection(network.text_model(ids).pooler_output)

    assert_near(tmp_path / "model.safetensors", image, text)


@pytest.mark.parametrize("channels", [[32, 64], [64, 64, 128, 256]])
def test_diffusers(tmp_path, channels):
    diffusers = pytest.importorskip("diffusers")
    levels = len(channels)
    torch.manual_seed(0)
    network = diffusers.VQModel(
        down_block_types=[*["DownEncoderBlock2D"] * (levels - 1), "AttnDownEncoderBlock2D"],
        up_block_types=["AttnUpDecoderBlock2D", *["UpDecoderBlock2D"] * (levels - 1)],
        block_out_channels=channels,
        layers_per_block=2,
        latent_channels=16,
        num_vq_embeddings=64,
        vq_embed_dim=4,
    )
    shaken(network).save_pretrained(tmp_path)
    vqgan = load_vqgan(tmp_path / "diffusion_pytorch_model.safetensors", tmp_path / "config.json")
    latent = torch.randn(2, 4, 6, 5, generator=torch.Generator().manual_seed(3))
    theirs = (network.decode(latent, force_not_quantize=True).sample + 1) / 2
    torch.testing.assert_close(vqgan.decode(latent), theirs, atol=1e-5, rtol=0)
    images = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(3))
    theirs = network.encode(images * 2 - 1).latents
    torch.testing.assert_close(vqgan.encode(images), theirs, atol=1e-5, rtol=0)


def test_names_mean_what_open_clips_own_list_says():
    """Repositories and colours of LAION's CLIPs."""
    pretrained = pytest.importorskip("open_clip.pretrained")
    tags = {"laion2b": "laion2b_s", "datacomp": "datacomp_xl_s13b_b90k"}
    ours = {model.name: model for model in MODELS.values() if "/laion/" in model.source}
    assert len(ours) == 7
    for name, model in ours.items():
        arch, _, data = name.rpartition("-")
        known = pretrained._PRETRAINED[arch]
        tag = next(each for each in known if each.startswith(tags[data]))
        listed = known[tag]
        assert listed["hf_hub"].rstrip("/") in model.source
        assert (model.clip.mean, model.clip.std) == (tuple(listed["mean"]), tuple(listed["std"]))
        assert not listed.get("quick_gelu", False)
