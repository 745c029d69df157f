"""CLIP: what sees.

Any checkpoint in OpenAI's layout becomes two functions into one space of unit vectors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import ModelError
from ..apart import apart
from ..fit import Unfilled, fit
from ..weights import check_finite, read_tensors
from .resnet import ModifiedResNet
from .tokens import clip_file, tokens_of, vocabulary_size
from .vit import HEAD, TextTransformer, VisionTransformer

TEXTS_AT_ONCE = 64
# numbers that OpenAI's files carry beside the weights
SIZES = ("input_resolution", "context_length", "vocab_size")


class Perceptor:
    """A CLIP with frozen weights; `load_perceptor` makes one."""

    def __init__(self, clip: nn.Module, device: torch.device, dtype: torch.dtype):
        """`clip`: the packaged CLIP module, filled; its weights are taken over and rearranged."""
        self.size: int = clip.visual.input_resolution  # side of the input pictures, in pixels
        self.dim: int = clip.text_projection.shape[1]  # of the embeddings
        # tokens read of a text, start and end included
        self.context_length: int = clip.context_length
        # whether `features` takes any size of picture
        self.any_size: bool = not hasattr(clip.visual, "transformer")
        # the dtype is the image tower's; texts are encoded in float32
        self.device, self.dtype = device, dtype
        tower = ModifiedResNet if self.any_size else VisionTransformer
        self._image_tower = tower(clip.visual, device, dtype)
        self._text_tower: TextTransformer | None = TextTransformer(clip, device)

    def embed_text(self, texts: Sequence[str]) -> Tensor:
        """Unit vectors [n, dim], float32 even where the caller is in autocast.

        A text longer than `context_length` tokens is cut, as CLIP does.
        """
        if self._text_tower is None:
            raise RuntimeError("embed_text after forget_text: the text tower is gone")
        vectors = [torch.empty(0, self.dim, device=self.device, dtype=torch.float32)]
        with apart(self.device):
            for start in range(0, len(texts), TEXTS_AT_ONCE):
                tokens = [
                    tokens_of(text, self.context_length)
                    for text in texts[start : start + TEXTS_AT_ONCE]
                ]
                ids = torch.zeros(len(tokens), max(map(len, tokens)), dtype=torch.long)
                for row, found in zip(ids, tokens, strict=True):
                    row[: len(found)] = torch.tensor(found)
                vectors.append(F.normalize(self._text_tower(ids), dim=-1))
            return torch.cat(vectors)

    def embed_image(self, images: Tensor) -> Tensor:
        """Unit vectors [n, dim], float32, differentiable with respect to `images`.

        images: [n, 3, size, size], float32, values 0..1 (CLIP's own normalisation happens here).
        """
        return F.normalize(self._image_tower(images).float(), dim=-1)

    def features(self, images: Tensor) -> list[Tensor]:
        """Maps [n, c, h, w] of three early layers, fine to coarse; differentiable with respect to
        `images`.

        images: as for `embed_image`, but of any size where the tower is a ResNet.
        """
        return self._image_tower.features(images)

    def forget_text(self) -> None:
        """Free the text tower (a third to a half of a CLIP) once every text is encoded."""
        self._text_tower = None

    def compile(self) -> None:
        """Have torch compile the image tower on its first call, for pictures of one shape."""
        self._image_tower = torch.compile(self._image_tower.__call__, dynamic=False)


def load_perceptor(
    path: Path, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32
) -> Perceptor:
    """A checkpoint in OpenAI's layout: TorchScript archive, plain state dict or safetensors; ViT or
    ModifiedResNet.

    Sizes are read off the weights. Raises ModelError where the file is damaged or not such a CLIP.
    """
    device = torch.device(device)
    with apart(device):
        return Perceptor(packaged_clip(read_tensors(path), path), device, dtype)


def packaged_clip(tensors: Mapping[str, Tensor], path: Path) -> nn.Module:
    """The packaged CLIP module holding `tensors`, which it shares; `path` is where they are from,
    for the errors.

    Raises ModelError where they are not such a CLIP.
    """
    tensors = {name: tensor for name, tensor in tensors.items() if name not in SIZES}
    clip = _skeleton(tensors, path)
    fit(clip, tensors, path, "the CLIP that their sizes announce")
    check_finite(tensors, path)
    return clip


def _skeleton(tensors: Mapping[str, Tensor], path: Path) -> nn.Module:
    """The packaged CLIP module in the sizes of `tensors`, without memory."""
    if any(name.startswith(("text_model.", "vision_model.")) for name in tensors):
        raise ModelError(
            f"{path}: a CLIP under Hugging Face's names (CLIPModel), which are not read here; take "
            "OpenAI's own file of it, for example: vqclip-video models fetch ViT-B/32"
        )
    try:
        sizes = _image_sizes(tensors) | _text_sizes(tensors)
    except ValueError as error:
        raise ModelError(
            f"{path}: not a CLIP checkpoint in OpenAI's layout: {error}; needed is a file like "
            f"OpenAI's ViT-B-32.pt, found were {len(tensors)} tensors, such as "
            f"{', '.join(list(tensors)[:3])}"
        ) from None
    with Unfilled():
        return clip_file("model").CLIP(**sizes)


def _image_sizes(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """The image tower's arguments of the packaged CLIP. Raises ValueError."""
    if "visual.proj" in tensors:
        width, _, patch, _ = _shape(tensors, "visual.conv1.weight", 4)
        _check_heads("visual.conv1.weight", width)
        layers = _count(tensors, "visual.transformer.resblocks.")
        size = patch * _side(tensors, "visual.positional_embedding")
    else:
        width, patch = _shape(tensors, "visual.layer1.0.conv1.weight", 4)[0], None
        _check_heads("visual.layer1.0.conv1.weight, times 32,", width * 32)
        layers = tuple(_count(tensors, f"visual.layer{i}.") for i in (1, 2, 3, 4))
        size = 32 * _side(tensors, "visual.attnpool.positional_embedding")
    return {
        "image_resolution": size,
        "vision_layers": layers,
        "vision_width": width,
        "vision_patch_size": patch,
    }


def _text_sizes(tensors: Mapping[str, Tensor]) -> dict[str, int]:
    """The text tower's arguments of the packaged CLIP. Raises ValueError."""
    context_length, width = _shape(tensors, "positional_embedding", 2)
    words = _shape(tensors, "token_embedding.weight", 2)[0]
    _check_heads("positional_embedding", width)
    if words != vocabulary_size():
        raise ValueError(
            f"token_embedding.weight knows {words} tokens, CLIP's vocabulary has "
            f"{vocabulary_size()}"
        )
    if context_length < 3:
        raise ValueError(
            f"positional_embedding has {context_length} places, a text needs 3 at least"
        )
    return {
        "embed_dim": _shape(tensors, "text_projection", 2)[1],
        "context_length": context_length,
        "vocab_size": words,
        "transformer_width": width,
        "transformer_heads": width // HEAD,
        "transformer_layers": _count(tensors, "transformer.resblocks."),
    }


def _shape(tensors: Mapping[str, Tensor], name: str, dimensions: int) -> tuple[int, ...]:
    if name not in tensors:
        raise ValueError(f"no tensor {name}")
    shape = tuple(tensors[name].shape)
    if len(shape) != dimensions or not all(shape):
        raise ValueError(
            f"{name} has the shape {list(shape)}, {dimensions} sizes above 0 are needed"
        )
    return shape


def _side(tensors: Mapping[str, Tensor], name: str) -> int:
    """Places along a side of a square feature map, from the embeddings `name` of its places and
    one more.
    """
    places = _shape(tensors, name, 2)[0] - 1
    side = math.isqrt(places)
    if not side or side * side != places:
        raise ValueError(
            f"{name} has {places + 1} rows, not those of a square of places and one more"
        )
    return side


def _count(tensors: Mapping[str, Tensor], prefix: str) -> int:
    """How many numbered layers there are below `prefix`."""
    numbers = {name[len(prefix) :].partition(".")[0] for name in tensors if name.startswith(prefix)}
    if not numbers:
        raise ValueError(f"no tensor {prefix}0…")
    return len(numbers)


def _check_heads(name: str, width: int) -> None:
    if width % HEAD:
        raise ValueError(
            f"{name} is {width} wide, CLIP's attention heads take a multiple of {HEAD}"
        )
