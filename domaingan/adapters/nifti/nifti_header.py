"""The part of a NIfTI file before its data: read once, kept byte for byte, written again."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from numpy.typing import NDArray

from domaingan.adapters.nifti.nifti_geometry import make_row_scale, read_grid_placement
from domaingan.core.errors import DataError

AffineRows = tuple[tuple[float, ...], ...]
"""A 4×4 affine as tuples, which can be compared and hashed."""

MAX_HEADER_BYTES = 1 << 26
"""The most bytes before the data. More are a wrong offset and no extension."""

SIZE_FIELD_BYTES = 4
"""Bytes of the first field, which holds the header's size."""

EXTENDER_BYTES = 4
"""Bytes after the header's fields that say whether extensions follow."""

_HEADER_KINDS = {348: (Nifti1Header, b"n+1\0"), 540: (Nifti2Header, b"n+2\0")}
"""For each size of the header's fields nibabel's class and the magic of a single file."""


@dataclass(frozen=True)
class NiftiHeader:
    """Everything of a NIfTI file but its data.

    Attributes:
        raw: the bytes before the data, with extensions.
        shape: the stored shape, such as ``(X, Y, Z)`` or ``(X, Y, 1)``.
        dtype: the data type on disk, with its byte order.
        slope: value = slope · stored number + inter. 1 where the file has no scaling.
        inter: see ``slope``. 0 where the file has no scaling.
        affine: 4×4, voxel to world in mm: the sform, else the qform, else one by the voxels' sizes alone.
        affines: every affine that the file has (the sform, the qform); none where ``affine`` is a guess.
        unit_mm: millimetres in the file's unit of length: 1000 for metres, 0.001 for micrometres.
        remarks: what the header leaves open or contradicts, each a short text.
    """

    raw: bytes
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    slope: float
    inter: float
    affine: AffineRows
    affines: tuple[AffineRows, ...]
    unit_mm: float = 1.0
    remarks: tuple[str, ...] = ()

    @property
    def data_size(self) -> int:
        """Bytes of the data."""
        size = self.dtype.itemsize
        for length in self.shape:
            size *= length
        return size


def read_header_bytes(stream: IO[bytes], path: Path) -> bytes:
    """Read the bytes before the data. Nothing in them is interpreted but the data's offset.

    Args:
        stream: an unpacked file.
        path: the file, for messages.

    Raises:
        DataError: this is no single-file NIfTI, or it ends too early.
    """
    raw = stream.read(SIZE_FIELD_BYTES)
    size = get_header_size(raw)
    if size not in _HEADER_KINDS:
        raise DataError("not a NIfTI file", path=path, expected="a single-file NIfTI (.nii or .nii.gz)")
    raw += stream.read(size - SIZE_FIELD_BYTES)
    if len(raw) < size:
        raise DataError(f"truncated: {len(raw)} bytes", path=path, expected=f"a header of {size} bytes")
    fields = parse_fields(raw)
    _, magic = _HEADER_KINDS[size]
    if fields["magic"].tobytes()[: len(magic)].ljust(len(magic), b"\0") != magic:
        raise DataError("not a single-file NIfTI", path=path, expected="a .nii or .nii.gz with header and data in one")
    offset = float(fields["vox_offset"]) or size + EXTENDER_BYTES
    if not size <= offset <= MAX_HEADER_BYTES:
        raise DataError(f"data offset {offset:g}", path=path, expected=f"{size + EXTENDER_BYTES} or a little more")
    return raw + stream.read(int(offset) - size)


def get_header_size(raw: bytes) -> int:
    """Get the size of a header's fields, which tells NIfTI-1 from NIfTI-2.

    Args:
        raw: bytes from the start of the file, in either byte order.

    Returns:
        348, 540, or 0 where this is no NIfTI header.
    """
    size_field = raw[:SIZE_FIELD_BYTES]
    for size in (int.from_bytes(size_field, "little"), int.from_bytes(size_field, "big")):
        if size in _HEADER_KINDS:
            return size
    return 0


def parse_fields(raw: bytes) -> Any:
    """Parse a header's fields as they are stored. Nothing is checked or repaired.

    Args:
        raw: bytes from the start of the file.

    Returns:
        nibabel's header, a mapping of the fields.
    """
    size = get_header_size(raw)
    kind, _ = _HEADER_KINDS[size]
    return kind(raw[:size], check=False)


