"""Masks of any type as integers that hold every class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.mask_values import list_allowed_values, make_unknown_values_error
from domaingan.core.errors import DataError
from domaingan.data import Schema

WHOLE_NUMBER_TOLERANCE = 1e-3
"""A label may differ from a whole number by this much, as in masks on disk; resampling leaves 4e-15."""

MAX_BYTE_VALUE = 255


def convert_mask(mask: NDArray[Any], schema: Schema, *, is_changed: bool = True) -> NDArray[Any]:
    """Convert a mask of any type to integers that hold every class.

    Args:
        mask: ``(*spatial)`` class values.
        schema: of the hosts.
        is_changed: whether something is written into the mask; then all of its values must be known.

    Raises:
        DataError: the mask has fractions, values that no class has, or a type that is too small for a class.
    """
    top = max(schema.classes.values(), default=0)
    if mask.dtype == bool:
        mask = mask.view(np.uint8)
    if mask.dtype.kind == "f":
        mask = _round_mask(mask)
        if max(list_allowed_values(schema)) > MAX_BYTE_VALUE:
            mask = mask.astype(np.int32)
    if mask.dtype.kind not in "iu" or top > np.iinfo(mask.dtype).max:
        raise DataError(f"a mask of {mask.dtype}", expected=f"a type that holds {top}")
    unknown = _find_unknown_values(mask, list_allowed_values(schema)) if is_changed else []
    if unknown:
        error = make_unknown_values_error(unknown, Path(), schema)
        raise DataError(error.found, expected=f"{error.expected}, or classes= that name it")
    return mask


def _round_mask(mask: NDArray[Any]) -> NDArray[Any]:
    """Round a mask of floats to whole numbers: to bytes where all values fit, else to int32.

    Raises:
        DataError: a value is no whole number, or too large.
    """
    with np.errstate(invalid="ignore"):  # NaN and large values do not come back the same
        as_bytes = mask.astype(np.uint8)
    if np.array_equal(as_bytes, mask):
        return as_bytes
    if not np.isfinite(mask).all():
        raise DataError("a mask with NaN or infinite values", expected="class values")
    whole = np.rint(mask)
    largest_difference = np.abs(whole - mask).max(initial=0)
    largest_value = np.abs(whole).max(initial=0)
    if largest_difference > WHOLE_NUMBER_TOLERANCE or largest_value >= 2**31:
        raise DataError("a mask of fractions", expected="class values")
    return whole.astype(np.int32)


def _find_unknown_values(mask: NDArray[Any], class_values: Sequence[int]) -> list[int]:
    """Find the values in a mask of integers that no class has, in order."""
    low, high = int(mask.min(initial=0)), int(mask.max(initial=0))
    if low >= 0 and high <= MAX_BYTE_VALUE:  # deleting known bytes is faster than NumPy's search for unknown ones
        known_bytes = bytes(value for value in class_values if value <= MAX_BYTE_VALUE)
        stored = mask.astype(np.uint8, copy=False).tobytes(order="A")
        unknown_bytes = stored.translate(None, delete=known_bytes)
        return sorted(set(unknown_bytes))
    return sorted(set(np.unique(mask).tolist()) - set(class_values))
