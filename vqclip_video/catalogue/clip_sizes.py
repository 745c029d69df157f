"""The sizes of a CLIP, which its weights do say. Never imports torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

VOCABULARY, CONTEXT = 49408, 77
# Values that a ResNet tower keeps for a pixel of its picture, for each channel of its first layer:
# measured with RN50.
RESNET_KEPT = 242.9 / 64
Shapes = Mapping[str, "tuple[int, ...]"]

_WORDS = {
    "side": "pictures of {} pixels a side",
    "patch": "patches of {} pixels a side (0 is none, as in a ResNet)",
    "width": "{} channels in the image tower",
    "layers": "{} layers in the image tower",
    "embedding": "embeddings of {} numbers",
    "text_width": "{} channels in the text tower",
    "text_layers": "{} layers in the text tower",
    "context": "texts of {} tokens",
}


@dataclass(frozen=True)
class Sizes:
    """What CLIPs differ in beside what they compute."""

    side: int  # of the pictures it sees, in pixels
    patch: int  # pixels along a side of a transformer's token; 0 for a ResNet
    width: int  # channels of the image tower (of a ResNet, of its first layer)
    layers: tuple[int, ...]  # of the image tower: of a ResNet four numbers, of a transformer one
    embedding: int
    text_width: int
    text_layers: int
    context: int = CONTEXT

    def contradiction(self, weights: Sizes) -> str:
        """What these sizes and those of the weights disagree about first; "" if nothing."""
        for each in fields(self):
            told, found = (getattr(sizes, each.name) for sizes in (self, weights))
            if told != found:
                return f"{_WORDS[each.name].format(_plain(told))}, in the weights {_plain(found)}"
        return ""

    @property
    def kept(self) -> float:
        """Values that the image tower keeps for each pixel of a cutout until the backward pass."""
        if not self.patch:
            return RESNET_KEPT * self.width
        tokens = (self.side // self.patch) ** 2 + 1
        # Ten for each channel of a token in a block; of the last one, only the class token goes on.
        return 10 * tokens * self.width * (self.layers[0] - 0.63) / self.side**2


def sizes_of(shapes: Shapes) -> Sizes:
    """The sizes of the CLIP whose tensors have these shapes, under OpenAI's names.

    Raises ValueError for what no CLIP has.
    """
    side, patch, width, layers = _transformer(shapes) if _is_vit(shapes) else _resnet(shapes)
    context, text_width = _shape(shapes, "positional_embedding", 2)
    words = _shape(shapes, "token_embedding.weight", 2)[0]
    if words != VOCABULARY:
        raise ValueError(
            f"token_embedding.weight knows {words} tokens, CLIP's vocabulary has {VOCABULARY}"
        )
    if context < 3:
        raise ValueError(f"positional_embedding has {context} places, a text needs 3 at least")
    embedding = _shape(shapes, "text_projection", 2)[1]
    text_layers = _count(shapes, "transformer.resblocks.")
    return Sizes(side, patch, width, layers, embedding, text_width, text_layers, context)


def _is_vit(shapes: Shapes) -> bool:
    return "visual.proj" in shapes


def _transformer(shapes: Shapes) -> tuple[int, int, int, tuple[int, ...]]:
    """Side, patch, width and layers of the image tower."""
    width, _, patch, _ = _shape(shapes, "visual.conv1.weight", 4)
    side = patch * _square(shapes, "visual.positional_embedding")
    return side, patch, width, (_count(shapes, "visual.transformer.resblocks."),)


def _resnet(shapes: Shapes) -> tuple[int, int, int, tuple[int, ...]]:
    width = _shape(shapes, "visual.layer1.0.conv1.weight", 4)[0]
    side = 32 * _square(shapes, "visual.attnpool.positional_embedding")
    return side, 0, width, tuple(_count(shapes, f"visual.layer{i}.") for i in (1, 2, 3, 4))


def _shape(shapes: Shapes, name: str, dimensions: int) -> tuple[int, ...]:
    if name not in shapes:
        raise ValueError(f"no tensor {name}")
    shape = tuple(shapes[name])
    if len(shape) != dimensions or not all(shape):
        raise ValueError(
            f"{name} has the shape {list(shape)}, {dimensions} sizes above 0 are needed"
        )
    return shape


def _square(shapes: Shapes, name: str) -> int:
    """Places along a side of a square feature map, from the embeddings `name` of its places and
    one more.
    """
    places = _shape(shapes, name, 2)[0] - 1
    side = math.isqrt(places)
    if not side or side * side != places:
        raise ValueError(
            f"{name} has {places + 1} rows, not those of a square of places and one more"
        )
    return side


def _count(shapes: Shapes, prefix: str) -> int:
    """How many numbered layers there are below `prefix`."""
    numbers = {name[len(prefix) :].partition(".")[0] for name in shapes if name.startswith(prefix)}
    if not numbers:
        raise ValueError(f"no tensor {prefix}0…")
    return len(numbers)


def _plain(value: int | tuple[int, ...]) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
