"""What the reader says of a storyboard, for the tests of storyboard/."""

import pytest

from vqclip_video.errors import StoryboardError
from vqclip_video.storyboard import reader

ONE_SCENE = "scenes: [{prompt: a hill}]\n"


def complaints(text, **options):
    """Every message, without the name of the file."""
    with pytest.raises(StoryboardError) as caught:
        reader.parse(text, **options)
    return [
        str(problem).removeprefix("<string>:").removeprefix(" ")
        for problem in caught.value.problems
    ]


def complaint(text, **options):
    """The only message."""
    (only,) = complaints(text, **options)
    return only
