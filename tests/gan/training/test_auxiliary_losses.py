"""What a generator that paints into hosts is asked for besides fooling the discriminator."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from domaingan.gan.training.auxiliary_losses import (
    DIVERSITY_EVERY,
    ENOUGH_DIFFERENCE,
    diversity_and_residual_loss,
    feature_matching_loss,
)


def make_config(dims: int = 2, **weights: float) -> Any:
    training = SimpleNamespace(**{"diversity": 0.0, "residual": 0.0} | weights)
    return SimpleNamespace(network=SimpleNamespace(spatial_dims=dims), training=training)


def make_parts(dims: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Nothing painted yet, and where: everywhere."""
    size = (8,) * dims
    return torch.zeros(2, 1, *size), torch.ones(2, 3, *size)


@pytest.mark.parametrize("dims", [2, 3])
def test_two_generated_insides_must_differ_at_low_resolution(dims: int) -> None:
    painted, image = make_parts(dims)
    whole = DIVERSITY_EVERY * 1.0
    assert float(
        diversity_and_residual_loss(make_config(dims, diversity=1.0), painted, image, lambda: painted)
    ) == pytest.approx(whole)
    assert float(
        diversity_and_residual_loss(
            make_config(dims, diversity=1.0), painted, image, lambda: painted + ENOUGH_DIFFERENCE
        )
    ) == pytest.approx(0, abs=1e-5)
    half = diversity_and_residual_loss(
        make_config(dims, diversity=1.0), painted, image, lambda: painted + ENOUGH_DIFFERENCE / 2
    )
    assert float(half) == pytest.approx(whole / 2)
    index = torch.arange(8) % 2 * 2.0 - 1
    hatched = painted + index  # as different as can be, pixel by pixel
    assert float(
        diversity_and_residual_loss(make_config(dims, diversity=1.0), painted, image, lambda: hatched)
    ) == pytest.approx(whole)


def test_at_other_steps_nothing_is_painted_again() -> None:
    painted, image = make_parts(2)
    assert float(diversity_and_residual_loss(make_config(diversity=1.0), painted, image, None)) == 0


def test_residual_is_the_mean_of_what_is_added_where_something_may_be() -> None:
    painted, image = make_parts(2)
    image[:, -1, :, 4:] = 0
    painted[..., :4] = 0.5
    painted[..., 4:] = 9.0
    assert float(diversity_and_residual_loss(make_config(residual=2.0), painted, image, None)) == pytest.approx(1.0)


def test_features_that_match_are_no_mismatch_and_gradients_reach_the_generated_alone() -> None:
    real, fake = (torch.ones(2, 3, 4, 4, requires_grad=True) for _ in range(2))
    assert feature_matching_loss([real], [fake]).item() == 0
    apart = feature_matching_loss([real], [fake * 1.5])
    assert apart.item() == pytest.approx(0.5)
    apart.backward()
    assert real.grad is None and fake.grad is not None and fake.grad.abs().sum() > 0
