"""The part of a NIfTI file before its data: read once, kept byte for byte, written again."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from numpy.typing import NDArray

from domaingan.adapters.nifti.nifti_geometry import make_row_scale, read_grid_placement
from domaingan.core.errors import DataError

AffineRows = tuple[tuple[float, ...], ...]

MAX_HEADER_BYTES = 1 << 26
"""Bytes before the data; more is a broken offset, not an extension."""

_HEADER_KINDS = {348: (Nifti1Header, b"n+1\0"), 540: (Nifti2Header, b"n+2\0")}


@dataclass(frozen=True)
class NiftiHeader:
    """Everything of a NIfTI file but its data.

    Attributes:
        raw: the bytes before the data, extensions included.
        shape: the stored shape, such as ``(X, Y, Z)`` or ``(X, Y, 1)``.
        dtype: the data type on disk, with its byte order.
        slope: value = slope · stored + inter; 1 where the file has no scaling.
        inter: see ``slope``; 0 where the file has no scaling.
        affine: 4×4, voxel to world in mm: the sform, else the qform, else from the zooms alone.
        affines: every affine the file gives (a qform beside the sform); none where both form codes are 0, so
            that ``affine`` is a guess.
        unit: mm a unit of the file: 1000 where its sizes are in metres, 0.001 in micrometres.
        remarks: what was guessed or left aside while the header was read, each a short text.
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
        """Bytes of the data that follow."""
        size = self.dtype.itemsize
        for n in self.shape:
            size *= n
        return size


def read_header_bytes(stream: IO[bytes], path: Path) -> bytes:
    """The bytes before the data of an unpacked file, none of them interpreted but the data's offset.

    Raises:
        DataError: this is no single-file NIfTI, or it ends too early.
    """
    raw = stream.read(4)
    if _read_header_size(raw) not in _HEADER_KINDS:
        raise DataError("not a NIfTI file", path=path, expected="a single-file NIfTI (.nii or .nii.gz)")
    size = _read_header_size(raw)
    kind, magic = _HEADER_KINDS[size]
    raw += stream.read(size - 4)
    if len(raw) < size:
        raise DataError(f"truncated: {len(raw)} bytes", path=path, expected=f"a header of {size} bytes")
    fields = kind(raw, check=False)
    if fields["magic"].tobytes()[:4].ljust(4, b"\0") != magic:
        raise DataError("not a single-file NIfTI", path=path, expected="a .nii or .nii.gz with header and data in one")
    offset = float(fields["vox_offset"]) or size + 4
    if not size <= offset <= MAX_HEADER_BYTES:
        raise DataError(f"data offset {offset:g}", path=path, expected=f"{size + 4} or a little more")
    return raw + stream.read(int(offset) - size)


def _read_header_size(raw: bytes) -> int:
    """The header's own size, its first field in either byte order, which tells NIfTI-1 from NIfTI-2."""
    sizes = int.from_bytes(raw[:4], "little"), int.from_bytes(raw[:4], "big")
    return next((size for size in sizes if size in _HEADER_KINDS), 0)


def parse_header(raw: bytes, path: Path) -> NiftiHeader:
    """What the bytes before the data say.

    Raises:
        DataError: no such shape, data type or affine can be worked with.
    """
    size = _read_header_size(raw)
    logger = logging.getLogger("nibabel.global")  # it would print each harmless repair to stderr
    before, logger.disabled = logger.disabled, True
    try:
        fields = _HEADER_KINDS[size][0](raw[:size], check=True)
    finally:
        logger.disabled = before
    shape = tuple(int(n) for n in fields.get_data_shape())
    if len(shape) < 2 or min(shape) < 1:
        raise DataError(f"shape {shape}", path=path, expected="2 or 3 spatial axes")
    dtype = fields.get_data_dtype()
    if dtype.kind not in "uif":
        raise DataError(f"data type {dtype}", path=path, expected="integers or real numbers")
    slope, inter = fields.get_slope_inter()
    # The check above repairs sizes of 0 and below, so the place is read from the fields as they are stored.
    place = read_grid_placement(_HEADER_KINDS[size][0](raw[:size], check=False), shape, path)
    return NiftiHeader(
        raw,
        shape,
        dtype,
        1.0 if slope is None else float(slope),
        0.0 if inter is None else float(inter),
        convert_to_rows(place.affine),
        tuple(convert_to_rows(form) for form in place.forms),
        place.unit_mm,
        place.remarks,
    )


