"""The statistics: exact where they can be, honest about few subjects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import stats

from domaingan.metrics.statistics import (
    can_be_significant,
    compare_paired,
    compute_crossed_interval,
    compute_jackknife_pseudovalues,
    compute_mean_interval,
    compute_sign_flip_p,
    compute_smallest_p,
    decide_verdict,
    is_significant,
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


def test_verdicts() -> None:
    rng = np.random.default_rng(0)
    better, same = rng.normal(0.2, 0.02, 12), rng.normal(0, 0.1, 12)
    zero = np.zeros(12)
    assert decide_verdict(compare_paired(better, zero, rng)) == "helps"
    assert decide_verdict(compare_paired(-better, zero, rng)) == "hurts"
    assert decide_verdict(compare_paired(same - same.mean(), zero, rng)) == "no difference"
    assert decide_verdict(compare_paired(better[:4], zero[:4], rng)) == "cannot be shown"


def test_false_alarms_come_as_often_as_promised() -> None:
    rng = np.random.default_rng(1)
    called = [decide_verdict(compare_paired(rng.normal(size=12), np.zeros(12), rng)) for _ in range(400)]
    assert np.mean([v in ("helps", "hurts") for v in called]) < 0.08


def test_the_crossed_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        people, seeds = rng.normal(0, 1.0, 12), rng.normal(0, 0.5, 4)
        low, high = compute_crossed_interval(people + seeds[:, None] + rng.normal(0, 0.7, (4, 12)))["ci"]
        covered += low <= 0 <= high
    assert 0.92 <= covered / 400 <= 0.99


@given(arrays(float, (3, 6), elements=st.floats(-1, 1)))
def test_the_crossed_interval_is_never_narrower_than_that_over_units(values: NDArray[np.float64]) -> None:
    wide, narrow = compute_crossed_interval(values), compute_mean_interval(values.mean(axis=0))
    assert wide["mean"] == pytest.approx(narrow["mean"], abs=2e-6)
    assert wide["ci"][1] - wide["ci"][0] >= narrow["ci"][1] - narrow["ci"][0] - 1e-5


def test_a_crossed_interval_needs_two_of_both() -> None:
    assert compute_crossed_interval(np.array([[0.1, 0.2]])) == {"mean": 0.15, "ci": [None, None]}
    assert compute_crossed_interval(np.array([[np.nan], [0.2]]))["mean"] is None


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


def test_the_crossed_interval_of_a_worked_example() -> None:
    """Units' means 0 and 4, seeds' means 1 and 3, no rest: mean squares 16, 4 and 0.

    The variance of the mean is (16 + 4) / 4 = 5, Satterthwaite's degrees of freedom (20² / (16² + 4²)) = 1.47, but one
    of the units alone: half width 12.7062 · sqrt(5) = 28.412.
    """
    found = compute_crossed_interval(np.array([[-1.0, 3.0], [1.0, 5.0]]))
    assert found["mean"] == 2 and found["ci"] == pytest.approx([2 - 28.41193, 2 + 28.41193], abs=1e-3)


def test_seeds_that_differ_widen_the_crossed_interval_by_satterthwaite() -> None:
    """Units' mean square 2 · var(1, 2, 3) = 2, seeds' 3 · var(1, 3) = 6, no rest: (2 + 6) / 6 = 4/3.

    Degrees of freedom 8² / (2²/2 + 6²/1) = 1.684 (between 1 and 2): t is 5.36 or so.
    """
    table = np.array([[0.0, 1.0, 2.0], [2.0, 3.0, 4.0]])
    half = stats.t.ppf(0.975, 64 / 38) * (8 / 6) ** 0.5
    assert compute_crossed_interval(table)["ci"] == pytest.approx([2 - half, 2 + half], abs=1e-6)
    assert compute_crossed_interval(table, 0.5)["ci"][1] == pytest.approx(
        2 + stats.t.ppf(0.75, 64 / 38) * (8 / 6) ** 0.5, abs=1e-6
    )


def test_a_difference_is_significant_by_p_and_interval_at_once() -> None:
    shown = {"mean": 0.2, "ci": [0.1, 0.3], "p": 0.049, "n": 6}
    assert is_significant(shown) and decide_verdict(shown) == "helps"
    assert decide_verdict(shown | {"mean": -0.2, "ci": [-0.3, -0.1]}) == "hurts"
    for change in ({"p": 0.05}, {"ci": [0.0, 0.3]}, {"ci": [-0.3, 0.0]}, {"p": None}):
        assert not is_significant(shown | change)
    assert decide_verdict(shown | {"p": 0.05}) == "no difference"
    assert not is_significant(shown | {"n": 5}) and decide_verdict(shown | {"n": 5}) == "cannot be shown"
    assert not is_significant(shown | {"ci": [None, None]})
    assert not is_significant(shown, alpha=0.04) and not can_be_significant(6, 0.03)


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
