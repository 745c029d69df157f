"""The bench: that it times the real engine, and that the recipe it compares with computes the
same.
"""

import json
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner

from vqclip_video.bench import iteration
from vqclip_video.bench.cases import NAMED, Case, find_case, find_weights, random_weights
from vqclip_video.bench.iteration import iterations_of_a_round, measure
from vqclip_video.bench.quality import Smoothed, measure_quality, until
from vqclip_video.bench.reference import Reference
from vqclip_video.bench.runners import EngineRunner
from vqclip_video.bench.tables import measured_text, quality_text
from vqclip_video.bench.timing import Range, StageClock, flops_of, host_peak, matmul_peak
from vqclip_video.catalogue.vqgan_config import DDConfig, VQGANConfig
from vqclip_video.cli.main import main
from vqclip_video.engine.options import EngineOptions
from vqclip_video.engine.stages import STAGES
from vqclip_video.errors import ModelError
from vqclip_video.storyboard.schema import Guide, Models, PromptPart, Scene, Settings, Storyboard

CPU = torch.device("cpu")
PLAIN = EngineOptions("cpu", "fp32")

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def case(tiny_files):
    models = Models(str(tiny_files["clip"]), str(tiny_files["vqgan"]), tiny_files["config"])
    settings = Settings(cutouts=6, show_step=2, exclude=(PromptPart(text="fog"),))
    scene = Scene(prompt=(PromptPart(text="a red apple"),), iterations=1000, settings=settings)
    return Case(
        "tiny",
        Storyboard(size=(48, 32), seed=3, models=models, scenes=(scene,)),
        ("a red apple", "the sea"),
    )


@pytest.mark.parametrize(
    "size", [(48, 32), (112, 96)]
)  # the second is averaged down before it is cut
def test_reference_and_engine_agree_on_loss_and_gradient(case, size):
    storyboard = replace(case.storyboard, size=size, grids=1)
    weights = find_weights(storyboard)
    session = weights.session(storyboard, PLAIN)
    reference = Reference(
        *weights.packaged_networks(),
        session.latent.value,
        session.cast.vqgan.bound,
        storyboard.seed,
    )
    moment = session.timeline.at(0)
    expected, similarity = reference.loss(session.judge.targets.at(moment), moment.settings)
    (slope,) = torch.autograd.grad(expected, reference.latent)
    found = []
    session.latent.step = lambda *_: found.append(session.latent.grids[0].grad.clone())
    first = next(progress for progress in session.run() if progress.frame is not None)
    # The latent stays where it is, so iteration 1 differs by its views alone; iteration 0 is what
    # is compared.
    assert (found[0] - slope).norm() < 1e-3 * slope.norm()
    reference.iteration = 1
    later, similarity = reference.loss(session.judge.targets.at(moment), moment.settings)
    assert sum(first.losses.values()) == pytest.approx(float(later.detach()), abs=1e-4)
    assert first.similarity == pytest.approx(float(similarity.detach()), abs=1e-4)


def test_the_reference_optimises_and_saves_what_it_sees(case):
    storyboard = case.storyboard
    weights = find_weights(storyboard)
    session = weights.session(storyboard, PLAIN)
    vqgan = session.cast.vqgan
    reference = Reference(*weights.packaged_networks(), session.latent.value, vqgan.bound, 0)
    settings = storyboard.scenes[0].settings
    target = session.judge.targets.scenes[0].target(storyboard.scenes[0])
    similarities = [reference.step(target, settings) for _ in range(12)]
    assert similarities[-1] > similarities[0]
    assert torch.equal(vqgan.bound(reference.latent), reference.latent)
    with torch.no_grad():
        shown = vqgan.decode(reference.latent).clamp(0, 1)[0].permute(1, 2, 0)
    assert abs(reference.save() / 255 - shown.numpy()).max() < 1 / 255


