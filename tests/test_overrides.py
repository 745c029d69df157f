"""What `--set` does to a storyboard."""

import pytest
from complaints import ONE_SCENE, complaint

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
        ("scenes[0].prompt.text=x", "there is 'a hill' where 'text' should go"),
    ],
)
def test_overrides_are_checked_like_the_file(override, message):
    text = f"settings: {{w2: 1}}\n{ONE_SCENE}"
    said = complaint(text, overrides=[override])
    assert said.startswith("override=") and message in said
