"""Where the horizon of a frame lies, told by how large its objects appear and where they stand.

On flat ground the height of an object in the image grows linearly with how far its feet are below the horizon (Hoiem,
Efros and Hebert 2006, "Putting objects in perspective", equation 6, for a camera without tilt): height = a · distance,
where ``a``, the object's height over the camera's, is about the same for all objects of a class. All lengths are shares
of the frame's height.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

MIN_OBJECTS = 8
"""From so many objects on a horizon is estimated."""

MAX_LOG_ERROR = 0.5
"""A horizon that leaves the typical object's height off by more than this (natural logarithm) is none."""

MAX_ERROR_RATIO = 0.75
"""A horizon that leaves sizes more than this share as far off as one size a class, wherever it stands, is none."""

CANDIDATE_ROWS = np.arange(0.1, 0.8, 0.005)
"""Rows that are tried."""

MIN_DISTANCE = 0.01
"""Objects whose feet are less than this below the horizon tell nothing: they are a few pixels high."""

Numbers = NDArray[np.float64]


def estimate_horizon(heights: Numbers, contact_rows: Numbers, class_values: NDArray[np.int64]) -> float | None:
    """The row of the horizon, or None where the objects are too few, or do not agree.

    Of all rows the one for which the distance below it and the distance that an object's height calls for differ least
    in the mean, each difference weighed by the root of the distance: with logarithms the farthest objects, of which a
    pixel is a large share, decide; with plain differences the nearest few. It must tell sizes better than one size a
    class does (:data:`EXPLAINED`).

    Args:
        height: ``(N,)`` of whole objects.
        feet: ``(N,)`` row of each one's lowest pixel.
        kinds: ``(N,)`` class of each.
    """
    if len(heights) < MIN_OBJECTS:
        return None
    best: tuple[float, float] | None = None
    for row in CANDIDATE_ROWS.tolist():
        called = compute_expected_distance(
            heights, class_values, measure_height_ratios(heights, contact_rows - row, class_values)
        )
        error = float((np.abs(contact_rows - row - called) * _compute_weights(called)).mean())
        if best is None or error < best[0]:
            best = error, row
    assert best is not None
    row = best[1]
    called = compute_expected_distance(
        heights, class_values, measure_height_ratios(heights, contact_rows - row, class_values)
    )
    off = np.abs(np.log(np.maximum(contact_rows - row, MIN_DISTANCE) / np.maximum(called, MIN_DISTANCE)))
    if np.median(off) > MAX_LOG_ERROR or np.median(off) >= MAX_ERROR_RATIO * np.median(
        _measure_constant_size_error(heights, class_values)
    ):
        return None
    return row


def _measure_constant_size_error(heights: Numbers, class_values: NDArray[np.int64]) -> Numbers:
    """How far off heights are (natural logarithm) where each class is thought to appear in one size everywhere."""
    size = {int(kind): float(np.median(heights[class_values == kind])) for kind in np.unique(class_values)}
    usual = np.array([size[int(kind)] for kind in class_values])
    return np.asarray(np.abs(np.log(np.maximum(heights, 1e-6) / np.maximum(usual, 1e-6))), dtype=np.float64)


def find_standing_classes(heights: Numbers, contact_rows: Numbers, class_values: NDArray[np.int64]) -> list[int]:
    """The classes that may stand on the ground: all but those that appear larger the higher up they are, as lights do.

    Of fewer than :data:`FEWEST` objects that is not told.

    Args:
        height: ``(N,)`` of whole objects.
        feet: ``(N,)`` row of each one's lowest pixel.
        kinds: ``(N,)`` class of each.
    """
    standing = []
    for kind in np.unique(class_values):
        own = class_values == kind
        size, row = np.log(np.maximum(heights[own], 1e-6)), contact_rows[own]
        told = own.sum() >= MIN_OBJECTS and size.std() > 0 and row.std() > 0
        if not told or np.corrcoef(size, row)[0, 1] > 0:
            standing.append(int(kind))
    return standing


def estimate_horizon_from_ratios(
    heights: Numbers, contact_rows: Numbers, class_values: NDArray[np.int64], ratios: Mapping[int, float]
) -> float:
    """The same where each class's ``a`` is known: a weighted median, so that few objects do."""
    called = compute_expected_distance(heights, class_values, ratios)
    rows, weights = contact_rows - called, _compute_weights(called)
    order = np.argsort(rows)
    middle = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
    return float(rows[order][middle])


def measure_height_ratios(heights: Numbers, distances: Numbers, class_values: NDArray[np.int64]) -> dict[int, float]:
    """Each class's ``a``: the median of height over distance below the horizon."""
    ratio = heights / np.maximum(distances, MIN_DISTANCE / 2)
    return {int(kind): float(np.median(ratio[class_values == kind])) for kind in np.unique(class_values)}


def compute_expected_distance(
    heights: Numbers, class_values: NDArray[np.int64], ratios: Mapping[int, float]
) -> Numbers:
    """How far below the horizon objects of these heights stand, were each as tall as its class."""
    return heights / np.array([ratios[int(kind)] for kind in class_values])


def _compute_weights(distances: Numbers) -> Numbers:
    weights: Numbers = 1 / np.sqrt(distances + MIN_DISTANCE)
    return weights