def test_a_measurement_is_complete(case):
    speed = measure(case, PLAIN, repeats=2, against=True)
    # these models have no prior, and a CPU has no graphs
    entered = [stage for stage in STAGES if stage not in ("prior", "graph")]
    assert set(speed.stages) == {*entered, "other"}
    assert all(speed.stages[stage] > 0 for stage in entered)
    assert sum(speed.stages.values()) == pytest.approx(speed.seconds.median, rel=0.5)
    assert speed.ratio.min <= speed.ratio.median <= speed.ratio.max
    assert speed.ratio_without_saving.median < speed.ratio.median
    assert (speed.width, speed.height, speed.cutouts, speed.precision) == (48, 32, 6, "float32")
    assert speed.gflop > 0 and speed.encode > 0
    text = measured_text(speed)
    assert all(stage in text for stage in entered) and "reference / engine" in text
    json.dumps(speed.as_dict())


def test_what_is_measured_is_the_session_that_a_film_has():
    case = find_case("storybook")
    unguided = replace(case.storyboard.scenes[0].settings, guide=Guide(said="off"))
    for settings, guided in ((case.storyboard.scenes[0].settings, True), (unguided, False)):
        scene = replace(case.storyboard.scenes[0], settings=settings)
        storyboard = replace(case.storyboard, size=(64, 64), scenes=(scene,))
        clock = StageClock(CPU)
        session = find_weights(storyboard).session(storyboard, PLAIN, clock)
        assert (session.guides.targets[0] is not None) == guided
        next(session.run())
        assert ("prior" in clock.take()) == (not guided)


def test_measuring_stages_leaves_the_film_as_it_is(case):
    weights = find_weights(case.storyboard)

    def latents(**options):
        run = weights.session(case.storyboard, PLAIN, **options).run()
        return torch.cat([next(run).latent for _ in range(4) if next(run)])

    assert torch.equal(latents(), latents(stage=StageClock(CPU)))


def test_the_command_prints_json_of_a_storyboard(tmp_path, tiny_files):
    story = tmp_path / "story.yaml"
    story.write_text(
        f"size: 32x32\nmodels: {{clip: {tiny_files['clip']}, vqgan: {tiny_files['vqgan']}, "
        f"vqgan_config: {tiny_files['config']}}}\nsettings: {{cutouts: 2, show_step: 3}}\n"
        "scenes: [{prompt: a cat, duration: 1s}, {prompt: a dog, duration: 1s}]\n"
    )
    options = ["--device", "cpu", "--precision", "fp32", "--json"]
    ended = CliRunner().invoke(main, ["bench", str(story), "--repeats", "1", *options])
    assert ended.exit_code == 0, ended.output
    result = json.loads(ended.stdout)
    assert result["case"] == "story.yaml" and result["show_step"] == 3 and result["ratio"] is None
    ended = CliRunner().invoke(main, ["bench", str(story), "--until", "0", *options])
    assert [run["prompt"] for run in json.loads(ended.stdout)["engine"]] == ["a cat", "a dog"]


def test_an_unknown_setting_is_refused():
    ended = CliRunner().invoke(main, ["bench", "1024"])
    assert ended.exit_code != 0 and "1024" in ended.output and "Traceback" not in ended.output


def test_named_settings_are_those_that_are_documented():
    assert NAMED.keys() == {"storybook", "256", "512", "1080x1920"}
    assert find_case("1080x1920").storyboard.size == (1080, 1920)
    storybook, large = find_case("storybook").storyboard, find_case("512").storyboard
    assert storybook.size == (192, 192) and storybook.scenes[0].settings.cutouts == 16
    assert storybook.scenes[0].settings.show_step == 2 and storybook.models == Models()
    assert large.size == (512, 512) and large.scenes[0].settings.cutouts == 32


def test_random_weights_make_networks_of_the_asked_shapes(case):
    sizes = DDConfig(
        ch=32, ch_mult=(1, 2), num_res_blocks=1, resolution=32, z_channels=32, double_z=False
    )
    weights = random_weights(
        (64, 32, 2, 64, 8, 77, 49408, 64, 1, 1), VQGANConfig(False, False, 16, 64, sizes)
    )
    cast = weights.cast(PLAIN)
    perceptor, vqgan = cast.perceptor, cast.vqgan
    picture = vqgan.decode(torch.randn(1, 16, 16, 16))
    assert picture.shape == (1, 3, 32, 32) and picture.isfinite().all() and picture.std() > 0.01
    first, second = perceptor.embed_image(torch.rand(2, 3, 32, 32))
    assert first.isfinite().all() and not torch.allclose(first, second)


