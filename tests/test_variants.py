"""The product of seeds and settings, and how its films are called."""

import pytest

from vqclip_video.errors import StoryboardError, UsageError
from vqclip_video.storyboard.variants import choices, seeds_in, variants

STORY = "settings: {guide: off}\nscenes: [{prompt: a fox, duration: 1s}]\n"


@pytest.fixture
def story(tmp_path):
    path = tmp_path / "fox.yaml"
    path.write_text(STORY)
    return path


def test_seeds():
    assert seeds_in("1-4,9, 3") == (1, 2, 3, 4, 9)
    assert seeds_in("12") == (12,)
    for wrong in ("", "a", "4-1", "1-", "-3", "1-200000", "9223372036854775808"):
        with pytest.raises(UsageError, match="seeds="):
            seeds_in(wrong)


def test_values_are_parted_at_commas_that_nothing_holds_together():
    assert choices("seed=1,2") == ("seed=1", "seed=2")
    assert choices("scenes[0].prompt='a, b',c") == ("scenes[0].prompt='a, b'", "scenes[0].prompt=c")
    assert choices("settings.style=[a, b]") == ("settings.style=[a, b]",)
    assert choices("settings.learning_rate={start: 1, end: 2},0.1") == (
        "settings.learning_rate={start: 1, end: 2}",
        "settings.learning_rate=0.1",
    )
    for wrong in ("seed", "=3"):
        with pytest.raises(UsageError, match="KEY=VALUE"):
            choices(wrong)


def test_every_combination_once_and_named_for_what_varies(story):
    found = list(
        variants(story, (1, 2), ("settings.cutouts=4,8", "size=64x64", "scenes[0].prompt=a,b/c"))
    )
    assert len({each.name for each in found}) == len(found) == 8
    assert found[0].name == "fox-cutouts-4-prompt-a-seed-1"
    assert found[-1].name == "fox-cutouts-8-prompt-b-c-seed-2"
    last = found[-1].storyboard
    assert (last.seed, last.size, last.scenes[0].settings.cutouts) == (2, (64, 64), 8)
    assert [each.name for each in variants(story)] == ["fox"]


def test_a_mistake_is_told_with_its_place(story):
    with pytest.raises(StoryboardError, match="cutouts"):
        list(variants(story, (), ("settings.cutouts=4,x",)))
