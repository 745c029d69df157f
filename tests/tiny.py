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

from vqclip_video.disk.checksums import sha256_of
from vqclip_video.materials import ModelFiles
from vqclip_video.models.clip.tokens import clip_file
from vqclip_video.models.prior.denoiser import Denoiser
from vqclip_video.models.prior.prior import PriorNotes, prior_bytes

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


def make_prior(folder: Path, files: ModelFiles) -> Path:
    """A prior for a tiny pair, for latents of 8 places: what it draws depends on noise and text."""
    torch.manual_seed(0)
    network = Denoiser(VQ_CHANNELS, 64, fine=32, coarse=32, blocks=1)
    for weight in network.parameters():
        if weight.ndim > 1 and not weight.any():
            nn.init.normal_(weight, std=0.05)
    notes = PriorNotes(sha256_of(files.clip), sha256_of(files.vqgan), files.names, 8)
    path = folder / "prior.safetensors"
    path.write_bytes(prior_bytes(network, notes))
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
    channels = DDCONFIG["z_channels"] if kind == "gumbel" else VQ_CHANNELS
    state = _random_network(DDCONFIG, channels, N_EMBED, kind == "gumbel", discriminator)
    state = state.state_dict()
    if kind != "net2net":
        return state
    return {f"first_stage_model.{name}": tensor for name, tensor in state.items()} | {
        "transformer.tok_emb.weight": torch.zeros(4, 4)
    }


def _random_network(
    sizes: dict, channels: int, entries: int, gumbel: bool = False, discriminator: bool = False
) -> nn.Module:
    features = sizes["z_channels"]
    network, network.quantize, network.loss = nn.Module(), nn.Module(), nn.Module()
    with torch.random.fork_rng(devices=[]), contextlib.redirect_stdout(io.StringIO()):
        torch.manual_seed(1)
        network.encoder, network.decoder = Encoder(**sizes), Decoder(**sizes)
        network.quant_conv = nn.Conv2d(features, channels, 1)
        network.post_quant_conv = nn.Conv2d(channels, features, 1)
        codebook = nn.Embedding(entries, channels)
        if gumbel:
            network.quantize.proj = nn.Conv2d(features, entries, 1)
            network.quantize.embed = codebook
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
    return network


def make_diffusers_vqgan(folder: Path, state: dict[str, Tensor], old_names: bool = False) -> Path:
    """The VQModel of make_vqgan as diffusers saves it, with its config.json; returns its path.

    old_names: of its attention, those from before diffusers 0.17.
    """
    path = folder / "diffusion_pytorch_model.safetensors"
    _save({_of_diffusers(n, old_names): _linear(n, t) for n, t in state.items()}, path)
    levels = len(DDCONFIG["ch_mult"])
    attentive = [
        DDCONFIG["resolution"] >> level in DDCONFIG["attn_resolutions"] for level in range(levels)
    ]
    config = {
        "_class_name": "VQModel",
        "block_out_channels": [DDCONFIG["ch"] * multiple for multiple in DDCONFIG["ch_mult"]],
        "down_block_types": [("Attn" if a else "") + "DownEncoderBlock2D" for a in attentive],
        "up_block_types": [("Attn" if a else "") + "UpDecoderBlock2D" for a in attentive[::-1]],
        "layers_per_block": DDCONFIG["num_res_blocks"],
        "latent_channels": DDCONFIG["z_channels"],
        "num_vq_embeddings": N_EMBED,
        "vq_embed_dim": VQ_CHANNELS,
    }
    (folder / "config.json").write_text(json.dumps(config))
    return path


