"""Scans: from a record to its sample."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.mask_values import choose_mask_dtype, list_allowed_values, make_unknown_values_error
from domaingan.adapters.nifti.header_text import strip_text
from domaingan.adapters.nifti.nifti_header import NiftiHeader
from domaingan.adapters.nifti.nifti_reading import list_label_values, read_nifti_image, read_nifti_mask
from domaingan.adapters.nifti.nifti_writing import copy_planes
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.data import Record, Sample, Schema

IMAGE_KEY_PREFIX = "image_"
"""The start of the keys of a scan's images in ``Record.files``. The number of the file follows."""


@dataclass(frozen=True)
class ArrayOrigin:
    """Where an array was read from.

    Attributes:
        path: the file.
        piece_index: which of the file's arrays it is, along its further axes.
    """

    path: Path
    piece_index: int = 0


@dataclass(frozen=True)
class ScanHeader:
    """How the files of a scan were stored.

    Attributes:
        channels: headers of the image's channels.
        mask: header of the mask's file, None where the scan has no mask.
        foreground: header of the file with the mask of the body, None where there is none.
        origins: where each array was read from: the channels by their number, ``mask`` and ``foreground``.
    """

    channels: tuple[NiftiHeader, ...]
    mask: NiftiHeader | None = None
    foreground: NiftiHeader | None = None
    origins: Mapping[int | str, ArrayOrigin] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class ScanReader:
    """Reads the files of a record into a sample. Masks are uint8 where the dataset's values allow, else int32.

    Attributes:
        schema: the dataset's.
        allowed_values: what masks may hold.
    """

    schema: Schema
    allowed_values: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "allowed_values", list_allowed_values(self.schema))

    def __call__(self, record: Record) -> Sample:
        """Read a sample.

        Args:
            record: of the sample.

        Raises:
            DataError: a file is missing or damaged, or holds NaN or, in the mask, a value of no class.
        """
        channels: list[NDArray[np.float32]] = []
        headers: list[NiftiHeader] = []
        origins: dict[int | str, ArrayOrigin] = {}
        for key, path in record.files.items():
            if not key.startswith(IMAGE_KEY_PREFIX):
                continue
            array, header = read_nifti_image(path)
            for piece_index, channel in enumerate(_split_channels(array, record, path)):
                origins[len(channels)] = ArrayOrigin(path, piece_index)
                channels.append(channel)
                headers.append(header)
        mask, mask_header = _read_mask(record, "mask")
        foreground, foreground_header = _read_mask(record, "foreground")
        for key in ("mask", "foreground"):
            if key in record.files:
                origins[key] = ArrayOrigin(record.files[key])
        if mask is not None:
            self._check_values(mask, record.files["mask"])
            mask = _stack_in_c_order([mask], choose_mask_dtype(self.allowed_values))[0]
        return Sample(
            _stack_in_c_order(channels, np.float32),
            mask,
            condition=dict(record.condition),
            source=record.source,
            geometry=record.geometry,
            header=ScanHeader(tuple(headers), mask_header, foreground_header, origins),
            foreground=_find_body(foreground, record),
        )

    def _check_values(self, mask: NDArray[Any], path: Path) -> None:
        unknown_values = [value for value in list_label_values(mask) if value not in self.allowed_values]
        if unknown_values:
            raise make_unknown_values_error(unknown_values, path, self.schema)


def _find_body(foreground: NDArray[Any] | None, record: Record) -> NDArray[np.bool_] | None:
    """Find where a mask of the body is above 0; None where there is no mask, or a volume's mask is empty."""
    if foreground is None:
        return None
    is_body = foreground > 0
    if len(record.shape) > 2 and not np.any(is_body):
        found = f"{record.files['foreground']}: a mask of the body that is empty"
        warnings.warn(f"{found}; the body is measured instead", AssumptionWarning, stacklevel=3)
        return None
    return _stack_in_c_order([is_body], np.bool_)[0]


def _read_mask(record: Record, key: str) -> tuple[NDArray[Any] | None, NiftiHeader | None]:
    """Read the mask of a record's file; nothing where the record has no such file."""
    path = record.files.get(key)
    if path is None:
        return None, None
    array, header = read_nifti_mask(path)
    return _split_channels(array, record, path)[0], header


def _split_channels(array: NDArray[Any], record: Record, path: Path) -> list[NDArray[Any]]:
    """Split a stored array into spatial ones, one for each channel.

    Raises:
        DataError: it has another shape than when the dataset was opened.
    """
    pieces = split_pieces(array, record.shape)
    if not pieces:
        raise DataError(f"shape {array.shape}", path=path, expected=f"{record.shape}, as when it was opened")
    return pieces


def split_pieces(array: NDArray[Any], shape: tuple[int, ...]) -> list[NDArray[Any]]:
    """Split a stored array along its further axes.

    Args:
        array: as it is stored.
        shape: of the pieces, in space.

    Returns:
        The pieces, none where the array has another shape in space.
    """
    if array.shape[: len(shape)] != shape and (*array.shape, 1) != shape:
        return []
    stacked = array.reshape(*shape, -1, order="F")
    return [stacked[..., i] for i in range(stacked.shape[-1])]


def _stack_in_c_order(arrays: Sequence[NDArray[Any]], dtype: type[np.generic]) -> NDArray[Any]:
    """Stack arrays in C order, whatever order they had on disk."""
    stacked = np.empty((len(arrays), *arrays[0].shape), dtype)
    for target, source in zip(stacked, arrays, strict=True):
        copy_planes(source, target)
    return stacked


def strip_header_text(sample: Sample) -> Sample:
    """Strip a sample's headers of their free text.

    Args:
        sample: any sample. One that was not read from NIfTI files is returned as it is.
    """
    header = sample.header
    if not isinstance(header, ScanHeader):
        return sample
    stripped = replace(
        header,
        channels=tuple(strip_text(channel) for channel in header.channels),
        mask=None if header.mask is None else strip_text(header.mask),
        foreground=None if header.foreground is None else strip_text(header.foreground),
    )
    return replace(sample, header=stripped)
