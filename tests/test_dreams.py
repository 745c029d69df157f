"""Films drawn toward dreams: how one is drawn, which is taken, and what lies between two."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from tiny import make_prior
from torch.nn.functional import interpolate, normalize

from vqclip_video.engine.cast import Cast, load_cast, load_pair
from vqclip_video.engine.dreams import Dreamer, Wanted
from vqclip_video.engine.guides import Guides
from vqclip_video.engine.guiding import prepare, styled
from vqclip_video.engine.morphs import Morph, distance, morph, seen
from vqclip_video.engine.options import EngineOptions
from vqclip_video.engine.session import Session
from vqclip_video.errors import StoryboardError
from vqclip_video.film import FilmOptions, make_film
from vqclip_video.materials import find_materials, find_models
from vqclip_video.models.prior import prior as priors
from vqclip_video.models.prior import sampler
from vqclip_video.sketchbook.choose import choose
from vqclip_video.still import still_storyboard
from vqclip_video.storyboard import reader
from vqclip_video.storyboard.schema import Models, PromptPart, Settings
from vqclip_video.storyboard.timeline import Timeline

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")


class Spread:
    """What is expected behind noise where latents are normal, `wide` times as spread as noise."""

    def __init__(self, wide):
        self.wide, self.asked = wide, []

    def clean(self, mixture, level, text, guidance):
        self.asked.append((level, guidance))
        of_latent = self.wide**2 * (1 - level)
        return mixture * of_latent / (of_latent * (1 - level) + level**2)


def test_the_flow_leads_to_the_latent_that_is_expected_everywhere():
    wanted, noise = torch.randn(1, 4, 8, 8), torch.randn(1, 4, 8, 8)
    prior = Spread(1)
    prior.clean = lambda mixture, level, text, guidance: wanted
    assert torch.allclose(sampler.flow(prior, noise, torch.ones(1, 4)), wanted, atol=1e-5)


def test_few_steps_are_as_near_as_many_of_the_plain_method():
    def error(steps, plain=False):
        noise, prior = torch.randn(1, 4, 8, 8), Spread(0.3)
        found = noise
        if plain:
            passed = sampler.levels(1, 0, steps)
            for level, following in zip(passed, passed[1:], strict=False):
                velocity = (found - prior.clean(found, level, None, 1)) / level
                found = found + (following - level) * velocity
        else:
            found = sampler.flow(prior, noise, torch.ones(1, 4), steps=steps)
        return float((found - 0.3 * noise).norm() / noise.norm())

    assert error(12) < 0.5 * error(12, plain=True) and error(12) < error(24, plain=True)
    assert error(48) < 0.01


def test_a_flow_goes_on_from_where_it_has_come_to():
    noise, text, prior = torch.randn(1, 4, 8, 8), torch.ones(1, 4), Spread(2.0)
    half = sampler.flow(prior, noise, text, 1.0, 0.6, steps=40)
    whole = sampler.flow(prior, noise, text, steps=40)
    assert torch.allclose(sampler.flow(prior, half, text, 0.6, steps=40), whole, atol=0.02)


def test_levels_fall_all_the_way_and_guidance_ends_with_the_noise():
    levels = sampler.levels(1.0, 0.0)
    assert levels[0] == 1.0 and levels[-1] == 0.0 and len(levels) == sampler.STEPS + 1
    assert levels == sorted(levels, reverse=True)
    part = sampler.levels(0.5, 0.0)
    assert part[0] == 0.5 and 2 < len(part) < len(levels)
    prior = Spread(1)
    sampler.flow(prior, torch.randn(1, 4, 8, 8), torch.ones(1, 4))
    assert {g for level, g in prior.asked if level > sampler.GUIDED_ABOVE} == {sampler.GUIDANCE}
    assert {g for level, g in prior.asked if level <= sampler.GUIDED_ABOVE} == {1.0}


def test_the_second_pass_begins_with_fresh_noise_where_the_first_has_placed_things():
    prior, noises, text = Spread(1), torch.randn(2, 1, 4, 32, 32), torch.ones(1, 4)
    found = sampler.sample(prior, noises[0], noises[1], text, 1.0)
    levels = [level for level, _ in prior.asked]
    assert levels[0] == 1.0 and levels.count(sampler.AGAIN_FROM) == 1
    assert min(levels[: levels.index(sampler.AGAIN_FROM)]) > sampler.ROUGH_DOWN_TO
    other = sampler.sample(prior, noises[0], noises[0].flip(0), text, 1.0)
    assert not torch.allclose(found, other, atol=0.1)
    assert 0.7 < found.std() < 1.3


def test_noise_is_added_up_to_a_share():
    latent, old, new = torch.randn(3, 1, 4, 64, 64)
    raised = sampler.with_noise(0.4 * latent + 0.6 * old, 0.6, 0.9, new)
    left = raised - 0.1 * latent
    assert float(left.std()) == pytest.approx(0.9, abs=0.03)
    assert float((left * latent).mean()) == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("first", (0.3, 0.6, 0.7))
def test_a_mixture_never_gets_more_noise_than_it_began_with(first):
    prior = Spread(1)
    mixture, again = torch.randn(2, 1, 4, 8, 8)
    sampler.sample(prior, mixture, again, torch.ones(1, 4), first)
    levels = [level for level, _ in prior.asked]
    assert max(levels) == first and levels.count(first) == (1 if first <= 0.6 else 2)


@pytest.fixture
def tiny_models(tiny_files):
    return Models(str(tiny_files["clip"]), str(tiny_files["vqgan"]), tiny_files["config"])


@pytest.fixture
def prior_file(tiny_models, tmp_path):
    return make_prior(tmp_path, find_models(tiny_models))


@pytest.fixture
def cast(tiny_models, prior_file):
    pair = load_pair(find_models(tiny_models), CPU, "fp32")
    return Cast(*pair, priors.load_prior(prior_file, CPU))


def board(*scenes, settings="", top="", models=None, **about):
    """Scenes of 12 iterations; all but the first with a transition of 6."""
    text = f"size: 32x32\nfps: 12\nseed: 5\ngrids: 2\n{top}\nsettings: {{cutouts: 2, {settings}}}\n"
    text += "scenes:\n" + "".join(f"  - {{{each}, iterations: 12}}\n" for each in scenes)
    story = reader.parse(text, **about)
    return replace(story, models=models) if models else story


TWO = ("prompt: a cat", "prompt: a dog, transition: {duration: 0.25s, curve: linear}")


def dreamer(cast, size=(8, 8)):
    return Dreamer(cast.prior, cast.perceptor, cast.vqgan, size)


def test_a_seed_draws_the_same_dream_and_another_another(cast):
    text = cast.perceptor.embed_text(["a cat"])[0]
    roots = [dreamer(cast).root(text, seed) for seed in (3, 3, 4)]
    one, same, other = map(dreamer(cast).grow, roots)
    assert torch.equal(one, same) and not torch.allclose(one, other, atol=0.1)
    assert torch.equal(roots[0].mixture, dreamer(cast).root(-text, 3).mixture)


def test_a_dream_over_a_latent_begins_with_that_share_of_noise(cast):
    drawn, text, below = dreamer(cast), torch.zeros(64), torch.ones(1, 8, 8, 8)
    root, bare = drawn.root(text, 3, below, 0.75), drawn.root(text, 3)
    assert root.level == 0.75
    assert torch.allclose(root.mixture, 0.25 + 0.75 * bare.mixture, atol=1e-5)


def test_what_grows_from_where_dreams_meet_is_the_dream_itself(cast):
    drawn = dreamer(cast)
    root = drawn.root(cast.perceptor.embed_text(["a cat"])[0], 3)
    met = drawn.met(root)
    assert met.level == sampler.MEETING and torch.equal(drawn.grow(met), drawn.grow(root))


def test_what_lies_below_a_dream_is_resized_as_a_picture(cast):
    drawn, text, below = dreamer(cast), torch.zeros(64), torch.randn(1, 8, 16, 16)
    noise = drawn.root(text, 3).mixture
    found = (drawn.root(text, 3, below, 0.5).mixture - 0.5 * noise) / 0.5
    smaller = interpolate(drawn.picture(below), scale_factor=0.5, mode="bicubic", antialias=True)
    assert torch.allclose(found, cast.vqgan.encode(smaller.clamp(0, 1)), atol=1e-4)


def test_a_target_has_the_films_size_and_the_codebooks_range(cast):
    target = dreamer(cast, (12, 20)).target(9 * torch.randn(1, 8, 8, 12))
    assert target.shape == (1, 8, 12, 20) and torch.equal(target, cast.vqgan.bound(target))


def test_the_best_dream_of_a_scene_is_taken(cast, tiny_models):
    notices = []
    story = board("prompt: a cat", settings="dream: {tries: 3}", models=tiny_models)
    (target,) = prepare(story, cast, notices.append).targets
    text = cast.perceptor.embed_text(["a cat"])[0]
    drawn = dreamer(cast)
    found = [drawn.dream(drawn.root(text, seed), seed) for seed in (5, 6, 7)]
    best = drawn.best(found)
    assert torch.allclose(target, drawn.target(best.latent), atol=1e-4)
    assert f"the best of 3: seed {best.seed}, likeness {best.likeness:.2f}" in notices[0]


def test_the_prior_chooses_among_dreams_that_are_about_as_like_their_text(cast, monkeypatch):
    drawn = dreamer(cast)
    text = cast.perceptor.embed_text(["a cat"])[0]
    dreams = [drawn.dream(drawn.root(text, seed), seed) for seed in (1, 2, 3)]
    blot, shape, other = (
        replace(dream, likeness=likeness)
        for dream, likeness in zip(dreams, (0.6, 0.55, 0.3), strict=True)
    )
    gains = {id(blot.latent): 0.05, id(shape.latent): 0.06, id(other.latent): 0.2}
    monkeypatch.setattr(drawn.prior, "gain", lambda latent, *rest: gains[id(latent)])
    assert drawn.best([blot, shape, other]) is shape
    gains[id(blot.latent)] = 0.07
    assert drawn.best([blot, shape, other]) is blot
    assert drawn.best([other]) is other
    assert drawn.best([blot, shape, replace(other, colours=1)]).likeness == other.likeness


def test_a_named_seed_draws_that_dream_alone(cast, tiny_models):
    story = board("prompt: a cat", settings="dream: {seed: 9}", models=tiny_models)
    (target,), drawn = prepare(story, cast).targets, dreamer(cast)
    latent = drawn.grow(drawn.root(cast.perceptor.embed_text(["a cat"])[0], 9))
    assert torch.allclose(target, drawn.target(latent), atol=1e-4)


def test_a_seed_has_its_wording_of_the_prompt(cast, tiny_models):
    def target(prompt, seed):
        story = board(prompt, settings=f"dream: {{seed: {seed}}}", models=tiny_models)
        return prepare(story, cast).targets[0]

    whole, alone = "prompt: a cat on a roof", "prompt: [a cat, {text: on a roof, weight: 0.7}]"
    assert torch.allclose(target(whole, 2), target(alone, 2), atol=1e-4)
    assert not torch.allclose(target(whole, 0), target(alone, 0), atol=1e-2)


def test_words_of_ones_own_are_dreamed_of_in_place_of_the_prompt(cast, tiny_models):
    def target(*scenes):
        return prepare(board(*scenes, models=tiny_models), cast).targets[0]

    dog = target("prompt: a dog")
    assert torch.equal(target("prompt: a cat, settings: {guide: {dream: a dog}}"), dog)
    assert not torch.allclose(target("prompt: a cat"), dog, atol=1e-3)
    styled = target("prompt: a dog, settings: {style: watercolor, w2: 2}")
    assert not torch.allclose(styled, dog, atol=1e-3)


def test_a_style_is_dreamt_in_one_breath_with_the_prompt():
    prompt = (PromptPart("a dog"), PromptPart(image=Path("dog.png"), weight=0.5))
    style = (PromptPart("watercolor"), PromptPart(image=Path("paint.png")), PromptPart("at dusk"))
    said = styled(prompt, Settings(style=style))
    assert said == (PromptPart("a dog, watercolor, at dusk"), prompt[1])
    assert styled(prompt, Settings(style=style, w2=0)) == prompt == styled(prompt, Settings())


def test_a_carried_scene_begins_with_the_last_ones_picture(cast, tiny_models):
    def second(carry):
        settings = f"settings: {{dream: {{seed: 5, carry: {carry}}}}}"
        story = board(TWO[0], f"prompt: a dog, {settings}", models=tiny_models)
        return prepare(story, cast).targets

    first, fresh = second(0)
    _, near = second(0.2)
    assert (near - first).norm() < 0.5 * (fresh - first).norm()


def test_a_film_is_drawn_toward_its_dream(cast, tiny_models):
    story = board("prompt: a cat", settings="guide_weight: 0.4", models=tiny_models)
    session = Session(story, cast)
    last = list(session.run())[-1]
    free = list(Session(story, replace(cast, prior=None)).run())[-1]
    (target,) = session.guides.targets
    assert (last.latent - target).norm() < 0.5 * (free.latent - target).norm()
    assert "prior" not in last.losses


def test_a_morph_begins_and_ends_with_its_dreams_and_passes_at_even_speed(cast):
    drawn, texts = dreamer(cast), cast.perceptor.embed_text(["a cat", "the sea"])
    roots = [drawn.root(texts[0], 1), drawn.root(texts[1], 2, torch.zeros(1, 8, 8, 8), 0.9)]
    first, second = (drawn.dream(root, 0) for root in roots)
    found = morph(drawn, first, second, 7)
    assert len(found.places) == 7 and len(found.latents) == 7
    assert torch.equal(found.at(0.0), drawn.target(first.latent))
    assert torch.equal(found.at(1.0), drawn.target(second.latent))
    steps = [
        distance(seen(drawn, one[None]), seen(drawn, other[None]))
        for one, other in zip(found.latents, found.latents[1:], strict=False)
    ]
    gaps = [after - before for before, after in zip(found.places, found.places[1:], strict=False)]
    assert gaps == pytest.approx([step / sum(steps) for step in steps], rel=0.05)
    halves = max(steps)
    assert halves < 0.8 * distance(seen(drawn, first.latent), seen(drawn, second.latent))


def test_what_lies_between_two_keyframes_is_straight():
    latents = torch.tensor([0.0, 1.0, 3.0]).view(3, 1, 1, 1)
    way = Morph(latents, (0.0, 0.25, 1.0))
    assert [float(way.at(share)) for share in (0, 0.125, 0.25, 0.625, 1)] == [0, 0.5, 1, 2, 3]
    same = Morph(torch.ones(2, 1, 1, 1), (0.0, 1.0))
    assert float(same.at(0.5)) == 1


def test_two_equal_dreams_have_a_way_too(cast):
    drawn, text = dreamer(cast), cast.perceptor.embed_text(["a cat"])[0]
    dream = drawn.dream(drawn.root(text, 1), 1)
    found = morph(drawn, dream, dream, 3)
    assert torch.allclose(found.at(0.5), drawn.target(dream.latent), atol=0.05)


@pytest.mark.parametrize(
    ("transition", "guide", "travels"),
    [
        ("{duration: 0.25s}", "auto", True),
        ("{duration: 0.25s, morph: blend}", "auto", False),
        ("{duration: 0.25s}", "off", False),
        ("cut", "auto", False),
        ("0s", "auto", False),
    ],
)
def test_dreams_morph_where_both_scenes_have_one(transition, guide, travels, cast, tiny_models):
    second = f"prompt: a dog, transition: {transition}, settings: {{guide: {guide}}}"
    story = board(TWO[0], second, settings="dream: {tries: 1}", models=tiny_models)
    guides = prepare(story, cast)
    assert set(guides.morphs) == ({1} if travels else set())
    if not travels:
        return
    moment = Timeline(story).at(14)
    target, _ = guides.at(moment, (8, 8))
    assert torch.equal(target, guides.morphs[1].at(moment.mix))
    assert not torch.allclose(target, torch.lerp(*guides.targets, moment.mix), atol=1e-3)


def test_no_more_keyframes_are_drawn_than_asked_for(cast, tiny_models):
    second = "prompt: a dog, transition: {duration: 0.25s, keyframes: 3}"
    story = board(TWO[0], second, settings="dream: {tries: 1}", models=tiny_models)
    assert len(prepare(story, cast).morphs[1].places) == 3


def test_guides_that_were_kept_are_the_same(cast, tiny_models):
    story = board(*TWO, "prompt: x, settings: {guide: off}", models=tiny_models)
    guides = prepare(story, cast)
    again = Guides.restored(guides.state(), CPU)
    assert again.free == guides.free == (False, False, True)
    line = Timeline(story)
    for iteration in range(line.total_iter - 6):
        one, other = (each.at(line.at(iteration), (8, 8)) for each in (guides, again))
        assert (one is None) == (other is None)
        assert one is None or (torch.equal(one[0], other[0]) and one[1] == other[1])


def choices(story, has_prior=True):
    def embed(texts):
        return normalize(torch.ones(len(texts), 4), dim=1).numpy()

    return choose(story, None, embed, has_prior)


def test_auto_is_a_dream_where_there_is_a_prior_and_a_picture_where_the_prompt_is_one(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    scenes = (
        "prompt: a cat",
        "prompt: [{image: a.png, weight: 2}, a cat]",
        "prompt: [a cat, {image: a.png}]",
        "prompt: [{image: a.png}], settings: {guide: dream}",
        "prompt: a cat, settings: {guide: off}",
    )
    story = board(*scenes, base=tmp_path)
    assert [str(choice) for choice in choices(story)] == [
        "a dream",
        str(tmp_path / "a.png"),
        "a dream",
        "a dream",
        "off",
    ]
    assert [choice.dreams for choice in choices(board("prompt: a cat"), has_prior=False)] == [False]


@pytest.mark.parametrize("guide", ["dream", "{dream: a dog}"])
def test_a_dream_that_nothing_can_draw_is_told_with_its_place(guide):
    story = board("prompt: a cat", f"prompt: a dog, settings: {{guide: {guide}}}")
    with pytest.raises(StoryboardError, match=r":9:\d+: scenes\[1\].settings.guide: .* no prior"):
        choices(story, has_prior=False)


MISTAKES = {
    "dream: {tries: 0}": "expected a whole number from 1 to 64",
    "dream: {carry: 2}": "expected a number from 0 to 1",
    "guide: dreams": "expected auto, dream, off",
    "guide: {dream: a, sketch: b}": "found both dream and sketch",
}


@pytest.mark.parametrize(("settings", "said"), MISTAKES.items())
def test_a_mistake_is_told_with_its_place(settings, said):
    with pytest.raises(StoryboardError, match=r"s.yaml:6:\d+: settings") as caught:
        board("prompt: a", settings=settings, name="s.yaml")
    assert said in str(caught.value)


def test_what_is_written_is_read_again():
    scenes = ("prompt: a, settings: {guide: {dream: b}, dream: {seed: 3, carry: 0.9}}", TWO[1])
    story = board(*scenes, settings="guide: dream, dream: {tries: 2}")
    assert reader.parse(reader.dump(story)) == story
    assert story.scenes[0].settings.dream.tries == 2 and story.scenes[1].transition.morph == "dream"


@pytest.fixture
def story(tiny_models, prior_file, tmp_path):
    about = {"models": tiny_models, "top": "prior: prior.safetensors", "base": tmp_path}
    return board(*TWO, settings="show_step: 1, dream: {tries: 2}", **about)


OPTIONS = FilmOptions("cpu", "fp32")


def stopping_after(calls):
    """Something that says stop when it is asked for that many times."""
    left = [calls]

    def should_stop():
        left[0] -= 1
        return left[0] < 0

    return should_stop


def whole(story, folder):
    """The same film, made in one sitting."""
    film = folder / "whole" / "film.mp4"
    make_film(story, film, OPTIONS)
    return film.read_bytes()


@pytest.mark.parametrize("calls", [0, 3, 9, 24])
def test_a_film_that_was_stopped_anywhere_goes_on_to_the_same_film(calls, story, tmp_path):
    film = tmp_path / "film.mp4"
    assert make_film(story, film, OPTIONS, should_stop=stopping_after(calls)).state == "stopped"
    assert make_film(story, film, OPTIONS).state == "finished"
    assert film.read_bytes() == whole(story, tmp_path)


def test_kept_guides_are_not_drawn_again_and_damaged_ones_are(story, tmp_path, monkeypatch):
    import vqclip_video.film as films

    drawn = []
    monkeypatch.setattr(films, "prepare", lambda *rest: drawn.append(1) or prepare(*rest))
    kept = tmp_path / "film" / ".work" / "guides"
    film = tmp_path / "film.mp4"
    for _ in range(2):
        make_film(story, film, OPTIONS, should_stop=stopping_after(12))
    assert len(drawn) == 1
    kept.write_bytes(kept.read_bytes()[:-1])
    make_film(story, film, OPTIONS)
    assert len(drawn) == 2 and not kept.exists()
    assert film.read_bytes() == whole(story, tmp_path)


def test_the_packaged_prior_dreams_of_what_is_asked_for():
    story = reader.parse("size: 192x192\nscenes: [{prompt: a red apple on a blue background}]")
    cast = load_cast(find_materials(story), EngineOptions("cpu", "fp32"))
    drawn = dreamer(cast, (24, 24))
    apple, night = cast.perceptor.embed_text(["a red apple on a blue background", "a starry night"])
    dreams = [drawn.dream(drawn.root(text, 1), 1) for text in (apple, night)]
    assert dreams[0].likeness > 0.6 and drawn.likeness(drawn.picture(dreams[1].latent), apple) < 0.4
    red, _, blue = drawn.picture(dreams[0].latent)[0, :, 96, 96]
    assert red > 2 * blue
    assert drawn.evidence(dreams[0]) > 0.01
    mistold = replace(dreams[1], wanted=Wanted(apple, apple))
    assert drawn.evidence(mistold) < 0 < drawn.evidence(dreams[1])


def test_a_still_chooses_among_more_dreams_unless_it_is_told_how_many():
    def tries(*overrides):
        story = still_storyboard("a cat", (), "", 4, "32x32", "0", "storybook", overrides)
        return story.scenes[0].settings.dream

    assert tries().tries == 8 and tries("settings.dream.tries=2").tries == 2
    assert tries("settings.dream.seed=9").seed == 9
