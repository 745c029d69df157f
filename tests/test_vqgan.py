"""The lean VQGAN against taming's own modules, on tiny weights and on the storybook's."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import yaml
from safetensors.torch import save_file
from taming.modules.diffusionmodules.model import Decoder, Encoder
from taming.modules.discriminator.model import NLayerDiscriminator
from tiny import DDCONFIG, N_EMBED, VQ_CHANNELS, make_vqgan
from torch import Tensor, nn

from vqclip_video.errors import ModelError
from vqclip_video.models.vqgan.decoder import ChannelsLast, LeanDecoder, Planar
from vqclip_video.models.vqgan.first_stage import VQGAN, load_vqgan
from vqclip_video.models.weights import read_tensors

STORYBOOK = Path(__file__).parents[1] / "vqclip_video/models/storybook"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("vqgans")


@pytest.fixture(scope="module", params=["vq", "gumbel"])
def files(request, folder):
    return make_vqgan(folder, request.param, "safetensors", discriminator=True)


def packaged(files: tuple[Path, Path], part: str) -> nn.Module:
    """taming's Encoder or Decoder, or a 1x1 convolution, with the weights of the file."""
    tensors = {
        n.removeprefix(f"{part}."): t.float()
        for n, t in read_tensors(files[0]).items()
        if n.startswith(part)
    }
    sizes = yaml.safe_load(files[1].read_text())["model"]["params"]["ddconfig"]
    with contextlib.redirect_stdout(io.StringIO()):
        module = (
            {"encoder": Encoder, "decoder": Decoder}[part](**sizes)
            if part in ("encoder", "decoder")
            else None
        )
    module = module or nn.Conv2d(*reversed(tensors["weight"].shape[:2]), 1)
    module.load_state_dict(tensors)
    return module.eval()


