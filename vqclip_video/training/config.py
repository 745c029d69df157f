"""The config of a VQGAN's training: YAML in taming's shape, laid over `vqgan.yaml`, which has every
key. No torch.

Which keys there are, of what type, and what they default to is written in `vqgan.yaml` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..catalogue.vqgan_config import VQ, VQGANConfig, class_of, parse_config, read_config
from ..disk.web_page import web_page
from ..errors import UsageError
from ..text import did_you_mean

DEFAULTS = Path(__file__).with_name("vqgan.yaml")
LOSS = "model.params.lossconfig.params"
NETWORK = ("ddconfig", "embed_dim", "n_embed")
# What taming's own configs say beside, and what it must say to mean what is done here.
ONLY = {
    "disc_conditional": False,
    "disc_in_channels": 3,
    "disc_loss": "hinge",
    "disc_factor": 1,
    "use_actnorm": False,
}
# Keys that may say null.
MAY_BE_NULL = {"quantise_from": int, "group_norm_eps": float}
SHARE_KEYS = ("flip", "flat", "corrupt", "constant")
POSITIVE_KEYS = (
    "steps",
    "learning_rate",
    "group_norm_eps",
    "save_every",
    "batch_size",
    "disc_num_layers",
    "disc_ndf",
)


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms, and what the discriminator is; see `vqgan.yaml`."""

    pixelloss_weight: float
    multiscale_weight: float
    gradient_weight: float
    perceptual_weight: float
    perceptual_clip: str
    clip_weight: float
    codebook_weight: float
    commitment_weight: float
    latent_normal_weight: float
    disc_start: int
    disc_weight: float
    disc_num_layers: int
    disc_ndf: int


@dataclass(frozen=True)
class Data:
    """How pictures become batches; see `vqgan.yaml`. `crop` holds at least one side."""

    size: int
    crop: tuple[int, ...]
    batch_size: int
    flip: float
    flat: float
    held_out: int
    workers: int


@dataclass(frozen=True)
class Training:
    """The course of the training; see `vqgan.yaml`."""

    steps: int
    learning_rate: float
    warmup: int
    constant: float
    weight_decay: float
    ema: float
    precision: str
    group_norm_eps: float | None
    quantise_from: int | None
    corrupt: float
    save_every: int


@dataclass(frozen=True)
class TrainConfig:
    """A checked config.

    `tree`: all of it as plain dicts and lists, as it is written beside the checkpoint.
    """

    network: VQGANConfig
    losses: LossWeights
    data: Data
    training: Training
    tree: dict[str, Any]

    def with_eps(self, eps: float) -> TrainConfig:
        """The same with norms of that eps."""
        tree = self.tree | {"training": self.tree["training"] | {"group_norm_eps": eps}}
        return replace(self, training=replace(self.training, group_norm_eps=eps), tree=tree)


def read_training(path: Path | None, base: Path | None = None) -> TrainConfig:
    """The config at `path` over the defaults; None is the defaults alone.

    base: the YAML of the VQGAN that the training starts from, whose network it keeps.
    Raises UsageError naming the key: not known, of another type or range, or contradicting `base`;
        ModelError where
    `base` is not the YAML of a VQGAN.
    """
    given = {} if path is None else _load(path)
    name = str(path or DEFAULTS)
    tree = _over(_load(DEFAULTS), given, "", name)
    if base is not None:
        _keep_network(tree, given, base, name)
    data, training, losses = tree["data"], tree["training"], _at(tree, LOSS)
    for section in (data, training, losses):
        for key, value in section.items():
            _check_range(key, value, name)
    crops = data["crop"] if isinstance(data["crop"], list) else [data["crop"]]
    if class_of(tree["model"]) != VQ:
        raise UsageError(f"{name}: model.target: only {VQ} can be trained here")
    try:
        network = parse_config(tree)
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from None
    _check_crops(crops, network.factor, data["size"], name)
    _check_discriminator(losses, min(crops), name)
    return TrainConfig(
        network,
        LossWeights(**losses),
        Data(**data | {"crop": tuple(sorted(crops))}),
        Training(**training),
        tree,
    )


def _load(path: Path) -> dict[str, Any]:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    if page := web_page(path, "a YAML file"):
        raise UsageError(f"{path}: {page}")
    try:
        tree = OmegaConf.to_container(OmegaConf.load(path), resolve=True)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); name a YAML file") from None
    except (YAMLError, UnicodeDecodeError, RecursionError, OmegaConfBaseException) as error:
        raise UsageError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(tree, dict):
        raise UsageError(f"{path}: no mapping; a config has the sections model, data and training")
    return tree


