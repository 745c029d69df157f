"""Each loss term against what its definition says."""

import math

import pytest
import torch
import torch.nn.functional as F

from vqclip_video.engine import terms as losses


def unit(*values):
    return F.normalize(torch.tensor(values), dim=-1)


@pytest.mark.parametrize("degrees", [0.0, 30.0, 90.0, 150.0])
def test_include_is_half_the_squared_angle(degrees):
    angle = math.radians(degrees)
    embedding = torch.tensor([[math.cos(angle), math.sin(angle)]])
    assert losses.include(embedding, unit(1.0, 0.0)).item() == pytest.approx(angle**2 / 2, abs=1e-6)


@pytest.mark.parametrize("values", [(1.0, 0.0), (-1.0, 0.0)])
def test_include_has_a_finite_gradient_at_the_target_and_opposite_to_it(values):
    embedding = torch.tensor([values], requires_grad=True)
    losses.include(embedding, unit(1.0, 0.0)).sum().backward()
    assert embedding.grad.isfinite().all()


def test_exclude_counts_likeness_by_weight_and_nothing_for_the_unlike():
    embeddings, targets = torch.stack([unit(1.0, 0.0), unit(-1.0, 0.0)]), unit(1.0, 0.0)[None]
    assert losses.exclude(embeddings, targets, torch.tensor([0.5])).tolist() == [0.5, 0.0]


def test_many_excluded_things_weigh_no_more_than_one():
    embedding, many = unit(1.0, 0.0)[None], unit(1.0, 0.0).expand(5, -1)
    assert losses.exclude(embedding, many, torch.ones(5)).item() == pytest.approx(1.0)


def test_nothing_excluded_costs_nothing():
    assert losses.exclude(unit(1.0, 0.0)[None], torch.zeros(0, 2), torch.zeros(0)).item() == 0.0


def test_vq_is_the_distance_to_the_nearest_entry_and_pulls_towards_it():
    codebook = torch.tensor([[0.0, 0.0], [10.0, 10.0]])
    latent = torch.tensor([[1.0, 9.0], [1.0, 9.0]]).reshape(1, 2, 1, 2).clone().requires_grad_()
    loss = losses.vq(latent, codebook)
    assert loss.item() == pytest.approx(1.0)
    loss.backward()
    assert (latent.grad[0, :, 0, 0] > 0).all() and (latent.grad[0, :, 0, 1] < 0).all()


def test_vq_is_zero_on_the_codebook_of_a_large_latent():
    codebook = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    latent = codebook[torch.arange(40 * 60) % 20].T.reshape(1, 3, 40, 60)
    assert losses.vq(latent, codebook).item() == 0.0


def test_gan_falls_when_the_discriminator_is_surer_of_a_real_picture():
    class Brightness(torch.nn.Module):
        def forward(self, picture):
            return picture.mean(1, keepdim=True)

    dark, bright = torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8)
    assert losses.gan(dark, Brightness()).item() == 1.0  # it is shown -1..1
    assert losses.gan(bright, Brightness()).item() == -1.0


def test_tv_is_zero_for_a_flat_picture_and_grows_with_edges():
    flat, edge = torch.full((1, 3, 8, 8), 0.7), torch.zeros(1, 3, 8, 8)
    edge[..., 4:] = 1.0
    assert losses.tv(flat).item() == 0.0
    assert losses.tv(edge).item() == pytest.approx(1 / 7)


def test_within_range_clamps_and_only_lets_gradients_lead_back_inside():
    picture = torch.tensor([-0.5, 0.5, 1.5]).requires_grad_()
    clamped = losses.within_range(picture)
    assert clamped.tolist() == [0.0, 0.5, 1.0]
    (push_up,) = torch.autograd.grad(clamped.sum(), picture, retain_graph=True)
    (push_down,) = torch.autograd.grad(-clamped.sum(), picture)
    # A descent step moves against the gradient: out of range it may only go back.
    assert push_up.tolist() == [0.0, 1.0, 1.0]
    assert push_down.tolist() == [-1.0, -1.0, 0.0]
