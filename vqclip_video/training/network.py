"""taming's VQGAN as it is trained: first weights, forward passes with gradients for all of them,
and the norms' eps.

The modules are those of the published files, so that names fit; the functions compute what taming's
own do.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..catalogue.vqgan_config import VQGANConfig
from ..models.vqgan.first_stage import packaged_vqgan, skeleton

PUBLISHED_EPS = 1e-6  # of every group norm in taming
# layers whose output goes into a stream that is normalised
WRITERS = ("conv_in", "conv1", "conv2", "proj_out")
KEEPERS = ("nin_shortcut", "upsample", "downsample")  # layers that carry such a stream on
# The gain of a writer: RMS of its weights times the root of its inputs. torch's first weights have
# 0.58, trained ones 0.2 to 2; a median below LEAST comes of a training with another eps.
LEAST_GAIN, USUAL_GAIN = 0.1, 0.8


def new_network(config: VQGANConfig) -> nn.Module:
    """encoder, decoder, quantize.embedding, quant_conv and post_quant_conv with first weights from
    torch's generator.

    Every convolution keeps the variance of what it gets, but the residual branches begin at a
    tenth: at the learning rate that such networks bear, torch's own first weights take thousands of
    steps longer.
    """
    network = skeleton(config, {}, Path()).to_empty(device="cpu")
    for module in network.modules():
        if isinstance(module, nn.GroupNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
    for name, weight in network.named_parameters():
        if weight.ndim == 4:
            gain = (
                1.4
                if ".conv1." in name
                else 0.1
                if ".conv2." in name or ".proj_out." in name
                else 1.0
            )
            nn.init.normal_(weight, std=gain / weight[0].numel() ** 0.5)
        elif name.endswith("bias") and "norm" not in name:
            nn.init.zeros_(weight)
    nn.init.normal_(network.quantize.embedding.weight)
    return network


def network_of(
    tensors: Mapping[str, Tensor], config: VQGANConfig, path: Path, eps: float | None = None
) -> nn.Module:
    """The network of a published checkpoint, float32 and trainable, with norms of `eps`.

    Its output is the same for every eps. None: the one that suits the weights.
    """
    network = packaged_vqgan(tensors, config, path, "its YAML").float()
    if hasattr(network, "loss"):
        del network.loss
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    eps = suitable_eps(state) if eps is None else eps
    # Not copied into `tensors`, which the network shares.
    network.load_state_dict(rescale_norms(state, PUBLISHED_EPS, eps), assign=True)
    set_eps(network, eps)
    return network.requires_grad_(True)


def suitable_eps(state: Mapping[str, Tensor]) -> float:
    """The norms' eps at which published weights have the scale that a training expects.

    A step of AdamW moves every weight by about the learning rate, however small the weight is. A
    network trained with another eps than taming's has had the scale of its streams changed by
    `rescale_norms`, a thousandfold for 0.5, and its first step would wipe it out.
    """
    gains = [
        float(tensor.float().square().mean().sqrt()) * tensor[0].numel() ** 0.5
        for name, tensor in state.items()
        if tensor.ndim == 4 and writes_stream(name)
    ]
    gain = statistics.median(gains)
    if not 0 < gain < LEAST_GAIN:
        return PUBLISHED_EPS
    return float(f"{PUBLISHED_EPS * (USUAL_GAIN / gain) ** 2:.2g}")


def eps_of(network: nn.Module) -> float:
    """The eps of its norms, which all have the same."""
    return next(module.eps for module in network.modules() if isinstance(module, nn.GroupNorm))


def set_eps(network: nn.Module, eps: float) -> None:
    """Give every group norm this eps."""
    for module in network.modules():
        if isinstance(module, nn.GroupNorm):
            module.eps = eps


def rescale_norms(state: Mapping[str, Tensor], before: float, after: float) -> dict[str, Tensor]:
    """The weights with which group norms of the eps `after` compute what those of `before` did with
    `state`.

    A norm forgets its input's scale but for eps: norm(x; a) = norm(s·x; b) with s = sqrt(b / a). So
    everything that writes a normalised stream is scaled by s, of layers that carry a stream on only
    the bias. Why: with two channels to a group, taming's eps of 1e-6 takes the amplitude away and
    plain colours cannot be learnt; 0.5 leaves it.
    """
    scale = (after / before) ** 0.5
    return {
        name: tensor * scale if writes_stream(name) else tensor for name, tensor in state.items()
    }


def writes_stream(name: str) -> bool:
    """Whether the weight of that name puts something into a stream that is normalised."""
    parts = name.split(".")
    layer = parts[-3] if parts[-2] == "conv" else parts[-2]
    inside = parts[0] in ("encoder", "decoder")
    return inside and (layer in WRITERS or (layer in KEEPERS and parts[-1] == "bias"))


def encode_pictures(network: nn.Module, images: Tensor) -> Tensor:
    """Latents [n, channels, h, w] of pictures [n, 3, H, W], values -1..1, before quantisation."""
    encoder = network.encoder
    x = encoder.conv_in(images)
    for level in encoder.down:
        for i, block in enumerate(level.block):
            x = _residual(block, x)
            if len(level.attn):
                x = _attention(level.attn[i], x)
        if hasattr(level, "downsample"):
            x = level.downsample(x)
    return network.quant_conv(_ending(encoder, _middle(encoder.mid, x)))


def decode_latents(network: nn.Module, latents: Tensor) -> Tensor:
    """Pictures [n, 3, H, W], nominally -1..1, of latents [n, channels, h, w]."""
    decoder = network.decoder
    x = _middle(decoder.mid, decoder.conv_in(network.post_quant_conv(latents)))
    for level in reversed(decoder.up):
        for i, block in enumerate(level.block):
            x = _residual(block, x)
            if len(level.attn):
                x = _attention(level.attn[i], x)
        if hasattr(level, "upsample"):
            x = level.upsample(x)
    return _ending(decoder, x)


def _residual(block: nn.Module, x: Tensor) -> Tensor:
    """Group norm, SiLU, convolution, twice, beside a shortcut."""
    h = block.conv1(F.silu(block.norm1(x)))
    h = block.conv2(F.silu(block.norm2(h)))
    return h + (x if block.in_channels == block.out_channels else block.nin_shortcut(x))


def _attention(block: nn.Module, x: Tensor) -> Tensor:
    """Self-attention over all places of the feature map, with one head."""
    h = block.norm(x)
    read = (layer(h).flatten(2).transpose(1, 2)[:, None] for layer in (block.q, block.k, block.v))
    mixed = F.scaled_dot_product_attention(*read)[:, 0]
    # A view would pass for channels last, which group norms are slow with.
    return x + block.proj_out(mixed.transpose(1, 2).contiguous().view(x.shape))


def _middle(mid: nn.Module, x: Tensor) -> Tensor:
    return _residual(mid.block_2, _attention(mid.attn_1, _residual(mid.block_1, x)))


def _ending(part: nn.Module, x: Tensor) -> Tensor:
    return part.conv_out(F.silu(part.norm_out(x)))


def corrupted(
    latents: Tensor, share: float, entries: Tensor | None, strongest: float = 0.9
) -> Tensor:
    """Latents of which a `share` of the batch is noisy, or blurred and noisy, or rounded, each by
    its own amount.

    The decoder learns to make clean pictures of what an optimiser leaves and of stored codes. Noise
    is up to `strongest` standard deviations of latents that are about N(0, 1). entries: those of
    the codebook nearest to the latents, in their shape; without them nothing is rounded.
    """
    n, _, height, width = latents.shape
    amount, kind, drawn, level = torch.rand(4, n, 1, 1, 1, device=latents.device)
    noise = torch.randn_like(latents) * (strongest * level)
    coarse = F.avg_pool2d(latents, 2, ceil_mode=True)
    blurred = F.interpolate(coarse, size=(height, width), mode="bilinear")
    soft = torch.lerp(latents, blurred, amount) + 0.5 * noise
    third = latents + noise if entries is None else latents + (entries - latents).detach()
    worse = torch.where(kind < 1 / 3, latents + noise, torch.where(kind < 2 / 3, soft, third))
    return torch.where(drawn < share, worse, latents)
