"""The config.json of diffusers' VQModel, in taming's words: the network is the same. Never imports
torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .vqgan_sizes import GROUPS, MOST_ENTRIES, DDConfig, VQGANConfig, checked, size_at, sizes_at

PLAIN = {"down": "DownEncoderBlock2D", "up": "UpDecoderBlock2D"}
ATTENTIVE = {"down": "AttnDownEncoderBlock2D", "up": "AttnUpDecoderBlock2D"}
RESOLUTION = 256  # any will do: it only names the levels
# Keys with one value that is computed here, which diffusers takes where nothing is said.
FIXED = {"act_fn": "silu", "norm_type": "group", "norm_num_groups": GROUPS}
FIXED |= {"in_channels": 3, "out_channels": 3}


def diffusers_config(tree: Mapping[str, Any]) -> VQGANConfig:
    """Raises ValueError for the config of another model, or one that asks for something else."""
    kind = tree["_class_name"]
    if kind != "VQModel":
        raise ValueError(f"_class_name: {kind!r} found, a VQModel is needed")
    for key, wanted in FIXED.items():
        if tree.get(key, wanted) != wanted:
            raise ValueError(f"{key}: {tree[key]!r}; computed here is {wanted!r}")
    channels = sizes_at(tree, "block_out_channels")
    first = channels[0]
    if any(number % first for number in channels):
        raise ValueError(f"block_out_channels: {list(channels)}, not multiples of the first")
    latent = size_at({"latent_channels": 3} | dict(tree), "latent_channels")
    attention = bool(tree.get("mid_block_add_attention", True))
    levels = _attentive_levels(tree, len(channels))
    if levels and not attention:
        raise ValueError("mid_block_add_attention: false beside blocks with attention")
    sizes = DDConfig(
        ch=first,
        ch_mult=tuple(number // first for number in channels),
        num_res_blocks=size_at({"layers_per_block": 1} | dict(tree), "layers_per_block"),
        resolution=RESOLUTION,
        z_channels=latent,
        attn_resolutions=tuple(RESOLUTION >> level for level in levels),
        double_z=False,
        attn_type="vanilla" if attention else "none",
    )
    entries = size_at({"num_vq_embeddings": 256} | dict(tree), "num_vq_embeddings", MOST_ENTRIES)
    numbers = tree.get("vq_embed_dim") or latent
    return VQGANConfig(False, False, size_at({"n": numbers}, "n"), entries, checked(sizes))


def _attentive_levels(tree: Mapping[str, Any], count: int) -> list[int]:
    """The levels with attention, fine to coarse, the same on the way down as on the way up."""
    down, up = (_attentive(tree, way, count) for way in ("down", "up"))
    if down != up[::-1]:
        raise ValueError("the encoder has attention at other resolutions than the decoder")
    return [level for level, attentive in enumerate(down) if attentive]


def _attentive(tree: Mapping[str, Any], way: str, count: int) -> list[bool]:
    types = tree.get(f"{way}_block_types")
    if not isinstance(types, list) or len(types) != count:
        raise ValueError(f"{way}_block_types: {types!r} found, a list of {count} names needed")
    if other := [name for name in types if name not in (PLAIN[way], ATTENTIVE[way])]:
        raise ValueError(f"{way}_block_types: {other[0]!r}, which is not computed here")
    return [name == ATTENTIVE[way] for name in types]
