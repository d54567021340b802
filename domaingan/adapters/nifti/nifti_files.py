"""One NIfTI file ↔ one array: nothing of the header, data type or scaling is lost on the way.

nibabel drops ``scl_slope`` and ``scl_inter`` when it opens a file and makes up new ones when it saves. Here
the bytes before the data (header and extensions) are kept as they are and written again, so that a scan that
comes back differs from the original in the voxels that were changed and in nothing else.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from isal import igzip, isal_zlib
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from domaingan.adapters.nifti.nifti_header import (
    NiftiHeader,
    make_header,
    make_header_bytes,
    parse_header,
    read_header_bytes,
)
from domaingan.core.errors import DataError
from domaingan.core.files import write_file_atomically
from domaingan.core.reading import open_regular_file

GZIP_MAGIC = b"\x1f\x8b"

GZIP_LEVEL = 2
"""Of igzip's 0 to 3; level 3 takes twice the time and is no smaller on scans."""

GZIP_ERROR = cast("type[Exception]", isal_zlib.error)

MAX_GZIP_RATIO = 1032
"""Deflate makes nothing smaller than this."""

MAX_PADDING_BYTES = 511
"""Bytes after the data that are passed over: some programs fill the last block of 512. More is data that the header
does not tell of."""

WORKING_BYTES_PER_VOXEL = 8
"""Bytes a voxel that reading takes beside what is stored: the values, and the same in C order."""

CHUNK_BYTES = 1 << 20
"""Bytes that are unpacked at once where they are only counted."""

MAX_ROUNDING_ERROR = 1e-3
"""A mask's value is whole within this: scaling leaves some noise."""


# ------------------------------------------------------------------- reading


def read_nifti_header(path: Path) -> NiftiHeader:
    """Read the header alone, and check by the file's size that the data can be there and nothing more.

    Raises:
        DataError: the file is missing, empty, truncated, longer than its header says, or not a single-file NIfTI.
    """
    with _translate_errors(path), _open_stream(path) as stream:
        header = parse_header(read_header_bytes(stream, path), path)
    needed = len(header.raw) + header.data_size
    with _translate_errors(path):
        _check_can_fill(path, needed, header)
        size = needed if _has_expected_size(path, needed) else _count_bytes(path, needed + MAX_PADDING_BYTES + 1)
    _check_size(size, needed, header, path)
    return header


def read_nifti_image(path: Path) -> tuple[NDArray[np.float32], NiftiHeader]:
    """Read an image in its stored shape, scaling applied, as float32.

    Raises:
        DataError: as :func:`read_header`, or values that are not finite.
    """
    with _translate_errors(path):
        values, header = _read_scaled_values(path)
        with np.errstate(over="ignore"):
            image = values.astype(np.float32, copy=False)
        bad = image.size - int(np.count_nonzero(np.isfinite(image)))
    if bad:
        raise DataError(f"{bad} values that are NaN, infinite or beyond float32", path=path, expected="finite numbers")
    return image, header


def read_nifti_mask(path: Path) -> tuple[NDArray[np.int32], NiftiHeader]:
    """Read a mask in its stored shape as int32; floating point on disk is fine where its values are whole.

    Raises:
        DataError: as :func:`read_header`, or a value that is not a whole number of at most 31 bits.
    """
    with _translate_errors(path):
        values, header = _read_scaled_values(path)
        return _round_mask(values, path), header


def _round_mask(values: NDArray[Any], path: Path) -> NDArray[np.int32]:
    if values.dtype.kind in "ui" and values.dtype.itemsize < 4:
        return values.astype(np.int32)
    with np.errstate(invalid="ignore"):
        exact = values.astype(np.int32)
        if np.array_equal(exact, values):
            return exact
        whole = np.rint(values)
        bad = ~(np.abs(values - whole) <= MAX_ROUNDING_ERROR) | (np.abs(whole) >= 2**31)
    if bad.any():
        raise DataError(f"mask value {values[bad][0]:g}", path=path, expected="whole numbers")
    return whole.astype(np.int32)


def list_label_values(mask: NDArray[Any]) -> list[int]:
    """The different values of an integer mask, ascending.

    >>> mask_values(np.array([[0, 4], [4, 1]]))
    [0, 1, 4]
    """
    low, high = int(mask.min(initial=0)), int(mask.max(initial=0))
    if low < 0 or high > 1 << 16:
        return [int(value) for value in np.unique(mask)]
    return [int(value) for value in np.flatnonzero(np.bincount(mask.ravel(order="K")))]  # ten times faster


def _read_scaled_values(path: Path) -> tuple[NDArray[Any], NiftiHeader]:
    """The scaled values in the stored shape; unscaled files keep their data type (native byte order)."""
    stored, header = read_stored_numbers(path)
    return _scaled(stored, header), header


