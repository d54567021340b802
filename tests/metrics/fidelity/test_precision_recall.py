"""Precision, recall, density and coverage."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domaingan.core.errors import DataError
from domaingan.metrics.fidelity.precision_recall import compute_precision_recall as measure


def test_a_set_and_itself(rng: np.random.Generator) -> None:
    x = rng.normal(size=(40, 8))
    found = measure(x, x)
    assert (found.precision, found.recall, found.coverage) == (1, 1, 1)
    assert found.density == pytest.approx(6 / 5)  # k neighbours and the sample itself
    assert measure(np.repeat(x, 10, 0), np.repeat(x, 10, 0)).coverage == 1


def test_by_hand() -> None:
    real, fake = np.array([[0.0], [1.0], [3.0]]), np.array([[0.5], [0.6], [10.0]])
    found = measure(real, fake, k=1)  # real balls: [-1, 1], [0, 2], [1, 5]; generated: 0.5±0.1, 0.6±0.1, 10±9.4
    assert found.precision == pytest.approx(2 / 3) and found.recall == pytest.approx(2 / 3)
    assert found.density == pytest.approx(4 / 3) and found.coverage == pytest.approx(2 / 3)


def test_one_distribution_gives_what_theory_expects(rng: np.random.Generator) -> None:
    n, m, k = 60, 90, 5
    found = [measure(rng.normal(size=(n, 4)), rng.normal(size=(m, 4)), k) for _ in range(60)]
    expected = 1 - prod(n - i for i in range(1, k + 1)) / prod(n + m - i for i in range(1, k + 1))
    assert np.mean([one.coverage for one in found]) == pytest.approx(expected, abs=0.02)
    assert np.mean([one.density for one in found]) == pytest.approx(1, abs=0.05)


def test_collapse_lowers_coverage_and_recall_alone(rng: np.random.Generator) -> None:
    real, held_out = rng.normal(size=(2, 100, 8))
    few = held_out[np.arange(100) % 5]
    whole, collapsed = measure(real, held_out), measure(real, few)
    assert collapsed.coverage < 0.5 * whole.coverage and collapsed.recall < 0.1
    assert collapsed.precision > 0.7 * whole.precision


def test_what_is_far_away_has_none(rng: np.random.Generator) -> None:
    real, fake = rng.normal(size=(2, 30, 8))
    found = measure(real, fake + 100)
    assert (found.precision, found.recall, found.density, found.coverage) == (0, 0, 0, 0)


@settings(max_examples=25)
@given(
    n=st.integers(7, 25), m=st.integers(7, 25), k=st.integers(1, 6), power=st.integers(-8, 8), seed=st.integers(0, 99)
)
def test_order_and_scale_do_not_matter(n: int, m: int, k: int, power: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, 3)), rng.normal(size=(m, 3))
    found = measure(x, y, k)
    assert measure(rng.permutation(x), rng.permutation(y), k) == found
    assert measure(x * 2.0**power, y * 2.0**power, k) == found
    swapped = measure(y, x, k)
    assert (swapped.precision, swapped.recall) == (found.recall, found.precision)
    assert found.coverage <= 1 and measure(x, np.concatenate([y, x]), k).coverage == 1


def test_too_few(rng: np.random.Generator) -> None:
    x = rng.normal(size=(5, 3))
    with pytest.raises(DataError, match="5 real images; expected 6 or more"):
        measure(x, x)
    with pytest.raises(DataError, match="k = 0"):
        measure(x, x, k=0)
