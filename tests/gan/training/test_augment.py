"""Augmentation moves image and mask together, changes intensity of the image alone, and is nothing at p = 0."""

from __future__ import annotations

import pytest
import torch

from domaingan.data import FRAME, SCAN
from domaingan.gan.seeds import make_rng
from domaingan.gan.training.augment import DifferentiableAugmentation, choose_flip_axes


def _make_stack(dims: int, n: int = 6) -> torch.Tensor:
    """One image channel that equals the one mask channel."""
    mask = (torch.rand(n, 1, *[16] * dims, generator=make_rng(dims)) > 0.5).float() * 2 - 1
    return torch.cat([mask, mask], dim=1)


@pytest.mark.parametrize("dims", [2, 3])
def test_without_probability_it_is_the_identity_to_the_bit(dims: int) -> None:
    x = _make_stack(dims)
    augment = DifferentiableAugmentation(1, (16,) * dims, tuple(range(dims)), probability=0)
    assert torch.equal(augment(x, augment.draw_parameters(len(x), make_rng(1))), x)


@pytest.mark.parametrize("dims", [2, 3])
def test_geometry_is_shared_by_image_and_mask(dims: int) -> None:
    x = _make_stack(dims)
    augment = DifferentiableAugmentation(1, (16,) * dims, tuple(range(dims)), probability=1)
    drawn = augment.draw_parameters(len(x), make_rng(1))
    out = augment(x, drawn)
    # Undo the intensity: what is left of the image has to be the mask.
    kept = augment._make_cutout_mask(drawn.hole, x.shape[2:])
    moved = augment._apply_geometry(x, drawn.theta)
    assert torch.equal(moved[:, :1], moved[:, 1:]) and not torch.equal(moved, x)
    assert torch.equal(out[:, 1:], moved[:, 1:] * kept)
    assert not torch.allclose(out[:, :1], out[:, 1:])
    assert (kept == 0).any()


def test_whole_pixel_shifts_and_flips_move_values_without_mixing_them() -> None:
    x = _make_stack(2, n=32)
    augment = DifferentiableAugmentation(1, (16, 16), (0, 1), probability=1)
    drawn = augment.draw_parameters(32, make_rng(1))
    theta = drawn.theta.clone()
    theta[:, :, :2] = torch.diag(torch.tensor([1.0, -1.0]))
    out = augment._apply_geometry(x, theta)
    assert torch.allclose(out.abs(), torch.ones_like(out), atol=1e-3)


def test_a_frame_is_not_turned_upside_down() -> None:
    assert choose_flip_axes(FRAME, 2) == (1,) and choose_flip_axes(SCAN, 3) == (0, 1, 2)
    augment = DifferentiableAugmentation(1, (16, 16), choose_flip_axes(FRAME, 2), probability=1)
    theta = augment.draw_parameters(200, make_rng(0)).theta
    assert (theta[:, 1, 1] > 0).all() and (theta[:, 0, 0] < 0).any()


def test_gradients_flow_back_to_the_generator() -> None:
    x = _make_stack(3).requires_grad_()
    augment = DifferentiableAugmentation(1, (16,) * 3, (), probability=0.5)
    augment(x, augment.draw_parameters(len(x), make_rng(3))).square().sum().backward()
    assert x.grad is not None and x.grad.abs().sum() > 0


def test_the_same_generator_gives_the_same_draw() -> None:
    augment = DifferentiableAugmentation(2, (16, 16), (0,), probability=0.5)
    assert torch.equal(augment.draw_parameters(4, make_rng(5, 1)).gain, augment.draw_parameters(4, make_rng(5, 1)).gain)
    assert not torch.equal(
        augment.draw_parameters(4, make_rng(5, 1)).gain, augment.draw_parameters(4, make_rng(5, 2)).gain
    )
