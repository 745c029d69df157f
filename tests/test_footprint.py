"""How much memory a film takes is told before it begins: counted from the networks' shapes, and
held to what they keep.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from peaks import peak_memory
from test_precision import PeakBytes
from tiny import make_clip

from vqclip_video.bench.cases import F16_16384, random_weights
from vqclip_video.catalogue.vqgan_config import DDConfig, VQGANConfig
from vqclip_video.cli.main import main
from vqclip_video.engine.memory import saved_bytes
from vqclip_video.footprint import Footprint, decoder_values, footprint
from vqclip_video.models.vqgan import group_norm
from vqclip_video.models.vqgan.decoder import ChannelsLast, LeanDecoder
from vqclip_video.models.vqgan.first_stage import VQGAN, skeleton
from vqclip_video.outline import outline
from vqclip_video.storyboard import reader
from vqclip_video.storyboard.schema import Models, Storyboard

CPU = torch.device("cpu")
SMALL_F16 = DDConfig(
    32, F16_16384.ddconfig.ch_mult, 2, 64, 32, attn_resolutions=(4, 16), double_z=False
)


def planned_for(bytes_a_value: int = 4, **film) -> Footprint:
    storyboard = reader.parse(json.dumps({**film, "scenes": [{"prompt": "a"}]}))
    return footprint(storyboard, outline(storyboard), bytes_a_value)


def kept_for_a_pixel(vqgan: VQGAN, sides=(8, 16)) -> float:
    """Values kept for each pixel more, in float32."""
    few, many = (
        saved_bytes(vqgan.decode, torch.zeros(1, vqgan.channels, side, side)) for side in sides
    )
    pixels = [(side * vqgan.factor) ** 2 for side in sides]
    return (many - few) / 4 / (pixels[1] - pixels[0])


def test_what_a_decoder_keeps_is_counted_from_its_config(storybook_pair):
    vqgan = storybook_pair[1]
    counted = decoder_values(outline(Storyboard()).config.ddconfig)
    assert kept_for_a_pixel(vqgan) == pytest.approx(counted, rel=0.02)


def test_so_it_is_with_attention_in_the_decoders_levels():
    config = VQGANConfig(False, False, 32, 64, SMALL_F16)
    weights = random_weights(vqgan=config)
    vqgan = VQGAN(
        weights.packaged_networks()[1], config, Path("made up"), CPU, torch.float32, False
    )
    # The last 3 channels are counted generously; attention below 1,024 places keeps the places'
    # likeness as well.
    assert kept_for_a_pixel(vqgan, (40, 48)) == pytest.approx(decoder_values(SMALL_F16), rel=0.05)


def test_what_clip_keeps_is_known_by_name_and_read_off_a_file(storybook_pair, tmp_path):
    perceptor = storybook_pair[0]
    few, many = (
        saved_bytes(perceptor.embed_image, torch.zeros(n, 3, perceptor.size, perceptor.size))
        for n in (2, 4)
    )
    known, side = outline(Storyboard()), perceptor.size
    counted = pytest.approx(known.clip_values, rel=0.02)
    assert known.clip_side == side and (many - few) / 8 / side**2 == counted
    path = make_clip(tmp_path, "vit", "safetensors")
    known = outline(Storyboard(models=Models(clip=str(path))))
    from vqclip_video.models.clip.perceptor import load_perceptor

    own = load_perceptor(path)
    few, many = (
        saved_bytes(own.embed_image, torch.zeros(n, 3, own.size, own.size)) for n in (2, 4)
    )
    counted, side = pytest.approx(known.clip_values, rel=0.25), own.size
    assert known.clip_side == side and (many - few) / 8 / side**2 == counted


def test_published_models_are_known_without_their_files():
    film = planned_for(2, models="imagenet", size="512x512")
    assert film.host > film.host_low and film.device > film.device_low
    for name in ("imagenet-f16-1024", "openimages-gumbel-f8-8192"):
        assert planned_for(models={"clip": "RN50x4", "vqgan": name}).host > 0


@pytest.mark.skipif(
    sys.platform == "win32", reason="asks the system for the memory of a process that has ended"
)
def test_a_larger_film_takes_as_much_more_as_planned(tmp_path):
    def peak(size: str) -> int:
        story = tmp_path / "story.yaml"
        story.write_text(
            f"size: {size}\nsettings: {{cutouts: 2, show_step: 1}}\nscenes: [{{prompt: a boat, "
            "iterations: 2}]"
        )
        options = [
            "-o",
            str(tmp_path / f"{size}.mp4"),
            "-q",
            "--precision",
            "fp32",
            "--device",
            "cpu",
        ]
        return peak_memory([sys.executable, "-m", "vqclip_video", "render", str(story), *options])

    planned = [
        planned_for(size=size, settings={"cutouts": 2}).host for size in ("256x256", "512x512")
    ]
    measured = [peak(size) for size in ("256x256", "512x512")]
    assert measured[1] - measured[0] == pytest.approx(planned[1] - planned[0], rel=0.25)


def planned_memory() -> dict:
    result = CliRunner().invoke(main, ["plan", "story.yaml", "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["memory"]


def test_a_film_that_cannot_fit_says_so_with_what_would(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("story.yaml").write_text("size: 2048x1024\nscenes: [{prompt: a}]\n")
    monkeypatch.setattr("vqclip_video.plan.available_host", lambda: 64 * 2**30)
    plenty = planned_memory()
    assert not plenty["low"] and plenty["size_that_fits"] is None
    monkeypatch.setattr("vqclip_video.plan.available_host", lambda: 8 * 2**30)
    little = planned_memory()
    assert little["low"] and little["bytes"] < plenty["bytes"] and little["size_that_fits"] is None
    monkeypatch.setattr("vqclip_video.plan.available_host", lambda: 2 * 2**30)
    result = CliRunner().invoke(main, ["plan", "story.yaml"])
    assert (
        "this machine has 2.1 GB, which is too little: 1024x512 with --memory low would fit"
        in result.stdout
    )
    assert planned_memory()["size_that_fits"] == [1024, 512]


def test_plan_says_the_style_and_what_is_missing_and_check_the_latter_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("story.yaml").write_text(
        "models: imagenet\nsettings: {style: [ink, {text: wood, weight: 2}]}\n"
        "scenes: [{prompt: a}, {prompt: b, settings: {style: pixel art}}]\n"
    )
    said = CliRunner().invoke(main, ["plan", "story.yaml"]).stdout
    assert "style       ink + wood; scene 2: pixel art\n" in said
    missing = "ViT-B/32 is not here yet; get it with: vqclip-video models fetch ViT-B/32\n"
    assert missing in said and missing in CliRunner().invoke(main, ["check", "story.yaml"]).stdout


class SizesAlone:
    """Group norm's passes on tensors without values: what the kernels allocate."""

    @staticmethod
    def moments_of(x, bias, beside, norm, keep):
        total = torch.empty_like(x) if keep else None
        return total, torch.empty(len(x), 2, norm.groups, device=x.device)

    @staticmethod
    def applied(x, *told):
        return torch.empty_like(x)

    @staticmethod
    def slope_of(x, *told):
        return torch.empty_like(x)


def test_a_tall_film_stays_under_12_gib_of_a_gpu_and_under_6_where_memory_is_low(monkeypatch):
    """Without a GPU: the decoder for CUDA at its true size, on tensors without values."""
    monkeypatch.setattr(group_norm, "ways", lambda device: SizesAlone)
    network, meta = skeleton(F16_16384, {}, Path("made up")), torch.device("meta")
    parts = network.decoder, network.post_quant_conv
    film = planned_for(2, models="imagenet", size="1080x1920", settings={"cutouts": 32})
    for low, planned, most in ((False, film.device, 12), (True, film.device_low, 6)):
        decoder = LeanDecoder(*parts, ChannelsLast(meta, torch.bfloat16), low)
        latent = torch.zeros(1, 256, 120, 68, device=meta, dtype=torch.bfloat16, requires_grad=True)
        with PeakBytes() as counted:
            decoder(latent).sum().backward()
        assert counted.peak < planned < most * 2**30
        assert planned < 1.5 * counted.peak
