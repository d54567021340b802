"""Stored numbers of NIfTI files ↔ values: scaling, rounding, and whether anything is lost by them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.nifti.nifti_header import NiftiHeader
from domaingan.core.errors import DataError

NO_SCALING = (1.0, 0.0)
"""Slope and intercept of files without scaling."""

MAX_ROUNDING_ERROR = 1e-3
"""The most by which a mask's value may differ from a whole number: scaling leaves some noise."""

FLOAT32_BYTES = 4

MAX_EXACT_INT_BYTES = 2
"""Bytes of the largest integers that float32 holds exactly."""


def is_scaled(header: NiftiHeader) -> bool:
    """Whether a file's values differ from its stored numbers.

    Args:
        header: the file's.
    """
    return (header.slope, header.inter) != NO_SCALING


def apply_scaling(stored: NDArray[Any], header: NiftiHeader) -> NDArray[Any]:
    """Make values of stored numbers.

    Args:
        stored: the numbers.
        header: the file's.

    Returns:
        The values: float64 where the file has a scaling, else the numbers themselves.
    """
    if not is_scaled(header):
        return stored
    values: NDArray[np.float64] = stored.astype(np.float64) * header.slope + header.inter
    return values


def remove_scaling(values: NDArray[Any], header: NiftiHeader) -> NDArray[Any]:
    """Make stored numbers of values: the inverse of :func:`apply_scaling`.

    Args:
        values: of an image or a mask.
        header: of the file to be written.

    Returns:
        The numbers in the header's data type and native byte order, rounded and clipped to what it holds.
    """
    dtype = header.dtype.newbyteorder("=")
    if values.dtype == dtype and not is_scaled(header):
        return values
    raw = (values.astype(np.float64) - header.inter) / header.slope
    if dtype.kind == "f":
        return _correct_float_rounding(raw.astype(dtype), values, header)
    limits = np.iinfo(dtype)
    with np.errstate(invalid="ignore"):
        stored: NDArray[Any] = np.rint(raw).astype(dtype)
    # np.clip would not do: the largest 64-bit integers have no float of their own.
    stored[raw >= limits.max] = limits.max
    stored[raw <= limits.min] = limits.min
    return stored


def _correct_float_rounding(stored: NDArray[Any], values: NDArray[Any], header: NiftiHeader) -> NDArray[Any]:
    """Replace numbers by their neighbours where those give exactly the values: division rounds once more."""
    for direction in (np.inf, -np.inf):
        is_off = apply_scaling(stored, header).astype(np.float32) != values
        if not is_off.any():
            break
        neighbour = np.nextafter(stored, direction, dtype=stored.dtype)
        is_better = is_off & (apply_scaling(neighbour, header).astype(np.float32) == values)
        stored = np.where(is_better, neighbour, stored)
    return stored


def convert_as_read(stored: NDArray[Any], header: NiftiHeader, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Convert stored numbers as reading does.

    Args:
        stored: the numbers.
        header: the file's.
        dtype: of what was read: an image's floats or a mask's integers.

    Returns:
        An image's values as float32, or a mask's values, rounded.
    """
    values = apply_scaling(stored, header)
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return values.astype(np.float32)
    return np.rint(values)


def is_rereading_needed(header: NiftiHeader, *, is_mask: bool) -> bool:
    """Whether the stored numbers of a file must be read again to be kept, as what was read of them has lost bits.

    Args:
        header: the file's.
        is_mask: whether it was read as a mask, whose values are rounded, or as an image, which becomes float32.
    """
    if is_scaled(header):
        return True
    is_float = header.dtype.kind == "f"
    if is_mask:
        return is_float
    return header.dtype.itemsize > (FLOAT32_BYTES if is_float else MAX_EXACT_INT_BYTES)


def round_mask(values: NDArray[Any], path: Path) -> NDArray[np.int32]:
    """Round a mask's values to whole numbers.

    Args:
        values: of the mask.
        path: its file, for messages.

    Raises:
        DataError: a value is not within :data:`MAX_ROUNDING_ERROR` of a whole number of at most 31 bits.
    """
    if values.dtype.kind in "ui" and values.dtype.itemsize < np.dtype(np.int32).itemsize:
        return values.astype(np.int32)
    with np.errstate(invalid="ignore"):
        exact = values.astype(np.int32)
        if np.array_equal(exact, values):
            return exact
        whole = np.rint(values)
        is_near = np.abs(values - whole) <= MAX_ROUNDING_ERROR  # false for NaN
        is_wrong = ~is_near | (np.abs(whole) >= 2**31)
    if is_wrong.any():
        raise DataError(f"mask value {values[is_wrong][0]:g}", path=path, expected="whole numbers")
    return whole.astype(np.int32)
