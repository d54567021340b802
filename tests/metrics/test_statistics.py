"""The statistics: exact where they can be, honest about few subjects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from domaingan.metrics.statistics import (
    compare_paired,
    compute_jackknife_pseudovalues,
    compute_mean_interval,
    compute_sign_flip_p,
    compute_smallest_p,
)

numbers = st.lists(st.floats(-1, 1).filter(lambda x: abs(x) > 1e-6), min_size=2, max_size=10)


@given(numbers)
def test_interval_is_students(values: list[float]) -> None:
    found = compute_mean_interval(values)
    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), max(stats.sem(values), 1e-12))
    assert found["ci"] == pytest.approx([low, high], abs=1e-5)


@given(numbers)
def test_p_is_symmetric_and_never_below_the_smallest(values: list[float]) -> None:
    rng = np.random.default_rng(0)
    p = compute_sign_flip_p(values, rng)
    assert p == compute_sign_flip_p([-v for v in values], rng)
    assert compute_smallest_p(len(values)) - 1e-12 <= p <= 1


def test_all_alike_gives_the_smallest_p() -> None:
    rng = np.random.default_rng(0)
    assert compute_sign_flip_p([0.1] * 6, rng) == compute_smallest_p(6) == 2 / 64
    assert 0 < compute_sign_flip_p([0.1] * 30, rng) <= 1 / 1000


def test_missing_subjects_do_not_count() -> None:
    assert compare_paired(np.array([0.5, np.nan, 0.7]), np.array([0.4, 0.2, 0.6]), np.random.default_rng(0))["n"] == 2
    assert compute_mean_interval([np.nan]) == {"mean": None, "ci": [None, None]}
    assert compute_mean_interval([0.5]) == {"mean": 0.5, "ci": [None, None]}


def test_the_interval_of_a_worked_example() -> None:
    """Mean 3, standard deviation sqrt(2.5), n = 5: half width 2.776445 · sqrt(2.5 / 5) = 1.963243."""
    assert compute_mean_interval([1, 2, 3, 4, 5]) == {"mean": 3.0, "ci": [1.036757, 4.963243]}
    wide, narrow = compute_mean_interval([1, 2, 3, 4, 5], 0.99)["ci"], compute_mean_interval([1, 2, 3, 4, 5], 0.5)["ci"]
    assert wide == [-0.255587, 6.255587]  # half width 4.604095 · sqrt(0.5)
    assert narrow == pytest.approx([3 - 0.740697 * 0.5**0.5, 3 + 0.740697 * 0.5**0.5], abs=1e-6)


def test_the_p_of_a_worked_example() -> None:
    """Of the 8 assignments of signs to 1, 2, 4 those with |sum| >= 5 are ±7 and ±5."""
    assert compute_sign_flip_p([-1, 2, 4], np.random.default_rng(0)) == 4 / 8
    assert compute_sign_flip_p([1, 2, 4], np.random.default_rng(0)) == 2 / 8
    assert compute_sign_flip_p([np.nan, 1, 2, 4], np.random.default_rng(0)) == 2 / 8
    assert compute_sign_flip_p([], np.random.default_rng(0)) is None
    assert compute_sign_flip_p([0.1, 0.2, -0.3], np.random.default_rng(0)) == 1  # 0.1 + 0.2 - 0.3 is no exact 0


def test_up_to_fourteen_subjects_every_assignment_is_counted() -> None:
    rng = np.random.default_rng(0)
    assert compute_sign_flip_p([0.1] * 14, rng) == compute_smallest_p(14) == 2 / 2**14
    assert rng.integers(1000) == np.random.default_rng(0).integers(1000)  # nothing was sampled
    assert compute_smallest_p(15) == 1 / 20_001
    assert compute_sign_flip_p([0.1] * 60, rng) == 1 / 20_001
    assert compute_smallest_p(0) == compute_smallest_p(1) == 1


def test_sampled_signs_come_near_the_exact_p() -> None:
    values = np.random.default_rng(3).normal(0.3, 1, 16)
    exact = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=True
    ).pvalue
    assert compute_sign_flip_p(values, np.random.default_rng(0)) == pytest.approx(exact, abs=0.015)


def test_pseudovalues_of_a_worked_example() -> None:
    """θ is the mean of 1, 2, 6: its pseudovalues are the values themselves. A rare statistic is the first unit's."""
    values = {"a": 1.0, "b": 2.0, "c": 6.0}

    def statistic(units: Sequence[str]) -> dict[str, float]:
        rare = {"rare": 0.5} if "b" in units else {}
        return {"mean": float(np.mean([values[unit] for unit in units])), **rare}

    found = compute_jackknife_pseudovalues(["a", "b", "c"], statistic)
    assert [found[unit]["mean"] for unit in "abc"] == pytest.approx([1, 2, 6])
    assert found["a"]["rare"] == 0.5 and np.isnan([found["b"]["rare"], found["c"]["rare"]]).all()
    assert compute_jackknife_pseudovalues(["b"], statistic) == {"b": {"mean": 2.0, "rare": 0.5}}


def test_the_paired_difference_is_arm_minus_the_other() -> None:
    found = compare_paired(np.array([0.5, 0.7, 0.9]), np.array([0.4, 0.4, 0.4]), np.random.default_rng(0))
    assert found["mean"] == 0.3 and found["p"] == 0.25 and found["n"] == 3
