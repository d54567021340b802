"""Writing one NIfTI file: header, extensions, data type and scaling are those of the file that the array came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from isal import igzip
from numpy.typing import NDArray

from domaingan.adapters.nifti.nifti_header import NiftiHeader, make_header, make_header_bytes
from domaingan.adapters.nifti.nifti_scaling import apply_scaling, convert_as_read, remove_scaling
from domaingan.adapters.nifti.nifti_streams import GZIP_LEVEL
from domaingan.core.errors import DataError
from domaingan.core.files import write_file_atomically


def write_nifti(
    path: Path,
    array: NDArray[Any],
    like: NiftiHeader | None = None,
    affine: NDArray[Any] | None = None,
    original: NDArray[Any] | None = None,
) -> None:
    """Write an array. The same array gives the same bytes, packed where the file's name ends in ``.gz``.

    Args:
        path: the file. It ends in ``.nii`` or ``.nii.gz``.
        array: ``(*spatial)`` values with scaling applied. Integers are a mask, whose values are never rounded or
            clipped.
        like: header of the file that the array came from. Its fields, extensions, data type and scaling are kept;
            values are rounded and clipped to what that data type holds. None: float32, or for a mask the smallest
            integer type.
        affine: 4×4 in mm. It replaces the one in ``like``. None: ``like`` keeps its own.
        original: the stored numbers of the file that ``like`` came from. Where the array still has the value that was
            read, exactly these bits are stored again, even those that float32 cannot hold.

    Raises:
        DataError: an image holds NaN or infinity, or a mask's values do not fit the file's data type.
    """
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise DataError("NaN or infinite values to be written", path=path, expected="finite numbers")
    header = like or make_header(array, affine)
    stored = remove_scaling(array, header)
    if original is not None and original.shape == array.shape:
        is_unchanged = convert_as_read(original, header, array.dtype) == array
        stored = np.where(is_unchanged, original, stored)
    if array.dtype.kind in "uib" and not np.array_equal(np.rint(apply_scaling(stored, header)), array):
        expected = f"what {header.dtype} with its scaling can hold"
        raise DataError(f"mask values up to {array.max()}", path=path, expected=expected)
    header_bytes = make_header_bytes(header, _restore_shape(array.shape, header.shape), affine)
    contents = bytearray(len(header_bytes) + stored.size * header.dtype.itemsize)
    contents[: len(header_bytes)] = header_bytes
    data = np.frombuffer(contents, header.dtype, offset=len(header_bytes)).reshape(stored.shape, order="F")
    copy_planes(stored, data)
    with write_file_atomically(path) as temporary:
        if path.name.endswith(".gz"):
            temporary.write_bytes(igzip.compress(contents, GZIP_LEVEL, mtime=0))
        else:
            temporary.write_bytes(contents)


def copy_planes(source: NDArray[Any], target: NDArray[Any]) -> None:
    """Copy between C order and NIfTI's order plane by plane, which is several times faster than at once.

    Args:
        source: of at least two axes.
        target: of the same shape. It is overwritten.
    """
    for i in range(source.shape[1]):
        target[:, i] = source[:, i]


def _restore_shape(shape: tuple[int, ...], stored_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Restore the last axes of length 1 that an array's file had: (X, Y) of a file (X, Y, 1) becomes (X, Y, 1)."""
    further_axes = stored_shape[len(shape) :]
    return shape + further_axes if set(further_axes) <= {1} else shape
