"""A pair's prior: a denoiser that knows how the pair's pictures are composed, and what it expects
for a text.

One .safetensors file of a `Denoiser`. Layers' weights are int8 under their names, with a float16
factor for each output under NAME.scale; the rest is float16. The header holds `Notes` as JSON.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ...errors import ModelError
from ...materials import ModelFiles
from ...text import plain_text
from ..apart import apart
from ..fit import Unfilled, fit
from ..weights import check_finite, read_tensors
from .denoiser import HEAD, PATCH, TIMES, Denoiser

FORMAT = "vqclip-video prior 1"
SCALE = ".scale"
MOST_STRETCH = 2  # times the side that was learned, at most, or that part of it
MORE_PLACES = 1.1  # than in the square that was learned: wide pictures had as many
AREA_COUNTS = 0.5  # how much another area counts, against another shape (both as logarithms)
MOST_SIDE, MOST_CHANNELS, MOST_BLOCKS = 256, 4096, 16


@dataclass(frozen=True)
class PriorNotes:
    """What a prior says of the models that it was made for."""

    clip: str  # sha256 of the CLIP's file
    vqgan: str  # and of the VQGAN's
    models: str  # both as a person names them
    side: int  # places along a side of the latents that it has learned from


class Prior:
    """A denoiser with frozen weights; `load` makes one."""

    def __init__(
        self,
        network: Denoiser,
        notes: PriorNotes,
        source: str,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ):
        """`source`: its file, for messages."""
        self.notes, self.source, self.dtype = notes, source, dtype
        self._channels, self._dim = network.channels, network.dim
        self._network = network.to(device, dtype, memory_format=torch.channels_last)

    def compute_in(self, dtype: torch.dtype) -> None:
        """Compute in another number format from now on."""
        self.dtype = dtype
        self._network.to(dtype)

    @torch.no_grad()
    def clean(
        self, mixture: Tensor, level: float | Tensor, text: Tensor, guidance: float
    ) -> Tensor:
        """The latents [n, channels, h, w], float32, that are expected behind mixtures with noise,
        of that shape.

        mixture: (1 - level) · latent + level · noise of unit variance, float32, of a size that
        `inner_size` gives; level: above 0, at most 1,
        a number or a tensor []. text: [dim], or one for each [n, dim], unit
        length; what it changes against no text is taken `guidance` times (classifier-free guidance,
        Ho & Salimans 2022). With 1 no text is not asked, which halves the work.
        """
        texts = text.expand(len(mixture), -1)
        if guidance == 1:
            (told,) = self._velocity(mixture, level, texts)
            return mixture - level * told
        told, untold = self._velocity(mixture, level, texts, torch.zeros_like(texts))
        return mixture - level * (untold + guidance * (told - untold))

    @torch.no_grad()
    def gain(self, latent: Tensor, levels: Tensor, noises: Tensor, texts: Tensor) -> float:
        """How much better it tells what is noise once it is told a text: the share of its squared
        error without a text that is gone with it, below 1, and below 0 where the text misleads.
        The average over all levels and texts, which are asked at once.

        A denoiser is a classifier (Li et al. 2023; Clark & Jaini 2023). latent: [1, channels, h,
        w], float32; levels: [n], shares of noise; noises: [n, channels, h, w], float32, of unit
        variance; texts: [m, dim].
        """
        mixtures = torch.lerp(latent, noises, levels.view(-1, 1, 1, 1))
        asked = [text.expand(len(levels), -1) for text in (*texts, torch.zeros_like(texts[0]))]
        answers = self._velocity(mixtures, levels, *asked)
        errors = [(each - (noises - latent)).square().mean((1, 2, 3)) for each in answers]
        *told, untold = errors
        return 1 - float((torch.stack(told) / untold.clamp_min(1e-12)).mean())

    def _velocity(self, mixture: Tensor, level: float | Tensor, *texts: Tensor) -> list[Tensor]:
        """The network's answer for each of the texts [n, dim], all of them asked at once; level:
        of all mixtures, or of each [n].
        """
        count = len(mixture)
        asked = mixture.to(self.dtype).repeat(len(texts), 1, 1, 1)
        told = torch.cat(texts).to(self.dtype)
        each = (
            level.expand(count) if isinstance(level, Tensor) else mixture.new_full((count,), level)
        )
        return self._network(asked, each.repeat(len(texts)), told).float().chunk(len(texts))

    def inner_size(self, height: int, width: int) -> tuple[int, int]:
        """The size, in places, at which it should see a latent of that size: about as many places
        as it has learned from, in the shape that is nearest.

        On more places than it knows things are drawn twice, or fall apart.
        """
        side, wanted = self.notes.side, math.log(width / height)
        places = MORE_PLACES * side**2
        least = max(TIMES, side // MOST_STRETCH // TIMES * TIMES)
        sides = range(least, MOST_STRETCH * side + 1, TIMES)

        def mismatch(size: tuple[int, int]) -> float:
            shape = abs(math.log(size[1] / size[0]) - wanted)
            return shape + AREA_COUNTS * abs(math.log(size[0] * size[1] / places))

        return min(itertools.product(sides, sides), key=mismatch)

    def require(self, paths: ModelFiles, channels: int, dim: int) -> None:
        """Raises ModelError where the prior was made for another CLIP or VQGAN than those of
        `paths`.

        channels: of the VQGAN's latents; dim: of CLIP's embeddings.
        """
        made_for, remedy = (
            (self.notes.clip, self.notes.vqgan, self.notes.models),
            "leave losses.prior at 0 and guide by other things than dreams",
        )
        paths.require(made_for, self.source, "prior", remedy)
        if (self._channels, self._dim) != (channels, dim):
            raise ModelError(
                f"{self.source}: its sizes are {self._channels} channels and {self._dim} "
                f"dimensions, the models' {channels} and {dim}; train it again"
            )


def load_prior(path: Path, device: torch.device, dtype: torch.dtype = torch.float32) -> Prior:
    """The prior in a file. ModelError where it is damaged or none."""
    try:
        with safe_open(path, framework="numpy") as file:
            notes = _notes(file.metadata() or {})
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: cannot be read ({error}); copy or train it again") from None
    except (LookupError, RecursionError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: not a prior ({error}); train it again") from None
    with apart(device):
        return Prior(read_denoiser(path), notes, str(path), device, dtype)


def read_denoiser(path: Path) -> Denoiser:
    """The network in a prior's file, float32, for whichever models it was made. Raises ModelError
    where it is damaged or none.
    """
    try:
        stored = read_tensors(path)
        network = _skeleton(stored)
        tensors = _unpacked(stored)
    except (LookupError, ValueError) as error:
        raise ModelError(f"{path}: not the tensors of a prior ({error}); train it again") from None
    fit(network, tensors, path, "the prior that their sizes announce")
    check_finite(tensors, path)
    return network


def prior_bytes(network: Denoiser, notes: PriorNotes) -> bytes:
    """The file's content."""
    tensors = {}
    for name, tensor in network.state_dict().items():
        tensor = tensor.detach().float().cpu().contiguous()
        if tensor.ndim < 2:
            tensors[name] = tensor.half()
            continue
        largest = tensor.flatten(1).abs().amax(1).clamp_min(1e-12)
        scale = (largest / 127).half().float().clamp_min(2**-24)
        shape = (-1, *[1] * (tensor.ndim - 1))
        tensors[name] = (tensor / scale.view(shape)).round().clamp(-127, 127).to(torch.int8)
        tensors[name + SCALE] = scale.half()
    return save(tensors, {"format": FORMAT, "notes": json.dumps(asdict(notes))})