def test_models_that_are_not_here_are_random_for_the_published_pair_alone(case):
    with pytest.raises(ModelError):
        find_weights(replace(case.storyboard, models=Models("ViT-L/14", "storybook")))


def test_smoothing_is_unbiased_and_does_not_depend_on_how_often_it_is_told():
    constant = Smoothed()
    assert [constant.add(0.4, 2) for _ in range(5)] == pytest.approx([0.4] * 5)
    often, seldom = Smoothed(), Smoothed()
    for _ in range(20):
        often.add(0.1, 1), often.add(0.1, 1), seldom.add(0.1, 2)
    for _ in range(3):
        often.add(0.5, 1)
        a, b = often.add(0.5, 1), seldom.add(0.5, 2)
    assert a == pytest.approx(b)


def test_until_stops_at_the_level_and_gives_up_at_the_limit():
    rising = ((i, i / 100) for i in range(1, 10**6))
    reached = until(0.5, "sea", rising)
    assert (
        reached.iterations > 50
        and reached.best >= 0.5
        and next(rising)[0] == reached.iterations + 1
    )
    never = until(0.5, "sea", ((i, 0.3) for i in range(1, 10**6)))
    assert never.seconds is None and never.best == pytest.approx(0.3)


def test_time_to_quality_of_both(case):
    quality = measure_quality(case, PLAIN, -1.0, against=True)
    assert len(quality.engine) == len(quality.reference) == 2
    assert all(run.iterations >= 10 for run in (*quality.engine, *quality.reference))
    assert quality.ratio > 0 and "reference" in quality_text(quality)


def test_gauges():
    a = torch.ones(64, 32)
    assert flops_of(lambda: a.T @ a) == 2 * 32 * 64 * 32
    assert matmul_peak(CPU, torch.float32) > 1e9
    assert host_peak() is None or host_peak() > 10e6
    assert Range.of([3.0, 1.0, 2.0]) == Range(1.0, 2.0, 3.0)


def test_rounds_are_shorter_of_large_pictures_on_a_gpu():
    cuda = torch.device("cuda")
    rounds = [
        iterations_of_a_round(find_case(name).storyboard, cuda) for name in ("256", "1080x1920")
    ]
    assert rounds == [40, 6]
    assert iterations_of_a_round(find_case("512").storyboard, CPU) == 2


def test_against_a_recipe_with_tf32_there_are_two_ratios(case, monkeypatch):
    """On a CPU, which has none, as on a GPU: the recipe runs for itself, twice."""
    allowed = []
    step = Reference.step

    def noted(self, *told):
        allowed.append(torch.backends.cudnn.allow_tf32)
        return step(self, *told)

    monkeypatch.setattr(Reference, "step", noted)
    monkeypatch.setattr(iteration, "races_alone", lambda device: True)
    before = torch.backends.cudnn.allow_tf32
    speed = measure(case, PLAIN, repeats=2, against=True)
    assert speed.ratio.median > 0 and speed.ratio_with_tf32.median > 0
    assert set(allowed) == {False, True} and allowed == sorted(allowed)
    assert torch.backends.cudnn.allow_tf32 == before
    text = measured_text(speed)
    assert "without TF32" in text and "with TF32" in text


def test_operations_are_counted_without_graphs(case):
    session = find_weights(case.storyboard).session(case.storyboard, PLAIN)
    runner = EngineRunner(session, StageClock(CPU), 2, None)
    captured = session.works.capture = object()
    runner.frames = type("Frames", (), {"take": lambda self, frame: None})()
    assert flops_of(runner.plain_round) > 0 and session.works.capture is captured
