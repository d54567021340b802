"""Reading one NIfTI file.

nibabel drops ``scl_slope`` and ``scl_inter`` when it opens a file, and makes up new ones when it saves. Here the bytes
before the data (header and extensions) are kept as they are, so that a scan that is written again differs from the
original in the voxels that were changed and in nothing else (see :mod:`domaingan.adapters.nifti.nifti_writing`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.nifti.nifti_header import NiftiHeader, parse_header, read_header_bytes
from domaingan.adapters.nifti.nifti_scaling import apply_scaling, round_mask
from domaingan.adapters.nifti.nifti_streams import (
    CHUNK_BYTES,
    MAX_PADDING_BYTES,
    check_content_size,
    check_size_on_disk,
    count_bytes,
    has_expected_size,
    open_stream,
    translate_errors,
)
from domaingan.core.errors import DataError

MAX_BINCOUNT_VALUE = 1 << 16
"""The highest value up to which counting values is faster than sorting them."""


def read_nifti_header(path: Path) -> NiftiHeader:
    """Read only the header, and check by the file's size that it holds its data and nothing more.

    Args:
        path: the file.

    Raises:
        DataError: the file is missing, empty, truncated, longer than its header says, or no single-file NIfTI.
    """
    with translate_errors(path), open_stream(path) as stream:
        header = parse_header(read_header_bytes(stream, path), path)
    needed = len(header.raw) + header.data_size
    with translate_errors(path):
        check_size_on_disk(path, needed, header)
        size = needed
        if not has_expected_size(path, needed):
            size = count_bytes(path, needed + MAX_PADDING_BYTES + 1)
    check_content_size(size, needed, header, path)
    return header


def read_nifti_image(path: Path) -> tuple[NDArray[np.float32], NiftiHeader]:
    """Read an image with its scaling applied.

    Args:
        path: the file.

    Returns:
        The image as float32 in its stored shape, and the header.

    Raises:
        DataError: as :func:`read_nifti_header`, or a value is not finite.
    """
    with translate_errors(path):
        values, header = _read_scaled_values(path)
        with np.errstate(over="ignore"):
            image = values.astype(np.float32, copy=False)
        n_infinite = image.size - int(np.count_nonzero(np.isfinite(image)))
    if n_infinite:
        found = f"{n_infinite} values that are NaN, infinite or beyond float32"
        raise DataError(found, path=path, expected="finite numbers")
    return image, header


def read_nifti_mask(path: Path) -> tuple[NDArray[np.int32], NiftiHeader]:
    """Read a mask. The file may hold floats, if their values are whole.

    Args:
        path: the file.

    Returns:
        The mask as int32 in its stored shape, and the header.

    Raises:
        DataError: as :func:`read_nifti_header`, or a value is not a whole number of at most 31 bits.
    """
    with translate_errors(path):
        values, header = _read_scaled_values(path)
        return round_mask(values, path), header


def _read_scaled_values(path: Path) -> tuple[NDArray[Any], NiftiHeader]:
    """Read the values in the stored shape. Files without scaling keep their data type, in native byte order."""
    stored, header = read_stored_numbers(path)
    return apply_scaling(stored, header), header


def read_stored_numbers(path: Path) -> tuple[NDArray[Any], NiftiHeader]:
    """Read the numbers of a file as they are stored, before any scaling.

    Args:
        path: the file.

    Returns:
        The numbers in the stored shape and native byte order, and the header.

    Raises:
        DataError: as :func:`read_nifti_header`.
    """
    with translate_errors(path), open_stream(path) as stream:
        raw = read_header_bytes(stream, path)
        header = parse_header(raw, path)
        needed = len(raw) + header.data_size
        check_size_on_disk(path, needed, header)
        contents = stream.read(header.data_size)
        surplus = stream.read(MAX_PADDING_BYTES + 1)
    check_content_size(len(raw) + len(contents) + len(surplus), needed, header, path)
    numbers = np.frombuffer(contents, header.dtype, count=int(np.prod(header.shape)))
    in_shape = numbers.reshape(header.shape, order="F")
    return in_shape.astype(header.dtype.newbyteorder("="), copy=False), header


def iterate_values(path: Path) -> Iterator[NDArray[Any]]:
    """Yield the values of a file in parts, in stored order and with the scaling applied. No part is kept.

    Args:
        path: the file.

    Raises:
        DataError: as :func:`read_nifti_header`, but for bytes that follow the data.
    """
    with translate_errors(path), open_stream(path) as stream:
        header = parse_header(read_header_bytes(stream, path), path)
        n_left = header.data_size
        while n_left:
            piece = stream.read(min(CHUNK_BYTES, n_left))
            if len(piece) % header.dtype.itemsize or not piece:
                break
            n_left -= len(piece)
            stored = np.frombuffer(piece, header.dtype).astype(header.dtype.newbyteorder("="), copy=False)
            yield apply_scaling(stored, header)
    if n_left:
        raise DataError(f"truncated: {n_left} bytes missing", path=path, expected=f"shape {header.shape}")


def list_label_values(mask: NDArray[Any]) -> list[int]:
    """List the different values of an integer mask in ascending order.

    Args:
        mask: of any shape.

    >>> list_label_values(np.array([[0, 4], [4, 1]]))
    [0, 1, 4]
    """
    lowest, highest = int(mask.min(initial=0)), int(mask.max(initial=0))
    if lowest < 0 or highest > MAX_BINCOUNT_VALUE:
        return [int(value) for value in np.unique(mask)]
    counts = np.bincount(mask.ravel(order="K"))  # ten times faster than np.unique
    return [int(value) for value in np.flatnonzero(counts)]
