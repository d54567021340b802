"""From a scan's record to its sample, and from a sample back to NIfTI files."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.nifti.nifti_files import (
    copy_planes,
    is_rereading_needed,
    list_label_values,
    read_nifti_image,
    read_nifti_mask,
    read_stored_numbers,
    write_nifti,
)
from domaingan.adapters.nifti.nifti_header import NiftiHeader, strip_text
from domaingan.adapters.values import list_allowed_values, make_unknown_values_error
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.data import Record, Sample, Schema


@dataclass(frozen=True)
class ArrayOrigin:
    """Where an array was read from.

    Attributes:
        path: the file.
        piece: which of the arrays in the file's further axes it is.
    """

    path: Path
    piece_index: int = 0


@dataclass(frozen=True)
class ScanHeader:
    """Hold the headers of all files of a scan, one a channel for the image: the ``Sample.header`` of scans.

    Attributes:
        channels: the headers of the image's channels.
        mask: the header of the mask's file, if any.
        foreground: the header of the body mask's file, if any.
        origins: where each of them was read from: the channels by number, ``mask`` and ``foreground``.
    """

    channels: tuple[NiftiHeader, ...]
    mask: NiftiHeader | None = None
    foreground: NiftiHeader | None = None
    origins: Mapping[int | str, ArrayOrigin] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class ScanReader:
    """Reads the files of a record into a sample; masks are uint8 where the dataset's values allow, else int32."""

    schema: Schema
    known: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "known", list_allowed_values(self.schema))

    def __call__(self, record: Record) -> Sample:
        """Read a sample.

        Raises:
            DataError: a file is missing or damaged, holds NaN, or a mask value that no class has.
        """
        channels: list[NDArray[np.float32]] = []
        headers: list[NiftiHeader] = []
        origins: dict[int | str, ArrayOrigin] = {}
        for path in (path for name, path in record.files.items() if name.startswith("image_")):
            array, header = read_nifti_image(path)
            pieces = self._split_channels(array, record, path)
            for piece in range(len(pieces)):
                origins[len(channels) + piece] = ArrayOrigin(path, piece)
            channels += pieces
            headers += [header] * len(pieces)
        mask, mask_header = self._read_mask(record, "mask")
        inside, inside_header = self._read_mask(record, "foreground")
        for name in ("mask", "foreground"):
            if name in record.files:
                origins[name] = ArrayOrigin(record.files[name])
        foreground: NDArray[np.bool_] | None = None
        if inside is not None and len(record.shape) > 2 and not np.any(inside > 0):
            empty = f"{record.files['foreground']}: a mask of the body that is empty; the body is measured instead"
            warnings.warn(empty, AssumptionWarning, stacklevel=2)
        elif inside is not None:
            foreground = _stack_in_c_order([inside > 0], np.bool_)[0]
        if mask is not None:
            self._check_values(mask, record.files["mask"])
            small = self.known[0] >= 0 and self.known[-1] < 256
            mask = _stack_in_c_order([mask], np.uint8 if small else np.int32)[0]
        return Sample(
            _stack_in_c_order(channels, np.float32),
            mask,
            condition=dict(record.condition),
            source=record.source,
            geometry=record.geometry,
            header=ScanHeader(tuple(headers), mask_header, inside_header, origins),
            foreground=foreground,
        )

    def _split_channels(self, array: NDArray[Any], record: Record, path: Path) -> list[NDArray[Any]]:
        """The spatial arrays that a stored one holds, one a channel."""
        pieces = _split_pieces(array, record.shape)
        if not pieces:
            raise DataError(f"shape {array.shape}", path=path, expected=f"{record.shape}, as when it was opened")
        return pieces

    def _read_mask(self, record: Record, name: str) -> tuple[NDArray[Any] | None, NiftiHeader | None]:
        path = record.files.get(name)
        if path is None:
            return None, None
        array, header = read_nifti_mask(path)
        return self._split_channels(array, record, path)[0], header

    def _check_values(self, mask: NDArray[Any], path: Path) -> None:
        strangers = [value for value in list_label_values(mask) if value not in self.known]
        if strangers:
            raise make_unknown_values_error(strangers, path, self.schema)


