"""The lean CLIP against the packaged one, on tiny weights and on the storybook's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tiny import make_clip

from vqclip_video.catalogue.clip_config import MEAN, STD
from vqclip_video.errors import ModelError
from vqclip_video.models.clip.perceptor import Perceptor, load_perceptor
from vqclip_video.models.clip.tokens import clip_file, count_tokens, tokens_of
from vqclip_video.models.weights import read_tensors

STORYBOOK = Path(__file__).parents[1] / "vqclip_video/models/storybook/clip.safetensors"
TEXTS = [
    "a red apple",
    "",
    "an old lighthouse above a stormy sea, at dusk, by a painter of the romantic school",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module", params=["vit", "resnet"])
def path(request, folder):
    return make_clip(folder, request.param, "safetensors")


def packaged(path: Path) -> torch.nn.Module:
    """OpenAI's own module with the weights of `path`, float32."""
    return clip_file("model").build_model(read_tensors(path)).float()


def packaged_image(clip: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    return F.normalize(clip.encode_image((images - mean) / std), dim=-1)


def pictures(perceptor: Perceptor, n: int = 3) -> torch.Tensor:
    """Values that reach a little beyond 0..1, as noisy cutouts do."""
    generator = torch.Generator().manual_seed(5)
    return (
        torch.rand(n, 3, perceptor.size, perceptor.size, generator=generator) * 1.2 - 0.1
    ).requires_grad_()


def assert_same_images(perceptor: Perceptor, clip: torch.nn.Module) -> None:
    images = pictures(perceptor)
    direction = torch.randn(3, perceptor.dim, generator=torch.Generator().manual_seed(6))
    expected = packaged_image(clip, images)
    (expected_slope,) = torch.autograd.grad((expected * direction).sum(), images)
    found = perceptor.embed_image(images)
    (slope,) = torch.autograd.grad((found * direction).sum(), images)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert (slope - expected_slope).norm() < 1e-4 * expected_slope.norm()


def test_images_and_their_gradients_are_those_of_the_packaged_clip(path):
    assert_same_images(load_perceptor(path), packaged(path))


def test_texts_are_those_of_the_packaged_clip(path):
    perceptor, clip = load_perceptor(path), packaged(path)
    ids = torch.zeros(len(TEXTS), 77, dtype=torch.long)
    for row, text in zip(ids, TEXTS, strict=True):
        row[: len(tokens_of(text))] = torch.tensor(tokens_of(text))
    expected = F.normalize(clip.encode_text(ids), dim=-1)
    found = perceptor.embed_text(TEXTS)
    assert found.shape == (3, perceptor.dim) and not found.requires_grad
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_bfloat16_points_the_same_way(path):
    exact, fast = load_perceptor(path), load_perceptor(path, dtype=torch.bfloat16)
    images = pictures(exact)
    target = torch.randn(3, exact.dim, generator=torch.Generator().manual_seed(6))
    slopes = []
    for perceptor in (exact, fast):
        similarity = (perceptor.embed_image(images) * target).sum()
        slopes.append(torch.autograd.grad(similarity, images)[0].flatten())
    found = fast.embed_image(images)
    assert found.dtype == torch.float32
    assert F.cosine_similarity(found, exact.embed_image(images)).min() > 0.99
    # rounding tips some ReLUs of a random ResNet: autocast, 0.97
    assert F.cosine_similarity(*slopes, dim=0) > 0.93
    torch.testing.assert_close(fast.embed_text(TEXTS), exact.embed_text(TEXTS))


@pytest.mark.parametrize("kind", ["vit", "resnet"])
def test_every_published_format_gives_the_same_clip(folder, kind):
    perceptors = [
        load_perceptor(make_clip(folder, kind, format))
        for format in ("torchscript", "pt", "safetensors")
    ]
    images = pictures(perceptors[0])
    first, *others = ([p.embed_image(images), p.embed_text(TEXTS)] for p in perceptors)
    for other in others:
        torch.testing.assert_close(other, first, atol=0, rtol=0)


def test_the_storybook_clip_is_the_packaged_one_too():
    perceptor = load_perceptor(STORYBOOK)
    assert (perceptor.size, perceptor.dim, perceptor.context_length) == (64, 256, 77)
    assert_same_images(perceptor, packaged(STORYBOOK))


def test_the_storybook_clip_tells_day_from_night():
    perceptor = load_perceptor(STORYBOOK)
    night, grass = torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 64, 64)
    night[:, 2] = 0.15
    grass[:, 2, :32], grass[:, 1, :32], grass[:, 0, :32] = 1.0, 0.8, 0.5
    grass[:, 1, 32:], grass[:, 0, 32:] = 0.7, 0.3
    similarity = (
        perceptor.embed_image(torch.cat([night, grass]))
        @ perceptor.embed_text(["a dark night sky", "a green meadow under a blue sky"]).T
    )
    assert similarity[0, 0] > similarity[1, 0] + 0.1
    assert similarity[1, 1] > similarity[0, 1] + 0.1


