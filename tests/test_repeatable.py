"""Samplings that repeat themselves on a GPU are torch's own, and so are their gradients."""

import pytest
import torch
import torch.nn.functional as F

from vqclip_video.engine.cutouts import draw_views
from vqclip_video.engine.repeatable import enlarged, sampled
from vqclip_video.storyboard.schema import Augment

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("strength", [1e-9, 1.0, 1e6])
def test_sampled_views_and_their_gradient_are_torchs(strength):
    views = draw_views(9, 16, (40, 56), Augment(pad=0.9), 0.0, 3, 0)
    grid = F.affine_grid(views.crops, (9, 3, 16, 16), align_corners=False)
    assert grid.abs().max() > 1.5  # beyond the border too
    picture = torch.rand(1, 3, 40, 56, requires_grad=True)
    way = strength * torch.randn(9, 3, 16, 16)
    theirs = F.grid_sample(
        picture.expand(9, -1, -1, -1), grid, padding_mode="reflection", align_corners=False
    )
    ours = sampled(picture, grid)
    assert torch.equal(ours, theirs)
    slopes = [torch.autograd.grad((each * way).sum(), picture)[0] for each in (ours, theirs)]
    assert (slopes[0] - slopes[1]).norm() < 1e-4 * slopes[1].norm()


def test_the_order_of_the_views_is_nothing_to_a_sampled_gradient():
    views = draw_views(12, 8, (24, 24), Augment(), 0.0, 3, 0)
    grid = F.affine_grid(views.crops, (12, 3, 8, 8), align_corners=False)
    picture, way = torch.rand(1, 3, 24, 24, requires_grad=True), torch.randn(12, 3, 8, 8)
    found = [
        torch.autograd.grad((sampled(picture, grid[order]) * way[order]).sum(), picture)[0]
        for order in (torch.arange(12), torch.arange(12).flip(0))
    ]
    assert torch.equal(*found)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_no_number_stays_none(bad):
    picture, way = torch.rand(1, 3, 8, 8, requires_grad=True), torch.ones(1, 3, 4, 4)
    way[0, 0, 0, 0] = bad
    grid = F.affine_grid(torch.eye(2, 3)[None], (1, 3, 4, 4), align_corners=False)
    (slope,) = torch.autograd.grad(sampled(picture, grid), picture, way)
    assert not slope.sum().isfinite()


@pytest.mark.parametrize("size", [(24, 24), (33, 61)])
def test_enlarged_grids_are_torchs(size):
    x = torch.randn(1, 4, size[0] // 4, size[1] // 4, requires_grad=True)
    theirs = F.interpolate(x, size=size, mode="bilinear", align_corners=False)
    torch.testing.assert_close(enlarged(x, size), theirs, atol=1e-5, rtol=1e-5)
