"""The sizes of a VQGAN, as its config tells them. Never imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

GROUPS = 32  # of every group norm in taming
LARGEST = 1 << 16  # of any size in a config, so that a hostile one cannot ask for endless layers
DEEPEST = 32
MOST_ENTRIES = 1 << 20  # of a codebook


@dataclass(frozen=True)
class DDConfig:
    """Sizes of encoder and decoder: taming's `ddconfig`, whose unused keys are left out.

    attn_type: latent-diffusion's, "vanilla" or "none", which leaves attention out everywhere.
    """

    ch: int
    ch_mult: tuple[int, ...]
    num_res_blocks: int
    resolution: int
    z_channels: int
    in_channels: int = 3
    out_ch: int = 3
    attn_resolutions: tuple[int, ...] = ()
    double_z: bool = True
    resamp_with_conv: bool = True
    attn_type: str = "vanilla"


@dataclass(frozen=True)
class VQGANConfig:
    """A checked config.

    inside: the tensors stand under `first_stage_model.` in the file. sphere: the codebook is
    compared by angles, so that every place of a latent has unit length. discriminator: whether one
    in the file is taming's.
    """

    gumbel: bool
    inside: bool
    embed_dim: int
    n_embed: int
    ddconfig: DDConfig
    sphere: bool = False
    discriminator: bool = True

    @property
    def factor(self) -> int:
        """Pixels along a side for one place of the latent."""
        return 2 ** (len(self.ddconfig.ch_mult) - 1)


def checked(config: DDConfig) -> DDConfig:
    """The same. Raises ValueError for sizes that no such network has."""
    if not 1 <= len(config.ch_mult) <= 8 or config.num_res_blocks > DEEPEST:
        raise ValueError(
            "ddconfig: ch_mult must name 1 to 8 resolutions, num_res_blocks be 32 at most"
        )
    for multiple in config.ch_mult:
        if config.ch * multiple % GROUPS:
            raise ValueError(
                f"ddconfig: ch × ch_mult is {config.ch * multiple}, a multiple of {GROUPS} is "
                "needed"
            )
    if config.double_z:
        raise ValueError(
            "ddconfig: double_z is true (or not said), as in a KL autoencoder; a VQGAN says false"
        )
    if config.out_ch != 3 or config.in_channels != 3:
        raise ValueError(
            f"ddconfig: from {config.in_channels} to {config.out_ch} channels; only RGB (3 to 3) "
            "will do"
        )
    return config


def mapping_at(tree: Any, key: str) -> Mapping[str, Any]:
    """The mapping below a key. Raises ValueError."""
    value = tree.get(key) if isinstance(tree, Mapping) else None
    if not isinstance(value, Mapping):
        raise ValueError(f"no mapping `{key}:` where a VQGAN config has one")
    return value


def size_at(tree: Mapping[str, Any], key: str, most: int = LARGEST) -> int:
    """The whole number at a key, from 1 to `most`. Raises ValueError."""
    value = tree.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise ValueError(f"{key}: {value!r} found, a whole number from 1 to {most} needed")
    return value


def sizes_at(tree: Mapping[str, Any], key: str) -> tuple[int, ...]:
    """The whole numbers listed at a key. Raises ValueError."""
    value = tree.get(key)
    if not isinstance(value, list) or len(value) > DEEPEST:
        raise ValueError(f"{key}: {value!r} found, a list of whole numbers needed")
    return tuple(size_at({key: item}, key) for item in value)