def read_stored_numbers(path: Path) -> tuple[NDArray[Any], NiftiHeader]:
    """Read the numbers of a file as they are stored, before any scaling.

    Args:
        path: a NIfTI file.

    Returns:
        The stored numbers in the stored shape (native byte order), and the header.

    Raises:
        DataError: as :func:`read_header`.
    """
    with _translate_errors(path), _open_stream(path) as stream:
        raw = read_header_bytes(stream, path)
        header = parse_header(raw, path)
        needed = len(raw) + header.data_size
        _check_can_fill(path, needed, header)
        contents = stream.read(header.data_size)
        surplus = stream.read(MAX_PADDING_BYTES + 1)
    _check_size(len(raw) + len(contents) + len(surplus), needed, header, path)
    stored = np.frombuffer(contents, header.dtype, count=int(np.prod(header.shape)))
    stored = stored.reshape(header.shape, order="F").astype(header.dtype.newbyteorder("="), copy=False)
    return stored, header


def iterate_values(path: Path) -> Iterator[NDArray[Any]]:
    """Yield the values of one part of a file after the other in stored order, scaling applied; no part is kept.

    Args:
        path: a NIfTI file.

    Raises:
        DataError: as :func:`read_header`, but for what follows the data.
    """
    with _translate_errors(path), _open_stream(path) as stream:
        header = parse_header(read_header_bytes(stream, path), path)
        left = header.data_size
        while left:
            piece = stream.read(min(CHUNK_BYTES, left))
            if len(piece) % header.dtype.itemsize or not piece:
                break
            left -= len(piece)
            stored = np.frombuffer(piece, header.dtype).astype(header.dtype.newbyteorder("="), copy=False)
            yield _scaled(stored, header)
    if left:
        raise DataError(f"truncated: {left} bytes missing", path=path, expected=f"shape {header.shape}")


def _check_can_fill(path: Path, needed: int, header: NiftiHeader) -> None:
    """Refuse a shape that the file cannot fill even if it is packed as tightly as gzip can, or that memory cannot hold.

    Nothing is allocated.
    """
    size = path.stat().st_size
    with open_regular_file(path) as file:
        largest = size * MAX_GZIP_RATIO if file.read(2) == GZIP_MAGIC else size
    if needed > largest:
        found = f"truncated: {size} bytes on disk"
        raise DataError(found, path=path, expected=f"{needed} bytes for shape {header.shape}")
    voxels, memory = int(np.prod(header.shape, dtype=object)), physical_memory()
    if (taken := needed + voxels * WORKING_BYTES_PER_VOXEL) > memory:
        found = f"shape {header.shape}, which takes {taken / 1e9:.3g} GB to read"
        raise DataError(found, path=path, expected=f"less than the {memory / 1e9:.3g} GB of memory that there are")


def physical_memory() -> float:
    """Bytes of memory that this machine has; without end where it does not tell."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):  # not on Windows
        return float("inf")


def _check_size(size: int, needed: int, header: NiftiHeader, path: Path) -> None:
    if size < needed:
        raise DataError(f"truncated: {size} bytes", path=path, expected=f"{needed} for shape {header.shape}")
    if size > needed + MAX_PADDING_BYTES:
        raise DataError(
            f"at least {size - needed} bytes more than its header says",
            path=path,
            expected=f"{needed} bytes for shape {header.shape} of {header.dtype}",
        )


def _scaled(stored: NDArray[Any], header: NiftiHeader) -> NDArray[Any]:
    if (header.slope, header.inter) == (1.0, 0.0):
        return stored
    values: NDArray[np.float64] = stored.astype(np.float64) * header.slope + header.inter
    return values


@contextmanager
def _translate_errors(path: Path) -> Iterator[None]:
    """Turn what the libraries raise into one line that names the file."""
    try:
        yield
    except (EOFError, GZIP_ERROR) as error:
        raise DataError(f"truncated or damaged gzip ({error})", path=path) from None
    except MemoryError:
        raise DataError("more than fits into memory", path=path) from None
    except DataError:
        raise
    except (OSError, HeaderDataError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"cannot be read as NIfTI ({reason})", path=path) from None


@contextmanager
def _open_stream(path: Path) -> Iterator[IO[bytes]]:
    """The file's contents as a stream, unpacked if it is packed, whatever its name says."""
    with open_regular_file(path) as file:
        start = file.read(2)
        file.seek(0)
        if not start:
            raise DataError("empty file", path=path, expected="a NIfTI file")
        if start != GZIP_MAGIC:
            yield file
            return
        with igzip.open(file, "rb") as unpacked:
            yield unpacked


def _count_bytes(path: Path, limit: int) -> int:
    """How many bytes the file holds, unpacked; counting ends at ``limit``."""
    count = 0
    with _open_stream(path) as stream:
        while count < limit:
            piece = stream.read(min(CHUNK_BYTES, limit - count))
            if not piece:
                break
            count += len(piece)
    return count


def _has_expected_size(path: Path, needed: int) -> bool:
    """Whether the file's size says so, without unpacking: gzip tells the size modulo 2³² in its last four bytes.

    False is not conclusive: of a gzip file in several parts they tell the last part's size alone.
    """
    size = path.stat().st_size
    with open_regular_file(path) as file:
        if file.read(2) != GZIP_MAGIC:
            return needed <= size <= needed + MAX_PADDING_BYTES
        file.seek(-min(4, size), io.SEEK_END)
        return int.from_bytes(file.read(4), "little") == needed % 2**32


