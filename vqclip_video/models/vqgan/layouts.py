"""The layouts that a VQGAN's weights come in, told apart by their names and brought into taming's.

taming's own, with what wrappers and whole models put before the names; diffusers' VQModel, whose
decoder counts its levels from coarse to fine and whose attention is made of linear layers; and
LlamaGen's tokenizers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor

from ...catalogue.vqgan_config import FIRST_STAGE, VQGANConfig
from ...errors import ModelError
from ..foreign_files import refuse_parts

Tensors = dict[str, Tensor]
Renaming = tuple[tuple[re.Pattern[str], str], ...]
# Before all of the names of a network, or before those of one among others.
_PREFIXES = (FIRST_STAGE, "module.", "_orig_mod.", "model.", "vqgan.", "vqvae.")
PARTS = ("encoder.", "decoder.", "quantize.", "quant_conv.", "post_quant_conv.")


def _patterns(*pairs: tuple[str, str]) -> Renaming:
    return tuple((re.compile(theirs), ours) for theirs, ours in pairs)


_DIFFUSERS = _patterns(
    (r"(encoder)\.down_blocks\.(\d+)\.resnets\.(\d+)\.", r"\1.down.\2.block.\3."),
    (r"(encoder)\.down_blocks\.(\d+)\.attentions\.(\d+)\.", r"\1.down.\2.attn.\3."),
    (r"(encoder)\.down_blocks\.(\d+)\.downsamplers\.0\.", r"\1.down.\2.downsample."),
    (r"(decoder)\.up_blocks\.(\d+)\.resnets\.(\d+)\.", r"\1.up.\2.block.\3."),
    (r"(decoder)\.up_blocks\.(\d+)\.attentions\.(\d+)\.", r"\1.up.\2.attn.\3."),
    (r"(decoder)\.up_blocks\.(\d+)\.upsamplers\.0\.", r"\1.up.\2.upsample."),
    (r"\.mid_block\.resnets\.0\.", ".mid.block_1."),
    (r"\.mid_block\.resnets\.1\.", ".mid.block_2."),
    (r"\.mid_block\.attentions\.0\.", ".mid.attn_1."),
    (r"\.conv_norm_out\.", ".norm_out."),
    (r"\.conv_shortcut\.", ".nin_shortcut."),
    # Attention: today's names, and those of diffusers before 0.17.
    (r"(\.attn[_.]\d+)\.group_norm\.", r"\1.norm."),
    (r"(\.attn[_.]\d+)\.(?:to_q|query)\.", r"\1.q."),
    (r"(\.attn[_.]\d+)\.(?:to_k|key)\.", r"\1.k."),
    (r"(\.attn[_.]\d+)\.(?:to_v|value)\.", r"\1.v."),
    (r"(\.attn[_.]\d+)\.(?:to_out\.0|proj_attn)\.", r"\1.proj_out."),
)
_LLAMAGEN = _patterns(
    (r"encoder\.conv_blocks\.(\d+)\.res\.", r"encoder.down.\1.block."),
    (r"encoder\.conv_blocks\.(\d+)\.", r"encoder.down.\1."),
    (r"decoder\.conv_blocks\.(\d+)\.res\.", r"decoder.up.\1.block."),
    (r"decoder\.conv_blocks\.(\d+)\.", r"decoder.up.\1."),
    (r"\.mid\.0\.", ".mid.block_1."),
    (r"\.mid\.1\.", ".mid.attn_1."),
    (r"\.mid\.2\.", ".mid.block_2."),
)
_UP = re.compile(r"decoder\.up\.(\d+)\.")


def taming_names(tensors: Mapping[str, Tensor], config: VQGANConfig, path: Path) -> Tensors:
    """The tensors of the VQGAN under taming's names; those of the training stay as they are.

    Raises ModelError, with `path`, for a file that holds no VQGAN, or one in two layouts.
    """
    refuse_parts(tensors, path)
    tensors = _unwrapped(tensors)
    if config.inside and not any(name.startswith(PARTS) for name in tensors):
        raise ModelError(
            f"{path}: its config describes a whole model with a VQGAN inside, but none is in the "
            f"file: no tensor {FIRST_STAGE}…; needed is the file that holds the first stage too"
        )
    _check_whole(tensors, path)
    diffusers = _has(tensors, ".down_blocks.", ".up_blocks.", ".mid_block.")
    llamagen = _has(tensors, ".conv_blocks.")
    if diffusers + llamagen + _has(tensors, "encoder.down.", "decoder.up.") > 1:
        raise ModelError(
            f"{path}: a part of its names is taming's, a part another layout's; convert it again, "
            "or take the file it was made from"
        )
    if not diffusers and not llamagen:
        return tensors
    levels = len(config.ddconfig.ch_mult)
    return _renamed(tensors, _DIFFUSERS if diffusers else _LLAMAGEN, lambda up: levels - 1 - up)


def _check_whole(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Raises ModelError where there is no VQGAN at all, or only a part of one."""
    if any(name.startswith(("visual.", "text_model.", "vision_model.")) for name in tensors):
        raise ModelError(f"{path}: a CLIP (it belongs under clip), not a VQGAN")
    lacking = [part for part in PARTS[:2] if not any(name.startswith(part) for name in tensors)]
    if lacking:
        some = ", ".join(list(tensors)[:3])
        raise ModelError(
            f"{path}: no VQGAN, or a part of one: it lacks {' and '.join(lacking)}… and has "
            f"{len(tensors)} tensors, such as {some}; take the whole checkpoint"
        )


def _unwrapped(tensors: Mapping[str, Tensor]) -> Tensors:
    """Without what stands before the names of the VQGAN; what is beside it is left out then."""
    tensors = dict(tensors)
    while not any(name.startswith(PARTS) for name in tensors):
        for prefix in _PREFIXES:
            within = {n[len(prefix) :]: t for n, t in tensors.items() if n.startswith(prefix)}
            if within:
                tensors = within
                break
        else:
            return tensors
    return tensors


def _has(tensors: Mapping[str, Tensor], *signs: str) -> bool:
    return any(sign in name for name in tensors for sign in signs)


def _renamed(tensors: Tensors, renaming: Renaming, level: Callable[[int], int]) -> Tensors:
    """Under taming's names; its decoder counts the levels from fine to coarse."""
    found: Tensors = {}
    for name, tensor in tensors.items():
        for pattern, ours in renaming:
            name = pattern.sub(ours, name)
        name = _UP.sub(lambda match: f"decoder.up.{level(int(match[1]))}.", name)
        is_linear = ".attn" in name and name.endswith("weight") and tensor.ndim == 2
        found[name] = tensor[:, :, None, None] if is_linear else tensor
    return found
