"""The VQGAN: what paints.

Any VQModel or GumbelVQ, of taming or of who went on from it, becomes a differentiable map from
latent to picture.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...catalogue.vqgan_config import DISCRIMINATOR, VQGANConfig, read_config
from ...errors import ModelError
from ..apart import apart
from ..fit import Unfilled, fit
from ..weights import check_finite, read_tensors
from .bounds import Bound, ChannelRange, UnitSphere
from .decoder import Layout, LeanDecoder, Planar, layout_for, run_encoder
from .layouts import taming_names

# left in the file by the training, of no use to a film
IGNORED = (
    "loss.",
    "colorize",
    "model_ema.",
    "quantize.codebook_used",
    "quantize.embedding.cluster_size",
    "quantize.embedding.embed_avg",
)
AT_ONCE = 4096  # vectors compared with a codebook together


class VQGAN:
    """A VQGAN with frozen weights; `load_vqgan` makes one."""

    def __init__(
        self,
        network: nn.Module,
        config: VQGANConfig,
        path: Path,
        device: torch.device,
        dtype: torch.dtype,
        low_memory: bool,
    ):
        """`network`: what `packaged_vqgan` builds from `path`; its parts are converted as they
        are needed.
        """
        self.device, self.dtype = device, dtype  # the dtype is the decoder's
        self.factor: int = config.factor  # pixels along a side for one place of the latent
        self.channels: int = config.embed_dim  # of the latent
        self._network, self._gumbel, self._path = network, config.gumbel, path
        entries = self._part("quantize.embed" if config.gumbel else "quantize.embedding")
        self.codebook: Tensor = entries.weight.detach()  # [n_embed, channels], float32
        if config.sphere:
            self.codebook = F.normalize(self.codebook, dim=1)
        self.bound: Bound = UnitSphere() if config.sphere else ChannelRange.around(self.codebook)
        self._read_decoder(layout_for(device, dtype), low_memory)

    def decode(self, z: Tensor) -> Tensor:
        """Pictures [n, 3, h·factor, w·factor], float32, nominally 0..1 but not clamped;
        differentiable.

        z: [n, channels, h, w], float32.
        """
        return (self._decode(z.to(self.dtype)).float() + 1) / 2

    def decode_codes(self, codes: Tensor) -> Tensor:
        """The picture [1, 3, h·factor, w·factor], 0..1, of a map of indices into the codebook, [h,
        w].

        Never by the compiled decoder, which would be compiled once more for this shape.
        """
        with apart(self.device):
            z = self.codebook[codes.to(self.device)].permute(2, 0, 1).unsqueeze(0)
            return ((self._decoder(z.to(self.dtype)).float() + 1) / 2).clamp(0, 1)

    def encode(self, images: Tensor, half: bool = False) -> Tensor:
        """Latents [n, channels, h, w], float32, of pictures [n, 3, H, W], values 0..1; H, W
        multiples of `factor`.

        A VQModel gives its continuous latent, before quantisation. A GumbelVQ has none: its encoder
        gives scores of the codebook's entries, and its decoder was trained on single entries, so
        the best-scored entry is taken. Where the codebook is compared by angles, every place has
        unit length.

        half: convolutions in bfloat16, for many pictures (twice as fast on a CPU that multiplies
        it, 0.03 off at most); else all is float32, whatever autocast the caller is in.
        """
        with apart(self.device, half):
            encoder, *rest = self._encoder
            h = run_encoder(encoder, images.to(self.device, torch.float32) * 2 - 1)
            for part in rest:
                h = part(h)
            if self._gumbel:
                return self.codebook[h.argmax(1)].permute(0, 3, 1, 2).contiguous()
            return h.float() if self.bound.convex else self.bound(h.float())

    @property
    def low_memory(self) -> bool:
        """Whether the decoder computes its activations twice instead of keeping them; may be
        changed at any time.

        The gradients are the same.
        """
        return self._decoder.low_memory

    @low_memory.setter
    def low_memory(self, low: bool) -> None:
        self._decoder.low_memory = low

    def _read_decoder(self, layout: Layout, low_memory: bool) -> None:
        parts = self._checked("decoder"), self._checked("post_quant_conv")
        self._decoder = LeanDecoder(*parts, layout, low_memory)
        self._decode: Callable[[Tensor], Tensor] = self._decoder

    def compute_in(self, dtype: torch.dtype) -> None:
        """Have the decoder compute in another number format from now on, not compiled."""
        self.dtype = dtype
        self._read_decoder(layout_for(self.device, dtype), self.low_memory)

    def compile(self) -> None:
        """Have torch compile the decoder on its first call, for latents of one shape.

        It is the planar one: of kernels that are written already a compiler makes nothing better.
        """
        self._read_decoder(Planar(self.device, self.dtype), self.low_memory)
        self._decode = torch.compile(self._decoder.__call__, dynamic=False)

    @cached_property
    def discriminator(self) -> nn.Module | None:
        """The patch discriminator trained against this decoder, float32, or None where the file has
        none.

        It takes pictures [n, 3, H, W] with values -1..1; its scores are high where they look real.
        """
        return self._part("loss.discriminator") if hasattr(self._network, "loss") else None

    @cached_property
    def _encoder(self) -> list[nn.Module]:
        """The encoder's parts in order; their weights are float32, since most films run them
        once or never.
        """
        names = ["encoder", "quant_conv", *(["quantize.proj"] if self._gumbel else [])]
        return [self._part(name) for name in names]

    def _part(self, name: str) -> nn.Module:
        """A part of the network in float32, converted once it is needed: films from noise need no
        encoder.

        Whoever needs it first may be in any mode, which must not stick to the weights.
        """
        with apart(self.device):
            return self._checked(name).to(self.device, torch.float32)

    def _checked(self, name: str) -> nn.Module:
        part = self._network.get_submodule(name)
        check_finite(part.state_dict(prefix=f"{name}."), self._path)
        return part


def nearest_entries(vectors: Tensor, codebook: Tensor) -> Tensor:
    """Indices [n] of the entries of `codebook` [entries, channels] nearest to `vectors` [n,
    channels].
    """
    norms = codebook.square().sum(1)
    parts = [
        torch.addmm(norms, part, codebook.T, alpha=-2).argmin(1) for part in vectors.split(AT_ONCE)
    ]
    return torch.cat(parts)


def load_vqgan(
    path: Path, config: Path, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32
) -> VQGAN:
    """A VQModel or GumbelVQ checkpoint, also inside a whole model's file, with the YAML `config`
    of its training, or diffusers' config.json.

    Raises ModelError where a file is damaged, not of that kind, or the two do not belong together.
    """
    sizes, device = read_config(config), torch.device(device)
    with apart(device):
        network = packaged_vqgan(read_tensors(path), sizes, path, str(config))
        return VQGAN(network, sizes, path, device, dtype, low_memory=False)


def packaged_vqgan(
    tensors: Mapping[str, Tensor], config: VQGANConfig, path: Path, described: str
) -> nn.Module:
    """taming's modules holding `tensors`, which they share, under the names of the published files.

    `path` and `described`, where tensors and config are from, are for the errors: ModelError where
    they do not fit.
    """
    tensors = taming_names(tensors, config, path)
    used = {n: t for n, t in tensors.items() if _is_used(n, config)}
    network = skeleton(config, used, path)
    remedy = "the YAML is of other weights: take the one that these were trained with"
    fit(network, used, path, f"the VQGAN that {described} describes", remedy)
    return network


def _is_used(name: str, config: VQGANConfig) -> bool:
    return (config.discriminator and name.startswith(DISCRIMINATOR)) or not name.startswith(IGNORED)


def skeleton(config: VQGANConfig, tensors: Mapping[str, Tensor], path: Path) -> nn.Module:
    """taming's modules under the names of the published files, without memory."""
    from taming.modules.diffusionmodules.model import Decoder, Encoder

    sizes = asdict(config.ddconfig)
    latent, features = config.embed_dim, config.ddconfig.z_channels
    network, network.quantize = nn.Module(), nn.Module()
    with Unfilled(), contextlib.redirect_stdout(io.StringIO()):  # the Decoder prints its shape
        network.encoder, network.decoder = Encoder(**sizes), Decoder(**sizes)
        if config.ddconfig.attn_type == "none":
            for part in (network.encoder, network.decoder):
                _without_attention(part)
        network.quant_conv = nn.Conv2d(features, latent, 1)
        network.post_quant_conv = nn.Conv2d(latent, features, 1)
        if config.gumbel:
            network.quantize.proj = nn.Conv2d(features, config.n_embed, 1)
            network.quantize.embed = nn.Embedding(config.n_embed, latent)
        else:
            network.quantize.embedding = nn.Embedding(config.n_embed, latent)
        scores = {
            n.removeprefix(DISCRIMINATOR): t
            for n, t in tensors.items()
            if n.startswith(DISCRIMINATOR)
        }
        if scores:
            network.loss = nn.Module()
            network.loss.discriminator = _discriminator(scores, path)
    return network


def _without_attention(part: nn.Module) -> None:
    del part.mid.attn_1
    for level in getattr(part, "down", None) or part.up:
        level.attn = nn.ModuleList()


def _discriminator(tensors: Mapping[str, Tensor], path: Path) -> nn.Module:
    """taming's patch discriminator in the sizes of `tensors`, which the config need not state."""
    from taming.modules.discriminator.model import NLayerDiscriminator

    convolutions = [
        tensor for tensor in tensors.values() if tensor.ndim == 4 and tensor.shape[2:] == (4, 4)
    ]
    first = tensors.get("main.0.weight")
    if first is None or first.ndim != 4 or len(convolutions) < 3:
        raise ModelError(
            f"{path}: {DISCRIMINATOR}* is not taming's patch discriminator; remove these tensors to"
            " go on"
        )
    act_norm = any(name.endswith(".loc") for name in tensors)
    return NLayerDiscriminator(
        first.shape[1], first.shape[0], len(convolutions) - 2, use_actnorm=act_norm
    )
