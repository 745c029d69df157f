"""Cutouts: where they look, that they are reproducible, and that gradients reach the picture."""

from dataclasses import replace

import pytest
import torch

from vqclip_video.engine.cutouts import cut, draw_views
from vqclip_video.storyboard.schema import Augment

PLAIN = Augment(flip=0, rotate=0, shear=0, overview=1, smallest=1, pad=0, gain=0)


def views(count=8, size=16, picture=(48, 48), augment=PLAIN, noise=0.0, seed=1, iteration=5):
    return draw_views(count, size, picture, augment, noise, seed, iteration)


def ramp(height=48, width=48):
    """A picture that grows from left to right in red and from top to bottom in green."""
    x, y = torch.linspace(0, 1, width), torch.linspace(0, 1, height)
    return torch.stack(
        [x.expand(height, -1), y[:, None].expand(-1, width), torch.zeros(height, width)]
    )[None]


def test_an_overview_without_augmentation_is_the_picture():
    cutouts = cut(ramp(), views())
    assert cutouts.shape == (8, 3, 16, 16)
    expected = torch.nn.functional.adaptive_avg_pool2d(ramp(), 16)
    torch.testing.assert_close(cutouts, expected.expand(8, -1, -1, -1), atol=0.03, rtol=0)


def test_flips_mirror_left_and_right_only():
    cutouts = cut(ramp(), views(augment=replace(PLAIN, flip=1)))
    assert (cutouts[:, 0, :, 0] > cutouts[:, 0, :, -1]).all()
    assert (cutouts[:, 1, 0] < cutouts[:, 1, -1]).all()


def test_about_half_are_flipped_by_default():
    cutouts = cut(ramp(), views(count=400, augment=replace(PLAIN, flip=0.5)))
    assert 0.4 < (cutouts[:, 0, 8, 0] > cutouts[:, 0, 8, -1]).float().mean() < 0.6


def test_crops_are_smaller_parts_in_different_places():
    cutouts = cut(ramp(), views(count=200, augment=replace(PLAIN, overview=0, smallest=0.3)))
    extent = cutouts[:, 0, 8, -1] - cutouts[:, 0, 8, 0]
    middle = cutouts[:, 0].mean((1, 2))
    assert 0.25 < extent.min() < 0.45 and extent.max() < 1.0
    assert middle.min() < 0.3 and middle.max() > 0.7


@pytest.mark.parametrize("picture", [(32, 96), (96, 32)])
def test_a_crop_of_a_wide_or_tall_picture_is_square(picture):
    cutouts = cut(ramp(*picture), views(picture=picture, augment=replace(PLAIN, overview=0)))
    across = (cutouts[:, 0, 8, -1] - cutouts[:, 0, 8, 0]) * picture[1]
    down = (cutouts[:, 1, -1, 8] - cutouts[:, 1, 0, 8]) * picture[0]
    torch.testing.assert_close(across, down, atol=1.5, rtol=0)


def test_rotation_turns_by_the_angle_in_pixels_not_in_shares_of_a_wide_picture():
    augment = replace(PLAIN, overview=0, smallest=0.5, rotate=45)
    cutouts = cut(ramp(40, 120), views(count=60, picture=(40, 120), augment=augment))
    inner = cutouts[:, :2, 4:12, 4:12]
    red = (
        torch.stack([inner[:, 0].diff(dim=-1).mean((1, 2)), inner[:, 0].diff(dim=-2).mean((1, 2))])
        * 120
    )
    green = (
        torch.stack([inner[:, 1].diff(dim=-1).mean((1, 2)), inner[:, 1].diff(dim=-2).mean((1, 2))])
        * 40
    )
    cosine = (red * green).sum(0) / (red.norm(dim=0) * green.norm(dim=0))
    assert cosine.abs().median() < 0.05  # the two directions stay at right angles


def test_gain_changes_contrast_and_brightness_and_noise_is_bounded_by_its_factor():
    grey = torch.full((1, 3, 48, 48), 0.5)
    gained = cut(grey, views(count=100, augment=replace(PLAIN, gain=0.3)))
    assert 0.02 < gained.mean((1, 2, 3)).std() < 0.1
    noisy = cut(grey, views(count=100, noise=0.2))
    spread = noisy.flatten(1).std(1)
    assert spread.min() < 0.05 and 0.15 < spread.max() < 0.22


def test_the_same_seed_and_iteration_see_the_same_and_others_do_not():
    def cutouts(**which):
        return cut(ramp(), views(augment=Augment(), noise=0.1, **which))

    assert torch.equal(cutouts(), cutouts())
    torch.rand(1)  # whatever else draws random numbers in between
    assert torch.equal(cutouts(), cutouts())
    assert not torch.equal(cutouts(), cutouts(iteration=6))
    assert not torch.equal(cutouts(), cutouts(seed=2))


def test_parts_of_a_batch_are_the_whole_batch():
    all_of_them = views(augment=Augment(), noise=0.1)
    parts = torch.cat([cut(ramp(), all_of_them.part(start, start + 3)) for start in (0, 3, 6)])
    torch.testing.assert_close(parts, cut(ramp(), all_of_them))


def test_a_much_larger_picture_is_averaged_not_skipped():
    stripes = torch.zeros(1, 3, 128, 128)
    stripes[..., ::2] = 1.0
    cutouts = cut(stripes, views(picture=(128, 128)))
    assert (cutouts - 0.5).abs().max() < 0.12  # point sampling gives 0 or 1


def test_every_pixel_of_the_picture_gets_a_gradient():
    picture = ramp().requires_grad_()
    cut(picture, views(count=32, augment=Augment())).square().sum().backward()
    assert (picture.grad != 0).float().mean() > 0.98
