"""The prior: the denoiser and its file, how it is trained, and what it does to films from noise."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch._dynamo.exc
from casting import cast_of
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.nn.functional import normalize

from vqclip_video.catalogue import known, names, store
from vqclip_video.disk.checksums import sha256_of
from vqclip_video.engine.cast import Cast, load_cast, load_pair
from vqclip_video.engine.expectation import FROM_NOISE, FROM_PICTURE, LAST, Expectations
from vqclip_video.engine.session import Session
from vqclip_video.errors import ModelError, StoryboardError, UsageError
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
from vqclip_video.training.storybook import flow_prior, prior_lessons
from vqclip_video.training.storybook.course import TrainingCourse, running_mean
from vqclip_video.training.storybook.presets import PRESETS, PriorTraining
from vqclip_video.training.storybook.prior_lessons import Lessons, ShapeLessons
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
        ((48, 48), (24, 24)),
        ((20, 32), (20, 32)),
        ((32, 20), (32, 20)),
        ((32, 56), (20, 36)),
        ((56, 32), (36, 20)),
        ((36, 64), (20, 36)),
        ((3, 3), (24, 24)),
        ((2, 100), (12, 48)),
    ],
)
def test_a_latent_is_shown_on_as_many_places_as_were_learned_in_its_own_shape(
    size, inner, tmp_path
):
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


SHAPES = ((32, 32), (48, 16), (16, 48))  # width and height, for a VQGAN of factor 4
HOW = PriorTraining(dict.fromkeys(SHAPES, 8), batch=4, fine=32, coarse=32, blocks=1)


def paint_walls(folder, shapes=SHAPES):
    """Folders of red and blue pictures, one for each shape, as the world writes them."""
    folders = [folder / f"{width}x{height}" for width, height in shapes]
    for each, (width, height) in zip(folders, shapes, strict=True):
        each.mkdir(parents=True)
        pictures = np.zeros((8, height, width, 3), np.uint8)
        pictures[0::2, ..., 0] = pictures[1::2, ..., 2] = 220
        np.save(each / "pictures.npy", pictures)
        told = [["a red wall"] * 3, ["a blue wall", f"blue {width}x{height}", "blue"]] * 4
        (each / "captions.json").write_text(json.dumps(told))
    return folders


def read(folders, work, pair, **options):
    return prior_lessons.read_lessons(folders, work, *pair, report=lambda line: None, **options)


def test_pictures_of_every_shape_are_encoded_once(tmp_path, tiny_pair, monkeypatch):
    monkeypatch.setattr(prior_lessons, "PICTURES_A_FILE", 4)
    walls, work = paint_walls(tmp_path), tmp_path / "work"
    asked = iter([False, False, False, True])
    assert read(walls, work, tiny_pair, stop=lambda: next(asked)) is None
    whole = read(walls, work, tiny_pair)
    assert [tuple(shape.latents.shape) for shape in whole.shapes] == [
        (8, 8, height // 4, width // 4) for width, height in SHAPES
    ]
    assert all(shape.images.shape == (8, 64) for shape in whole.shapes)
    pixels = torch.zeros(1, 3, 16, 48)
    pixels[:, 2] = 220 / 255
    wanted = tiny_pair[1].encode(pixels)[0]
    assert torch.allclose(whole.shapes[1].latents[5].float(), wanted, atol=0.1)
    monkeypatch.setattr(prior_lessons, "_encode", None)  # what is there is not made again
    again = read(walls, work, tiny_pair)
    assert torch.equal(again.shapes[2].latents, whole.shapes[2].latents)


def test_each_picture_keeps_its_captions_and_each_caption_is_read_once(tmp_path, tiny_pair):
    found = read(paint_walls(tmp_path), tmp_path / "work", tiny_pair)
    assert len(found.texts) == 2 + len(SHAPES) + 1  # two of them are those of every shape
    wanted = tiny_pair[0].embed_text(["a blue wall", "blue 48x16", "blue"])
    assert torch.allclose(found.texts[found.shapes[1].captions[3]], wanted, atol=1e-6)


def test_a_shape_that_the_denoiser_cannot_take_is_refused_before_anything_is_encoded(
    tmp_path, tiny_pair
):
    walls = paint_walls(tmp_path, [(32, 32), (40, 32)])
    with pytest.raises(UsageError, match="40x32; .* multiples of 16"):
        read(walls, tmp_path / "work", tiny_pair)
    assert not (tmp_path / "work").exists()


def made_up():
    """Latents of three shapes, each of two kinds with its own text."""
    texts = torch.eye(64)[:2]
    shapes = []
    for height, width in ((8, 8), (4, 12), (12, 4)):
        kinds = torch.ones(2, 4, height, width)
        kinds[1] = -1
        rows = torch.tensor([[0, 0, 0], [1, 1, 1]] * 4)
        shapes.append(ShapeLessons(kinds.repeat(4, 1, 1, 1).half(), texts.repeat(4, 1), rows))
    return Lessons(tuple(shapes), texts)


def course_in(folder, steps, **options):
    options = {"report": lambda line: None} | options
    return TrainingCourse(folder, Budget(steps=steps), seed=0, **options)


def test_it_learns_what_a_text_looks_like_in_every_shape(tmp_path):
    taught = made_up()
    how = replace(HOW, batch=12, learning_rate=3e-2)
    network = flow_prior.train_prior(taught, course_in(tmp_path, 80), how)
    prior = priors.load_prior(written(tmp_path / "prior.safetensors", network), CPU)
    for shape in taught.shapes:
        size = (1, *shape.latents.shape[1:])
        noise = torch.randn(size, generator=torch.Generator().manual_seed(1))
        first, second = (prior.clean(noise, 1.0, text, 1.0).mean() for text in taught.texts)
        assert first > 0.5 and second < -0.5, size


def test_a_batch_is_of_one_shape_and_every_shape_comes_as_often_as_it_has_pictures():
    taught = made_up()
    few = replace(taught.shapes[0], latents=taught.shapes[0].latents[:1])
    taught = replace(taught, shapes=(few, *taught.shapes[1:]))
    random = torch.Generator().manual_seed(0)
    seen = Counter()
    for _ in range(400):
        mixture, level, told, velocity = flow_prior._batch(taught, 4, random)
        assert mixture.shape == velocity.shape and told.shape == (4, 64)
        assert level.min() > 0 and level.max() <= 1
        seen[tuple(mixture.shape[2:])] += 1
    assert seen[8, 8] < 60 and min(seen[4, 12], seen[12, 4]) > 140


def test_what_is_told_is_a_caption_mostly_the_picture_sometimes_and_nothing_now_and_then():
    taught = made_up()
    images = torch.eye(64)[2:4].repeat(4, 1)
    taught = replace(taught, shapes=(replace(taught.shapes[0], images=images),))
    _, _, told, _ = flow_prior._batch(taught, 4000, torch.Generator().manual_seed(0))
    nothing = (told == 0).all(1).float().mean()
    caption, picture = ((told[:, part].amax(1) > 0.9).float().mean() for part in ([0, 1], [2, 3]))
    assert nothing == pytest.approx(0.10, abs=0.02)
    assert picture == pytest.approx(0.12, abs=0.02) and caption == pytest.approx(0.78, abs=0.03)


def test_a_stopped_training_of_the_prior_goes_on_as_if_it_had_not(tmp_path):
    def run(folder, **options):
        course = course_in(tmp_path / folder, 6, **options)
        return flow_prior.train_prior(made_up(), course, HOW).state_dict()

    asked = iter([False, False, True])
    run("parts", stop=lambda: next(asked))
    whole, parts = run("whole"), run("parts")
    assert all(torch.equal(weight, parts[name]) for name, weight in whole.items())


def test_training_goes_on_from_a_priors_file_in_its_own_sizes(tmp_path):
    network = Denoiser(4, 64, fine=64, coarse=96, blocks=2)
    torch.nn.init.normal_(network.leave.weight, std=0.1)
    path = written(tmp_path / "prior.safetensors", network)
    start = priors.read_denoiser(path)
    begun = {name: weight.clone() for name, weight in start.state_dict().items()}
    found = flow_prior.train_prior(made_up(), course_in(tmp_path, 1), HOW, start).state_dict()
    assert {name: weight.shape for name, weight in found.items()} == {
        name: weight.shape for name, weight in begun.items()
    }
    moved = (found["leave.weight"] - begun["leave.weight"]).abs().max()
    assert 0 < moved < 1e-4  # one step of a rate that only begins to rise


def test_a_prior_for_other_models_is_nothing_to_begin_with(tmp_path):
    with pytest.raises(ModelError, match="8 channels and 64 dimensions, .* 4 and 64"):
        flow_prior.train_prior(made_up(), course_in(tmp_path, 1), HOW, denoiser(channels=8))


def test_a_compiled_network_is_asked_where_the_preset_says_so(tmp_path, monkeypatch):
    asked = []

    def compiled(network, dynamic):
        assert dynamic is False

        def run(*given):
            asked.append(tuple(given[0].shape[2:]))
            return network(*given)

        return run

    monkeypatch.setattr(torch, "compile", compiled)
    plain = flow_prior.train_prior(made_up(), course_in(tmp_path / "a", 5), HOW).state_dict()
    assert not asked
    how = replace(HOW, compiled=True)
    found = flow_prior.train_prior(made_up(), course_in(tmp_path / "b", 5), how).state_dict()
    assert len(asked) == 5 and len(set(asked)) > 1
    assert all(torch.equal(weight, plain[name]) for name, weight in found.items())


def test_training_goes_on_without_a_compiler_that_fails(tmp_path, monkeypatch):
    def compiled(network, dynamic):
        def run(*given):
            raise torch._dynamo.exc.BackendCompilerFailed(compiled, RuntimeError("no g++"), None)

        return run

    monkeypatch.setattr(torch, "compile", compiled)
    said = []
    course = course_in(tmp_path, 3, report=said.append)
    flow_prior.train_prior(made_up(), course, replace(HOW, compiled=True))
    assert course.budget.done == 3
    assert len([line for line in said if "torch.compile failed" in line and "without" in line]) == 1


def test_the_mean_of_the_weights_soon_forgets_what_a_network_began_with():
    network = torch.nn.Linear(1, 1, bias=False)
    network.weight.data.fill_(0.0)
    mean = running_mean(network, 0.99, span=0.1)
    mean.update_parameters(network)
    network.weight.data.fill_(1.0)
    for _ in range(30):
        mean.update_parameters(network)
    assert mean.module.weight.item() > 0.99  # 0.26 without a span
    mean.n_averaged.fill_(5000)
    mean.module.weight.data.fill_(0.0)
    mean.update_parameters(network)
    assert mean.module.weight.item() == pytest.approx(0.01)


def test_the_recipe_trains_a_prior_for_its_pair_and_another_for_another(tmp_path):
    from tiny import make_clip, make_vqgan

    paint_walls(tmp_path / "work/prior-pictures")
    make_clip(tmp_path, format="safetensors").rename(tmp_path / "clip.safetensors")
    for path, name in zip(
        make_vqgan(tmp_path, format="safetensors"), ("vqgan.safetensors", "vqgan.yaml"), strict=True
    ):
        path.rename(tmp_path / name)
    recipe = Recipe(
        tmp_path,
        tmp_path,
        replace(PRESETS["cpu"], prior=HOW),
        minutes=0.001,
        seed=0,
        start=None,
        report=lambda line: None,
        stop=lambda: False,
    )
    recipe.run(["prior"])
    prior = priors.load_prior(tmp_path / "prior.safetensors", CPU)
    prior.require(recipe.paths, 8, 64)
    assert prior.notes.side == 48  # 192 pixels at a factor of 4
    # another file
    clip = tmp_path / "clip.safetensors"
    save_file(load_file(clip), clip, {"trained": "on"})
    recipe.run(["prior"])
    priors.load_prior(tmp_path / "prior.safetensors", CPU).require(recipe.paths, 8, 64)
    assert len(list((tmp_path / "work").glob("prior-*-*/32x32"))) == 2


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
    told = found.inputs(Timeline(story).at(0), latent.shape, torch.ones(64))
    assert torch.allclose(found.at(latent, told), latent, atol=1e-6)
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
