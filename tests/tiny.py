"""Makers of tiny CLIPs and VQGANs with random weights, in the file formats that the real ones are
published in.

Same arguments, same file. A pair is 7 MB, nearly all of it the embedding of CLIP's 49408 tokens.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import torch
import yaml
from safetensors.torch import save_file
from taming.modules.diffusionmodules.model import Decoder, Encoder
from taming.modules.discriminator.model import NLayerDiscriminator
from torch import Tensor, nn

from vqclip_video.models.clip.tokens import clip_file

DDCONFIG = {
    "double_z": False,
    "z_channels": 32,
    "resolution": 32,
    "in_channels": 3,
    "out_ch": 3,
    "ch": 32,
    "ch_mult": [1, 1, 2],
    "num_res_blocks": 1,
    "attn_resolutions": [8],
    "dropout": 0.0,
}
N_EMBED, VQ_CHANNELS = 32, 8


@dataclass(frozen=True)
class CLIPShape:
    """Sizes of a tiny CLIP, and what its weights leave open. A ViT sees 32 pixels, a ResNet 64."""

    kind: str = "vit"
    width: int = 64
    head: int = 64
    text_width: int = 64
    text_head: int = 64
    quick_gelu: bool = True
    mlp: int = 4  # times the image tower's width

    @property
    def side(self) -> int:
        return 32 if self.kind == "vit" else 64


def make_clip(folder: Path, kind: str = "vit", format: str = "torchscript") -> Path:
    """A CLIP, `kind` "vit" (32 px) or "resnet" (64 px), in float16 as OpenAI publishes it; returns
    its path.

    `format`: "torchscript" (a traced archive, as OpenAI's), "pt" (a plain state dict) or
    "safetensors".
    """
    clip = random_clip(CLIPShape(kind))
    for name in ("input_resolution", "context_length", "vocab_size"):
        value = clip.visual.input_resolution if name == "input_resolution" else getattr(clip, name)
        clip.__dict__.pop(name, None)
        clip.register_buffer(name, torch.tensor(value))
    clip_file("model").convert_weights(clip)
    path = folder / f"clip-{kind}-{format}{'.safetensors' if format == 'safetensors' else '.pt'}"
    if format == "torchscript":
        size = clip.visual.input_resolution
        image, text = (
            torch.zeros(1, 3, size, size),
            torch.zeros(1, clip.context_length, dtype=torch.long),
        )
        calls = {"forward": (image, text), "encode_image": image, "encode_text": text}
        with warnings.catch_warnings():
            # jit is deprecated, and the published files are what they are
            warnings.simplefilter("ignore")
            torch.jit.trace_module(clip, calls, check_trace=False).save(str(path))
    else:
        _save(clip.state_dict(), path)
    return path


def make_open_clip(
    folder: Path, shape: CLIPShape = CLIPShape(), prefix: str = "", colours: dict | None = None
) -> Path:
    """A CLIP as open_clip publishes it, with its config beside it; returns the checkpoint's path.

    prefix: of all its names, as wrappers put it there.
    """
    folder.mkdir(exist_ok=True)
    state = random_clip(shape).state_dict()
    path = folder / "open_clip_pytorch_model.bin"
    _save({f"{prefix}{name}": tensor for name, tensor in state.items()}, path)
    vit = {"layers": 2, "patch_size": 8, "head_width": shape.head, "mlp_ratio": float(shape.mlp)}
    resnet = {"layers": [1, 2, 1, 1], "patch_size": None}
    image = {"image_size": shape.side, "width": shape.width if shape.kind == "vit" else 8}
    text = {"width": shape.text_width, "heads": shape.text_width // shape.text_head, "layers": 2}
    model = {
        "embed_dim": 64,
        "vision_cfg": image | (vit if shape.kind == "vit" else resnet),
        "text_cfg": text,
    }
    if shape.quick_gelu:
        model["quick_gelu"] = True
    config = {"model_cfg": model} | ({"preprocess_cfg": colours} if colours else {})
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    return path


def make_hugging_face_clip(
    folder: Path, shape: CLIPShape = CLIPShape(), suffix: str = ".safetensors"
) -> Path:
    """A CLIPModel as Hugging Face publishes it, with its config.json; returns its path."""
    folder.mkdir(exist_ok=True)
    path = folder / ("model.safetensors" if suffix == ".safetensors" else "pytorch_model.bin")
    _save(_under_hugging_faces_names(random_clip(shape).state_dict()), path)
    act = "quick_gelu" if shape.quick_gelu else "gelu"
    text = {"hidden_size": shape.text_width, "num_hidden_layers": 2, "hidden_act": act}
    image = {"hidden_size": shape.width, "num_hidden_layers": 2, "hidden_act": act}
    config = {
        "model_type": "clip",
        "projection_dim": 64,
        "text_config": text | {"num_attention_heads": shape.text_width // shape.text_head},
        "vision_config": image
        | {"image_size": 32, "patch_size": 8, "num_attention_heads": shape.width // shape.head},
    }
    (folder / "config.json").write_text(json.dumps(config))
    return path


def _under_hugging_faces_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    found = {
        "text_model.embeddings.token_embedding.weight": state["token_embedding.weight"],
        "text_model.embeddings.position_embedding.weight": state["positional_embedding"],
        "text_model.embeddings.position_ids": torch.arange(77)[None],
        "vision_model.embeddings.class_embedding": state["visual.class_embedding"],
        "vision_model.embeddings.patch_embedding.weight": state["visual.conv1.weight"],
        "vision_model.embeddings.position_embedding.weight": state["visual.positional_embedding"],
        "text_projection.weight": state["text_projection"].T,
        "visual_projection.weight": state["visual.proj"].T,
        "logit_scale": state["logit_scale"],
    }
    norms = {
        "text_model.final_layer_norm": "ln_final",
        "vision_model.pre_layrnorm": "visual.ln_pre",
        "vision_model.post_layernorm": "visual.ln_post",
    }
    parts = {"layer_norm1": "ln_1", "layer_norm2": "ln_2"}
    parts |= {"mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj", "self_attn.out_proj": "attn.out_proj"}
    for model, tower in (("text_model", ""), ("vision_model", "visual.")):
        for layer in range(2):
            theirs = f"{model}.encoder.layers.{layer}"
            ours = f"{tower}transformer.resblocks.{layer}"
            norms |= {f"{theirs}.{a}": f"{ours}.{b}" for a, b in parts.items()}
            for end in ("weight", "bias"):
                three = state[f"{ours}.attn.in_proj_{end}"].chunk(3)
                for letter, part in zip("qkv", three, strict=True):
                    found[f"{theirs}.self_attn.{letter}_proj.{end}"] = part
    for theirs, ours in norms.items():
        found |= {f"{theirs}.{end}": state[f"{ours}.{end}"] for end in ("weight", "bias")}
    return found


def random_clip(shape: CLIPShape = CLIPShape()) -> nn.Module:
    """OpenAI's own module with random weights, float32; the same shape, the same weights."""
    sizes = {"vit": (32, 2, 64, 8), "resnet": (64, (1, 2, 1, 1), 8, None)}[shape.kind]
    model = clip_file("model")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        text_heads = shape.text_width // shape.text_head
        clip = model.CLIP(64, *sizes, 77, 49408, shape.text_width, text_heads, 2)
        if shape.kind == "vit" and shape != CLIPShape():
            heads = shape.width // shape.head
            clip.visual = model.VisionTransformer(32, 8, shape.width, 2, heads, 64)
            for block in clip.visual.transformer.resblocks:
                inner = shape.width * shape.mlp
                block.mlp.c_fc = nn.Linear(shape.width, inner)
                block.mlp.c_proj = nn.Linear(inner, shape.width)
        for layer in clip.modules():
            _shaken(layer)
    if not shape.quick_gelu:
        for module in clip.modules():
            if isinstance(module, model.ResidualAttentionBlock):
                module.mlp.gelu = nn.GELU()
    return clip.eval()


def _shaken(layer: nn.Module) -> None:
    """Other first values than a network begins with, so that what is done wrongly shows."""
    if isinstance(layer, nn.BatchNorm2d):  # as after a training
        nn.init.uniform_(layer.weight, 0.5, 1.5)
        nn.init.normal_(layer.bias, std=0.2)
        nn.init.normal_(layer.running_mean, std=0.2)
        nn.init.uniform_(layer.running_var, 0.5, 1.5)
    elif isinstance(layer, nn.Conv2d):  # so strong that the picture shows in the embedding
        nn.init.kaiming_normal_(layer.weight)
    elif isinstance(layer, nn.LayerNorm):
        nn.init.normal_(layer.weight, 1.0, 0.2)
        nn.init.normal_(layer.bias, std=0.2)
    elif isinstance(layer, nn.Linear | nn.MultiheadAttention):
        packed = isinstance(layer, nn.MultiheadAttention)
        nn.init.normal_(layer.in_proj_bias if packed else layer.bias, std=0.2)


def make_vqgan(
    folder: Path, kind: str = "vq", format: str = "lightning", discriminator: bool = False
) -> tuple[Path, Path]:
    """A VQGAN with factor 4 in float32; returns the paths of the checkpoint and its YAML.

    `kind`: "vq" (8 channels), "gumbel" (32 channels) or "net2net" (a vq inside a transformer's
    file).
    `format`: "lightning" (a .ckpt naming Lightning's classes, as published), "pt" or "safetensors".
    """
    state = _random_vqgan(kind, discriminator)
    target, params = "taming.models.vqgan.VQModel", {"embed_dim": VQ_CHANNELS}
    if kind == "gumbel":
        target, params = "taming.models.vqgan.GumbelVQ", {"embed_dim": DDCONFIG["z_channels"]}
    loss = {"target": "taming.modules.losses.DummyLoss"}
    model = {
        "target": target,
        "params": params | {"n_embed": N_EMBED, "ddconfig": DDCONFIG, "lossconfig": loss},
    }
    if kind == "net2net":
        model = {
            "target": "taming.models.cond_transformer.Net2NetTransformer",
            "params": {"cond_stage_key": "depth", "first_stage_config": model},
        }
    name = f"vqgan-{kind}-{format}{'-gan' if discriminator else ''}"
    config = folder / f"{name}.yaml"
    config.write_text(yaml.safe_dump({"model": model}), encoding="utf-8")
    path = folder / (
        name + {"lightning": ".ckpt", "pt": ".pt", "safetensors": ".safetensors"}[format]
    )
    if format == "lightning":
        _save_lightning(state, path)
    else:
        _save(state, path)
    return path, config


def _random_vqgan(kind: str, discriminator: bool) -> dict[str, Tensor]:
    features = DDCONFIG["z_channels"]
    channels = features if kind == "gumbel" else VQ_CHANNELS
    network, network.quantize, network.loss = nn.Module(), nn.Module(), nn.Module()
    with torch.random.fork_rng(devices=[]), contextlib.redirect_stdout(io.StringIO()):
        torch.manual_seed(1)
        network.encoder, network.decoder = Encoder(**DDCONFIG), Decoder(**DDCONFIG)
        network.quant_conv, network.post_quant_conv = (
            nn.Conv2d(features, channels, 1),
            nn.Conv2d(channels, features, 1),
        )
        codebook = nn.Embedding(N_EMBED, channels)
        if kind == "gumbel":
            network.quantize.proj, network.quantize.embed = (
                nn.Conv2d(features, N_EMBED, 1),
                codebook,
            )
        else:
            network.quantize.embedding = codebook
        # a leftover of the training, as in every published file
        network.loss.perceptual_loss = nn.Linear(3, 3)
        if discriminator:
            network.loss.discriminator = NLayerDiscriminator(ndf=8, n_layers=2)
        for layer in network.modules():
            if isinstance(layer, nn.GroupNorm):
                nn.init.normal_(layer.weight, 1.0, 0.2)
                nn.init.normal_(layer.bias, std=0.2)
    state = network.state_dict()
    if kind != "net2net":
        return state
    return {f"first_stage_model.{name}": tensor for name, tensor in state.items()} | {
        "transformer.tok_emb.weight": torch.zeros(4, 4)
    }


def _save(state: dict[str, Tensor], path: Path) -> None:
    if path.suffix == ".safetensors":
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
    else:
        torch.save(state, path)


def _save_lightning(state: dict[str, Tensor], path: Path) -> None:
    with _lightning() as callback:
        checkpoint = {
            "epoch": 3,
            "global_step": 1000,
            "pytorch-lightning_version": "1.0.8",
            "state_dict": state,
            "callbacks": {
                callback: {"best_model_score": torch.tensor(0.5), "best_model_path": "last.ckpt"}
            },
            "optimizer_states": [],
            "lr_schedulers": [],
        }
        torch.save(checkpoint, path)


@contextlib.contextmanager
def _lightning() -> Iterator[type]:
    """A class that pickles as Lightning's ModelCheckpoint and cannot be imported afterwards."""
    names = (
        "pytorch_lightning",
        "pytorch_lightning.callbacks",
        "pytorch_lightning.callbacks.model_checkpoint",
    )
    before = {name: sys.modules.get(name) for name in names}
    callback = type("ModelCheckpoint", (), {"__module__": names[-1]})
    try:
        sys.modules.update({name: ModuleType(name) for name in names})
        sys.modules[names[-1]].ModelCheckpoint = callback
        yield callback
    finally:
        for name, module in before.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module
