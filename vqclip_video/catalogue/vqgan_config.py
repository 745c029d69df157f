"""The YAML beside a VQGAN checkpoint: its sizes, and which of taming's two models it is. Never
imports torch.

The files name Python classes under `target:`. A name is compared with the known ones and is never
imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..disk.web_page import web_page
from ..errors import ModelError
from .vqgan_diffusers import diffusers_config
from .vqgan_sizes import MOST_ENTRIES, DDConfig, VQGANConfig, checked, mapping_at, size_at, sizes_at

# Classes as taming calls them; others carry the same networks along under modules of their own.
VQ, GUMBEL, NET2NET = "VQModel", "GumbelVQ", "Net2NetTransformer"
# The same network, trained in other ways: in taming, in latent-diffusion (CompVis), and as the IBQ
# of SEED-Voken (TencentARC).
IBQ = "IBQ"
LIKE_VQ = (VQ, "VQNoDiscModel", "EMAVQ", "VQModelInterface", IBQ)
LLAMAGEN = {"VQ_16": (1, 1, 2, 2, 4), "VQ_8": (1, 2, 2, 4)}  # by the multiples of its channels
# What holds a VQGAN as its first stage.
WHOLE_MODELS = (NET2NET, "LatentDiffusion")
OTHERS = {
    "AutoencoderKL": "a KL autoencoder, which has no codebook",
    "VQSegmentationModel": "a VQGAN of segmentations",
    "LFQ": "an Open-MAGVIT2, whose codes are signs",
}
FIRST_STAGE = "first_stage_model."  # where a whole model's file keeps its VQGAN
DISCRIMINATOR = "loss.discriminator."


def _published(
    factor: int, entries: int, gumbel: bool = False, inside: bool = False
) -> VQGANConfig:
    """Of the networks that taming published: 128 channels, attention at the coarsest resolution
    of 256 pixels.
    """
    multiples = (1, 1, 2, 2, 4) if factor == 16 else (1, 1, 2, 4)
    sizes = DDConfig(128, multiples, 2, 256, 256, attn_resolutions=(256 // factor,), double_z=False)
    return VQGANConfig(gumbel, inside, 256, entries, sizes)


# What is known of the named VQGANs without their files.
PUBLISHED = {
    "imagenet-f16-16384": _published(16, 16384),
    "imagenet-f16-1024": _published(16, 1024),
    "openimages-gumbel-f8-8192": _published(8, 8192, gumbel=True),
    "wikiart-f16-16384": _published(16, 16384),
    "coco-f16-8192": _published(16, 8192),
    "sflckr-f16-1024": _published(16, 1024, inside=True),
    "faceshq-f16-1024": _published(16, 1024, inside=True),
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
    if isinstance(tree, Mapping) and "_class_name" in tree:
        return diffusers_config(tree)
    model = _model(tree)
    inside = class_of(model) in WHOLE_MODELS
    if inside:
        model = mapping_at(mapping_at(model, "params"), "first_stage_config")
    target = class_of(model)
    if target in LLAMAGEN:
        return _llamagen(target, model.get("params") or {})
    if target not in (*LIKE_VQ, GUMBEL):
        raise ValueError(_unknown(target, model.get("target")))
    params = mapping_at(model, "params")
    config = VQGANConfig(
        target == GUMBEL,
        inside,
        size_at(params, "embed_dim"),
        size_at(params, "n_embed", MOST_ENTRIES),
        _ddconfig(mapping_at(params, "ddconfig")),
        discriminator=target != IBQ,
    )
    _check(config, params)
    return config


def _check(config: VQGANConfig, params: Mapping[str, Any]) -> None:
    channels = config.ddconfig.z_channels
    if config.gumbel and config.embed_dim != channels:
        raise ValueError(
            f"embed_dim is {config.embed_dim}, in a GumbelVQ it is z_channels, here {channels}"
        )
    if params.get("remap") is not None:
        raise ValueError(
            "remap is set: codebooks with a part of their entries taken out are not supported"
        )
    for key in ("l2_normalize", "cosine_similarity"):
        if params.get(key):
            raise ValueError(f"{key} is set, which is not computed here")


def _model(tree: Any) -> Mapping[str, Any]:
    """The model of a config, in taming's words; Lightning's are `class_path` and `init_args`."""
    model = mapping_at(tree, "model")
    if "class_path" in model:
        return {"target": model["class_path"], "params": model.get("init_args")}
    return model


def _unknown(target: str, named: Any) -> str:
    if target in OTHERS:
        return f"target: {named!r} is {OTHERS[target]}; needed is a {VQ} or a {GUMBEL}"
    known = ", ".join((*LIKE_VQ, GUMBEL, *LLAMAGEN, *WHOLE_MODELS))
    return f"target: {named!r} is not a VQGAN known here; known are {known}"


def _llamagen(target: str, params: Mapping[str, Any]) -> VQGANConfig:
    """LlamaGen's tokenizers (FoundationVision), which are told by their class alone."""
    multiples = LLAMAGEN[target]
    # Attention at the coarsest resolution.
    coarsest = 256 >> (len(multiples) - 1)
    sizes = DDConfig(128, multiples, 2, 256, 256, attn_resolutions=(coarsest,), double_z=False)
    entries = size_at({"codebook_size": 16384} | dict(params), "codebook_size", MOST_ENTRIES)
    numbers = size_at({"codebook_embed_dim": 8} | dict(params), "codebook_embed_dim")
    return VQGANConfig(False, False, numbers, entries, sizes, sphere=True)


def class_of(model: Mapping[str, Any]) -> str:
    """The class that a config's part names, without its modules.

    It is compared, and never imported.
    """
    return str(model.get("target")).rpartition(".")[2]


def _ddconfig(given: Mapping[str, Any]) -> DDConfig:
    known = {each.name: each for each in fields(DDConfig) if each.name != "attn_type"}
    values: dict[str, Any] = {}
    for name, value in given.items():
        kind = known[name].type if name in known else None
        if kind == "int":
            values[name] = size_at(given, name)
        elif kind == "bool":
            values[name] = bool(value)
        elif kind is not None:
            values[name] = sizes_at(given, name)
    missing = [
        name
        for name in ("ch", "ch_mult", "num_res_blocks", "resolution", "z_channels")
        if name not in values
    ]
    if missing:
        raise ValueError(f"ddconfig lacks {', '.join(missing)}")
    return checked(DDConfig(**values, attn_type=_attn_type(given)))


def _attn_type(given: Mapping[str, Any]) -> str:
    kind = "linear" if given.get("use_linear_attn") else given.get("attn_type", "vanilla")
    if kind not in ("vanilla", "none"):
        raise ValueError(f"attn_type: {kind!r}; computed here are vanilla and none")
    for key in ("tanh_out", "give_pre_end"):
        if given.get(key):
            raise ValueError(f"{key} is set, which is not computed here")
    return kind