def _of_diffusers(name: str, old_names: bool) -> str:
    parts = name.split(".")
    if parts[1] == "up":
        parts[2] = str(len(DDCONFIG["ch_mult"]) - 1 - int(parts[2]))
    name = ".".join(parts)
    attention = ("query", "key", "value", "proj_attn") if old_names else ()
    attention = attention or ("to_q", "to_k", "to_v", "to_out.0")
    changes = dict(zip((".q.", ".k.", ".v.", ".proj_out."), attention, strict=True))
    if ".attn" in name:
        for ours, theirs in changes.items():
            name = name.replace(ours, f".{theirs}.")
        name = name.replace(".norm.", ".group_norm.")
    for ours, theirs in (
        ("encoder.down.", "encoder.down_blocks."),
        ("decoder.up.", "decoder.up_blocks."),
        (".block.", ".resnets."),
        (".attn.", ".attentions."),
        (".downsample.", ".downsamplers.0."),
        (".upsample.", ".upsamplers.0."),
        (".mid.block_1.", ".mid_block.resnets.0."),
        (".mid.block_2.", ".mid_block.resnets.1."),
        (".mid.attn_1.", ".mid_block.attentions.0."),
        (".norm_out.", ".conv_norm_out."),
        (".nin_shortcut.", ".conv_shortcut."),
    ):
        name = name.replace(ours, theirs)
    return name


def _linear(name: str, tensor: Tensor) -> Tensor:
    return tensor.flatten(1) if ".attn" in name and tensor.ndim == 4 else tensor


def make_llamagen(folder: Path, size: str = "VQ_8") -> tuple[Path, Path]:
    """A tokenizer of LlamaGen's at its true shapes, in float16; the paths of it and of a YAML."""
    multiples = {"VQ_16": [1, 1, 2, 2, 4], "VQ_8": [1, 2, 2, 4]}[size]
    coarsest = 256 >> (len(multiples) - 1)
    sizes = DDCONFIG | {"ch": 128, "ch_mult": multiples, "z_channels": 256, "resolution": 256}
    sizes |= {"num_res_blocks": 2, "attn_resolutions": [coarsest]}
    state = _random_network(sizes, 8, 16384).state_dict()
    levels = len(multiples)
    renamed = {_of_llamagen(name, levels): tensor.half() for name, tensor in state.items()}
    path = folder / f"{size}.pt"
    torch.save({"model": renamed | {"quantize.codebook_used": torch.zeros(65536)}}, path)
    config = path.with_suffix(".yaml")
    config.write_text(f"model: {{target: tokenizer.tokenizer_image.vq_model.{size}}}\n")
    return path, config


def _of_llamagen(name: str, levels: int) -> str:
    parts = name.split(".")
    if parts[1] in ("up", "down"):
        if parts[1] == "up":
            parts[2] = str(levels - 1 - int(parts[2]))
        parts[1] = "conv_blocks"
        parts[3] = "res" if parts[3] == "block" else parts[3]
    elif parts[1] == "mid":
        parts[2] = str(("block_1", "attn_1", "block_2").index(parts[2]))
    return ".".join(parts)


def make_ibq(folder: Path) -> tuple[Path, Path]:
    """IBQ-16384 at its true shapes, in float16, as SEED-Voken saves it; its path and its YAML's."""
    sizes = DDCONFIG | {"ch": 128, "ch_mult": [1, 1, 2, 2, 4], "z_channels": 256}
    sizes |= {"resolution": 256, "num_res_blocks": 4, "attn_resolutions": [16]}
    network = _random_network(sizes, 256, 16384)
    state = {name: tensor.half() for name, tensor in network.state_dict().items()}
    state |= {"model_ema.decay": torch.ones(()), "loss.discriminator.main.0.bias": torch.ones(64)}
    path, config = folder / "imagenet256_16384.ckpt", folder / "imagenet_ibqgan_16384.yaml"
    _save_lightning(state, path)
    params = {"ddconfig": sizes, "n_embed": 16384, "embed_dim": 256, "l2_normalize": False}
    model = {"class_path": "src.IBQ.models.ibqgan.IBQ", "init_args": params}
    config.write_text(yaml.safe_dump({"model": model}), encoding="utf-8")
    return path, config


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
