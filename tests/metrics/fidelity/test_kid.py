"""KID and its error."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domaingan.core.errors import DataError
from domaingan.metrics.fidelity.kid import compute_kid


def slow_kid(x: np.ndarray, y: np.ndarray) -> float:
    """By its definition, term by term."""

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / len(a) + 1) ** 3)

    own_x = np.mean([k(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j])
    own_y = np.mean([k(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j])
    return float(own_x + own_y - 2 * np.mean([k(a, b) for a in x for b in y]))


def test_it_is_the_definition(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(7, 5)), rng.normal(size=(9, 5)) + 0.5
    found = compute_kid(x, y)
    assert found.value == pytest.approx(slow_kid(x, y))
    without_x = np.array([slow_kid(np.delete(x, i, 0), y) for i in range(7)])
    without_y = np.array([slow_kid(x, np.delete(y, i, 0)) for i in range(9)])
    jackknife = 6 * without_x.var() + 8 * without_y.var()
    assert found.error == pytest.approx(np.sqrt(jackknife))


def test_one_distribution_is_at_zero_on_average(rng: np.random.Generator) -> None:
    found = [compute_kid(*rng.normal(size=(2, 60, 16))) for _ in range(200)]
    values = np.array([one.value for one in found])
    assert abs(values.mean()) < 4 * values.std() / np.sqrt(200)
    assert 0.2 < (values < 0).mean() < 0.8
    assert np.mean([abs(one.value) < 1.96 * one.error for one in found]) > 0.93


def test_it_grows_with_the_distance(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(2, 100, 16))
    values = [compute_kid(x, y + shift).value for shift in (0, 0.25, 0.5, 1, 2)]
    assert values == sorted(values)
    far = compute_kid(x, y + 1)
    assert far.value > 5 * far.error


@pytest.mark.parametrize(("shift", "low", "high"), [(0.0, 1.0, 1.9), (1.0, 0.8, 1.25)])
@pytest.mark.parametrize(("n", "m"), [(50, 50), (40, 200)])
def test_the_error_is_that_of_new_draws(shift: float, low: float, high: float, n: int, m: int) -> None:
    """Right where the sets differ, at most √2 too large where they do not (within what 300 draws can tell)."""
    rng = np.random.default_rng(1)
    found = [compute_kid(rng.normal(size=(n, 16)), rng.normal(size=(m, 16)) + shift) for _ in range(300)]
    spread = np.std([one.value for one in found])
    mean_error = np.sqrt(np.mean([one.error**2 for one in found]))
    assert low < mean_error / spread < high


@settings(max_examples=25)
@given(n=st.integers(3, 20), m=st.integers(3, 20), seed=st.integers(0, 1000))
def test_order_and_basis_do_not_matter(n: int, m: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, 6)), rng.normal(size=(m, 6)) * 1.5
    found = compute_kid(x, y)
    rotation = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    for other in (
        compute_kid(rng.permutation(x), rng.permutation(y)),
        compute_kid(x @ rotation, y @ rotation),
        compute_kid(y, x),
    ):
        assert other.value == pytest.approx(found.value, rel=1e-6, abs=1e-9)
        assert other.error == pytest.approx(found.error, rel=1e-6, abs=1e-9)


def test_two_samples_have_no_error(rng: np.random.Generator) -> None:
    found = compute_kid(rng.normal(size=(2, 4)), rng.normal(size=(5, 4)))
    assert np.isfinite(found.value) and np.isnan(found.error)


def test_what_cannot_be_compared(rng: np.random.Generator) -> None:
    x = rng.normal(size=(5, 4))
    with pytest.raises(DataError, match="1 generated images; expected 2 or more"):
        compute_kid(x, x[:1])
    with pytest.raises(DataError, match=r"generated features of shape \(5, 3\)"):
        compute_kid(x, x[:, :3])
    with pytest.raises(DataError, match="NaN or infinity in the real features"):
        compute_kid(np.where(x > 0, np.nan, x), x)
    with pytest.raises(DataError, match="features of shape"):
        compute_kid(x[0], x[0])
