"""The prior: the denoiser and its file, how it is trained, and what it does to films from noise."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from casting import cast_of
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.nn.functional import normalize

from vqclip_video.catalogue import known, names, store
from vqclip_video.disk.checksums import sha256_of
from vqclip_video.engine.cast import Cast, load_cast, load_pair
from vqclip_video.engine.expectation import FROM_NOISE, FROM_PICTURE, LAST, Expectations
from vqclip_video.engine.session import Session
from vqclip_video.errors import ModelError, StoryboardError
from vqclip_video.film import FilmOptions, make_fingerprint
from vqclip_video.materials import find_materials, find_models, prior_of
from vqclip_video.models.prior import prior as priors
from vqclip_video.models.prior.denoiser import Denoiser
from vqclip_video.models.prior.prior import PriorNotes
from vqclip_video.models.vqgan.bounds import ChannelRange
from vqclip_video.storyboard import reader
from vqclip_video.storyboard.schema import Models
from vqclip_video.storyboard.timeline import Timeline
from vqclip_video.training.budget import Budget
from vqclip_video.training.storybook import flow_prior as lessons
from vqclip_video.training.storybook.corpus import read_captions
from vqclip_video.training.storybook.course import TrainingCourse
from vqclip_video.training.storybook.presets import PRESETS
from vqclip_video.training.storybook.recipe import Recipe

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")
NOTES = PriorNotes("a", "b", "a tiny pair", 24)


def denoiser(channels=8, dim=64):
    """A small network whose every layer counts."""
    torch.manual_seed(0)
    network = Denoiser(channels, dim, fine=32, coarse=64, blocks=1)
    for weight in network.parameters():
        if weight.ndim > 1 and not weight.any():
            torch.nn.init.normal_(weight, std=0.05)
    return network.eval().requires_grad_(False)


def written(path, network, notes=NOTES):
    path.write_bytes(priors.prior_bytes(network, notes))
    return path


def test_the_denoiser_takes_any_size_and_heeds_mixture_level_and_text():
    network, text = denoiser(), normalize(torch.randn(2, 64), dim=-1)
    mixture, level = torch.randn(2, 8, 12, 20), torch.tensor([0.2, 0.9])
    found = network(mixture, level, text)
    assert found.shape == mixture.shape
    for other in (
        network(mixture + 1, level, text),
        network(mixture, level.flip(0), text),
        network(mixture, level, text.flip(0)),
    ):
        assert (other - found).abs().max() > 1e-3


def test_a_prior_is_stored_in_a_byte_a_weight_and_answers_nearly_as_before(tmp_path):
    network = denoiser()
    path = written(tmp_path / "prior.safetensors", network)
    assert path.stat().st_size < 1.3 * sum(weight.numel() for weight in network.parameters())
    loaded = priors.load_prior(path, CPU)
    mixture, text = torch.randn(1, 8, 8, 8), normalize(torch.randn(64), dim=0)
    velocity = network(mixture, torch.tensor([0.5]), text[None])
    assert torch.allclose(
        loaded.clean(mixture, 0.5, text, 1.0), mixture - 0.5 * velocity, atol=0.05
    )
    assert loaded.notes == NOTES


def test_guidance_is_how_often_the_text_counts_against_none(tmp_path):
    prior = priors.load_prior(written(tmp_path / "prior.safetensors", denoiser()), CPU)
    mixture, text = torch.randn(1, 8, 8, 8), normalize(torch.randn(64), dim=0)
    untold, told, twice = (prior.clean(mixture, 0.7, text, guidance) for guidance in (0, 1, 2))
    assert torch.allclose(prior.clean(mixture, 0.7, torch.zeros(64), 1.0), untold, atol=1e-5)
    assert torch.allclose(twice - told, told - untold, atol=1e-5) and not torch.allclose(
        told, untold, atol=1e-3
    )


@pytest.mark.parametrize(
    ("size", "inner"),
    [
        ((24, 24), (24, 24)),
        ((32, 32), (24, 24)),
        ((24, 43), (24, 44)),
        ((64, 36), (44, 24)),
        ((3, 3), (24, 24)),
        ((2, 100), (24, 96)),
    ],
)
def test_a_latent_is_shown_with_its_shorter_side_as_learned(size, inner, tmp_path):
    prior = priors.load_prior(written(tmp_path / "prior.safetensors", denoiser()), CPU)
    assert prior.inner_size(*size) == inner


def test_a_prior_knows_the_models_it_was_made_for(tiny_files, tmp_path):
    paths = find_models(
        Models(str(tiny_files["clip"]), str(tiny_files["vqgan"]), tiny_files["config"])
    )
    prior = priors.load_prior(written(tmp_path / "prior.safetensors", denoiser()), CPU)
    with pytest.raises(ModelError, match="a prior for a tiny pair, but the film's models are"):
        prior.require(paths, 8, 64)


def test_a_prior_of_other_sizes_than_its_models_is_refused(tiny_prior, tiny_models):
    prior = priors.load_prior(tiny_prior, CPU)
    prior.require(find_models(tiny_models), 8, 64)
    with pytest.raises(ModelError, match="8 channels and 64 dimensions, the models' 16 and 64"):
        prior.require(find_models(tiny_models), 16, 64)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_expects_nearly_the_same(dtype, tmp_path):
    path = written(tmp_path / "prior.safetensors", denoiser())
    mixture, text = torch.randn(1, 8, 8, 8), normalize(torch.randn(64), dim=0)
    exact, found = (
        priors.load_prior(path, CPU, kind).clean(mixture, 0.5, text, 2.0)
        for kind in (torch.float32, dtype)
    )
    assert found.dtype == torch.float32 and (found - exact).square().mean().sqrt() < 0.05


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda tensors, notes: notes.pop("notes"), "not a prior"),
        (lambda tensors, notes: notes.update(format="sketches"), "its format is 'sketches'"),
        (lambda tensors, notes: notes.update(notes="[" * 5000), "not a prior"),
        (
            lambda tensors, notes: notes.update(notes=json.dumps(vars(NOTES) | {"clip": 1})),
            "not named",
        ),
        (
            lambda tensors, notes: notes.update(notes=json.dumps(vars(NOTES) | {"side": 1e9})),
            "of 1000000000.0 places",
        ),
        (
            lambda tensors, notes: tensors.pop("enter.weight.scale"),
            "enter.weight has no scale that fits",
        ),
        (
            lambda tensors, notes: tensors.update({"text.weight.scale": torch.ones(3).half()}),
            "text.weight has no sca",
        ),
        (
            lambda tensors, notes: tensors.update({"text.bias": torch.ones(64)}),
            "text.bias is torch.float32",
        ),
        (
            lambda tensors, notes: tensors.update(
                {"text.weight": torch.zeros(64, 0).to(torch.int8)}
            ),
            "dim is 0",
        ),
        (
            lambda tensors, notes: tensors.update({"shrink.weight": torch.zeros(1 << 13, 0, 3)}),
            "coarse is 8192",
        ),
        (
            lambda tensors, notes: tensors.update(
                {f"fine_down.{n}.x": torch.zeros(0) for n in range(99)}
            ),
            "99 blocks",
        ),
        (lambda tensors, notes: tensors.pop("shrink.weight"), "not the tensors of a prior"),
        (lambda tensors, notes: tensors.pop("grow.bias"), "1 missing: grow.bias"),
        (lambda tensors, notes: tensors.update(more=torch.zeros(1).half()), "1 not known: more"),
        (lambda tensors, notes: tensors["grow.bias"].fill_(float("nan")), "NaN or infinite"),
        (
            lambda tensors, notes: tensors.update({"enter.weight": torch.zeros(3, 32, 3, 3)}),
            "3 and 64 channels",
        ),
    ],
)
def test_a_damaged_prior_is_an_error_that_says_so(spoil, said, tmp_path):
    path = written(tmp_path / "prior.safetensors", denoiser())
    tensors, notes = load_file(path), {"format": priors.FORMAT, "notes": json.dumps(vars(NOTES))}
    spoil(tensors, notes)
    save_file(tensors, path, notes)
    with pytest.raises(ModelError, match=said):
        priors.load_prior(path, CPU)


@pytest.mark.parametrize("content", [b"", b"PK", b"\xff" * 100])
def test_what_is_no_safetensors_file_is_an_error_too(content, tmp_path):
    (tmp_path / "prior.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="cannot be read"):
        priors.load_prior(tmp_path / "prior.safetensors", CPU)
    with pytest.raises(ModelError, match="cannot be read"):
        priors.load_prior(tmp_path / "none.safetensors", CPU)


@pytest.fixture
def walls(tmp_path):
    """A folder of red and blue pictures, as the world writes one."""
    pictures = np.zeros((8, 32, 32, 3), np.uint8)
    pictures[0::2, ..., 0] = pictures[1::2, ..., 2] = 220
    np.save(tmp_path / "pictures.npy", pictures)
    (tmp_path / "captions.json").write_text(
        json.dumps([["a red wall"] * 3, ["a blue wall"] * 3] * 4)
    )
    return tmp_path


def read(walls, pair, **options):
    return lessons.read_lessons(
        walls, read_captions(walls), walls / "work", *pair, report=lambda line: None, **options
    )


def test_pictures_are_encoded_once(walls, tiny_pair, monkeypatch):
    monkeypatch.setattr(lessons, "PICTURES_A_FILE", 4)
    asked = iter([False, True])
    assert read(walls, tiny_pair, stop=lambda: next(asked)) is None
    whole = read(walls, tiny_pair)
    assert (
        whole.latents.shape == (8, 8, 8, 8)
        and whole.images.shape == (8, 64)
        and whole.texts.shape == (2, 64)
    )
    pixels = torch.zeros(1, 3, 32, 32)
    pixels[:, 2] = 220 / 255
    assert torch.allclose(whole.latents[5].float(), tiny_pair[1].encode(pixels)[0], atol=0.1)
    monkeypatch.setattr(lessons, "_encode", None)  # what is there is not made again
    assert torch.equal(read(walls, tiny_pair).latents, whole.latents)


def small(channels, dim):
    return Denoiser(channels, dim, fine=32, coarse=32, blocks=1)


def made_up():
    """Two kinds of latents, each with its own text."""
    texts = torch.eye(64)[:2]
    latents = (
        torch.stack([torch.full((4, 8, 8), 1.0), torch.full((4, 8, 8), -1.0)])
        .repeat(4, 1, 1, 1)
        .half()
    )
    return lessons.Lessons(
        latents, texts.repeat(4, 1), texts, torch.tensor([[0, 0, 0], [1, 1, 1]] * 4)
    )


def test_it_learns_what_a_text_looks_like(tmp_path, monkeypatch):
    monkeypatch.setattr(lessons, "Denoiser", small)
    monkeypatch.setattr(lessons, "AVERAGED", 0.9)
    taught = made_up()
    course = TrainingCourse(tmp_path, Budget(steps=150), seed=0, report=lambda line: None)
    network = lessons.train_prior(taught, course, batch_size=16, learning_rate=3e-3)
    prior = priors.load_prior(written(tmp_path / "prior.safetensors", network), CPU)
    noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    first, second = (prior.clean(noise, 1.0, text, 1.0).mean() for text in taught.texts)
    assert first > 0.5 and second < -0.5


def test_a_stopped_training_of_the_prior_goes_on_as_if_it_had_not(tmp_path, monkeypatch):
    monkeypatch.setattr(lessons, "Denoiser", small)

    def run(folder, **options):
        course = TrainingCourse(
            tmp_path / folder, Budget(steps=4), seed=0, report=lambda line: None, **options
        )
        return lessons.train_prior(made_up(), course, batch_size=4).state_dict()

    asked = iter([False, True])
    run("parts", stop=lambda: next(asked))
    whole, parts = run("whole"), run("parts")
    assert all(torch.equal(weight, parts[name]) for name, weight in whole.items())


def test_the_recipe_trains_a_prior_for_its_pair_and_another_for_another(walls, tmp_path):
    from tiny import make_clip, make_vqgan

    (walls / "work" / "pictures").mkdir(parents=True)
    for name in ("pictures.npy", "captions.json"):
        (walls / name).rename(walls / "work" / "pictures" / name)
    make_clip(walls, format="safetensors").rename(walls / "clip.safetensors")
    for path, name in zip(
        make_vqgan(walls, format="safetensors"), ("vqgan.safetensors", "vqgan.yaml"), strict=True
    ):
        path.rename(walls / name)
    preset = replace(PRESETS["cpu"], prior_batch=2)
    recipe = Recipe(
        tmp_path,
        walls,
        preset,
        minutes=0.001,
        seed=0,
        start=None,
        report=lambda line: None,
        stop=lambda: False,
    )
    recipe.run(["prior"])
    prior = priors.load_prior(walls / "prior.safetensors", CPU)
    prior.require(recipe.paths, 8, 64)
    assert prior.notes.side == 48  # 192 pixels at a factor of 4
    # another file
    save_file(load_file(walls / "clip.safetensors"), walls / "clip.safetensors", {"trained": "on"})
    recipe.run(["prior"])
    priors.load_prior(walls / "prior.safetensors", CPU).require(recipe.paths, 8, 64)
    assert len(list((walls / "work").glob("prior-*"))) == 2


@pytest.fixture
def tiny_models(tiny_files):
    return Models(str(tiny_files["clip"]), str(tiny_files["vqgan"]), tiny_files["config"])


@pytest.fixture
def tiny_prior(tiny_models, tmp_path):
    """The file of a prior for the tiny pair, which expects one latent for everything."""
    network = denoiser()
    torch.nn.init.normal_(network.leave.bias, std=0.5)
    paths = find_models(tiny_models)
    notes = PriorNotes(sha256_of(paths.clip), sha256_of(paths.vqgan), paths.names, 24)
    return written(tmp_path / "prior.safetensors", network, notes)


def board(scenes=("a cat",), models=None, settings="", top="", **about):
    """A film of 12 iterations for each prompt, 6 of them a transition."""
    text = (
        f"size: 32x32\nfps: 12\ngrids: 2\n{top}\nsettings: {{cutouts: 2, show_step: 2, "
        f"{settings}}}\nscenes:\n"
    )
    text += "".join(
        f"  - {{prompt: {prompt}, iterations: 12, transition: {{duration: 0.25s, curve: "
        "linear}}\n"
        for prompt in scenes
    )
    story = reader.parse(
        text.replace(", transition: {duration: 0.25s, curve: linear}", "", 1), **about
    )
    return replace(story, models=models) if models else story


def rendered(story, models, prior_file=None, start=None):
    perceptor, vqgan = load_pair(find_models(models), CPU, "fp32")
    prior = priors.load_prior(prior_file, CPU) if prior_file else None
    return list(Session(story, Cast(perceptor, vqgan, prior), start=start).run())


def test_a_film_from_noise_comes_nearer_to_what_the_prior_expects(tiny_models, tiny_prior):
    weak, strong = (
        rendered(
            board(
                models=tiny_models,
                settings=f"guide: off, learning_rate: 0.2, losses: {{prior: {weight}}}",
            ),
            tiny_models,
            tiny_prior,
        )[-1]
        for weight in (0.01, 100)
    )
    assert strong.losses["prior"] / 100 < 0.8 * weak.losses["prior"] / 0.01
    assert weak.losses["prior"] + weak.losses["clip"] == pytest.approx(sum(weak.losses.values()))


def test_without_the_priors_weight_the_film_is_that_of_clip_alone(tiny_models, tiny_prior):
    plain = rendered(board(models=tiny_models), tiny_models)[-1]
    story = board(models=tiny_models, settings="guide: off, losses: {prior: 0}")
    found = rendered(story, tiny_models, tiny_prior)[-1]
    assert torch.equal(found.latent, plain.latent) and set(found.losses) == {"clip"}


def test_a_guided_scene_is_left_to_its_guide(tiny_models, tiny_prior, tmp_path):
    Image.new("RGB", (8, 8), "red").save(tmp_path / "a.png")
    story = board(models=tiny_models, settings="guide: {image: a.png}", base=tmp_path)
    assert "prior" not in rendered(story, tiny_models, tiny_prior)[-1].losses


def test_a_film_with_a_prior_goes_on_bit_for_bit(tiny_models, tiny_prior):
    story = board(["a cat", "a dog"], tiny_models, "guide: off", top="grow: true")
    whole = rendered(story, tiny_models, tiny_prior)
    rest = rendered(story, tiny_models, tiny_prior, start=whole[13].state)
    assert (
        torch.equal(rest[-1].latent, whole[-1].latent) and (rest[-1].frame == whole[-1].frame).all()
    )


def expectations(story, guided, tiny_prior):
    free = [not found for found in guided]
    return Expectations(
        priors.load_prior(tiny_prior, CPU), story, free, ChannelRange(-torch.ones(8), torch.ones(8))
    )


@pytest.mark.parametrize(
    ("guided", "at_first", "in_the_end"),
    [
        ((False, False), 1, 1),
        ((True, False), 1 / 6, 1),
        ((False, True), 5 / 6, 0),
        ((True, True), 0, 0),
    ],
)
def test_the_prior_comes_with_the_transition_and_goes_with_the_noise(
    guided, at_first, in_the_end, tiny_prior
):
    story = board(["a cat", "a dog"])
    found, line = expectations(story, guided, tiny_prior), Timeline(story)
    first, last = line.at(12), line.at(23)
    assert found.weight(first) == pytest.approx(at_first * found.level(first))
    assert found.weight(last) == pytest.approx(in_the_end * found.level(last))


def test_the_noise_falls_in_a_scene_and_rises_with_the_next(tiny_prior):
    story = board(["a cat", "a dog"])
    found, line = expectations(story, (False, False), tiny_prior), Timeline(story)
    levels = [found.level(line.at(i)) for i in range(24)]
    assert levels[0] == FROM_NOISE and levels[11] == pytest.approx(LAST)
    assert levels[:12] == sorted(levels[:12], reverse=True)
    assert (
        levels[12:18] == sorted(levels[12:18]) and levels[12] < 0.4 and levels[18] == FROM_PICTURE
    )
    assert levels[18:] == sorted(levels[18:], reverse=True) and levels[23] < 0.2
    assert {
        expectations(story, (False, True), tiny_prior).level(line.at(i)) for i in range(12, 17)
    } == {LAST}
    begun = replace(story, init=replace(story.init, image=Path("start.png")))
    assert expectations(begun, (False, False), tiny_prior).level(line.at(0)) == FROM_PICTURE


@pytest.mark.parametrize("size", [(24, 24), (32, 32), (50, 30), (5, 3)])
def test_a_prior_that_would_change_nothing_changes_nothing_at_any_size(
    size, tiny_prior, monkeypatch
):
    story = board()
    found = expectations(story, (False,), tiny_prior)
    shown, latent = [], 0.9 * (2 * torch.rand(1, 8, *size) - 1)
    # so that the mixture is the latent, as it is shown
    monkeypatch.setattr(found, "level", lambda moment: 0.0)
    monkeypatch.setattr(
        found.prior, "clean", lambda mixture, *rest: shown.append(mixture) or mixture
    )
    assert torch.allclose(
        found.at(Timeline(story).at(0), latent, torch.ones(64)), latent, atol=1e-6
    )
    assert shown[0].shape[-2:] == found.prior.inner_size(*size)


def test_the_prior_of_a_storyboard_is_found_asked_and_part_of_the_film(
    tiny_models, tiny_prior, tmp_path
):
    story = board(models=tiny_models, top="prior: prior.safetensors", base=tmp_path)
    options, materials = FilmOptions("cpu", "fp32"), find_materials(story)
    assert load_cast(materials, options).prior.source == str(tiny_prior)
    assert find_materials(replace(story, prior=None)).prior is None
    assert "prior (sha256)" in make_fingerprint(Timeline(story), materials, CPU, options)
    assert reader.parse(reader.dump(story), base=tmp_path).prior == tiny_prior
    unasked = board(
        models=tiny_models,
        top="prior: prior.safetensors",
        settings="guide: off, losses: {prior: 0}",
        base=tmp_path,
    )
    assert find_materials(unasked).prior is None
    other = replace(story, models=replace(tiny_models, clip="storybook"))
    with pytest.raises(ModelError, match="the film's models are storybook"):
        load_cast(find_materials(other), options)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"nothing", "is no .safetensors file"),
        (None, "cannot find"),
        ("book", "is no prior; `vqclip-video train"),
    ],
)
def test_a_prior_that_is_none_is_told_with_its_place(content, said, tmp_path):
    path = tmp_path / "own.safetensors"
    if content == "book":
        save_file({"codes": torch.zeros(1)}, path)
    elif content:
        path.write_bytes(content)
    with pytest.raises(StoryboardError, match=r":4:\d+: prior: .*" + said):
        board(top="prior: own.safetensors", base=tmp_path)


def test_a_named_sketch_or_picture_asks_no_prior(tiny_models, tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    for guide, asked in (
        ("off", True),
        ("auto", True),
        ("dream", True),
        ("{dream: a cat}", True),
        ("{image: a.png}", False),
        ("{sketch: a cat}", False),
    ):
        story = board(settings=f"guide: {guide}", base=tmp_path)
        assert (prior_of(story) is not None) == asked, guide


def test_the_packaged_prior_knows_day_from_night(storybook_pair):
    perceptor, vqgan = storybook_pair
    prior = cast_of(reader.parse("scenes: [{prompt: a cat}]"), "cpu", "fp32").prior
    noise = torch.randn(1, 16, 24, 24, generator=torch.Generator().manual_seed(0))
    night, day = perceptor.embed_text(["a starry night sky", "a sunny day at the beach"])
    dark, light = (
        vqgan.decode(prior.clean(noise, 1.0, text, 3.0)).clamp(0, 1).mean() for text in (night, day)
    )
    assert dark < 0.4 < light


def test_the_prior_is_one_of_the_packaged_models():
    model = known.MODELS["storybook-prior"]
    assert model in names.members("storybook") and store.describe(model)["status"] == "present"
    assert all(found.ok for found in store.verify(model))
