"""The configs that owners put beside the weights of a CLIP: open_clip's and Hugging Face's.

Whatever they ask for that is not computed here is refused by its name. Never imports torch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..disk.web_page import web_page
from ..errors import ModelError
from .clip_config import HEAD, MEAN, STD, CLIPConfig, Colour
from .clip_sizes import CONTEXT, VOCABULARY, Sizes

OPEN_CLIP, HUGGING_FACE, PREPROCESSOR = (
    "open_clip_config.json",
    "config.json",
    "preprocessor_config.json",
)
BESIDE = (OPEN_CLIP, HUGGING_FACE, PREPROCESSOR)
LARGEST = 1 << 16  # of any size, so that a hostile config cannot ask for endless layers
LONGEST = 1 << 20  # bytes of a config
Tree = Mapping[str, Any]

# Keys of open_clip's towers that are read, or only matter to its training.
_IMAGE_KEYS = {"image_size", "layers", "width", "head_width", "patch_size", "mlp_ratio"}
_TEXT_KEYS = {"context_length", "vocab_size", "width", "heads", "layers", "mlp_ratio"}
_OF_TRAINING = {"patch_dropout", "output_tokens", "pad_id", "eos_id", "hf_model_pretrained"}
_SAME = {"pool_type": ("tok", "argmax"), "proj_type": ("linear",), "pos_embed_type": ("learnable",)}
# What transformers takes where a config does not say it.
_HF_TEXT = {
    "hidden_size": 512,
    "num_hidden_layers": 12,
    "num_attention_heads": 8,
    "max_position_embeddings": CONTEXT,
    "vocab_size": VOCABULARY,
}
_HF_IMAGE = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "image_size": 224,
    "patch_size": 32,
}
# The end token, and what older configs say of it without meaning it.
_END_TOKENS = (49407, 2)


def open_clip_beside(checkpoint: Path) -> CLIPConfig | None:
    """What the open_clip_config.json beside a checkpoint says; None where there is none.

    Raises ModelError where it cannot be read, or is of a CLIP that is not computed here.
    """
    return _read(checkpoint.with_name(OPEN_CLIP), _open_clip)


def hugging_face_beside(checkpoint: Path) -> CLIPConfig | None:
    """What the config.json beside a checkpoint, and the preprocessor_config.json, say.

    As `open_clip_beside`.
    """
    return _read(checkpoint.with_name(HUGGING_FACE), _hugging_face)


def _read(path: Path, parse: Callable[[Tree, Path], CLIPConfig]) -> CLIPConfig | None:
    if not path.is_file():
        return None
    try:
        return parse(_load(path), path)
    except (ArithmeticError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: {error}") from None


def _load(path: Path) -> Tree:
    if page := web_page(path, "a CLIP's config"):
        raise ValueError(page)
    try:
        if path.stat().st_size > LONGEST:
            raise ValueError("larger than 1 MiB, which no CLIP's config is")
        tree = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror}); check its permissions") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON ({' '.join(str(error).split())}); copy it again") from None
    if not isinstance(tree, Mapping):
        raise ValueError("not the config of a model, which is a JSON object; copy it again")
    return tree


# open_clip


def _open_clip(tree: Tree, path: Path) -> CLIPConfig:
    model = _mapping(tree, "model_cfg") if "model_cfg" in tree else tree
    image, text = _mapping(model, "vision_cfg"), _mapping(model, "text_cfg")
    if named := image.get("timm_model_name"):
        raise ValueError(f"an image tower of timm ({named}), which is not computed here")
    if named := text.get("hf_model_name"):
        raise ValueError(f"a text tower of Hugging Face ({named}), which is not computed here")
    if "multimodal_cfg" in model:
        raise ValueError("a CoCa, which writes captions; take a CLIP")
    _refuse_others(image, _IMAGE_KEYS)
    _refuse_others(text, _TEXT_KEYS)
    layers = image.get("layers", 12)
    resnet = isinstance(layers, list)
    width, text_width = _size(image, "width", 768), _size(text, "width", 512)
    head = _size(image, "head_width", HEAD)
    if resnet and head != HEAD:
        raise ValueError(f"head_width: {head} in a ResNet, {HEAD} is computed here")
    sizes = Sizes(
        _size(image, "image_size", 224),
        0 if resnet else _size(image, "patch_size", 16),
        width,
        tuple(_size({"layers": n}, "layers", 0) for n in (layers if resnet else [layers])),
        _size(model, "embed_dim", 0),
        text_width,
        _size(text, "layers", 12),
        _size(text, "context_length", CONTEXT),
    )
    colours = tree.get("preprocess_cfg") or {}
    return CLIPConfig(
        bool(model.get("quick_gelu", False)),
        head,
        _share(text_width, _size(text, "heads", 8)),
        _colour(colours, "mean", MEAN),
        _colour(colours, "std", STD),
        sizes,
        path.name,
    )


def _refuse_others(tower: Tree, known: set[str]) -> None:
    for key, value in tower.items():
        usual = not value or value in _SAME.get(key, ())
        if key not in known | _OF_TRAINING and not usual:
            raise ValueError(f"{key}: {value!r} is asked for, which is not computed here")


# Hugging Face


def _hugging_face(tree: Tree, path: Path) -> CLIPConfig:
    kind = tree.get("model_type")
    if kind != "clip":
        raise ValueError(
            f"the config of a model of the type {kind!r}, not of a CLIPModel ('clip'); the weights "
            "of a CLIP need their own config.json beside them"
        )
    image, text = _tower(tree, "vision", _HF_IMAGE), _tower(tree, "text", _HF_TEXT)
    acts = {tower.get("hidden_act", "quick_gelu") for tower in (image, text)}
    if len(acts) > 1 or not acts <= {"gelu", "quick_gelu"}:
        raise ValueError(
            f"hidden_act: {' and '.join(sorted(map(str, acts)))}; computed here are gelu and "
            "quick_gelu, one for both towers"
        )
    if text.get("eos_token_id", 2) not in _END_TOKENS:
        raise ValueError(f"eos_token_id: {text['eos_token_id']!r}, CLIP's is {_END_TOKENS[0]}")
    for tower in (image, text):
        if tower.get("layer_norm_eps", 1e-5) != 1e-5:
            raise ValueError(f"layer_norm_eps: {tower['layer_norm_eps']!r}, CLIP's is 1e-05")
    colours = path.with_name(PREPROCESSOR)
    colours = _load(colours) if colours.is_file() else {}
    return CLIPConfig(
        acts == {"quick_gelu"},
        _share(_size(image, "hidden_size"), _size(image, "num_attention_heads")),
        _share(_size(text, "hidden_size"), _size(text, "num_attention_heads")),
        _colour(colours, "image_mean", MEAN),
        _colour(colours, "image_std", STD),
        Sizes(
            _size(image, "image_size"),
            _size(image, "patch_size"),
            _size(image, "hidden_size"),
            (_size(image, "num_hidden_layers"),),
            _size(tree, "projection_dim", 512),
            _size(text, "hidden_size"),
            _size(text, "num_hidden_layers"),
            _size(text, "max_position_embeddings"),
        ),
        path.name,
    )


def _tower(tree: Tree, name: str, defaults: Tree) -> Tree:
    """A tower's config; older files say it twice, and the second counts, as in transformers."""
    said = (tree.get(f"{name}_config"), tree.get(f"{name}_config_dict"))
    return {**defaults, **(said[0] or {}), **(said[1] or {})}


# Values


def _mapping(tree: Tree, key: str) -> Tree:
    value = tree.get(key)
    if not isinstance(value, Mapping):
        raise ValueError(f"no object {key!r}, which a CLIP's config has")
    return value


def _size(tree: Tree, key: str, default: int | None = None) -> int:
    value = tree.get(key, default)
    if isinstance(value, list) and len(value) == 2 and value[0] == value[1]:
        value = value[0]  # an image_size of equal sides
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST:
        raise ValueError(f"{key}: {value!r} found, a whole number from 1 to {LARGEST} needed")
    return value


def _share(width: int, heads: int) -> int:
    """Channels of a head."""
    if width % heads:
        raise ValueError(f"{width} channels do not go into {heads} attention heads")
    return width // heads


def _colour(tree: Tree, key: str, default: Colour) -> Colour:
    value = tree.get(key, default)
    numbers = [n for n in value if isinstance(n, (int, float))] if len(value) == 3 else []
    if len(numbers) != 3 or (key.endswith("std") and not all(n > 0 for n in numbers)):
        raise ValueError(f"{key}: {value!r} found, three numbers needed")
    return tuple(float(n) for n in numbers)