def parse_header(raw: bytes, path: Path) -> NiftiHeader:
    """Parse the bytes before the data.

    Args:
        raw: the bytes.
        path: the file, for messages.

    Raises:
        DataError: shape, data type or affine cannot be worked with.
    """
    size = get_header_size(raw)
    kind, _ = _HEADER_KINDS[size]
    with _silence_nibabel():
        fields = kind(raw[:size], check=True)
    shape = tuple(int(length) for length in fields.get_data_shape())
    if len(shape) < 2 or min(shape) < 1:
        raise DataError(f"shape {shape}", path=path, expected="2 or 3 spatial axes")
    dtype = fields.get_data_dtype()
    if dtype.kind not in "uif":
        raise DataError(f"data type {dtype}", path=path, expected="integers or real numbers")
    slope, inter = fields.get_slope_inter()
    # nibabel's check repairs sizes of 0 and below. The place of the grid is read from the fields as they are stored.
    placement = read_grid_placement(parse_fields(raw), shape, path)
    return NiftiHeader(
        raw=raw,
        shape=shape,
        dtype=dtype,
        slope=1.0 if slope is None else float(slope),
        inter=0.0 if inter is None else float(inter),
        affine=convert_to_rows(placement.affine),
        affines=tuple(convert_to_rows(form) for form in placement.forms),
        unit_mm=placement.unit_mm,
        remarks=placement.remarks,
    )


@contextmanager
def _silence_nibabel() -> Iterator[None]:
    """Keep nibabel from printing each harmless repair to stderr."""
    logger = logging.getLogger("nibabel.global")
    was_disabled = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = was_disabled


def convert_to_rows(affine: NDArray[Any]) -> AffineRows:
    """Convert a 4×4 matrix to tuples of floats.

    Args:
        affine: the matrix.
    """
    rows = np.asarray(affine, dtype=float).tolist()
    return tuple(tuple(row) for row in rows)


def make_header(array: NDArray[Any], affine: NDArray[Any] | None) -> NiftiHeader:
    """Make the header of an array that came from no NIfTI file.

    Args:
        array: an image, which gets float32, or a mask, which gets the smallest data type that holds its integers.
        affine: 4×4 in mm; None for voxels of 1 mm at the origin.
    """
    fields = Nifti1Header()
    fields.set_data_dtype(_find_smallest_type(array) if array.dtype.kind in "uib" else np.float32)
    fields.set_data_shape(array.shape)
    fields.set_xyzt_units("mm")
    fields["vox_offset"] = len(fields.binaryblock) + EXTENDER_BYTES
    placed = np.eye(4) if affine is None else affine
    fields.set_qform(placed, code="scanner")
    fields.set_sform(placed, code="scanner")
    return parse_header(fields.binaryblock + bytes(EXTENDER_BYTES), Path())


def _find_smallest_type(array: NDArray[Any]) -> type[np.integer[Any]]:
    lowest, highest = int(array.min(initial=0)), int(array.max(initial=0))
    integer_types: tuple[type[np.integer[Any]], ...] = (np.uint8, np.int16, np.int32)
    for integer_type in integer_types:
        limits = np.iinfo(integer_type)
        if limits.min <= lowest and highest <= limits.max:
            return integer_type
    return np.int64


def make_header_bytes(header: NiftiHeader, shape: tuple[int, ...], affine: NDArray[Any] | None) -> bytes:
    """Make the bytes before the data of a file like another one.

    Args:
        header: of the other file.
        shape: the stored shape. It is set where it differs.
        affine: 4×4 in mm. It is set where it is given and differs.
    """
    size = get_header_size(header.raw)
    fields, rest = parse_fields(header.raw), header.raw[size:]
    if shape != header.shape:
        fields.set_data_shape(shape)
    if affine is not None and convert_to_rows(affine) != header.affine:
        in_file_units = np.asarray(affine) / make_row_scale(header.unit_mm)
        qform_code, sform_code = int(fields["qform_code"]), int(fields["sform_code"])
        fields.set_qform(in_file_units, code=qform_code)  # sets the voxels' sizes as well
        fields.set_sform(in_file_units, code=sform_code or qform_code or 1)
    if len(rest) < EXTENDER_BYTES:
        rest = bytes(EXTENDER_BYTES)
    if int(fields["vox_offset"]) != size + len(rest):
        fields["vox_offset"] = size + len(rest)
    block: bytes = fields.binaryblock
    return block + rest
