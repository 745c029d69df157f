"""What the weights of a CLIP do not say of it: activation, heads, the colours it was trained on.

The same names and shapes are computed in several ways: OpenAI's CLIP has QuickGELU where most of
LAION's and DataComp's have GELU, and a width of 1280 may be 20 heads of 64 or 16 of 80. It is told
by the architecture's name or by the config that its owner put beside the weights, and never
guessed. Never imports torch.
"""

from __future__ import annotations

from dataclasses import dataclass

from .clip_sizes import Sizes

Colour = tuple[float, float, float]  # red green blue, of values 0..1
MEAN: Colour = (0.48145466, 0.4578275, 0.40821073)  # of OpenAI's training pictures
STD: Colour = (0.26862954, 0.26130258, 0.27577711)
HEAD = 64  # channels of an attention head, where nothing else is said


@dataclass(frozen=True)
class CLIPConfig:
    """How the weights of a CLIP are computed with."""

    quick_gelu: bool
    image_head: int = HEAD
    text_head: int = HEAD
    mean: Colour = MEAN
    std: Colour = STD
    sizes: Sizes | None = None  # None where only the weights say them
    source: str = ""  # what says all this, for messages


OF_OPENAI = CLIPConfig(quick_gelu=True, source="OpenAI's CLIP")


def _transformer(
    side: int, patch: int, width: int, layers: int, embedding: int, text: int, head: int = HEAD
) -> tuple[Sizes, int]:
    return Sizes(side, patch, width, (layers,), embedding, text, 12), head


def _huge(
    side: int, patch: int, width: int, layers: int, head: int, text: int = 1024
) -> tuple[Sizes, int]:
    deep = 24 if text == 1024 else 32
    return Sizes(side, patch, width, (layers,), text, text, deep), head


def _resnet(
    side: int, width: int, layers: tuple[int, ...], embedding: int, text: int
) -> tuple[Sizes, int]:
    return Sizes(side, 0, width, layers, embedding, text, 12), HEAD


# Under open_clip's names, with the channels of an image head; each with GELU, and with QuickGELU
# where `-quickgelu` follows.
_SHAPES = {
    "RN50": _resnet(224, 64, (3, 4, 6, 3), 1024, 512),
    "RN101": _resnet(224, 64, (3, 4, 23, 3), 512, 512),
    "RN50x4": _resnet(288, 80, (4, 6, 10, 6), 640, 640),
    "RN50x16": _resnet(384, 96, (6, 8, 18, 8), 768, 768),
    "RN50x64": _resnet(448, 128, (3, 15, 36, 10), 1024, 1024),
    "ViT-S-32": _transformer(224, 32, 384, 12, 384, 384),
    "ViT-S-16": _transformer(224, 16, 384, 12, 384, 384),
    "ViT-M-32": _transformer(224, 32, 512, 12, 512, 512),
    "ViT-M-16": _transformer(224, 16, 512, 12, 512, 512),
    "ViT-B-32": _transformer(224, 32, 768, 12, 512, 512),
    "ViT-B-32-256": _transformer(256, 32, 768, 12, 512, 512),
    "ViT-B-32-plus-256": _transformer(256, 32, 896, 12, 640, 640),
    "ViT-B-16": _transformer(224, 16, 768, 12, 512, 512),
    "ViT-B-16-plus": _transformer(224, 16, 896, 12, 640, 640),
    "ViT-B-16-plus-240": _transformer(240, 16, 896, 12, 640, 640),
    "ViT-L-16": _transformer(224, 16, 1024, 24, 768, 768),
    "ViT-L-16-320": _transformer(320, 16, 1024, 24, 768, 768),
    "ViT-L-14": _transformer(224, 14, 1024, 24, 768, 768),
    "ViT-L-14-280": _transformer(280, 14, 1024, 24, 768, 768),
    "ViT-L-14-336": _transformer(336, 14, 1024, 24, 768, 768),
    "ViT-H-16": _huge(224, 16, 1280, 32, 80),
    "ViT-H-14": _huge(224, 14, 1280, 32, 80),
    "ViT-H-14-378": _huge(378, 14, 1280, 32, 80),
    "ViT-g-14": _huge(224, 14, 1408, 40, 88),
    "ViT-bigG-14": _huge(224, 14, 1664, 48, 104, text=1280),
}
QUICK = "-quickgelu"
ARCHITECTURES = tuple(name + end for name in _SHAPES for end in ("", QUICK))


def architecture(name: str) -> CLIPConfig:
    """What open_clip means by the name of an architecture, one of ARCHITECTURES.

    Its colours are OpenAI's, as open_clip has them where no weights of its own list are named.
    """
    plain = name.removesuffix(QUICK)
    sizes, head = _SHAPES[plain]
    return CLIPConfig(plain != name, head, sizes=sizes, source=f"arch: {name}")


def architectures_like(weights: Sizes) -> list[str]:
    """The names of the architectures with these sizes: those with GELU, then with QuickGELU."""
    found = [name for name, (sizes, _) in _SHAPES.items() if sizes == weights]
    return [*found, *(name + QUICK for name in found)]
