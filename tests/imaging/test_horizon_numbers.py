"""The horizon and what it needs: worked examples with numbers."""

from __future__ import annotations

import numpy as np
import pytest

from domaingan.imaging.horizon import (
    MIN_OBJECTS,
    compute_expected_distance,
    estimate_horizon,
    estimate_horizon_from_ratios,
    find_standing_classes,
    measure_height_ratios,
)


def test_a_class_height_ratio_is_the_median_of_height_over_distance() -> None:
    ratios = measure_height_ratios(
        np.array([0.1, 0.2, 0.9, 0.3]), np.array([0.1, 0.1, 0.1, 0.1]), np.array([7, 7, 7, 8])
    )
    assert ratios == {7: pytest.approx(2.0), 8: pytest.approx(3.0)}


def test_objects_at_the_horizon_count_as_half_of_the_least_distance() -> None:
    assert measure_height_ratios(np.array([0.1]), np.array([-0.3]), np.array([7])) == {7: pytest.approx(20)}


def test_the_expected_distance_is_height_over_the_ratio() -> None:
    found = compute_expected_distance(np.array([0.2, 0.3]), np.array([7, 8]), {7: 2.0, 8: 0.5})
    assert found.tolist() == pytest.approx([0.1, 0.6])


def test_eight_objects_are_enough_and_seven_are_too_few() -> None:
    distance = np.linspace(0.05, 0.4, MIN_OBJECTS)
    classes = np.full(MIN_OBJECTS, 7)
    assert MIN_OBJECTS == 8
    assert estimate_horizon(1.2 * distance, 0.5 + distance, classes) == pytest.approx(0.5, abs=0.006)
    assert estimate_horizon(1.2 * distance[1:], 0.5 + distance[1:], classes[1:]) is None


@pytest.mark.parametrize("row", [0.12, 0.78])
def test_rows_from_a_tenth_to_eight_tenths_are_tried(row: float) -> None:
    distance = np.linspace(0.03, 0.2, 20)
    assert estimate_horizon(distance, row + distance, np.full(20, 7)) == pytest.approx(row, abs=0.006)


def test_objects_of_one_size_wherever_they_stand_give_no_horizon() -> None:
    rng = np.random.default_rng(3)
    heights = 0.2 * np.exp(rng.normal(0, 0.05, 40))
    assert estimate_horizon(heights, rng.uniform(0.5, 0.9, 40), np.full(40, 7)) is None


def test_objects_near_the_horizon_weigh_more_in_the_median() -> None:
    # Three objects say row 0.5 and stand near, two say 0.3 and stand far off it; the near ones weigh more.
    heights = np.array([0.01, 0.01, 0.6, 0.6, 0.6])
    contact = np.array([0.51, 0.51, 0.9, 0.9, 0.9])
    assert estimate_horizon_from_ratios(heights, contact, np.full(5, 7), {7: 1.0}) == pytest.approx(0.5)


def test_lights_that_appear_larger_the_higher_they_are_do_not_stand() -> None:
    rows = np.linspace(0.5, 0.9, MIN_OBJECTS)
    heights = np.concatenate([rows - 0.4, 1 - rows])
    classes = np.repeat([7, 8], MIN_OBJECTS)
    assert find_standing_classes(heights, np.tile(rows, 2), classes) == [7]
    few = classes.copy()
    few[-1] = 9  # of seven objects nothing is known
    assert find_standing_classes(heights, np.tile(rows, 2), few) == [7, 8, 9]