# ------------------------------------------------------------------- writing


def write_nifti(
    path: Path,
    array: NDArray[Any],
    like: NiftiHeader | None = None,
    affine: NDArray[Any] | None = None,
    original: NDArray[Any] | None = None,
) -> None:
    """Write an array atomically; the same array gives the same bytes, packed where the name ends in ``.gz``.

    Args:
        path: ends in ``.nii`` or ``.nii.gz``.
        array: ``(*spatial)`` values (scaling applied); integers are a mask, whose values are never rounded or clipped.
        like: the header of the file it came from: header fields, extensions, data type and scaling are kept, values
            are rounded and clipped to what that data type holds. Without it float32, or the smallest integer type.
        affine: 4×4 in mm; where given it replaces the one in ``like``.
        original: what was stored in the file that ``like`` came from; where the array still has the value that was
            read from it, the very same bits are stored again, even those that float32 cannot hold.

    Raises:
        DataError: an image holds NaN or infinity, or a mask's values do not fit the data type that its file has.
    """
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise DataError("NaN or infinite values to be written", path=path, expected="finite numbers")
    header = like or make_header(array, affine)
    shape = _restore_shape(array.shape, header.shape)
    stored = _remove_scaling(array, header)
    if original is not None and original.shape == array.shape:
        stored = np.where(_convert_as_read(original, header, array.dtype) == array, original, stored)
    if array.dtype.kind in "uib" and not np.array_equal(np.rint(_scaled(stored, header)), array):
        raise DataError(
            f"mask values up to {array.max()}", path=path, expected=f"what {header.dtype} with its scaling can hold"
        )
    raw = make_header_bytes(header, shape, affine)
    payload = bytearray(len(raw) + stored.size * header.dtype.itemsize)
    payload[: len(raw)] = raw
    data = np.frombuffer(payload, header.dtype, offset=len(raw)).reshape(stored.shape, order="F")
    copy_planes(stored, data)
    with write_file_atomically(path) as temporary:
        temporary.write_bytes(igzip.compress(payload, GZIP_LEVEL, mtime=0) if path.name.endswith(".gz") else payload)


def is_rereading_needed(header: NiftiHeader, *, is_mask: bool) -> bool:
    """Whether a file's stored numbers cannot be told from what was read of it: they must be read again to be kept.

    Args:
        header: of the file.
        is_mask: whether it was read with :func:`read_mask`, which rounds, or as an image, which becomes float32.
    """
    if (header.slope, header.inter) != (1.0, 0.0):
        return True
    if is_mask:
        return header.dtype.kind == "f"
    return header.dtype.itemsize > (4 if header.dtype.kind == "f" else 2)


def _convert_as_read(stored: NDArray[Any], header: NiftiHeader, dtype: np.dtype[Any]) -> NDArray[Any]:
    """What reading makes of stored numbers: an image's float32, or a mask's whole numbers."""
    values = _scaled(stored, header)
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return values.astype(np.float32)
    return np.rint(values)


def copy_planes(source: NDArray[Any], target: NDArray[Any]) -> None:
    """Copy between C order and NIfTI's order plane by plane: several times faster than at once."""
    for i in range(source.shape[1]):
        target[:, i] = source[:, i]


def _restore_shape(shape: tuple[int, ...], like: tuple[int, ...]) -> tuple[int, ...]:
    """The array's shape with the axes of length 1 that its file had after them: (X, Y, 1) stays (X, Y, 1)."""
    rest = like[len(shape) :]
    return shape + rest if set(rest) <= {1} else shape


def _remove_scaling(array: NDArray[Any], header: NiftiHeader) -> NDArray[Any]:
    """What is stored for these values: the inverse of :func:`_scaled`, rounded and clipped to the data type."""
    dtype = header.dtype.newbyteorder("=")
    if array.dtype == dtype and (header.slope, header.inter) == (1.0, 0.0):
        return array
    raw = (array.astype(np.float64) - header.inter) / header.slope
    if dtype.kind == "f":
        return _correct_float_rounding(raw.astype(dtype), array, header)
    limits = np.iinfo(dtype)
    with np.errstate(invalid="ignore"):
        stored: NDArray[Any] = np.rint(raw).astype(dtype)
    # Not np.clip: the largest 64-bit integers have no float of their own.
    stored[raw >= limits.max], stored[raw <= limits.min] = limits.max, limits.min
    return stored


def _correct_float_rounding(stored: NDArray[Any], array: NDArray[Any], header: NiftiHeader) -> NDArray[Any]:
    """Division rounds once more than the multiplication did: step to the neighbour that gives the value exactly."""
    for step in (np.inf, -np.inf):
        off = _scaled(stored, header).astype(np.float32) != array
        if not off.any():
            break
        beside = np.nextafter(stored, step, dtype=stored.dtype)
        better = off & (_scaled(beside, header).astype(np.float32) == array)
        stored = np.where(better, beside, stored)
    return stored
