"""Masks of annotated objects: polygons and run lengths, checked before pycocotools' C code sees them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from domaingan.adapters.annotations.run_lengths import RunLengths, check_run_lengths, merge_run_lengths
from domaingan.adapters.annotations.stored_values import has_relative_coordinates, is_number, shorten
from domaingan.adapters.frames.picture_header import PictureShape
from domaingan.core.errors import DataError

ReportProblem = Callable[[str], None]
"""Takes what is wrong with an annotation that can still be used."""

MIN_POLYGON_NUMBERS = 6
"""Numbers of a polygon: x and y of three corners."""

MAX_OUTLINE_PIXELS = 1e6
"""The longest outline of a polygon. pycocotools walks along it, wherever it leads."""


def read_mask(stored: Any, shape: PictureShape, report_problem: ReportProblem) -> RunLengths | None:
    """Read the mask of an annotation.

    Args:
        stored: ``segmentation``: polygons, or run lengths.
        shape: height and width of the picture.
        report_problem: called with what is wrong where the mask, or a part of it, cannot be used.

    Returns:
        The mask as compressed run lengths; None where there is none, or it has no pixel, as that of a polygon which is
        thinner than a pixel.
    """
    if not stored:
        return None
    try:
        mask = _read_segmentation(stored, shape, report_problem)
    except DataError as error:
        report_problem(f"{error.found}; expected {error.expected}; its box is kept")
        return None
    if mask is None or not coco_mask.area(mask):
        return None
    return mask


def _read_segmentation(stored: Any, shape: PictureShape, report_problem: ReportProblem) -> RunLengths | None:
    if isinstance(stored, dict):
        return check_run_lengths(stored, shape)
    return _rasterize_polygons(stored, shape, report_problem)


def _rasterize_polygons(stored: Any, shape: PictureShape, report_problem: ReportProblem) -> dict[str, Any] | None:
    """Rasterize the polygons of one object; None where none of them can be used."""
    polygons = stored if isinstance(stored, list) else [stored]
    if all(is_number(number) for number in polygons):
        polygons = [polygons]  # some tools leave out the outer list
    usable: list[list[float]] = []
    for polygon in polygons:
        corners = _parse_corners(polygon)
        if corners is None or has_relative_coordinates(corners):
            report_problem(f"a polygon {shorten(polygon)}; expected at least 3 corners x, y in pixels")
        elif _measure_outline(corners) > MAX_OUTLINE_PIXELS:
            found = f"a polygon far out of the picture {shorten(polygon)}"
            report_problem(f"{found}; expected one in {shape[1]}×{shape[0]} pixels")
        else:
            usable.append(polygon)
    if not usable:
        return None
    return merge_run_lengths(coco_mask.frPyObjects(usable, *shape))


def _parse_corners(polygon: Any) -> NDArray[np.float64] | None:
    """Parse a polygon's corners ``(N, 2)`` as x and y; None where it is no polygon."""
    if not isinstance(polygon, list) or len(polygon) < MIN_POLYGON_NUMBERS or len(polygon) % 2:
        return None
    if not all(type(number) in (int, float) for number in polygon):
        return None
    try:
        corners = np.array(polygon, dtype=np.float64).reshape(-1, 2)
    except OverflowError:  # an int beyond float64
        return None
    return corners if np.isfinite(corners).all() else None


def _measure_outline(corners: NDArray[np.float64]) -> float:
    """Measure a polygon's outline in pixels, the way from the picture's corner to its first corner included."""
    with np.errstate(over="ignore"):
        steps = np.abs(corners - np.roll(corners, 1, axis=0)).max(axis=1).sum()
        way_there = np.abs(corners[0]).max()
        return float(steps + way_there)