TEXT_FIELDS = ("descrip", "aux_file", "intent_name", "db_name", "data_type")
"""Fields of free text, which may name people."""

EXTENSION_NAMES = {2: "DICOM", 4: "AFNI", 6: "comment"}


def find_header_text(header: NiftiHeader) -> dict[str, str]:
    """The free text of a header by its fields; extensions by their kind, what can be read of them.

    Args:
        header: any header.

    Returns:
        ``{field: text}`` of those that are not empty.
    """
    size = _read_header_size(header.raw)
    fields = _HEADER_KINDS[size][0](header.raw[:size], check=False)
    found = {}
    for name in TEXT_FIELDS:
        if name in list(fields):
            found[name] = fields[name].tobytes().split(b"\0")[0].decode("latin-1").strip()
    rest = header.raw[size:]
    position = 4
    while len(rest) >= position + 8 and rest[0]:
        length, code = np.frombuffer(rest[position : position + 8], get_byte_order(header) + "i4").tolist()
        if length < 8:
            break
        content = rest[position + 8 : position + length].decode("latin-1")
        readable = "".join(letter if letter.isprintable() else " " for letter in content)
        found[f"{EXTENSION_NAMES.get(code, code)} extension"] = " ".join(readable.split())
        position += length
    return {name: text for name, text in found.items() if text}


def get_byte_order(header: NiftiHeader) -> str:
    """The byte order of a header, as in NumPy's data types."""
    size = int.from_bytes(header.raw[:4], "little")
    return "<" if size in _HEADER_KINDS else ">"


def strip_text(header: NiftiHeader) -> NiftiHeader:
    """The same header without its free text and its extensions.

    Args:
        header: any header.
    """
    size = _read_header_size(header.raw)
    fields = _HEADER_KINDS[size][0](header.raw[:size], check=False)
    for name in TEXT_FIELDS:
        if name in list(fields):
            fields[name] = b""
    fields["vox_offset"] = size + 4
    return replace(header, raw=fields.binaryblock + bytes(4))


def convert_to_rows(affine: NDArray[Any]) -> AffineRows:
    """A 4×4 matrix as tuples of floats, to compare and to keep in a record."""
    return tuple(tuple(row) for row in np.asarray(affine, dtype=float).tolist())


def make_header(array: NDArray[Any], affine: NDArray[Any] | None) -> NiftiHeader:
    """A header for an array that came from no NIfTI file: float32, or the smallest type that holds its integers."""
    fields = Nifti1Header()
    fields.set_data_dtype(_find_smallest_type(array) if array.dtype.kind in "uib" else np.float32)
    fields.set_data_shape(array.shape)
    fields.set_xyzt_units("mm")
    fields["vox_offset"] = 352
    placed = np.eye(4) if affine is None else affine
    fields.set_qform(placed, code="scanner")
    fields.set_sform(placed, code="scanner")
    return parse_header(fields.binaryblock + bytes(4), Path())


def _find_smallest_type(array: NDArray[Any]) -> type[np.integer[Any]]:
    low, high = int(array.min(initial=0)), int(array.max(initial=0))
    kinds: tuple[type[np.integer[Any]], ...] = (np.uint8, np.int16, np.int32)
    return next((k for k in kinds if np.iinfo(k).min <= low and high <= np.iinfo(k).max), np.int64)


def make_header_bytes(header: NiftiHeader, shape: tuple[int, ...], affine: NDArray[Any] | None) -> bytes:
    """The bytes before the data of a file like ``header``, changed only where shape or affine have changed."""
    size = _read_header_size(header.raw)
    fields, rest = _HEADER_KINDS[size][0](header.raw[:size], check=False), header.raw[size:]
    if shape != header.shape:
        fields.set_data_shape(shape)
    if affine is not None and convert_to_rows(affine) != header.affine:
        affine = np.asarray(affine) / make_row_scale(header.unit_mm)
        qform, sform = int(fields["qform_code"]), int(fields["sform_code"])
        fields.set_qform(affine, code=qform)  # sets the zooms as well
        fields.set_sform(affine, code=sform or qform or 1)
    if len(rest) < 4:
        rest = bytes(4)
    if int(fields["vox_offset"]) != size + len(rest):
        fields["vox_offset"] = size + len(rest)
    block: bytes = fields.binaryblock
    return block + rest
