"""CLIP: what sees.

Any checkpoint of OpenAI, open_clip or Hugging Face becomes two functions into one space of unit
vectors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...catalogue.clip_beside import HUGGING_FACE, OPEN_CLIP, hugging_face_beside, open_clip_beside
from ...catalogue.clip_config import OF_OPENAI, CLIPConfig, architectures_like
from ...catalogue.clip_sizes import VOCABULARY, Sizes, sizes_of
from ...catalogue.store import known_by_content
from ...errors import ModelError
from ..apart import apart
from ..fit import Unfilled, fit
from ..weights import check_finite, read_tensors
from .layouts import SIZES, is_hugging_face, openai_names, plain_names
from .resnet import ModifiedResNet
from .tokens import clip_file, tokens_of
from .vit import TextTransformer, VisionTransformer

TEXTS_AT_ONCE = 64


class Perceptor:
    """A CLIP with frozen weights; `load_perceptor` makes one."""

    def __init__(
        self, clip: nn.Module, config: CLIPConfig, device: torch.device, dtype: torch.dtype
    ):
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
        self._tower = tower(clip.visual, config, device, dtype)
        self._image_tower = self._tower
        self._text_tower: TextTransformer | None = TextTransformer(clip, config, device)

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
        return self._tower.features(images)

    def forget_text(self) -> None:
        """Free the text tower (a third to a half of a CLIP) once every text is encoded."""
        self._text_tower = None

    def compute_in(self, dtype: torch.dtype) -> None:
        """Have the image tower compute in another number format from now on, not compiled."""
        self.dtype, self._image_tower = dtype, self._tower
        self._tower.compute_in(dtype)

    def compile(self) -> None:
        """Have torch compile the image tower on its first call, for pictures of one shape."""
        self._image_tower = torch.compile(self._tower.__call__, dynamic=False)


def load_perceptor(
    path: Path,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    config: CLIPConfig | None = None,
) -> Perceptor:
    """A CLIP of OpenAI, open_clip or Hugging Face, with a ViT or a ModifiedResNet.

    From a TorchScript archive, a state dict or safetensors. config: what the weights do not say,
    where it is known; else it has to stand in the file or beside it. Raises ModelError where the
    file is damaged, not such a CLIP, or leaves open how it is to be computed.
    """
    device = torch.device(device)
    with apart(device):
        clip, config = packaged_clip(read_tensors(path), path, config)
        return Perceptor(clip, config, device, dtype)


def packaged_clip(
    tensors: Mapping[str, Tensor], path: Path, config: CLIPConfig | None = None
) -> tuple[nn.Module, CLIPConfig]:
    """The packaged CLIP module holding `tensors`, which it shares, and how to compute with it.

    path: where they are from. config: as for `load_perceptor`. Raises ModelError where the tensors
    are not such a CLIP, or leave something open.
    """
    some = ", ".join(list(tensors)[:3]) or "none"
    tensors = plain_names(tensors, path)
    hugging_face, openais = is_hugging_face(tensors), all(name in tensors for name in SIZES)
    if hugging_face:
        tensors = openai_names(tensors)
    tensors = {name: tensor for name, tensor in tensors.items() if name not in SIZES}
    sizes = _sizes(tensors, path, some)
    config = config or (OF_OPENAI if openais else _told(path, hugging_face, sizes))
    _check(config, sizes, path)
    clip = _skeleton(sizes, config, tensors)
    fit(clip, tensors, path, "the CLIP that their sizes announce")
    check_finite(tensors, path)
    return clip, config


def _sizes(tensors: Mapping[str, Tensor], path: Path, some: str) -> Sizes:
    """The sizes of the weights; `some` of their names, as in the file, are for the error."""
    try:
        return sizes_of({name: tuple(tensor.shape) for name, tensor in tensors.items()})
    except ValueError as error:
        raise ModelError(
            f"{path}: not the weights of a CLIP: {error}; needed is a file like OpenAI's "
            f"ViT-B-32.pt, open_clip_pytorch_model.bin, or a CLIPModel's model.safetensors; found "
            f"were {len(tensors)} tensors, such as {some}"
        ) from None


def _told(path: Path, hugging_face: bool, sizes: Sizes) -> CLIPConfig:
    """What is said of the weights beside them, or known of this very file.

    Raises ModelError where nothing is.
    """
    beside = hugging_face_beside(path) if hugging_face else open_clip_beside(path)
    if found := beside or known_by_content(path):
        return found
    like, config = architectures_like(sizes), HUGGING_FACE if hugging_face else OPEN_CLIP
    way = (
        "put it there, or name the architecture: models: {clip: {file: "
        f"{path.name}, arch: {like[0]}}}}} or {like[1]}"
        if like
        else "put it there: no architecture known by name has these sizes, so that only its config "
        "can tell"
    )
    raise ModelError(
        f"{path}: the weights do not say whether they are to be computed with GELU (most of "
        "LAION's and DataComp's) or QuickGELU (OpenAI's, DFN's, MetaCLIP's), nor how wide an "
        f"attention head is, and no {config} lies beside them; {way}"
    )


def _check(config: CLIPConfig, sizes: Sizes, path: Path) -> None:
    """Raises ModelError where config and weights do not belong together."""
    if config.sizes and (which := config.sizes.contradiction(sizes)):
        raise ModelError(
            f"{path}: the weights of another CLIP than {config.source} describes: {which}; put the "
            "config of these weights beside them, or name their architecture with arch"
        )
    image = sizes.width if sizes.patch else sizes.width * 32
    for width, head, tower in (
        (image, config.image_head, "image"),
        (sizes.text_width, config.text_head, "text"),
    ):
        if width % head:
            raise ModelError(
                f"{path}: the {tower} tower is {width} wide, its attention heads take a multiple "
                f"of {head}"
            )


def _skeleton(sizes: Sizes, config: CLIPConfig, tensors: Mapping[str, Tensor]) -> nn.Module:
    """The packaged CLIP module as configured, in these sizes, without memory."""
    packaged, layers = clip_file("model"), sizes.layers[0] if sizes.patch else sizes.layers
    image = (sizes.side, 1, 64, sizes.side) if sizes.patch else (sizes.side, layers, sizes.width, 0)
    text = (sizes.context, VOCABULARY, sizes.text_width, sizes.text_width // config.text_head)
    with Unfilled():
        clip = packaged.CLIP(sizes.embedding, *image, *text, sizes.text_layers)
        if sizes.patch:  # the packaged CLIP knows heads of 64 only
            heads = sizes.width // config.image_head
            clip.visual = packaged.VisionTransformer(
                sizes.side, sizes.patch, sizes.width, layers, heads, sizes.embedding
            )
        for prefix in ("visual.transformer.", "transformer."):
            if sizes.patch or prefix == "transformer.":
                _configure(clip, prefix, config, tensors)
    return clip


def _configure(
    clip: nn.Module, prefix: str, config: CLIPConfig, tensors: Mapping[str, Tensor]
) -> None:
    """Give the MLPs below `prefix` their activation, and the width that the weights have: four
    times the tower's, or not.
    """
    bias = tensors.get(f"{prefix}resblocks.0.mlp.c_fc.bias")
    for block in clip.get_submodule(f"{prefix}resblocks"):
        width, mlp = block.mlp.c_fc.in_features, block.mlp
        if bias is not None and bias.ndim == 1:
            mlp.c_fc, mlp.c_proj = nn.Linear(width, len(bias)), nn.Linear(len(bias), width)
        if not config.quick_gelu:
            mlp.gelu = nn.GELU()
