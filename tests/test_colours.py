"""Whether a picture has the colours that its prompt names, where they are wanted."""

import pytest
import torch

from vqclip_video.engine.colours import EXAMPLES, NamedColours, colours_of, colours_seen, oklab
from vqclip_video.storyboard.schema import PromptPart

CSS = {
    "black": "000000", "gray": "808080", "white": "ffffff", "red": "ff0000", "orange": "ffa500",
    "yellow": "ffff00", "green": "008000", "blue": "0000ff", "purple": "800080", "pink": "ffc0cb",
    "brown": "8b4513",
}  # fmt: skip


def plain(code, size=32):
    rgb = torch.tensor(list(bytes.fromhex(code))) / 255
    return rgb.view(1, 3, 1, 1).repeat(1, 1, size, size)


def on(ground, middle):
    picture = plain(CSS[ground])
    picture[:, :, 8:24, 8:24] = plain(CSS[middle], 16)
    return picture


def asked(subject=(), beside=()):
    return NamedColours(frozenset(subject), frozenset(beside))


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_colour_has_its_name_and_no_other(name):
    assert [each for each in EXAMPLES if colours_seen(plain(CSS[name]), asked({each}))] == [name]


def test_the_subjects_colour_is_looked_for_in_the_middle_and_the_others_around_it():
    wanted = asked({"white"}, {"black"})
    assert colours_seen(on("black", "white"), wanted) == 2
    assert colours_seen(on("white", "black"), wanted) == 0
    assert colours_seen(on("black", "brown"), wanted) == 1
    assert colours_seen(on("red", "blue"), asked()) == 0


def test_oklab_of_the_colours_that_its_author_gives():
    found = oklab(torch.tensor([[1.0, 1, 1], [0, 0, 0], [1, 0, 0]]))
    assert torch.allclose(found[0], torch.tensor([1.0, 0, 0]), atol=1e-3)
    assert torch.allclose(found[1], torch.zeros(3), atol=1e-6)
    assert torch.allclose(found[2], torch.tensor([0.628, 0.225, 0.126]), atol=1e-3)


def test_the_colours_of_a_prompt():
    prompt = (
        PromptPart(text="a white horse on a black background, watercolor"),
        PromptPart(text="grey clouds under a blue sky"),
        PromptPart(text="a blackbird"),
    )
    assert colours_of(prompt) == asked({"white", "gray"}, {"black", "blue"})
