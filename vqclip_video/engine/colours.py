"""Whether a picture has the colours that its prompt names, where the prompt wants them.

To CLIP a black horse on white is as good as a white one on black: it knows which colours a text
names, hardly what has them. So they are looked for: the subject's in the middle of the picture, the
others around it. A pixel has the name of the nearest of some examples in OKLab (Ottosson 2020),
among the eleven basic colour terms of English (Berlin & Kay 1969).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..sketchbook.subject import tokens
from ..storyboard.schema import Prompt
from .wordings import phrases_of

EXAMPLES = {
    "black": ("101010", "2b2730"),
    "gray": ("808080", "9aa0a6", "5a6068"),
    "white": ("fafafa", "dfe4ea"),
    "red": ("d02020", "a01828"),
    "orange": ("f08c1e", "d8701c"),
    "yellow": ("f5dc32", "d8b828"),
    "green": ("32a03c", "8cc83c", "145a28", "3cc878"),
    "blue": ("2850c8", "5aa0eb", "142864"),
    "purple": ("7832a0", "4b286e"),
    "pink": ("f5a0be", "e664aa"),
    "brown": ("6e4628", "a07850"),
}
LEAST = 0.12  # share of the middle, or of what is around it, that has a colour to be seen there


@dataclass(frozen=True)
class NamedColours:
    """The colours that a prompt gives to its subject, and those that it names besides."""

    subject: frozenset[str]
    beside: frozenset[str]


NO_COLOURS = NamedColours(frozenset(), frozenset())


def colours_of(prompt: Prompt) -> NamedColours:
    """The basic colour terms in a prompt's texts."""
    found = [phrases_of(part.text) for part in prompt if part.text is not None]
    subjects = _terms(phrases.subject for phrases in found)
    return NamedColours(subjects, _terms(phrases.place for phrases in found) - subjects)


@torch.no_grad()
def colours_seen(picture: Tensor, named: NamedColours) -> int:
    """How many of the colours are where they are wanted in a picture [1, 3, H, W], 0..1."""
    if named == NO_COLOURS:
        return 0
    names = _names(picture[0])
    height, width = names.shape
    middle = torch.zeros_like(names, dtype=torch.bool)
    middle[height // 4 : height - height // 4, width // 4 : width - width // 4] = True
    wanted = [(name, middle) for name in named.subject]
    wanted += [(name, ~middle) for name in named.beside]
    terms = list(EXAMPLES)
    return sum(
        float((names[where] == terms.index(name)).float().mean()) >= LEAST for name, where in wanted
    )


def _terms(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(word for text in texts for word in tokens(text) if word in EXAMPLES)


def _names(picture: Tensor) -> Tensor:
    """The place of each pixel's name in EXAMPLES, [H, W]."""
    examples = [
        (place, bytes.fromhex(code))
        for place, codes in enumerate(EXAMPLES.values())
        for code in codes
    ]
    places = torch.tensor([place for place, _ in examples], device=picture.device)
    known = torch.tensor([list(rgb) for _, rgb in examples], device=picture.device) / 255
    pixels = oklab(picture.float().flatten(1).T)
    return places[torch.cdist(pixels, oklab(known)).argmin(1)].view(picture.shape[1:])


def oklab(srgb: Tensor) -> Tensor:
    """OKLab [n, 3] of sRGB colours [n, 3], 0..1."""
    linear = torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    to_cones = linear.new_tensor(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    to_lab = linear.new_tensor(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    return (linear @ to_cones.T).clamp_min(0) ** (1 / 3) @ to_lab.T