def _split_pieces(array: NDArray[Any], shape: tuple[int, ...]) -> list[NDArray[Any]]:
    """The arrays of a spatial shape that a stored one holds along its further axes; none where it has another shape."""
    if array.shape[: len(shape)] != shape and (*array.shape, 1) != shape:
        return []
    stacked = array.reshape(*shape, -1, order="F")
    return [stacked[..., i] for i in range(stacked.shape[-1])]


def _stack_in_c_order(arrays: Sequence[NDArray[Any]], dtype: type[np.generic]) -> NDArray[Any]:
    """The arrays stacked in C order, whatever order they had on disk."""
    out = np.empty((len(arrays), *arrays[0].shape), dtype)
    for target, source in zip(out, arrays, strict=True):
        copy_planes(source, target)
    return out


# --------------------------------------------------------------- samples to files


def write_scan(sample: Sample, images: Sequence[Path], mask: Path, foreground: Path | None = None) -> None:
    """Write a sample to one file a channel, its mask (if any) and its foreground (if any and a path is given).

    Every file keeps the header, data type and scaling it came with. The affine is the file's own unless the
    sample's was changed (cropped, resampled).

    Raises:
        DataError: as :func:`domaingan.adapters.nifti.nifti_files.write_nifti`.
    """
    if len(images) != len(sample.image):
        raise DataError(f"{len(sample.image)} channels", path=sample.name, expected=f"{len(images)}")
    header = sample.header
    if not isinstance(header, ScanHeader) or len(header.channels) != len(images):
        header = None
    affine = _find_changed_affine(sample, header)
    for i, path in enumerate(images):
        like = header.channels[i] if header else None
        write_nifti(path, sample.image[i], like, affine, _reread_stored_numbers(header, i, like, sample.shape))
    if sample.mask is not None:
        like = header.mask if header else None
        write_nifti(mask, sample.mask, like, affine, _reread_stored_numbers(header, "mask", like, sample.shape))
    inside = sample.foreground
    if foreground is not None and inside is not None:
        write_nifti(foreground, np.asarray(inside, np.uint8), header.foreground if header else None, affine)


def strip_header_text(sample: Sample) -> Sample:
    """The sample with headers that hold no free text; one that came from no NIfTI file is returned as it is.

    Args:
        sample: any sample.
    """
    header = sample.header
    if not isinstance(header, ScanHeader):
        return sample
    stripped = replace(
        header,
        channels=tuple(strip_text(one) for one in header.channels),
        mask=None if header.mask is None else strip_text(header.mask),
        foreground=None if header.foreground is None else strip_text(header.foreground),
    )
    return replace(sample, header=stripped)


def _reread_stored_numbers(
    header: ScanHeader | None, which: int | str, like: NiftiHeader | None, shape: tuple[int, ...]
) -> NDArray[Any] | None:
    """The numbers that the array was read from, where they hold more than what was read; None if they are gone."""
    origin = None if header is None else header.origins.get(which)
    if origin is None or like is None or not is_rereading_needed(like, is_mask=which == "mask"):
        return None
    try:
        stored, found = read_stored_numbers(origin.path)
    except DataError:
        return None
    if (found.shape, found.dtype, found.slope, found.inter) != (like.shape, like.dtype, like.slope, like.inter):
        return None  # another file lies there by now
    pieces = _split_pieces(stored, shape)
    return pieces[origin.piece_index] if pieces else None


def _find_changed_affine(sample: Sample, header: ScanHeader | None) -> NDArray[Any] | None:
    """The affine to write, None where each file keeps its own."""
    affine = sample.geometry.affine
    if header is not None:
        return None if affine is None or np.array_equal(affine, header.channels[0].affine) else np.asarray(affine)
    if affine is not None:
        return np.asarray(affine)
    return np.diag([*sample.spacing, *[1.0] * (4 - sample.spatial_dims)])