def latent(vqgan: VQGAN, side: int = 6, n: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(4)
    return torch.randn(n, vqgan.channels, side, side + 1, generator=generator).requires_grad_()


def slope(vqgan_decode, z: Tensor) -> tuple[Tensor, Tensor]:
    """The pictures, and the gradient of a fixed random function of them with respect to z."""
    images = vqgan_decode(z)
    direction = torch.randn(images.shape, generator=torch.Generator().manual_seed(3))
    return images.detach(), torch.autograd.grad((images * direction).sum(), z)[0]


def assert_same_pictures(vqgan: VQGAN, files: tuple[Path, Path]) -> None:
    decoder, post = packaged(files, "decoder"), packaged(files, "post_quant_conv")
    z = latent(vqgan)
    expected, expected_slope = slope(lambda z: (decoder(post(z)) + 1) / 2, z)
    found, found_slope = slope(vqgan.decode, z)
    assert found.dtype == torch.float32
    assert found.shape == (2, 3, 6 * vqgan.factor, 7 * vqgan.factor)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert (found_slope - expected_slope).norm() < 1e-4 * expected_slope.norm()


def test_pictures_and_their_gradients_are_those_of_the_packaged_decoder(files):
    assert_same_pictures(load_vqgan(*files), files)


@pytest.mark.parametrize(
    "sizes",
    [
        {"num_res_blocks": 2, "attn_resolutions": [8, 16, 32]},
        {"resamp_with_conv": False},
        {"ch_mult": [2]},
        {"ch": 64, "ch_mult": [1, 2, 2, 4], "z_channels": 8},
        {"ch": 96, "ch_mult": [1, 3], "attn_resolutions": [16]},
    ],
)
@pytest.mark.parametrize("low_memory", [False, True])
@pytest.mark.parametrize("layout", [Planar, ChannelsLast])
def test_decoders_of_other_shapes_are_the_packaged_ones(sizes, layout, low_memory):
    torch.manual_seed(0)
    sizes = DDCONFIG | sizes
    with contextlib.redirect_stdout(io.StringIO()):
        decoder = Decoder(**sizes).requires_grad_(False)
    post = nn.Conv2d(5, sizes["z_channels"], 1).requires_grad_(False)
    z = torch.randn(1, 5, 4, 3, requires_grad=True)
    expected, expected_slope = slope(lambda z: decoder(post(z)), z)
    layout = layout(torch.device("cpu"), torch.float32)
    found, found_slope = slope(LeanDecoder(decoder, post, layout, low_memory), z)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert (found_slope - expected_slope).norm() < 1e-4 * expected_slope.norm()


def test_the_storybook_decoder_is_the_packaged_one_too():
    files = STORYBOOK / "vqgan.safetensors", STORYBOOK / "vqgan.yaml"
    vqgan = load_vqgan(*files)
    assert (vqgan.factor, vqgan.channels, vqgan.codebook.shape) == (8, 16, (4096, 16))
    assert vqgan.discriminator is None
    assert_same_pictures(vqgan, files)


def test_the_storybook_pair_reconstructs_a_picture():
    vqgan = load_vqgan(STORYBOOK / "vqgan.safetensors", STORYBOOK / "vqgan.yaml")
    picture = torch.full((1, 3, 64, 96), 0.2)
    picture[:, 0, 16:48, 24:72] = 0.9
    again = vqgan.decode(vqgan.encode(picture))
    assert again.shape == picture.shape
    assert F.mse_loss(again, picture) < 0.01


def test_low_memory_keeps_less_and_gives_the_same_gradients(files):
    kept = []
    slopes = []
    vqgan = load_vqgan(*files)
    for low in (False, True):
        vqgan.low_memory = low
        seen: dict[int, int] = {}

        def note(tensor: Tensor, seen: dict[int, int] = seen) -> Tensor:
            seen[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        z = latent(vqgan)
        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            images = vqgan.decode(z)
        kept.append(sum(seen.values()))
        slopes.append(torch.autograd.grad(images.square().sum(), z)[0])
    assert kept[1] < kept[0] / 2
    torch.testing.assert_close(slopes[1], slopes[0])


def test_bfloat16_points_the_same_way(files):
    exact, fast = load_vqgan(*files), load_vqgan(*files, dtype=torch.bfloat16)
    z = latent(exact)
    (images, slope_exact), (images_fast, slope_fast) = slope(exact.decode, z), slope(fast.decode, z)
    assert images_fast.dtype == slope_fast.dtype == torch.float32
    assert F.cosine_similarity(images_fast.flatten(1), images.flatten(1)).min() > 0.99
    assert F.cosine_similarity(slope_fast.flatten(1), slope_exact.flatten(1)).min() > 0.99


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("low_memory", [False, True])
def test_a_gpu_paints_what_the_cpu_paints(files, dtype, low_memory):
    exact, fast = load_vqgan(*files), load_vqgan(*files, device="cuda", dtype=dtype)
    fast.low_memory = low_memory
    z = latent(exact)
    images, slope_exact = slope(exact.decode, z)
    images_fast, slope_fast = slope(lambda z: fast.decode(z.cuda()).cpu(), z)
    assert F.cosine_similarity(images_fast.flatten(1), images.flatten(1)).min() > 0.99
    assert F.cosine_similarity(slope_fast.flatten(1), slope_exact.flatten(1)).min() > 0.99
    assert fast.encode(images.detach().cuda()).device == fast.codebook.device


@pytest.mark.parametrize("kind", ["vq", "gumbel", "net2net"])
def test_every_published_format_gives_the_same_vqgan(folder, kind):
    vqgans = [
        load_vqgan(*make_vqgan(folder, kind, format))
        for format in ("lightning", "pt", "safetensors")
    ]
    z = latent(vqgans[0])
    first, *others = (vqgan.decode(z) for vqgan in vqgans)
    for other in others:
        torch.testing.assert_close(other, first, atol=0, rtol=0)


def test_a_vqgan_inside_a_net2net_file_is_the_vqgan(folder):
    alone, inside = (load_vqgan(*make_vqgan(folder, kind)) for kind in ("vq", "net2net"))
    torch.testing.assert_close(
        inside.decode(latent(alone)), alone.decode(latent(alone)), atol=0, rtol=0
    )


def test_a_vq_model_encodes_to_its_continuous_latent(folder):
    files = make_vqgan(folder, "vq")
    images = torch.rand(2, 3, 16, 32, generator=torch.Generator().manual_seed(2))
    expected = packaged(files, "quant_conv")(packaged(files, "encoder")(images * 2 - 1))
    found = load_vqgan(*files, dtype=torch.bfloat16).encode(images)
    assert found.shape == (2, VQ_CHANNELS, 4, 8) and not found.requires_grad
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_a_gumbel_vq_encodes_to_its_best_scored_entries(folder):
    files = make_vqgan(folder, "gumbel")
    vqgan = load_vqgan(*files)
    images = torch.rand(1, 3, 16, 32, generator=torch.Generator().manual_seed(2))
    scores = packaged(files, "quantize.proj")(
        packaged(files, "quant_conv")(packaged(files, "encoder")(images * 2 - 1))
    )
    found = vqgan.encode(images)
    assert found.shape == (1, 32, 4, 8)
    assert torch.equal(found.permute(0, 2, 3, 1), vqgan.codebook[scores.argmax(1)])


def test_the_codebook_and_its_range(files):
    vqgan = load_vqgan(*files, dtype=torch.bfloat16)
    assert (
        vqgan.codebook.shape == (N_EMBED, vqgan.channels) and vqgan.codebook.dtype == torch.float32
    )
    entries = vqgan.codebook.T[None, :, :, None]
    assert torch.equal(vqgan.bound(entries), entries)
    assert torch.equal(vqgan.bound(2 * entries).amax((0, 2, 3)), vqgan.codebook.amax(0))


def test_the_discriminator_is_the_files_own(files, folder):
    tensors = {n.removeprefix("loss.discriminator."): t for n, t in read_tensors(files[0]).items()}
    own = NLayerDiscriminator(ndf=8, n_layers=2)
    own.load_state_dict({n: t for n, t in tensors.items() if n.startswith("main.")})
    images = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(2)) * 2 - 1
    found = load_vqgan(*files, dtype=torch.bfloat16).discriminator
    torch.testing.assert_close(found(images), own.eval()(images))
    assert not any(parameter.requires_grad for parameter in found.parameters())
    assert load_vqgan(*make_vqgan(folder, "vq")).discriminator is None


def test_loading_and_using_a_vqgan_prints_nothing(files, capfd):
    vqgan = load_vqgan(*files)
    vqgan.encode(vqgan.decode(latent(vqgan)).detach())
    assert capfd.readouterr() == ("", "")


def refused(files: tuple[Path, Path]) -> str:
    with pytest.raises(ModelError) as refusal:
        load_vqgan(*files)
    return str(refusal.value)


def rewritten(
    files: tuple[Path, Path], tmp_path: Path, tensors: dict[str, Tensor]
) -> tuple[Path, Path]:
    path = tmp_path / "changed.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    return path, files[1]


def test_a_file_that_lacks_or_exceeds_something_says_what(files, tmp_path):
    tensors = read_tensors(files[0])
    del tensors["decoder.conv_out.bias"]
    tensors["decoder.conv_in.weight"] = torch.zeros(64, 30, 3, 3)
    tensors["decoder.up.7.weight"] = torch.zeros(1)
    message = refused(rewritten(files, tmp_path, tensors))
    assert "1 missing: decoder.conv_out.bias" in message
    assert "1 not known: decoder.up.7.weight" in message
    assert "decoder.conv_in.weight (found 64×30×3×3, expected 64×32×3×3)" in message


def test_leftovers_of_the_training_are_passed_over(files, tmp_path):
    tensors = read_tensors(files[0]) | {
        "loss.perceptual_loss.net.0.weight": torch.zeros(3),
        "colorize": torch.ones(3),
    }
    assert load_vqgan(*rewritten(files, tmp_path, tensors)).factor == 4


@pytest.mark.parametrize("name", ["decoder.conv_in.weight", "post_quant_conv.bias"])
def test_a_weight_that_is_not_a_number_is_refused(files, tmp_path, name):
    tensors = {name: tensor.clone() for name, tensor in read_tensors(files[0]).items()}
    tensors[name].view(-1)[0] = torch.inf
    assert name in refused(rewritten(files, tmp_path, tensors))


def test_a_broken_encoder_is_refused_once_it_is_needed(files, tmp_path):
    tensors = {name: tensor.clone() for name, tensor in read_tensors(files[0]).items()}
    tensors["encoder.conv_in.weight"].view(-1)[0] = torch.nan
    vqgan = load_vqgan(*rewritten(files, tmp_path, tensors))
    with pytest.raises(ModelError, match="conv_in.weight"):
        vqgan.encode(torch.zeros(1, 3, 16, 16))


def test_a_discriminator_of_another_kind_is_refused(files, tmp_path):
    tensors = {
        n: t
        for n, t in read_tensors(files[0]).items()
        if not n.startswith("loss.discriminator.main.0")
    }
    assert "loss.discriminator" in refused(rewritten(files, tmp_path, tensors))


def test_the_config_of_another_model_does_not_fit(folder):
    vq, gumbel = make_vqgan(folder, "vq"), make_vqgan(folder, "gumbel")
    message = refused((vq[0], gumbel[1]))
    assert "missing" in message and "quantize.embed.weight" in message and str(gumbel[1]) in message


def changed(**changes) -> dict:
    """The tree of a VQModel's config with `ddconfig` keys, or `target`, `n_embed`, `embed_dim`,
    replaced.
    """
    params = {"embed_dim": VQ_CHANNELS, "n_embed": N_EMBED, "ddconfig": DDCONFIG}
    model = {"target": "taming.models.vqgan.VQModel", "params": params}
    for key, value in changes.items():
        if key in ("embed_dim", "n_embed", "remap"):
            model["params"] = model["params"] | {key: value}
        elif key == "target":
            model["target"] = value
        else:
            model["params"] = model["params"] | {
                "ddconfig": model["params"]["ddconfig"] | {key: value}
            }
    return {"model": model}


@pytest.mark.parametrize(
    "target",
    [
        "taming.models.vqgan.VQModel",
        "forks.taming_transformers.taming.models.vqgan.VQModel",
        "vqmodel.VQModel",
        "ldm.models.autoencoder.VQModel",
        "VQModel",
    ],
)
def test_the_same_network_is_known_wherever_its_class_is_kept(folder, tmp_path, target):
    config = tmp_path / "model.yaml"
    config.write_text(yaml.safe_dump(changed(target=target)))
    assert load_vqgan(make_vqgan(folder, "vq")[0], config).channels == VQ_CHANNELS


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        (changed(target="os.system"), "'os.system' is not a VQGAN known here"),
        (changed(target=["taming.models.vqgan.VQModel"]), "is not a VQGAN known here"),
        (changed(ch="many"), "ch: 'many' found"),
        (changed(ch=True), "ch: True found"),
        (changed(ch=10**9), "ch: 1000000000 found"),
        (changed(ch=40), "multiple of 32"),
        (changed(num_res_blocks=5000), "32 at most"),
        (changed(ch_mult=[1] * 20), "1 to 8 resolutions"),
        (changed(ch_mult=2), "ch_mult: 2 found"),
        (changed(double_z=True), "double_z"),
        (changed(out_ch=1), "RGB"),
        (changed(n_embed=None), "n_embed: None found"),
        (changed(remap="codes.npy"), "remap"),
        (changed(z_channels="${oc.env:HOME}"), "z_channels"),
        (changed(target="taming.models.vqgan.GumbelVQ"), "embed_dim is 8"),
        ({"model": {"target": "taming.models.vqgan.VQModel"}}, "`params:`"),
        ({"model": 3}, "`model:`"),
        ([1, 2], "`model:`"),
        ("words", "`model:`"),
    ],
)
def test_a_config_that_is_no_vqgans_is_refused(folder, tmp_path, tree, says):
    config = tmp_path / "model.yaml"
    config.write_text(yaml.safe_dump(tree))
    message = refused((make_vqgan(folder, "vq")[0], config))
    assert message.startswith(f"{config}: ") and says in message


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"model: [",
        b"\xff\xfe\x00",
        b"a: &a [x]\nb: " + b"[" * 3000,
        b"model: !!python/object:os.system {}",
    ],
    ids=["empty", "open", "binary", "deep", "object"],
)
def test_a_config_that_is_no_yaml_is_refused(folder, tmp_path, content):
    config = tmp_path / "model.yaml"
    config.write_bytes(content)
    assert str(config) in refused((make_vqgan(folder, "vq")[0], config))


def test_a_missing_config_is_named(folder, tmp_path):
    assert "cannot be read" in refused((make_vqgan(folder, "vq")[0], tmp_path / "none.yaml"))
