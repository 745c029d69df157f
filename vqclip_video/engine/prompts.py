"""From prompts to points on CLIP's unit sphere: encoded once, then mixed for each moment."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.clip.perceptor import Perceptor
from ..storyboard.schema import Prompt, Scene, Storyboard
from ..storyboard.timeline import Moment
from .pictures import load_square


@dataclass(frozen=True)
class Target:
    """What the picture should be like now, and what not."""

    include: Tensor  # [dim], unit length
    exclude: Tensor  # [k, dim], unit length
    exclude_weights: Tensor  # [k]


class Targets:
    """The targets of every scene; `at(moment)` mixes the two that hold during a transition."""

    def __init__(self, scenes: list[Target]):
        self.scenes = scenes

    def at(self, moment: Moment) -> Target:
        here = self.scenes[moment.scene]
        if moment.previous is None:
            return here
        before = self.scenes[moment.previous]
        blend = slerp if moment.blend == "slerp" else lerp
        return Target(
            blend(before.include, here.include, moment.mix),
            torch.cat([before.exclude, here.exclude]),
            torch.cat(
                [before.exclude_weights * (1 - moment.mix), here.exclude_weights * moment.mix]
            ),
        )


def encode(storyboard: Storyboard, perceptor: Perceptor) -> Targets:
    """Encode every text and image of the film, each once."""
    parts = [
        part for scene in storyboard.scenes for prompt in scene.parts.values() for part in prompt
    ]
    texts = list(dict.fromkeys(part.text for part in parts if part.text is not None))
    images = list(dict.fromkeys(part.image for part in parts if part.image is not None))
    vectors = dict(zip(texts, perceptor.embed_text(texts), strict=True)) if texts else {}
    for path in images:
        with torch.no_grad():
            vectors[path] = perceptor.embed_image(
                load_square(path, perceptor.size).to(perceptor.device)
            )[0]
    return Targets([_scene_target(scene, vectors) for scene in storyboard.scenes])


def _scene_target(scene: Scene, vectors: dict) -> Target:
    settings = scene.settings
    wanted = settings.w1 * _mixed(scene.prompt, vectors)
    if settings.style:
        wanted = wanted + settings.w2 * _mixed(settings.style, vectors)
    unwanted = [vectors[part.text or part.image] for part in settings.exclude]
    return Target(
        F.normalize(wanted, dim=0),
        torch.stack(unwanted) if unwanted else wanted.new_zeros(0, len(wanted)),
        wanted.new_tensor([part.weight for part in settings.exclude]),
    )


def _mixed(prompt: Prompt, vectors: dict) -> Tensor:
    """The unit vector [dim] in the middle of a prompt's parts, each by its weight."""
    parts = torch.stack([part.weight * vectors[part.text or part.image] for part in prompt])
    return F.normalize(parts.sum(0), dim=0)


def lerp(start: Tensor, end: Tensor, share: float) -> Tensor:
    """The straight way between two unit vectors [dim], brought back to the sphere."""
    return F.normalize(torch.lerp(start, end, share), dim=0)


def slerp(start: Tensor, end: Tensor, share: float) -> Tensor:
    """The way along the great circle (Shoemake 1985) between unit vectors [dim], at even speed;
    `share` 0..1.
    """
    cosine = (start @ end).clamp(-1, 1)
    angle = torch.arccos(cosine)
    # Between equal vectors the formula divides by zero, between opposite ones no great circle is
    # the shortest.
    if angle.sin() < 1e-4:
        return lerp(start, end, share)
    return (torch.sin((1 - share) * angle) * start + torch.sin(share * angle) * end) / angle.sin()
