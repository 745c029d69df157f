"""What `--set` does to a storyboard."""

from dataclasses import replace

import numpy as np
import pytest
from complaints import ONE_SCENE, complaint
from PIL import Image
from sounds import write_wav

from vqclip_video.storyboard import reader
from vqclip_video.storyboard.schema import StepSize


def test_overrides_replace_and_create():
    text = "settings: {w1: 2}\nscenes:\n- {prompt: a, settings: {cutouts: 3}}\n- {prompt: b}\n"
    story = reader.parse(
        text,
        overrides=[
            "settings.learning_rate=0.2",
            "settings.cutouts=5",
            "scenes[1].prompt='a dog'",
            "seed=3",
            "scenes.1.settings.losses.tv=0.5",
            "scenes[2].prompt=[c, [d, 0.5]]",
            "size=[64, 32]",
            "seed=4",
        ],
    )
    first, second, third = story.scenes
    assert (story.settings.learning_rate, story.settings.w1, story.seed, story.size) == (
        StepSize(0.2, 0.2),
        2.0,
        4,
        (64, 32),
    )
    assert (first.settings.cutouts, second.settings.cutouts) == (3, 5)
    assert (second.prompt[0].text, second.settings.losses.tv, third.prompt[1].weight) == (
        "a dog",
        0.5,
        0.5,
    )


def test_an_override_meets_one_place_even_where_an_alias_shares_it():
    text = "scenes:\n- {prompt: a, settings: &s {w1: 2}}\n- {prompt: b, settings: *s}\n"
    story = reader.parse(text, overrides=["scenes[1].settings.w1=3"])
    assert [scene.settings.w1 for scene in story.scenes] == [2.0, 3.0]


SHORT = """\
{film}
scenes:
- {{prompt: a, duration: 2s}}
- {{prompt: b, duration: 2s{scene}}}
"""


@pytest.mark.parametrize(
    ("film", "scene", "override", "spelled_out"),
    [
        ("audio: song.wav", "", "audio.file=other.wav", ("audio: {file: other.wav}", "")),
        ("audio: song.wav", "", "audio.gain=-3dB", ("audio: {file: song.wav, gain: -3dB}", "")),
        ("captions: true", "", "captions.style=box", ("captions: {style: box}", "")),
        ("captions: false", "", "captions.style=box", ("captions: {style: box}", "")),
        ("deliver: reel", "", "deliver.fit=pad", ("deliver: [{name: reel, fit: pad}]", "")),
        ("deliver: reel", "", "deliver[0].fit=pad", ("deliver: {name: reel, fit: pad}", "")),
        ("deliver: reel", "", "deliver[1]=gif", ("deliver: [reel, gif]", "")),
        ("deliver: [reel, gif]", "", "deliver[1].fit=pad", ("deliver: [reel, {name: gif, fit: pad}]", "")),
        ("drive: {file: song.wav, to: w1, amount: 1}", "", "drive[0].amount=2", ("drive: {file: song.wav, to: w1, amount: 2}", "")),
        ("init: noise", "", "init.noise=0.5", ("init: {noise: 0.5}", "")),
        ("models: storybook", "", "models.clip=ViT-B/32", ("models: {clip: ViT-B/32, vqgan: storybook}", "")),
        ("models: {clip: RN50}", "", "models.clip.weight=2", ("models: {clip: {name: RN50, weight: 2}}", "")),
        ("models: {clip: RN50}", "", "models.clip[1]=ViT-B/32", ("models: {clip: [RN50, ViT-B/32]}", "")),
        ("settings: {learning_rate: 0.2}", "", "settings.learning_rate.end=0.1", ("settings: {learning_rate: {start: 0.2, end: 0.1}}", "")),
        ("settings: {guide: dream}", "", "settings.guide.image=a.png", ("settings: {guide: {image: a.png}}", "")),
        ("settings: {exclude: text}", "", "settings.exclude[1]=b", ("settings: {exclude: [text, b]}", "")),
        ("", ", transition: linear", "scenes[1].transition.duration=0.5s", ("", ", transition: {curve: linear, duration: 0.5s}")),
        ("", ", transition: 1s", "scenes[1].transition.curve=linear", ("", ", transition: {curve: linear, duration: 1s}")),
        ("", ", from: noise", "scenes[1].from.image=a.png", ("", ", from: {image: a.png}")),
        ("", "", "scenes[1].prompt.weight=2", ("", ", PROMPT: {text: b, weight: 2}")),
        ("", "", "scenes[1].prompt[0].weight=2", ("", ", PROMPT: [{text: b, weight: 2}]")),
        ("", "", "scenes[1].prompt[1]=[c, 0.5]", ("", ", PROMPT: [b, [c, 0.5]]")),
        ("", ", PROMPT: [[b, 2]]", "scenes[1].prompt[0].weight=3", ("", ", PROMPT: [[b, 3]]")),
    ],
)  # fmt: skip
def test_a_key_within_a_short_form(tmp_path, film, scene, override, spelled_out):
    """It is the same film as the mapping that the word stands for, with that key in it."""
    for name in ("song.wav", "other.wav"):
        write_wav(tmp_path / name, np.zeros(48_000))
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")

    def story(film, scene, overrides=()):
        text = SHORT.format(film=film, scene="" if "PROMPT" in scene else scene)
        if "PROMPT" in scene:
            text = text.replace("prompt: b", scene[2:].replace("PROMPT", "prompt"))
        read = reader.parse(text, base=tmp_path, overrides=overrides)
        return replace(read, marks={}, warnings=())

    assert story(film, scene, [override]) == story(*spelled_out) != story(film, scene)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("settings.learning_rate=x", "override=settings.learning_rate: expected a number above 0"),
        (
            "settings.learnig_rate=1",
            "override=settings.learnig_rate: unknown key 'learnig_rate'; did you mean",
        ),
        ("settings={w1: x}", "override=settings: settings.w1: expected a number"),
        ("scenes.0.transition=linear", "override=scenes[0].transition: the first scene"),
        ("settings.w1", "override='settings.w1': expected a path and a YAML value"),
        ("=3", "override='=3': expected a path"),
        ("a..b=3", "expected a path"),
        ("a.b.=3", "expected a path"),
        ("scenes[x]=3", "expected a path"),
        ("settings.w1=", "override=settings.w1: expected a number from 0 to 1000, found nothing"),
        ("settings.w1=[", "override=settings.w1: "),
        (
            "scenes[7].prompt=x",
            "override=scenes[7].prompt: there are 1 entries, counted from 0; [1] would add one",
        ),
        ("scenes.prompt=x", "override=scenes.prompt: there is a list where 'prompt' should go"),
        ("settings[0]=x", "override=settings[0]: there is a mapping where a list is needed"),
        ("scenes[0].prompt.text.x=x", "there is 'a hill' where 'x' should go"),
    ],
)
def test_overrides_are_checked_like_the_file(override, message):
    text = f"settings: {{w2: 1}}\n{ONE_SCENE}"
    said = complaint(text, overrides=[override])
    assert said.startswith("override=") and message in said
