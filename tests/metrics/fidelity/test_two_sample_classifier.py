"""The network that tells painted from real: what it must see, what it cannot, and that it is the same every time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from domaingan.metrics.fidelity import two_sample_classifier
from domaingan.metrics.fidelity.two_sample_classifier import classify_pairs, flip_randomly, make_classifier_input


@pytest.fixture(autouse=True)
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(two_sample_classifier, "TRAINING_STEPS", 60)


def things(n: int = 40, views: int = 1, edge: int = 16) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(0)
    near = np.zeros((n, views, 1, edge, edge), dtype=bool)
    near[..., 4:12, 4:12] = True
    real = rng.normal(0.5, 0.1, (n, views, 2, edge, edge)).astype(np.float32)
    return {"real": real, "masks": near, "regions": near, "is_first_half": np.arange(n) % 3 == 0}


def smoothed(real: NDArray[Any]) -> NDArray[Any]:
    painted = real.copy()
    painted[..., 4:12, 4:12] = 0.5 + 0.2 * (real[..., 4:12, 4:12] - 0.5)
    return painted


def test_of_identical_pairs_half_is_told_right() -> None:
    case = things()
    assert (classify_pairs(generated=case["real"], can_rotate=True, **case) == 0.5).all()


@pytest.mark.parametrize(("views", "free"), [(1, True), (3, True), (1, False)])
def test_what_is_smooth_is_found(views: int, free: bool) -> None:
    case = things(views=views)
    assert classify_pairs(generated=smoothed(case["real"]), can_rotate=free, **case).mean() > 0.9


def test_the_same_again_and_nothing_global_is_touched() -> None:
    case = things()
    painted = case["real"] + np.random.default_rng(1).normal(0, 0.03, case["real"].shape)
    state = torch.random.get_rng_state()
    first, second = (classify_pairs(generated=painted, can_rotate=True, seed=3, **case) for _ in range(2))
    assert (first == second).all() and torch.equal(state, torch.random.get_rng_state())


def test_what_is_seen_has_no_level_and_frames_keep_upright() -> None:
    pictures = things()["real"][:, 0]
    assert torch.allclose(make_classifier_input(pictures), make_classifier_input(pictures + 1), atol=1e-4)
    ramp = torch.arange(4.0)[:, None].expand(1, 1, 4, 4)
    rng = torch.Generator().manual_seed(0)
    assert all(torch.equal(flip_randomly(ramp, False, rng), ramp) for _ in range(20))
    assert not all(torch.equal(flip_randomly(ramp, True, rng), ramp) for _ in range(20))
