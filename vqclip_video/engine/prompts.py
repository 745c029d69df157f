"""From prompts to points on CLIP's unit sphere: encoded once, then mixed for each moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.clip.perceptor import Perceptor
from ..storyboard.schema import Prompt, Scene, Storyboard
from ..storyboard.timeline import Moment
from .pictures import load_square

Weights = tuple[float, ...]


@dataclass(frozen=True)
class Target:
    """What the picture should be like now, and what not."""

    include: Tensor  # [dim], unit length
    exclude: Tensor  # [k, dim], unit length
    exclude_weights: Tensor  # [k]


@dataclass(frozen=True)
class PromptVectors:
    """The parts of a prompt as unit vectors [n, dim]."""

    vectors: Tensor

    def direction(self, weights: Weights) -> Tensor:
        """The unit vector [dim] in the middle of the parts, each by its weight."""
        shares = self.beside(weights)
        return F.normalize((shares[:, None] * self.vectors).sum(0), dim=0)

    def beside(self, weights: Weights) -> Tensor:
        """Weights [n] where the vectors are; the device is not waited for."""
        here = torch.tensor(weights, dtype=self.vectors.dtype)
        return here.to(self.vectors.device, non_blocking=True)


@dataclass
class SceneTexts:
    """All that a scene tells CLIP; how much each counts is a matter of the moment."""

    prompt: PromptVectors
    style: PromptVectors | None
    exclude: PromptVectors
    _known: dict[tuple, Target] = field(default_factory=dict)

    def target(self, scene: Scene) -> Target:
        """What the scene's picture should be like with the weights of this moment."""
        settings = scene.settings
        weights = (
            settings.w1,
            settings.w2,
            *(_weights(prompt) for prompt in (scene.prompt, settings.style, settings.exclude)),
        )
        if weights not in self._known:
            self._known = {weights: self._target(*weights)}
        return self._known[weights]

    def _target(
        self, w1: float, w2: float, prompt: Weights, style: Weights, exclude: Weights
    ) -> Target:
        wanted = w1 * self.prompt.direction(prompt)
        if self.style:
            wanted = wanted + w2 * self.style.direction(style)
        unwanted = self.exclude.beside(exclude)
        return Target(F.normalize(wanted, dim=0), self.exclude.vectors, unwanted)


def _weights(prompt: Prompt) -> Weights:
    return tuple(part.weight for part in prompt)


class Targets:
    """The targets of every scene; `at(moment)` mixes the two that hold during a transition."""

    def __init__(self, scenes: list[SceneTexts]):
        self.scenes = scenes

    def at(self, moment: Moment) -> Target:
        here = self.scenes[moment.scene].target(moment.now)
        if moment.previous is None:
            return here
        before = self.scenes[moment.previous].target(moment.before)
        blend = slerp if moment.blend == "slerp" else lerp
        return Target(
            blend(before.include, here.include, moment.mix),
            torch.cat([before.exclude, here.exclude]),
            torch.cat(
                [before.exclude_weights * (1 - moment.mix), here.exclude_weights * moment.mix]
            ),
        )


def encode_scenes(storyboard: Storyboard, perceptor: Perceptor) -> Targets:
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
    return Targets([_scene_texts(scene, vectors) for scene in storyboard.scenes])


def _scene_texts(scene: Scene, vectors: dict[str | Path, Tensor]) -> SceneTexts:
    some = next(iter(vectors.values()))

    def encoded(prompt: Prompt) -> PromptVectors:
        found = [vectors[part.text or part.image] for part in prompt]
        together = torch.stack(found) if found else some.new_zeros(0, len(some))
        return PromptVectors(together)

    style, exclude = scene.settings.style, scene.settings.exclude
    return SceneTexts(encoded(scene.prompt), encoded(style) if style else None, encoded(exclude))


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
    # the shortest. Both are computed: to choose on the host, it would wait for the device.
    around = torch.sin((1 - share) * angle) * start + torch.sin(share * angle) * end
    return torch.where(angle.sin() < 1e-4, lerp(start, end, share), around / angle.sin())
