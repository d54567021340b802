"""The horizon told by heights and feet."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domaingan.imaging.horizon import MIN_OBJECTS, estimate_horizon, estimate_horizon_from_ratios, measure_height_ratios


def a_street(row: float, n: int, seed: int, spread: float = 0.15) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Heights, feet and classes of objects on flat ground seen by a camera with its horizon in ``row``."""
    rng = np.random.default_rng(seed)
    distance = np.exp(rng.uniform(np.log(0.03), np.log(0.95 - row), n))
    kinds = rng.choice([8, 9], n)
    height = np.where(kinds == 8, 1.0, 1.3) * distance * np.exp(rng.normal(0, spread, n))
    return height, row + distance, kinds


@settings(max_examples=30)
@given(st.floats(0.2, 0.7), st.integers(0, 2**20))
def test_the_horizon_is_found(row: float, seed: int) -> None:
    height, feet, kinds = a_street(row, 60, seed)
    found = estimate_horizon(height, feet, kinds)
    assert found is not None and abs(found - row) < 0.03
    known = measure_height_ratios(height, feet - row, kinds)
    assert abs(estimate_horizon_from_ratios(height, feet, kinds, known) - row) < 0.03


def test_a_few_odd_ones_do_not_move_it() -> None:
    height, feet, kinds = a_street(0.5, 60, 0)
    height[:9] *= 3
    found = estimate_horizon(height, feet, kinds)
    assert found == pytest.approx(0.5, abs=0.03)


def test_few_objects_do_where_their_class_is_known() -> None:
    height, feet, kinds = a_street(0.55, 3, 1, spread=0.05)
    assert estimate_horizon(height, feet, kinds) is None
    assert estimate_horizon_from_ratios(height, feet, kinds, {8: 1.0, 9: 1.3}) == pytest.approx(0.55, abs=0.02)


def test_objects_that_do_not_agree_tell_none() -> None:
    rng = np.random.default_rng(0)
    n = MIN_OBJECTS * 5
    height, feet = np.exp(rng.uniform(np.log(0.01), np.log(0.9), n)), rng.uniform(0.3, 1, n)
    assert estimate_horizon(height, feet, np.zeros(n, dtype=np.int64)) is None
