"""The statistics: exact where they can be, honest about few subjects."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import stats

from domaingan.metrics.statistics import (
    compare_paired,
    compute_crossed_interval,
    compute_mean_interval,
    compute_sign_flip_p,
    compute_smallest_p,
    decide_verdict,
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