def test_loading_imports_neither_the_clip_package_nor_torchs_compiler():
    code = (
        "import sys, torch; from pathlib import Path; before = set(sys.modules); from "
        "vqclip_video.models.clip.perceptor import load_perceptor; load_perceptor(Path(sys.argv[1])); "
        "late = {'clip', 'torchvision', 'pkg_resources', 'sympy', 'torch._dynamo'} & "
        "(set(sys.modules) - before); sys.exit(' '.join(late) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(STORYBOOK)], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_a_gpu_sees_what_the_cpu_sees(path, dtype):
    exact, fast = load_perceptor(path), load_perceptor(path, "cuda", dtype)
    images = pictures(exact).detach()
    assert (
        F.cosine_similarity(fast.embed_image(images.cuda()).cpu(), exact.embed_image(images)).min()
        > 0.99
    )
    torch.testing.assert_close(
        fast.embed_text(TEXTS).cpu(), exact.embed_text(TEXTS), atol=1e-3, rtol=0
    )


def test_neighbours_do_not_change_a_text_and_many_texts_fit():
    perceptor = load_perceptor(STORYBOOK)
    texts = [f"{i} red apples" for i in range(70)]
    together = perceptor.embed_text([*texts, TEXTS[2]])
    assert together.shape == (71, 256)
    torch.testing.assert_close(together[3], perceptor.embed_text([texts[3]])[0], atol=1e-6, rtol=0)
    assert perceptor.embed_text([]).shape == (0, 256)


def test_a_long_text_is_cut_with_its_end_token_kept():
    text = "blue " * 100
    tokens = tokens_of(text)
    assert len(tokens) == 77 and tokens[-1] == 49407 and tokens[-2] == tokens[1]
    perceptor = load_perceptor(STORYBOOK)
    torch.testing.assert_close(*perceptor.embed_text([text, "blue " * 75]))


def test_tokens_are_counted_and_what_is_cut_is_named():
    assert count_tokens("a red apple") == (5, "")
    assert count_tokens("blue " * 75) == (77, "")
    assert count_tokens("blue " * 75 + "Green hills") == (79, "green hills")


def test_counting_tokens_imports_neither_torch_nor_the_clip_package():
    code = (
        "import sys; from vqclip_video.models.clip.tokens import count_tokens; count_tokens('a red "
        "apple'); sys.exit(' '.join({'torch', 'torchvision', 'clip', 'pkg_resources'} & "
        "set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_text_tower_can_be_forgotten(path):
    perceptor = load_perceptor(path)
    perceptor.forget_text()
    with pytest.raises(RuntimeError, match="forget_text"):
        perceptor.embed_text(["a red apple"])
    assert perceptor.embed_image(pictures(perceptor)).shape == (3, perceptor.dim)


def test_the_weights_are_frozen_and_the_file_stays_as_it_is(folder):
    path = make_clip(folder, "vit", "pt")
    before = path.read_bytes()
    perceptor = load_perceptor(path)
    perceptor.embed_image(pictures(perceptor)).sum().backward()
    assert path.read_bytes() == before
    assert not perceptor.embed_image(pictures(perceptor).detach()).requires_grad


def refused(tensors: dict[str, torch.Tensor], tmp_path: Path) -> str:
    path = tmp_path / "changed.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    with pytest.raises(ModelError) as refusal:
        load_perceptor(path)
    assert str(refusal.value).startswith(f"{path}: ")
    return str(refusal.value)


def test_a_clip_that_lacks_or_exceeds_something_says_what(path, tmp_path):
    tensors = read_tensors(path)
    del tensors["ln_final.bias"]
    tensors["logit_scales"] = torch.zeros(())
    tensors["transformer.resblocks.1.ln_1.weight"] = torch.zeros(7)
    tensors["transformer.resblocks.0.ln_1.weight"] = torch.zeros(64, dtype=torch.long)
    message = refused(tensors, tmp_path)
    assert "1 missing: ln_final.bias" in message
    assert "1 not known: logit_scales" in message
    assert "transformer.resblocks.1.ln_1.weight (found 7, expected 64)" in message
    assert "transformer.resblocks.0.ln_1.weight (torch.int64" in message


def test_a_long_list_is_cut_short_and_counted(path, tmp_path):
    message = refused(
        read_tensors(path) | {f"extra.{i}": torch.zeros(1) for i in range(20)}, tmp_path
    )
    assert "20 not known: extra.0" in message and "and 12 more" in message and len(message) < 600


def test_counters_of_the_training_may_be_missing(folder, tmp_path):
    tensors = read_tensors(make_clip(folder, "resnet", "safetensors"))
    path = tmp_path / "without.safetensors"
    save_file(
        {n: t.contiguous() for n, t in tensors.items() if "num_batches_tracked" not in n}, path
    )
    assert load_perceptor(path).size == 64


def test_a_weight_that_is_not_a_number_is_refused(path, tmp_path):
    tensors = {name: tensor.clone() for name, tensor in read_tensors(path).items()}
    tensors["text_projection"][3, 4] = torch.nan
    assert "text_projection" in refused(tensors, tmp_path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"text_projection": None}, "text_projection"),
        ({"token_embedding.weight": torch.zeros(100, 64)}, "100 tokens"),
        ({"positional_embedding": torch.zeros(77, 60)}, "multiple of 64"),
        ({"positional_embedding": torch.zeros(77)}, "not the weights of a CLIP"),
        ({"text_model.final_layer_norm.bias": torch.zeros(1)}, "half of its names are Hugging"),
        ({"visual.positional_embedding": torch.zeros(18, 64)}, "18 rows"),
        ({"visual.positional_embedding": torch.zeros(())}, "not the weights of a CLIP"),
        ({"visual.conv1.weight": torch.zeros(())}, "not the weights of a CLIP"),
        ({"visual.conv1.weight": torch.zeros(64, 3, 0, 0)}, "visual.conv1.weight"),
    ],
)
def test_sizes_that_no_clip_has_are_refused(folder, tmp_path, change, says):
    tensors = read_tensors(make_clip(folder, "vit", "safetensors")) | change
    assert says in refused(
        {name: tensor for name, tensor in tensors.items() if tensor is not None}, tmp_path
    )


def test_another_kind_of_network_is_refused(tmp_path):
    message = refused({"model.layers.0.weight": torch.zeros(3, 3)}, tmp_path)
    assert "not the weights of a CLIP" in message and "model.layers.0.weight" in message
