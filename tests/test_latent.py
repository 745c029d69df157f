"""The latent and its optimiser: torch's AdamW, the bounds, the sum of grids, saving and
resizing.
"""

import pytest
import torch

from vqclip_video.engine.latent import BETAS, EPSILON, Latent, noise_start
from vqclip_video.models.vqgan.bounds import ChannelRange

WIDE = ChannelRange(torch.full((4,), -100.0), torch.full((4,), 100.0))


def optimise(latent, steps=5, rate=0.05, decay=0.1, target=1.0):
    for _ in range(steps):
        (latent.value - target).square().sum().backward()
        latent.step(latent.pace(rate, decay))
    return latent


def test_one_grid_steps_as_torchs_adamw_does():
    start = torch.randn(1, 4, 6, 6, generator=torch.Generator().manual_seed(0))
    ours = optimise(Latent(start, WIDE), steps=20)
    theirs = start.clone().requires_grad_()
    optimiser = torch.optim.AdamW([theirs], lr=0.05, betas=BETAS, eps=EPSILON, weight_decay=0.1)
    for _ in range(20):
        optimiser.zero_grad()
        (theirs - 1.0).square().sum().backward()
        optimiser.step()
    torch.testing.assert_close(ours.value, theirs)


def test_the_value_never_leaves_the_bounds():
    low, high = torch.tensor([-0.5, -1.0, -0.1, 0.0]), torch.tensor([0.5, 0.2, 0.1, 0.3])
    latent = optimise(
        Latent(torch.zeros(1, 4, 12, 8), ChannelRange(low, high), grids=3),
        steps=30,
        rate=0.3,
        target=9.0,
    )
    value = latent.value.detach()
    assert (value <= high.view(1, -1, 1, 1) + 1e-6).all()
    assert (value >= low.view(1, -1, 1, 1) - 1e-6).all()
    assert torch.allclose(value.amax((0, 2, 3)), high, atol=1e-5)  # and it does reach them


def test_a_sum_of_grids_starts_at_the_given_latent_and_gets_a_smooth_target_sooner():
    start = torch.randn(1, 4, 24, 24, generator=torch.Generator().manual_seed(1))
    plain, summed = Latent(start, WIDE, grids=1), Latent(start, WIDE, grids=4)
    assert torch.equal(plain.value, summed.value)
    assert [tuple(grid.shape[-2:]) for grid in summed.grids] == [(24, 24), (12, 12), (6, 6), (3, 3)]
    distances = [
        (optimise(latent, steps=8, decay=0.0, target=3.0).value - 3).abs().mean()
        for latent in (plain, summed)
    ]
    assert distances[1] < 0.6 * distances[0]


def test_more_grids_than_the_latent_has_halvings_are_left_out():
    # 8 -> 4 -> 2 is too small
    assert len(Latent(torch.zeros(1, 4, 8, 40), WIDE, grids=8).grids) == 2


def test_a_state_goes_on_bit_for_bit():
    start = torch.randn(1, 4, 12, 12, generator=torch.Generator().manual_seed(2))
    straight = optimise(Latent(start, WIDE, grids=3), steps=10)
    state = optimise(Latent(start, WIDE, grids=3), steps=4).state()
    resumed = Latent(torch.zeros_like(start), WIDE, grids=3)
    resumed.restore(state)
    assert torch.equal(optimise(resumed, steps=6).value, straight.value)


def test_a_saved_state_is_not_changed_by_going_on():
    latent = optimise(Latent(torch.zeros(1, 4, 6, 6), WIDE, grids=2), steps=2)
    state = latent.state().tensors
    before = {name: tensor.clone() for name, tensor in state.items()}
    optimise(latent, steps=2)
    assert all(torch.equal(state[name], before[name]) for name in state)


def test_resizing_takes_the_moments_along():
    latent = optimise(Latent(torch.zeros(1, 4, 6, 6), WIDE, grids=2), steps=3)
    latent.resize(12, 12)
    assert latent.value.shape == (1, 4, 12, 12)
    assert all(
        mean.abs().sum() > 0 and (square >= 0).all()
        for mean, square in zip(latent.means, latent.squares, strict=True)
    )
    before = latent.value.detach().clone()
    optimise(latent, steps=1, rate=0.01)
    assert (latent.value - before).abs().max() < 0.1  # a warm step, not the leap of a cold start


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_noise_has_the_codebooks_mean_and_spread(strength):
    random = torch.Generator().manual_seed(3)
    codebook = (
        torch.randn(500, 3, generator=random)
        @ torch.tensor([[1.0, 0.8, 0], [0, 1, 0], [0, 0, 0.2]])
        + 2
    )
    noise = noise_start(codebook, 64, 64, strength, random)
    cells = noise[0].flatten(1).T
    assert noise.shape == (1, 3, 64, 64)
    torch.testing.assert_close(cells.mean(0), codebook.mean(0), atol=0.06, rtol=0)
    torch.testing.assert_close(
        torch.cov(cells.T), strength**2 * torch.cov(codebook.T), atol=0.15, rtol=0
    )


def test_noise_copes_with_a_codebook_of_equal_entries():
    noise = noise_start(torch.ones(32, 4), 4, 4, 1.0, torch.Generator().manual_seed(0))
    torch.testing.assert_close(noise, torch.ones_like(noise), atol=1e-3, rtol=0)


def test_a_latent_lies_in_memory_as_one_from_a_checkpoint_does():
    """Sums depend on it, so that the log of a resumed film would differ in its last digits."""
    codebook = torch.randn(16, 8, generator=torch.Generator().manual_seed(0))
    start = noise_start(codebook, 6, 8, 0.3, torch.Generator().manual_seed(1))
    assert not start.is_contiguous()
    latent = Latent(start, ChannelRange.around(codebook), grids=2)
    for _ in range(2):
        latent.value.square().sum().backward()
        latent.step(latent.pace(0.1, 0.01))
        latent.pull(torch.zeros(1, *latent.size, 8).permute(0, 3, 1, 2), 0.5)
        assert all(tensor.is_contiguous() for tensor in latent.state().tensors.values())
        latent.resize(9, 12)
