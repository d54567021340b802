"""Where the horizon of a frame lies, estimated from how large its objects appear and where they touch the ground.

On flat ground the height of an object in the image grows linearly with the distance of its ground contact below the
horizon (Hoiem, Efros and Hebert 2006, "Putting objects in perspective", equation 6, for a camera without tilt):
height = ratio · distance. The ratio is the object's height over the camera's, and is about the same for all objects of
a class. All lengths are shares of the frame's height.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

MIN_OBJECTS = 8
"""A horizon is estimated from at least this many objects."""

MAX_LOG_ERROR = 0.5
"""A horizon is refused where the median error of the objects' heights is larger (natural logarithm)."""

MAX_ERROR_RATIO = 0.75
"""A horizon is refused where its median error is at least this share of the error that one size a class has."""

CANDIDATE_ROWS = np.arange(0.1, 0.8, 0.005)
"""Rows of the horizon that are tried, as shares of the frame's height."""

MIN_DISTANCE = 0.01
"""Objects whose ground contact is less than this below the horizon say nothing: they are a few pixels high."""

Numbers = NDArray[np.float64]


def estimate_horizon(heights: Numbers, contact_rows: Numbers, class_values: NDArray[np.int64]) -> float | None:
    """Estimate the row of the horizon.

    For each row that is tried, an object's distance below it is compared with the distance that its height lets expect.
    The row with the smallest mean difference is taken. Each difference is weighted by the inverse root of the distance:
    with logarithms the farthest objects would decide, of which a pixel is a large share; with plain differences the
    nearest few would. The row must explain sizes better than one size a class does (:data:`MAX_ERROR_RATIO`).

    Args:
        heights: ``(N,)`` of whole objects.
        contact_rows: ``(N,)`` row of each object's lowest pixel.
        class_values: ``(N,)`` class of each object.

    Returns:
        The row, or None where the objects are too few or do not agree.
    """
    if len(heights) < MIN_OBJECTS:
        return None
    best_row, smallest_error = 0.0, float("inf")
    for row in CANDIDATE_ROWS.tolist():
        expected = _expect_distances(row, heights, contact_rows, class_values)
        differences = np.abs(contact_rows - row - expected)
        error = float((differences * _compute_weights(expected)).mean())
        if error < smallest_error:
            best_row, smallest_error = row, error
    expected = _expect_distances(best_row, heights, contact_rows, class_values)
    distances = np.maximum(contact_rows - best_row, MIN_DISTANCE)
    log_errors = np.abs(np.log(distances / np.maximum(expected, MIN_DISTANCE)))
    median_error = np.median(log_errors)
    if median_error > MAX_LOG_ERROR:
        return None
    if median_error >= MAX_ERROR_RATIO * np.median(_measure_constant_size_error(heights, class_values)):
        return None
    return best_row


def _expect_distances(row: float, heights: Numbers, contact_rows: Numbers, class_values: NDArray[np.int64]) -> Numbers:
    """Compute the expected distances below a horizon at this row, with the ratios that the row itself implies."""
    ratios = measure_height_ratios(heights, contact_rows - row, class_values)
    return compute_expected_distance(heights, class_values, ratios)


def _measure_constant_size_error(heights: Numbers, class_values: NDArray[np.int64]) -> Numbers:
    """Measure the error of heights (natural logarithm) if each class appeared in one size everywhere."""
    usual = np.zeros(len(heights))
    for value in np.unique(class_values):
        is_of_class = class_values == value
        usual[is_of_class] = np.median(heights[is_of_class])
    return np.asarray(np.abs(np.log(np.maximum(heights, 1e-6) / np.maximum(usual, 1e-6))), dtype=np.float64)


def find_standing_classes(heights: Numbers, contact_rows: Numbers, class_values: NDArray[np.int64]) -> list[int]:
    """Find the classes that may stand on the ground: all but those that appear larger the higher up they are.

    Traffic lights are such a class. A class of fewer than :data:`MIN_OBJECTS` objects counts as standing.

    Args:
        heights: ``(N,)`` of whole objects.
        contact_rows: ``(N,)`` row of each object's lowest pixel.
        class_values: ``(N,)`` class of each object.

    Returns:
        Class values in ascending order.
    """
    standing = []
    for value in np.unique(class_values):
        is_of_class = class_values == value
        sizes = np.log(np.maximum(heights[is_of_class], 1e-6))
        rows = contact_rows[is_of_class]
        is_measurable = is_of_class.sum() >= MIN_OBJECTS and sizes.std() > 0 and rows.std() > 0
        if not is_measurable or np.corrcoef(sizes, rows)[0, 1] > 0:
            standing.append(int(value))
    return standing


def estimate_horizon_from_ratios(
    heights: Numbers, contact_rows: Numbers, class_values: NDArray[np.int64], ratios: Mapping[int, float]
) -> float:
    """Estimate the row of the horizon where the height ratio of each class is known.

    It is a weighted median, so that few objects are enough.

    Args:
        heights: ``(N,)`` of whole objects, at least one.
        contact_rows: ``(N,)`` row of each object's lowest pixel.
        class_values: ``(N,)`` class of each object.
        ratios: by class, see :func:`measure_height_ratios`.
    """
    expected = compute_expected_distance(heights, class_values, ratios)
    rows, weights = contact_rows - expected, _compute_weights(expected)
    order = np.argsort(rows)
    middle = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
    return float(rows[order][middle])


def measure_height_ratios(heights: Numbers, distances: Numbers, class_values: NDArray[np.int64]) -> dict[int, float]:
    """Measure the height ratio of each class: the median of height over distance below the horizon.

    Args:
        heights: ``(N,)`` of whole objects.
        distances: ``(N,)`` of their ground contact below the horizon.
        class_values: ``(N,)`` class of each object.
    """
    ratios = heights / np.maximum(distances, MIN_DISTANCE / 2)
    by_class: dict[int, float] = {}
    for value in np.unique(class_values):
        by_class[int(value)] = float(np.median(ratios[class_values == value]))
    return by_class


def compute_expected_distance(
    heights: Numbers, class_values: NDArray[np.int64], ratios: Mapping[int, float]
) -> Numbers:
    """Compute how far below the horizon objects stand if each is as tall as its class.

    Args:
        heights: ``(N,)`` of whole objects.
        class_values: ``(N,)`` class of each object.
        ratios: by class, see :func:`measure_height_ratios`.
    """
    own_ratios = [ratios[int(value)] for value in class_values]
    return heights / np.array(own_ratios)


def _compute_weights(distances: Numbers) -> Numbers:
    weights: Numbers = 1 / np.sqrt(distances + MIN_DISTANCE)
    return weights