def _over(
    known: Mapping[str, Any], given: Mapping[Any, Any], where: str, name: str
) -> dict[str, Any]:
    """`known` with the values of `given` in place of its own, all of them known and of their
    type.
    """
    merged = dict(known)
    for key, value in given.items():
        place = f"{where}.{key}" if where else str(key)
        if where == LOSS and key in ONLY:
            if value != ONLY[key]:
                raise UsageError(
                    f"{name}: {place}: found {value!r}, only {ONLY[key]!r} is there; remove the key"
                )
        elif key not in known:
            raise UsageError(
                f"{name}: {place}: no such key{did_you_mean(str(key), list(known))}; "
                f"known are {', '.join(known)}"
            )
        elif isinstance(known[key], dict):
            if not isinstance(value, dict):
                raise UsageError(f"{name}: {place}: found {value!r}, a section is needed")
            merged[key] = _over(known[key], value, place, name)
        else:
            merged[key] = _typed(known[key], value, key, place, name)
    return merged


def _typed(default: Any, value: Any, key: str, place: str, name: str) -> Any:
    wanted = MAY_BE_NULL.get(key) or type(default)
    whole = isinstance(value, int) and not isinstance(value, bool)
    if key == "target" and place != "model.target":
        return value  # of the loss: taming's name, or of the dummy that published files have
    if key in MAY_BE_NULL and value is None:
        return None
    if (
        key == "crop"
        and isinstance(value, list)
        and value
        and all(type(side) is int for side in value)
    ):
        return value
    if wanted is float and (whole or isinstance(value, float)):
        return float(value)
    if (wanted is int and whole) or (wanted is not int and isinstance(value, wanted)):
        return value
    kinds = {
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        list: "a list",
        str: "a word",
    }
    raise UsageError(f"{name}: {place}: found {value!r}, {kinds[wanted]} is needed")


def _keep_network(tree: dict[str, Any], given: Mapping[str, Any], base: Path, name: str) -> None:
    """Put the network of `base` into `tree`; what `given` says of it must be the same.

    Only a codebook that is made at the end anyway may have another number of entries. Raises
    UsageError, and ModelError where `base` is no VQGAN's YAML.
    """
    network = read_config(base)
    if network.gumbel or network.sphere or network.ddconfig.attn_type != "vanilla":
        raise UsageError(
            f"{base}: a VQGAN of a kind that cannot be trained here (a GumbelVQ, one of "
            "LlamaGen's, or one without attention); begin with a VQModel of taming's"
        )
    sizes = {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in asdict(network.ddconfig).items()
    }
    theirs = {"ddconfig": sizes, "embed_dim": network.embed_dim, "n_embed": network.n_embed}
    ours = _at(given, "model.params") or {}
    for key in NETWORK:
        wanted = ours.get(key)
        if key == "n_embed" and wanted is not None and tree["training"]["quantise_from"] is None:
            continue
        for part, value in wanted.items() if isinstance(wanted, dict) else [(None, wanted)]:
            found = theirs[key].get(part, value) if part else theirs[key]
            if value is not None and value != found:
                place = f"model.params.{key}" + (f".{part}" if part else "")
                raise UsageError(
                    f"{name}: {place}: {value!r}, but the VQGAN to start from has {found!r}; "
                    "remove it"
                )
        tree["model"]["params"][key] = theirs[key]


def _check_range(key: str, value: Any, name: str) -> None:
    if key == "precision" and value not in ("auto", "fp32", "bf16"):
        raise UsageError(f"{name}: precision: found {value!r}, known are auto, fp32, bf16")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    top = 1.0 if key in (*SHARE_KEYS, "ema") else float("inf")
    least = "above 0" if key in POSITIVE_KEYS else "from 0"
    if not (0 < value < top if key in POSITIVE_KEYS else 0 <= value <= top) or (
        key == "ema" and value == 1
    ):
        most = f" to {top:g}" if top == 1 else ""
        raise UsageError(f"{name}: {key}: found {value!r}, a number {least}{most} is needed")


def _check_crops(crops: list[int], factor: int, size: int, name: str) -> None:
    for crop in crops:
        if crop < 2 * factor or crop % factor:
            near = max(2, round(crop / factor)) * factor
            raise UsageError(
                f"{name}: data.crop: found {crop}, a multiple of {factor}, the pixels that one "
                f"place of this VQGAN's latent stands for, is needed; {near} would do"
            )
        if size and crop > size:
            raise UsageError(
                f"{name}: data.crop: {crop} is more than data.size, {size}; raise size or lower "
                "crop"
            )


def _check_discriminator(losses: Mapping[str, Any], crop: int, name: str) -> None:
    """Each of its layers halves the picture, and two more take a pixel each; at least one must
    be left.
    """
    layers = losses["disc_num_layers"]
    if losses["disc_weight"] and crop >> layers < 3:
        raise UsageError(
            f"{name}: data.crop: {crop} is too small for a discriminator of {layers} layers; "
            f"raise it to {3 << layers} at least, or lower disc_num_layers"
        )


def _at(tree: Any, path: str) -> Any:
    """What stands at a dotted path, or None."""
    for key in path.split("."):
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return tree
