"""What a recipe begins with where it does not begin with nothing: the weights of a pair."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ...materials import ModelFiles, find_models
from ...models.clip.perceptor import packaged_clip
from ...models.weights import read_tensors
from ...storyboard.schema import Models
from .presets import PRIOR_FILE


@dataclass(frozen=True)
class Beginning:
    """The files of the pair to begin with; None for nothing."""

    files: ModelFiles | None

    @classmethod
    def of(cls, pair: str | None) -> Beginning:
        """`pair`: a name or a folder. UsageError or ModelError where there is no such pair."""
        return cls(find_models(Models(clip=pair, vqgan=pair)) if pair else None)

    def visual(self) -> dict[str, Tensor] | None:
        """The weights of the image tower, float32."""
        if self.files is None:
            return None
        path, config = self.files.clip, self.files.clips[0].config
        clip, _ = packaged_clip(read_tensors(path), path, config)
        return {name: tensor.float() for name, tensor in clip.visual.state_dict().items()}

    @property
    def vqgan(self) -> str | None:
        """The VQGAN's file."""
        return None if self.files is None else str(self.files.vqgan)

    @property
    def prior(self) -> Path | None:
        """The prior's file; None too where the pair has none."""
        beside = self.files and self.files.clip.with_name(PRIOR_FILE)
        return beside if beside and beside.is_file() else None
