"""What a prompt's phrases are, and how they are said again beside the whole."""

import pytest
from commands import run

from vqclip_video.engine.wordings import WORDINGS, Phrases, Wording, phrases_of, worded
from vqclip_video.storyboard.schema import PromptPart


@pytest.mark.parametrize(
    "text, subject, place, look",
    (
        ("a castle among the stars", "a castle", "among the stars", ""),
        ("a red fox in the snow at night", "a red fox", "in the snow at night", ""),
        ("a horse in a meadow, watercolor", "a horse", "in a meadow", "watercolor"),
        ("watercolor, a horse in a meadow", "a horse", "in a meadow", "watercolor"),
        ("a rose, stained glass", "a rose", "", "stained glass"),
        ("a train crossing a bridge", "a train", "crossing a bridge", ""),
        ("an old building by the sea", "an old building", "by the sea", ""),
        ("a snow covered village at Christmas", "a snow covered village", "at Christmas", ""),
        ("a bowl of oranges", "a bowl of oranges", "", ""),
        ("a cat. It sits on a roof.", "a cat", "It sits on a roof", ""),
        ("In the beginning", "In the beginning", "", ""),
        ("A Dog And A Cat In A Boat", "A Dog And A Cat", "In A Boat", ""),
        ("storm", "storm", "", ""),
        ("", "", "", ""),
        (" , ", " , ", "", ""),
        ("🐱", "🐱", "", ""),
    ),
)
def test_the_phrases_of_a_prompt(text, subject, place, look):
    assert phrases_of(text) == Phrases(subject, place, look)


def test_phrases_stand_beside_the_whole_with_the_weight_of_their_part():
    prompt = (PromptPart(text="a cat on a roof", weight=2.0), PromptPart(text="stars"))
    assert worded(prompt, Wording(1, 0.5, 0.25, 1)) == (
        PromptPart(text="a cat on a roof", weight=2.0),
        PromptPart(text="a cat", weight=1.0),
        PromptPart(text="on a roof", weight=0.5),
        PromptPart(text="stars"),
    )


def test_a_picture_is_read_as_it_is(tmp_path):
    prompt = (PromptPart(image=tmp_path / "cat.png", weight=0.5),)
    assert all(worded(prompt, wording) == prompt for wording in WORDINGS)


@pytest.mark.parametrize(
    "prompt, sketch",
    (
        ("a rose in a garden", "of a rose in a"),
        ("a blue rose in a garden", "of a blue rose"),
        ("a green horse in a field", None),
    ),
)
def test_a_dream_begins_only_from_a_sketch_of_the_colour_it_is_asked_for(prompt, sketch, tmp_path):
    story = tmp_path / "story.yaml"
    story.write_text(f"scenes: [{{prompt: {prompt}}}]\n")
    told = run("plan", story, "--guides").stdout
    assert ("the sketch " + sketch if sketch else "from noise\n") in told
