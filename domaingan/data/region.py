"""Parts of a frame that a person names: a box or corners, as shares of its width and height."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from domaingan.core.errors import DataError
from domaingan.data.schema import RegionCorners

EXPECTED_REGION = "[left, top, right, bottom], or at least 3 corners [x, y], as shares of width and height from 0 to 1"


def parse_region(stored: Any, path: str | Path | None = None) -> RegionCorners:
    """The corners of a region.

    Args:
        stored: ``(left, top, right, bottom)``, or at least three corners ``(x, y)``; shares from 0 to 1.
        path: the file that says it, for messages.

    Raises:
        DataError: it is neither, or nothing lies in it.

    >>> parse_region([0, 0.5, 1, 1])
    ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0))
    """
    numbers = list(stored) if isinstance(stored, Sequence) and not isinstance(stored, str) else []
    if len(numbers) == 4 and all(_is_share(number) for number in numbers):
        left, top, right, bottom = numbers
        if left >= right or top >= bottom:
            raise DataError(f"region {numbers}", path=path, expected=EXPECTED_REGION)
        numbers = [(left, top), (right, top), (right, bottom), (left, bottom)]
    if len(numbers) < 3 or not all(_is_corner(corner) for corner in numbers):
        raise DataError(f"region {str(stored)[:80]}", path=path, expected=EXPECTED_REGION)
    corners = tuple((float(x), float(y)) for x, y in numbers)
    if abs(_measure_area(corners)) < 1e-9:
        raise DataError(f"region {str(stored)[:80]}, an empty one", path=path, expected=EXPECTED_REGION)
    return corners


def _is_share(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value <= 1


def _is_corner(value: Any) -> bool:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return False
    return len(value) == 2 and all(_is_share(number) for number in value)


def _measure_area(corners: RegionCorners) -> float:
    """The area within the corners, by the shoelace formula."""
    following = [*corners[1:], corners[0]]
    return sum(x * v - u * y for (x, y), (u, v) in zip(corners, following, strict=True)) / 2