def _skeleton(tensors: Mapping[str, Tensor]) -> Denoiser:
    """The network in the sizes of `tensors`, without memory.

    LookupError or ValueError where they are no prior's.
    """
    fine, patches = tensors["enter.weight"].shape[:2]
    coarse = tensors["shrink.weight"].shape[0]
    dim = tensors["text.weight"].shape[1]
    blocks = len({name.split(".")[1] for name in tensors if name.startswith("fine_down.")})
    sizes = {"channels": patches // PATCH**2, "dim": dim, "fine": fine, "coarse": coarse}
    for name, size in sizes.items():
        if not 1 <= size <= MOST_CHANNELS:
            raise ValueError(f"{name} is {size}")
    if fine % HEAD or coarse % HEAD or patches % PATCH**2 or not 1 <= blocks <= MOST_BLOCKS:
        raise ValueError(
            f"{fine} and {coarse} channels, {patches} values in a patch, {blocks} blocks"
        )
    with Unfilled():
        return Denoiser(**sizes, blocks=blocks)


def _unpacked(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights in float32, under the names of a `Denoiser`'s own.

    ValueError where a scale does not fit.
    """
    whole = {}
    for name, tensor in stored.items():
        if tensor.dtype not in (torch.int8, torch.float16):
            raise ValueError(f"{name} is {tensor.dtype}")
        if name.endswith(SCALE) and name.removesuffix(SCALE) in stored:
            continue
        whole[name] = tensor.float()
        if tensor.dtype == torch.int8:
            scale = stored.get(name + SCALE)
            if (
                scale is None
                or scale.dtype != torch.float16
                or tensor.ndim < 2
                or scale.shape != tensor.shape[:1]
            ):
                raise ValueError(f"{name} has no scale that fits")
            whole[name] *= scale.float().view(-1, *[1] * (tensor.ndim - 1))
    return whole


def _notes(metadata: dict[str, str]) -> PriorNotes:
    if metadata.get("format") != FORMAT:
        raise ValueError(
            f"its format is {metadata.get('format', 'not said')!r}, {FORMAT!r} is known here"
        )
    given = json.loads(metadata["notes"])
    *texts, side = (given[item.name] for item in fields(PriorNotes))
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("its models are not named")
    if type(side) is not int or not TIMES <= side <= MOST_SIDE:
        raise ValueError(f"it has learned latents of {side!r} places")
    return PriorNotes(*map(plain_text, texts), side)
