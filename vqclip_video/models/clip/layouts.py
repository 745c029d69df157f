"""The layouts that a CLIP's weights come in, told apart by their names and brought into OpenAI's.

OpenAI's own and open_clip's share their names; Hugging Face's CLIPModel has others, with query, key
and value apart and the projections turned. What only looks like a CLIP is refused by what it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from ...errors import ModelError
from ..foreign_files import refuse_parts

# numbers that OpenAI's files carry beside the weights
SIZES = ("input_resolution", "context_length", "vocab_size")
# Masks and numbers of places, which are made anew; a logit's scale and bias belong to the training.
_BUFFERS = ("attn_mask", "position_ids", "logit_bias")
# What wrappers of a network put before all of its names.
_PREFIXES = ("module.", "_orig_mod.", "clip.", "clip_model.", "model.")
# Of towers that open_clip builds apart from each other.
_TEXT = "text."

# Signs of what is no CLIP of these layouts, the surest first: a part of a name, and what it is.
_OTHERS = (
    ("diffusion_model.", "a whole Stable Diffusion checkpoint; take a CLIP's own file"),
    ("vision_model.head.attention", "a SigLIP"),
    ("visual.trunk.attn_pool.", "a SigLIP"),
    ("text_decoder.", "a CoCa"),
    ("visual.attn_pool.", "a CoCa"),
    ("visual.trunk.stages.", "a CLIP with a ConvNeXt for its image tower"),
    ("visual.trunk.", "a CLIP with an image tower of timm"),
    ("text.transformer.embeddings.", "a CLIP with a text tower of Hugging Face"),
    ("qformer.", "a BLIP-2"),
    ("text_encoder.encoder.layer.", "a BLIP"),
    ("post_quant_conv.", "a VQGAN (it belongs under vqgan)"),
)
_TAKE = "; take a CLIP with a transformer or ResNet of OpenAI's kind, such as ViT-B/32"

_RENAMED = (
    ("text_model.embeddings.token_embedding.weight", "token_embedding.weight"),
    ("text_model.embeddings.position_embedding.weight", "positional_embedding"),
    ("text_model.final_layer_norm.", "ln_final."),
    ("text_model.encoder.layers.", "transformer.resblocks."),
    ("vision_model.embeddings.class_embedding", "visual.class_embedding"),
    ("vision_model.embeddings.patch_embedding.", "visual.conv1."),
    ("vision_model.embeddings.position_embedding.weight", "visual.positional_embedding"),
    ("vision_model.pre_layrnorm.", "visual.ln_pre."),
    ("vision_model.post_layernorm.", "visual.ln_post."),
    ("vision_model.encoder.layers.", "visual.transformer.resblocks."),
)
_WITHIN_A_BLOCK = (
    (".layer_norm1.", ".ln_1."),
    (".layer_norm2.", ".ln_2."),
    (".mlp.fc1.", ".mlp.c_fc."),
    (".mlp.fc2.", ".mlp.c_proj."),
    (".self_attn.out_proj.", ".attn.out_proj."),
)
_TURNED = {"text_projection.weight": "text_projection", "visual_projection.weight": "visual.proj"}
_PART = re.compile(r"(.*)\.self_attn\.([qkv])_proj\.(weight|bias)")

Tensors = dict[str, Tensor]


def is_hugging_face(tensors: Mapping[str, Tensor]) -> bool:
    """Whether the names are those of a CLIPModel."""
    return any(name.startswith(("text_model.", "vision_model.")) for name in tensors)


def plain_names(tensors: Mapping[str, Tensor], path: Path) -> Tensors:
    """The tensors without what wrappers put before their names, and without what is made anew.

    Raises ModelError, with `path`, for a network that is no CLIP of OpenAI's kind, and for a file
    whose names are of two layouts.
    """
    refuse_parts(tensors, path)
    tensors = _unwrapped(tensors)
    for sign, what in _OTHERS:
        if any(f".{sign}" in f".{name}" for name in tensors):
            raise ModelError(f"{path}: {what}, which is not read here{_TAKE}")
    if is_hugging_face(tensors):
        _check_whole(tensors, path)
    elif any(name.startswith(_TEXT) for name in tensors):
        tensors = {name.removeprefix(_TEXT): tensor for name, tensor in tensors.items()}
    return {name: tensor for name, tensor in tensors.items() if name.split(".")[-1] not in _BUFFERS}


def openai_names(tensors: Mapping[str, Tensor]) -> Tensors:
    """A CLIPModel's tensors under OpenAI's names; query, key and value are put together."""
    found: Tensors = {}
    parts: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name in _TURNED:
            found[_TURNED[name]] = tensor.T if tensor.ndim == 2 else tensor
        elif match := _PART.fullmatch(name):
            whole = f"{_renamed(match[1])}.attn.in_proj_{match[3]}"
            parts.setdefault(whole, {})[match[2]] = tensor
        else:
            found[_renamed(name)] = tensor
    for whole, three in parts.items():
        if len(three) == 3 and len({tensor.shape for tensor in three.values()}) == 1:
            found[whole] = torch.cat([three[each] for each in "qkv"])
    return found


def _unwrapped(tensors: Mapping[str, Tensor]) -> Tensors:
    """Without the prefixes that all of the names have."""
    tensors = dict(tensors)
    while prefix := next((p for p in _PREFIXES if all(n.startswith(p) for n in tensors)), None):
        tensors = {name[len(prefix) :]: tensor for name, tensor in tensors.items()}
    return tensors


def _renamed(name: str) -> str:
    for theirs, ours in _RENAMED:
        if f"{name}.".startswith(theirs):
            name = ours + name[len(theirs) :]
            break
    for theirs, ours in _WITHIN_A_BLOCK:
        name = name.replace(theirs, ours)
    return name


def _check_whole(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Raises ModelError where half of a CLIPModel is missing, or is of another layout."""
    if any(name.startswith(("visual.", "transformer.")) for name in tensors):
        raise ModelError(
            f"{path}: half of its names are Hugging Face's (text_model., vision_model.), half "
            "OpenAI's (visual., transformer.); such a file is no CLIP that anyone publishes: "
            "convert it again, or take the file it was made from"
        )
    for tower, other in (("text_model.", "text"), ("vision_model.", "image")):
        if not any(name.startswith(tower) for name in tensors):
            raise ModelError(
                f"{path}: one tower of a CLIP, without its {other} tower; take the whole CLIPModel"
            )
