"""From prompts to targets: weights, style, exclusions, images, and the way between two scenes."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from vqclip_video.engine import prompts
from vqclip_video.storyboard.schema import PromptPart, Scene, Settings, Storyboard, Transition
from vqclip_video.storyboard.timeline import Timeline


class WordPerceptor:
    """Each new word is a direction of its own; a picture is its mean colour."""

    size, dim, device = 4, 16, torch.device("cpu")

    def __init__(self):
        self.words, self.calls = {}, []

    def embed_text(self, texts):
        self.calls.append(list(texts))
        axes = torch.eye(self.dim)
        known = [
            [axes[3 + self.words.setdefault(w, len(self.words))] for w in text.split()]
            for text in texts
        ]
        return F.normalize(torch.stack([torch.stack(axes).sum(0) for axes in known]), dim=-1)

    def embed_image(self, images):
        colours = images.mean((2, 3))
        return F.normalize(F.pad(colours, (0, self.dim - 3)), dim=-1)


def scene(*parts, **settings):
    return Scene(prompt=parts, duration=1.0, settings=Settings(**settings))


def text(words, weight=1.0):
    return PromptPart(text=words, weight=weight)


def targets(*scenes):
    perceptor = WordPerceptor()
    encoded = prompts.encode_scenes(Storyboard(scenes=scenes), perceptor)
    pairs = zip(encoded.scenes, scenes, strict=True)
    return [texts.target(scene) for texts, scene in pairs], perceptor


def test_a_prompt_is_the_weighted_direction_of_its_parts():
    (target,), perceptor = targets(scene(text("sea", 3.0), text("sky", 4.0)))
    sea, sky = perceptor.embed_text(["sea", "sky"])
    torch.testing.assert_close(target.include, 0.6 * sea + 0.8 * sky)


def test_w1_and_w2_mix_the_prompt_with_the_style_however_many_parts_it_has():
    (target,), perceptor = targets(
        scene(text("sea"), text("sea", 5.0), style=(text("ink"),), w1=0.8, w2=0.6)
    )
    sea, ink = perceptor.embed_text(["sea", "ink"])
    torch.testing.assert_close(target.include, 0.8 * sea + 0.6 * ink)


def test_each_text_is_encoded_once_for_the_whole_film():
    _, perceptor = targets(
        scene(text("sea"), style=(text("ink"),)),
        scene(text("sea"), text("sky"), style=(text("ink"),)),
    )
    assert perceptor.calls == [["sea", "ink", "sky"]]


def test_a_style_of_several_parts_weighs_as_much_as_one():
    style = (text("ink", 3.0), text("wood", 4.0))
    (target,), perceptor = targets(scene(text("sea"), style=style, w1=0.8, w2=0.6))
    sea, ink, wood = perceptor.embed_text(["sea", "ink", "wood"])
    torch.testing.assert_close(target.include, 0.8 * sea + 0.6 * (0.6 * ink + 0.8 * wood))


def test_excludes_are_kept_apart_with_their_weights():
    (target,), perceptor = targets(scene(text("sea"), exclude=(text("text", 0.3), text("frame"))))
    torch.testing.assert_close(target.exclude, perceptor.embed_text(["text", "frame"]))
    assert target.exclude_weights.tolist() == pytest.approx([0.3, 1.0])


def test_an_image_prompt_goes_through_the_image_tower(tmp_path):
    Image.new("RGB", (8, 6), (255, 0, 0)).save(tmp_path / "red.png")
    (target,), _ = targets(scene(PromptPart(image=tmp_path / "red.png")))
    torch.testing.assert_close(target.include, torch.eye(16)[0])


def test_in_a_transition_the_target_travels_on_the_sphere_and_excludes_fade():
    first = scene(text("sea"), exclude=(text("boat"),))
    second = replace(
        scene(text("sky"), exclude=(text("bird"),)), transition=Transition(1.0, "linear", "slerp")
    )
    board = Storyboard(scenes=(first, second), fps=10)
    perceptor = WordPerceptor()
    encoded, timeline = prompts.encode_scenes(board, perceptor), Timeline(board)
    sea, sky = perceptor.embed_text(["sea", "sky"])
    start = timeline.spans[1].first_iteration
    half = encoded.at(timeline.at(start + 9))
    torch.testing.assert_close(half.include, (sea + sky) / 2**0.5)
    torch.testing.assert_close(half.exclude, perceptor.embed_text(["boat", "bird"]))
    assert half.exclude_weights.tolist() == pytest.approx([0.5, 0.5])
    torch.testing.assert_close(encoded.at(timeline.at(start - 1)).include, sea)
    torch.testing.assert_close(encoded.at(timeline.at(timeline.total_iter - 1)).include, sky)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_slerp_moves_at_even_speed_and_stays_on_the_sphere(share):
    start, end = (
        F.normalize(torch.tensor([1.0, 0.2]), dim=0),
        F.normalize(torch.tensor([-0.3, 1.0]), dim=0),
    )
    between = prompts.slerp(start, end, share)
    whole = torch.arccos(start @ end)
    assert between.norm().item() == pytest.approx(1.0, abs=1e-6)
    assert torch.arccos((start @ between).clamp(-1, 1)).item() == pytest.approx(
        share * whole.item(), abs=2e-3
    )


def test_lerp_is_slower_in_the_middle_of_a_wide_angle_and_also_unit_length():
    start, end = torch.tensor([1.0, 0.0]), F.normalize(torch.tensor([-1.0, 0.3]), dim=0)
    assert prompts.lerp(start, end, 0.3).norm().item() == pytest.approx(1.0)
    assert (prompts.lerp(start, end, 0.3) @ start) > (prompts.slerp(start, end, 0.3) @ start)


def test_slerp_between_equal_or_opposite_targets_gives_numbers():
    unit = torch.tensor([1.0, 0.0])
    assert torch.equal(prompts.slerp(unit, unit, 0.4), unit)
    assert prompts.slerp(unit, -unit, 0.4).isfinite().all()
