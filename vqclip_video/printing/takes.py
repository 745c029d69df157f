"""What is kept of every captured frame to print films from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from ..disk.part import Part
from ..output.latents import KeptLatents, LatentPlaces, LatentSpool, worth_keeping
from ..output.rundir import RunDir
from ..output.steps import Steps


class Takes:
    """The latents of the captured frames, and how far each picture is from the one before.

    Where the film has to be printed all latents are on the disk until it is, whatever is kept.
    """

    def __init__(
        self, run: RunDir, wish: str, needed: int, printed: bool, saved: Mapping[str, Part] | None
    ):
        """wish: which latents the storyboard keeps; needed: bytes that all take; printed: whether
        the film is made of them; saved: a checkpoint to go on from.
        """
        part = saved["takes"] if saved else None
        self.kept = part.numbers["kept"] if part else worth_keeping(wish, run.folder, needed)
        self._steps = Steps()
        self._spool = None
        if self.kept or printed:
            self._spool = LatentSpool(LatentPlaces(run.latents), saved and saved["latents"])
        if part:
            self._steps.restore(part)

    def take(self, pixels: np.ndarray, latent: Tensor) -> float:
        """The next frame, uint8 [H, W, 3], and its latent [1, channels, h, w]; returns its step."""
        if self._spool is not None:
            self._spool.append(latent[0].half().cpu().numpy())
        return round(self._steps.to(pixels), 6)

    def latents(self) -> KeptLatents:
        """All so far."""
        self._spool.state()
        return KeptLatents(self._spool.places, self._spool.shapes)

    def state(self) -> dict[str, Part]:
        """For a checkpoint, by participant."""
        found = {"takes": Part(self._steps.state().tensors, {"kept": self.kept})}
        return found | ({"latents": self._spool.state()} if self._spool else {})

    def finish(self) -> None:
        """Says that all are here, or removes what is not kept."""
        if self._spool is not None:
            (self._spool.finish if self.kept else self._spool.discard)()

    def close(self) -> None:
        if self._spool is not None:
            self._spool.close()
