"""Losses push scores the right way; penalties are what their papers say, and train the discriminator."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from domaingan.gan.seeds import make_rng
from domaingan.gan.training.affine_resample import resample
from domaingan.gan.training.augment import DifferentiableAugmentation
from domaingan.gan.training.losses import LOSSES, r1_r2_penalty, unit_gradient_penalty


@pytest.mark.parametrize("name", LOSSES)
def test_losses_push_scores_the_right_way(name: str) -> None:
    real, fake = torch.zeros(4, requires_grad=True), torch.zeros(4, requires_grad=True)
    LOSSES[name].discriminator(real, fake).backward()
    assert real.grad is not None and fake.grad is not None
    assert (real.grad < 0).all() and (fake.grad > 0).all()
    fooled = torch.full((4,), -0.5, requires_grad=True)  # below what least squares is content with
    LOSSES[name].generator(torch.zeros(4), fooled).backward()
    assert fooled.grad is not None and (fooled.grad < 0).all()


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=8), st.floats(-5, 5))
def test_relative_losses_see_differences_alone(scores: list[float], shift: float) -> None:
    real, fake = torch.tensor(scores), torch.tensor(scores[::-1]) * 0.5
    for name, loss in LOSSES.items():
        moved, still = loss.discriminator(real + shift, fake + shift), loss.discriminator(real, fake)
        if loss.is_relativistic:
            assert torch.allclose(moved, still, atol=1e-4), name


def test_values_at_rest() -> None:
    zero = torch.zeros(3)
    assert math.isclose(float(LOSSES["nonsaturating"].discriminator(zero, zero)), 2 * math.log(2), rel_tol=1e-6)
    assert math.isclose(float(LOSSES["relativistic"].discriminator(zero, zero)), math.log(2), rel_tol=1e-6)
    assert float(LOSSES["least-squares"].discriminator(zero + 1, zero - 1)) == 0
    assert float(LOSSES["hinge"].discriminator(zero + 1, zero - 1)) == 0
    assert float(LOSSES["wgan-gp"].discriminator(zero + 2, zero)) == -2


class Linear(nn.Module):
    """A discriminator whose gradient is its weight everywhere."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, stacks: list[Tensor]) -> Tensor:
        return (stacks[-1] * self.weight).flatten(1).sum(dim=1)


@pytest.mark.parametrize("dims", [2, 3])
def test_penalties_of_a_linear_discriminator_are_known(dims: int) -> None:
    shape = (5, 2, *[4] * dims)
    network = Linear(torch.randn(shape[1:], generator=make_rng(dims)))
    norm = float(network.weight.detach().square().sum())
    real, fake = ([torch.randn(shape, generator=make_rng(i)).requires_grad_()] for i in (1, 2))
    mix = torch.rand(5, generator=make_rng(3))
    scores = network(real), network(fake)
    assert math.isclose(
        float(r1_r2_penalty(network, real, fake, *scores, mix).detach()), norm, rel_tol=1e-5
    )  # ½ (‖w‖² + ‖w‖²)
    penalty = unit_gradient_penalty(network, real, fake, *scores, mix)
    assert math.isclose(float(penalty.detach()), (norm**0.5 - 1) ** 2, rel_tol=1e-4)
    network.zero_grad()
    r1_r2_penalty(network, real, fake, *scores, mix).backward()
    assert network.weight.grad is not None
    assert torch.allclose(network.weight.grad, 2 * network.weight, rtol=1e-4)  # the gradient of ‖w‖²


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_a_penalty_trains_through_the_augmentation(dims: int, precision: torch.dtype) -> None:
    """Its gradient is not zero, and in float32 it is that of finite differences."""
    augment = DifferentiableAugmentation(1, (8,) * dims, tuple(range(dims)), probability=1)
    drawn = augment.draw_parameters(4, make_rng(0))
    conv: Any = nn.Conv2d if dims == 2 else nn.Conv3d
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(conv(2, 4, 3, padding=1), nn.Softplus(), nn.Flatten(), nn.Linear(4 * 8**dims, 1))
    x = torch.randn(4, 2, *[8] * dims, generator=make_rng(1))

    def penalty() -> Tensor:
        stacks = [x.clone().requires_grad_()]
        augmented = augment(stacks[0], drawn)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision is torch.bfloat16):
            scores = network(augmented).squeeze(1).float()
        return r1_r2_penalty(network, stacks, stacks, scores, scores, torch.zeros(4))

    value = penalty()
    value.backward()
    weight = network[0].weight
    assert weight.grad is not None and float(weight.grad.abs().sum()) > 0 and float(value.detach()) > 0
    if precision is torch.float32:
        step, where = 1e-2, (0, 0, *[1] * dims)
        expected = float(weight.grad[where])
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                weight[where] += sign * step
            values.append(float(penalty().detach()))
            with torch.no_grad():
                weight[where] -= sign * step
        assert math.isclose((values[0] - values[1]) / (2 * step), expected, rel_tol=0.02, abs_tol=1e-4)


@pytest.mark.parametrize("dims", [2, 3])
def test_resampling_is_pytorchs_and_differentiates_twice(dims: int) -> None:
    x = torch.randn(2, 2, *[5] * dims, generator=make_rng(0), dtype=torch.float64).requires_grad_()
    grid = torch.rand(2, *[4] * dims, dims, generator=make_rng(1), dtype=torch.float64) * 2.4 - 1.2
    reference = nn.functional.grid_sample(x, grid, padding_mode="border", align_corners=False)
    assert torch.equal(resample(x, grid), reference)
    own, other = (torch.autograd.grad(out.sin().sum(), x)[0] for out in (resample(x, grid), reference))
    assert torch.allclose(own, other)
    assert torch.autograd.gradcheck(lambda x: resample(x, grid), x)
    assert torch.autograd.gradgradcheck(lambda x: resample(x, grid).sin(), x)
