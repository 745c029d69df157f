"""The YAML beside a VQGAN checkpoint: its sizes, and which of taming's two models it is. Never
imports torch.

The files name Python classes under `target:`. A name is compared with the known ones and is never
imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..disk.web_page import web_page
from ..errors import ModelError

# Classes as taming calls them; others carry the same networks along under modules of their own.
VQ, GUMBEL, NET2NET = "VQModel", "GumbelVQ", "Net2NetTransformer"
FIRST_STAGE = "first_stage_model."  # where a Net2Net file keeps its VQGAN
DISCRIMINATOR = "loss.discriminator."
GROUPS = 32  # of every group norm in taming
LARGEST = 1 << 16  # of any size in a config, so that a hostile one cannot ask for endless layers
DEEPEST = 32


@dataclass(frozen=True)
class DDConfig:
    """Sizes of encoder and decoder: taming's `ddconfig`, whose unused keys are left out."""

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


@dataclass(frozen=True)
class VQGANConfig:
    """A checked config.

    `inside_net2net`: the tensors stand under `first_stage_model.` in the file.
    """

    gumbel: bool
    inside_net2net: bool
    embed_dim: int
    n_embed: int
    ddconfig: DDConfig

    @property
    def factor(self) -> int:
        """Pixels along a side for one place of the latent."""
        return 2 ** (len(self.ddconfig.ch_mult) - 1)


def _published(factor: int, entries: int, gumbel: bool = False) -> VQGANConfig:
    """Of the networks that taming published: 128 channels, attention at the coarsest resolution
    of 256 pixels.
    """
    multiples = (1, 1, 2, 2, 4) if factor == 16 else (1, 1, 2, 4)
    sizes = DDConfig(128, multiples, 2, 256, 256, attn_resolutions=(256 // factor,), double_z=False)
    return VQGANConfig(gumbel, False, 256, entries, sizes)


# What is known of the named VQGANs without their files.
PUBLISHED = {
    "imagenet-f16-16384": _published(16, 16384),
    "imagenet-f16-1024": _published(16, 1024),
    "openimages-gumbel-f8-8192": _published(8, 8192, gumbel=True),
}


def read_config(path: Path) -> VQGANConfig:
    """Raises ModelError where the file is not the config of a VQModel or GumbelVQ, or its sizes
    are impossible.
    """
    try:
        return parse_config(_load(path))
    except ValueError as error:
        raise ModelError(f"{path}: {error}") from None


def _load(path: Path) -> Any:
    """Plain dicts and lists.

    Raises ValueError for what is no YAML mapping; interpolations stay as they stand.
    """
    from omegaconf import OmegaConf
    from yaml import YAMLError

    if page := web_page(path, "a VQGAN's YAML"):
        raise ValueError(page)
    try:
        if path.stat().st_size > 1 << 20:
            raise ValueError("larger than 1 MiB, which no VQGAN config is")
        return OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read ({error.strerror}); a VQGAN needs its training's YAML"
        ) from None
    except (YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not YAML: {' '.join(str(error).split())}") from None


def parse_config(tree: Any) -> VQGANConfig:
    """The same of a config read already, as plain dicts and lists. Raises ValueError."""
    model = _mapping(tree, "model")
    inside = class_of(model) == NET2NET
    if inside:
        model = _mapping(_mapping(model, "params"), "first_stage_config")
    target = class_of(model)
    if target not in (VQ, GUMBEL):
        named = model.get("target")
        raise ValueError(
            f"target: {named!r} is not a VQGAN known here; known are {VQ}, {GUMBEL} and {NET2NET}"
        )
    params = _mapping(model, "params")
    ddconfig = _ddconfig(_mapping(params, "ddconfig"))
    config = VQGANConfig(
        target == GUMBEL, inside, _size(params, "embed_dim"), _size(params, "n_embed"), ddconfig
    )
    if config.gumbel and config.embed_dim != ddconfig.z_channels:
        raise ValueError(
            f"embed_dim is {config.embed_dim}, in a GumbelVQ it is z_channels, here "
            f"{ddconfig.z_channels}"
        )
    if params.get("remap") is not None:
        raise ValueError(
            "remap is set: codebooks with a part of their entries taken out are not supported"
        )
    return config


def class_of(model: Mapping[str, Any]) -> str:
    """The class that a config's part names, without its modules.

    It is compared, and never imported.
    """
    return str(model.get("target")).rpartition(".")[2]


def _ddconfig(given: Mapping[str, Any]) -> DDConfig:
    known = {field.name: field for field in fields(DDConfig)}
    values: dict[str, Any] = {}
    for name, value in given.items():
        kind = known[name].type if name in known else None
        if kind == "int":
            values[name] = _size(given, name)
        elif kind == "bool":
            values[name] = bool(value)
        elif kind is not None:
            values[name] = _sizes(given, name)
    missing = [
        name
        for name in ("ch", "ch_mult", "num_res_blocks", "resolution", "z_channels")
        if name not in values
    ]
    if missing:
        raise ValueError(f"ddconfig lacks {', '.join(missing)}")
    config = DDConfig(**values)
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


def _mapping(tree: Any, key: str) -> Mapping[str, Any]:
    value = tree.get(key) if isinstance(tree, Mapping) else None
    if not isinstance(value, Mapping):
        raise ValueError(f"no mapping `{key}:` where a VQGAN config has one")
    return value


def _size(tree: Mapping[str, Any], key: str) -> int:
    value = tree.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST:
        raise ValueError(f"{key}: {value!r} found, a whole number from 1 to {LARGEST} needed")
    return value


def _sizes(tree: Mapping[str, Any], key: str) -> tuple[int, ...]:
    value = tree.get(key)
    if not isinstance(value, list) or len(value) > DEEPEST:
        raise ValueError(f"{key}: {value!r} found, a list of whole numbers needed")
    return tuple(_size({key: item}, key) for item in value)
