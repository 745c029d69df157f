"""What is measured: named settings, or any storyboard, on weights from their files or made up in
published shapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from ..catalogue.clip_config import OF_OPENAI, CLIPConfig
from ..catalogue.vqgan_config import PUBLISHED as KNOWN_CONFIGS
from ..catalogue.vqgan_config import VQGANConfig
from ..engine.cast import Cast, load_cast
from ..engine.device import pick_device
from ..engine.options import EngineOptions
from ..engine.precision import pick_precision
from ..engine.session import Session
from ..engine.stages import Stage, no_stage
from ..errors import ModelError
from ..materials import Materials, find_materials
from ..models.clip.perceptor import Perceptor, packaged_clip
from ..models.clip.tokens import clip_file
from ..models.fit import Unfilled
from ..models.vqgan.first_stage import VQGAN, packaged_vqgan, skeleton
from ..models.weights import read_tensors
from ..storyboard import reader
from ..storyboard.schema import Models, PromptPart, Scene, Settings, Storyboard
from ..storyboard.timeline import Timeline

PUBLISHED = Models(clip="ViT-B/32", vqgan="imagenet-f16-16384")
VIT_B_32 = (512, 224, 12, 768, 32, 77, 49408, 512, 8, 12)  # the packaged CLIP's arguments
F16_16384 = KNOWN_CONFIGS["imagenet-f16-16384"]
ENDLESS = 10**8  # iterations; a measurement ends when it has enough of them
PROMPTS = (
    "a snowy mountain under a starry night sky",
    "a red apple",
    "a smiling cat",
    "a sailing boat on the sea",
    "a green forest",
    "a house with a garden",
)


@dataclass(frozen=True)
class Case:
    """A setting to measure: `storyboard` has one scene without an end."""

    name: str
    storyboard: Storyboard
    prompts: tuple[str, ...] = PROMPTS  # that time to quality is measured on

    def with_prompt(self, prompt: str) -> Storyboard:
        """The same setting for another prompt."""
        scene = replace(self.storyboard.scenes[0], prompt=(PromptPart(text=prompt),))
        return replace(self.storyboard, scenes=(scene,))


NAMED = {
    "storybook": ((192, 192), 16, Models()),
    "256": ((256, 256), 32, PUBLISHED),
    "512": ((512, 512), 32, PUBLISHED),
    "1080x1920": ((1080, 1920), 32, PUBLISHED),
}


def find_case(name: str) -> Case:
    """The named setting, or the first scene of the storyboard at the path `name`.

    Raises StoryboardError.
    """
    if name not in NAMED:
        storyboard = reader.read(Path(name))
        prompts = [part.text for scene in storyboard.scenes for part in scene.prompt if part.text]
        return Case(Path(name).name, _endless(storyboard), tuple(dict.fromkeys(prompts)))
    size, cutouts, models = NAMED[name]
    settings = Settings(cutouts=cutouts, show_step=2)
    scene = Scene(prompt=(PromptPart(text=PROMPTS[0]),), settings=settings)
    storyboard = Storyboard(size=size, seed=1, models=models, settings=settings, scenes=(scene,))
    return Case(name, _endless(storyboard))


def _endless(storyboard: Storyboard) -> Storyboard:
    scene = replace(
        storyboard.scenes[0], iterations=ENDLESS, duration=None, at=None, transition=None
    )
    return replace(storyboard, scenes=(scene,), grow=False)


@dataclass(frozen=True)
class Weights:
    """The tensors of a CLIP and a VQGAN, from which the engine's and the packaged networks are
    made alike.
    """

    clip: Mapping[str, Tensor]
    vqgan: Mapping[str, Tensor]
    config: VQGANConfig
    source: str  # what to call them in a report
    # Its files and those that a film of it has beside; None for made-up ones.
    materials: Materials | None = None

    def cast(self, options: EngineOptions) -> Cast:
        """The networks as a film has them, with the prior and the sketchbook that it would have."""
        if self.materials:
            return load_cast(self.materials, options)
        device = pick_device(options.device)
        dtype = pick_precision(options.precision, device)
        (clip, config), vqgan = self._packaged_clip(), self._packaged_vqgan()
        painter = VQGAN(vqgan, self.config, Path(self.source), device, dtype, low_memory=False)
        return Cast(Perceptor(clip, config, device, dtype), painter)

    def session(
        self, storyboard: Storyboard, options: EngineOptions, stage: Stage = no_stage
    ) -> Session:
        """What a film of these weights is rendered by."""
        cast, timeline = self.cast(options), Timeline(storyboard)
        cast.prepare(storyboard, timeline, options)
        return Session(storyboard, cast, timeline=timeline, stage=stage)

    def packaged_networks(self) -> tuple[nn.Module, nn.Module]:
        """OpenAI's CLIP and taming's modules as they come."""
        return self._packaged_clip()[0], self._packaged_vqgan()

    @property
    def clip_config(self) -> CLIPConfig:
        """How the CLIP is computed."""
        return self._packaged_clip()[1]

    def _packaged_clip(self) -> tuple[nn.Module, CLIPConfig]:
        if self.materials is None:
            return packaged_clip(self.clip, Path(self.source), OF_OPENAI)
        file = self.materials.models.clips[0]
        return packaged_clip(self.clip, file.path, file.config)

    def _packaged_vqgan(self) -> nn.Module:
        return packaged_vqgan(self.vqgan, self.config, Path(self.source), self.source)


def find_weights(storyboard: Storyboard) -> Weights:
    """The files of a storyboard's models; for the published pair, where they are not here, random
    numbers of the same shapes.
    """
    try:
        materials = find_materials(storyboard)
    except ModelError:
        if storyboard.models != PUBLISHED:
            raise
        return random_weights()
    files = materials.models
    tensors = read_tensors(files.clip), read_tensors(files.vqgan)
    return Weights(*tensors, materials.config, files.names, materials)


def random_weights(clip: tuple = VIT_B_32, vqgan: VQGANConfig = F16_16384) -> Weights:
    """Random networks of given sizes, scaled to keep a signal's strength: speed does not depend
    on the values.
    """
    with Unfilled():
        clip_shapes = clip_file("model").CLIP(*clip).state_dict()
    vqgan_shapes = skeleton(vqgan, {}, Path()).state_dict()
    random = torch.Generator().manual_seed(0)
    return Weights(
        _fill(clip_shapes, random),
        _fill(vqgan_shapes, random),
        vqgan,
        "random weights of published shapes",
    )


def _fill(shapes: Mapping[str, Tensor], random: torch.Generator) -> dict[str, Tensor]:
    filled = {}
    for name, tensor in shapes.items():
        if tensor.ndim == 1 and not name.endswith("embedding"):
            filled[name] = torch.full(tensor.shape, float(name.endswith("weight")))
        else:
            fan_in = max(tensor[0].numel(), 1) if tensor.ndim else 1
            filled[name] = torch.randn(tensor.shape, generator=random) * fan_in**-0.5
    return filled
