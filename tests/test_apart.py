"""What is made once and kept, or promised in float32, is the same in whatever mode it is first
asked for.
"""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import torch
from tiny import make_vqgan

from vqclip_video.catalogue.store import BUNDLED
from vqclip_video.engine import precision
from vqclip_video.models.clip.perceptor import load_perceptor
from vqclip_video.models.vqgan.first_stage import load_vqgan

pytestmark = pytest.mark.usefixtures("one_thread")


@contextmanager
def doubles():
    """float64 for whatever is made without a type."""
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


MODES = {
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "inference mode": torch.inference_mode,
    "no grad": torch.no_grad,
    "float64": doubles,
}


@pytest.fixture(params=MODES)
def mode(request):
    return MODES[request.param]


def packaged():
    return load_vqgan(BUNDLED / "vqgan.safetensors", BUNDLED / "vqgan.yaml")


@pytest.fixture
def pictures():
    return torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def latents(pictures):
    return packaged().encode(pictures)


@pytest.mark.parametrize("loaded_in_it", [False, True])
def test_the_first_latents_of_the_packaged_pair_are_those_of_any_mode(
    mode, loaded_in_it, pictures, latents
):
    vqgan = None if loaded_in_it else packaged()
    with mode():
        vqgan = vqgan or packaged()
        first = vqgan.encode(pictures)
    assert first.dtype == torch.float32
    assert torch.equal(first, latents) and torch.equal(vqgan.encode(pictures), latents)


def test_what_was_encoded_or_loaded_in_any_mode_may_be_optimised(mode, pictures, latents):
    with mode():
        vqgan = packaged()
        z = vqgan.encode(pictures)
    z.requires_grad_()
    vqgan.decode(z).sum().backward()
    wanted = latents.clone().requires_grad_()
    packaged().decode(wanted).sum().backward()
    assert torch.equal(z.grad, wanted.grad)


def test_a_discriminator_first_asked_for_in_any_mode_judges_the_same(mode, tmp_path):
    files = make_vqgan(tmp_path, discriminator=True)
    asked, first = (load_vqgan(*files) for _ in range(2))
    with mode():
        assert asked.discriminator is not None
    slopes = []
    for vqgan in (asked, first):
        seen = torch.full((1, 3, 32, 32), 0.3, requires_grad=True)
        vqgan.discriminator(seen).mean().backward()
        slopes.append(seen.grad)
    assert slopes[0].dtype == torch.float32 and torch.equal(*slopes)


def test_sketches_are_decoded_the_same_in_any_mode(mode):
    vqgan, codes = packaged(), torch.arange(16).view(4, 4)
    wanted = vqgan.decode_codes(codes)
    with mode():
        found = vqgan.decode_codes(codes)
    assert torch.equal(found, wanted)


def test_texts_mean_the_same_in_any_mode(mode):
    perceptor = load_perceptor(BUNDLED / "clip.safetensors")
    wanted = perceptor.embed_text(["a cat", "a lighthouse at sunset"])
    with mode():
        found = perceptor.embed_text(["a cat", "a lighthouse at sunset"])
    assert found.dtype == torch.float32 and torch.equal(found, wanted)


def test_latents_in_bfloat16_are_near_and_come_by_asking_alone(pictures, latents):
    half = packaged().encode(pictures, half=True)
    assert half.dtype == torch.float32
    assert not torch.equal(half, latents) and (half - latents).abs().max() < 0.1


def test_the_speed_of_bfloat16_is_not_measured_in_bfloat16_alone(monkeypatch):
    convolve, seen = torch.conv2d, set()

    def watched(*arguments, **options):
        found = convolve(*arguments, **options)
        seen.add(found.dtype)
        return found

    monkeypatch.setattr(precision.F, "conv2d", watched)
    with torch.autocast("cpu", torch.bfloat16):
        precision.half_gain()
    assert seen == {torch.float32, torch.bfloat16}
