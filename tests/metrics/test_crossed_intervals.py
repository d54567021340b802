"""Intervals over people and trainings: worked examples, missing cells, and how often they miss."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import stats

from domaingan.metrics.crossed_intervals import (
    MeanEstimate,
    average_known,
    compute_detectable_errors,
    compute_power,
    estimate_mean,
)

NAN = np.nan


def test_a_worked_example_of_both_effects() -> None:
    """People's mean square 2 · var(1, 2, 3) = 2, trainings' 3 · var(1, 3) = 6, no rest: (2 + 6) / 6 = 4/3.

    Degrees of freedom 8² / (2²/2 + 6²/1) = 1.684.
    """
    estimate = estimate_mean(np.array([[0.0, 1.0, 2.0], [2.0, 3.0, 4.0]]))
    assert (estimate.n_people, estimate.n_trainings) == (3, 2)
    assert estimate.error == pytest.approx((4 / 3) ** 0.5)
    assert estimate.freedom == pytest.approx(64 / 38)
    half = stats.t.ppf(0.975, 64 / 38) * (4 / 3) ** 0.5
    assert estimate.compute_interval() == pytest.approx([2 - half, 2 + half])
    wide = estimate.compute_interval(0.99)
    assert wide[0] == pytest.approx(2 - stats.t.ppf(0.995, 64 / 38) * (4 / 3) ** 0.5)


def test_the_closed_form_of_a_full_table() -> None:
    """Of a full table the variance of the mean is (MS_people + MS_trainings - MS_rest) / (people · trainings)."""
    table = np.random.default_rng(4).normal(size=(4, 7)) + np.arange(7) + 2 * np.arange(4)[:, None]
    people, trainings = table.mean(0), table.mean(1)
    rest = table - people - trainings[:, None] + table.mean()
    squares = 4 * people.var(ddof=1), 7 * trainings.var(ddof=1), (rest**2).sum() / 18
    variance = (squares[0] + squares[1] - squares[2]) / 28
    estimate = estimate_mean(table)
    assert estimate.error == pytest.approx(variance**0.5)
    spread = squares[0] ** 2 / 6 + squares[1] ** 2 / 3 + squares[2] ** 2 / 18
    assert estimate.freedom == pytest.approx((28 * variance) ** 2 / spread)


def test_the_variance_is_never_below_that_of_one_effect_alone() -> None:
    """Trainings whose means are equal say nothing of trainings: the variance is that over people, 1 / 4."""
    table = np.array([[0.0, 1.0, 2.0, 3.0], [3.0, 2.0, 1.0, 0.0], [0.0, 3.0, 3.0, 0.0]])
    estimate = estimate_mean(table)
    people = table.mean(0)
    assert estimate.error == pytest.approx((people.var(ddof=1) / 4) ** 0.5)
    assert estimate.freedom == 3


def test_folds_count_as_trainings_however_many_seeds_they_have() -> None:
    """Two folds of three people each, two seeds: fold means 1 and 5, so the variance is var(1, 5) / 2 = 4."""
    table = np.array(
        [
            [0.0, 1.0, 2.0, NAN, NAN, NAN],
            [0.0, 1.0, 2.0, NAN, NAN, NAN],
            [NAN, NAN, NAN, 4.0, 5.0, 6.0],
            [NAN, NAN, NAN, 4.0, 5.0, 6.0],
        ]
    )
    estimate = estimate_mean(table, np.array([0, 0, 1, 1]))
    assert (estimate.mean, estimate.n_people, estimate.n_trainings) == (3, 6, 4)
    assert estimate.error == pytest.approx(2.0)
    assert estimate.freedom == 1


def test_every_person_counts_alike_whoever_tested_them() -> None:
    """Person 0 was tested once, by set 1; person 1 by both: the mean is that of 4 and (1 + 3) / 2."""
    assert estimate_mean(np.array([[NAN, 1.0], [4.0, 3.0]]), np.array([0, 1])).mean == 3


def test_an_error_needs_two_people_and_two_trainings() -> None:
    assert estimate_mean(np.array([[0.1, 0.2]])) == MeanEstimate(pytest.approx(0.15), None, None, 2, 1)  # type: ignore[arg-type]
    assert estimate_mean(np.array([[NAN], [0.2]])).compute_interval() == [None, None]
    nothing = estimate_mean(np.full((2, 3), NAN))
    assert nothing.mean is None and nothing.compute_p() is None and nothing.n_people == 0


@given(arrays(float, (4, 6), elements=st.floats(-1, 1)), st.integers(0, 3))
def test_p_is_below_five_percent_exactly_where_the_interval_excludes_zero(
    values: NDArray[np.float64], missing: int
) -> None:
    table = np.round(values, 3)
    table[missing, : missing + 1] = NAN
    estimate = estimate_mean(table)
    low, high = estimate.compute_interval()
    p = estimate.compute_p()
    assert low is not None and high is not None and p is not None
    if abs(p - 0.05) > 1e-6:
        assert (p < 0.05) == (low > 0 or high < 0)


@given(arrays(float, (3, 6), elements=st.floats(-1, 1)))
def test_the_order_of_people_and_trainings_does_not_matter(values: NDArray[np.float64]) -> None:
    table = np.round(values, 3)
    table[0, 0] = NAN
    one, other = estimate_mean(table), estimate_mean(table[::-1, ::-1])
    assert one.mean == pytest.approx(other.mean) and one.error == pytest.approx(other.error, abs=1e-9)


def test_no_spread_at_all() -> None:
    same = estimate_mean(np.full((5, 6), 0.1))
    assert same.compute_p() == 0 and same.compute_interval() == pytest.approx([0.1, 0.1])
    assert estimate_mean(np.zeros((5, 6))).compute_p() == 1


def test_the_detectable_effect_is_shown_in_four_of_five_cases() -> None:
    errors = compute_detectable_errors(9.0)
    assert compute_power(errors, 9.0, float(stats.t.ppf(0.975, 9))) == pytest.approx(0.8, abs=1e-3)
    assert compute_power(0.0, 9.0, float(stats.t.ppf(0.975, 9))) == pytest.approx(0.05)
    assert MeanEstimate(0.0, 0.02, 9.0, 10, 10).compute_detectable_effect() == pytest.approx(0.02 * errors)
    assert MeanEstimate(0.0, None, None, 10, 1).compute_detectable_effect() is None
    assert compute_detectable_errors(1.0) > compute_detectable_errors(4.0) > compute_detectable_errors(100.0)


def test_averages_leave_out_what_is_missing() -> None:
    table = np.array([[1.0, NAN, NAN], [3.0, 5.0, NAN]])
    assert average_known(table, axis=0)[:2].tolist() == [2, 5] and np.isnan(average_known(table, axis=0)[2])
    assert average_known(table, axis=1).tolist() == [1, 4]


def test_a_large_table_with_a_gap_is_quick_and_nearly_like_a_full_one() -> None:
    rng = np.random.default_rng(2)
    table = rng.normal(size=(12, 300)) + rng.normal(size=300) + rng.normal(size=(12, 1))
    full = estimate_mean(table)
    table[0, 0] = NAN
    gap = estimate_mean(table)
    assert full.error == pytest.approx(gap.error, rel=0.02) and full.freedom == pytest.approx(gap.freedom, rel=0.02)


def test_the_products_of_a_full_table_are_those_of_its_forms() -> None:
    """One gap in a small table moves the degrees of freedom hardly: both ways of computing them agree."""
    rng = np.random.default_rng(3)
    table = rng.normal(size=(8, 60)) + rng.normal(size=60) + 0.5 * rng.normal(size=(8, 1))
    full = estimate_mean(table)
    table[0, 0] = NAN
    assert full.freedom == pytest.approx(estimate_mean(table).freedom, rel=0.05)
