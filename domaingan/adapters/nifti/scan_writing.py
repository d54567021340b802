"""Scans: from a sample back to NIfTI files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.nifti.nifti_header import NiftiHeader
from domaingan.adapters.nifti.nifti_reading import read_stored_numbers
from domaingan.adapters.nifti.nifti_scaling import is_rereading_needed
from domaingan.adapters.nifti.nifti_writing import write_nifti
from domaingan.adapters.nifti.scan_samples import ScanHeader, split_pieces
from domaingan.core.errors import DataError
from domaingan.data import Sample


def write_scan(sample: Sample, images: Sequence[Path], mask: Path, foreground: Path | None = None) -> None:
    """Write a sample: a file for each channel, its mask if it has one, and its mask of the body.

    Every file keeps the header, data type and scaling that it came with. It keeps its affine too, unless the sample's
    was changed (cropped, resampled).

    Args:
        sample: a scan.
        images: the new files, one for each channel.
        mask: the new file of the mask.
        foreground: the new file of the mask of the body. None: it is not written.

    Raises:
        DataError: as :func:`domaingan.adapters.nifti.nifti_writing.write_nifti`, or the number of channels differs.
    """
    if len(images) != len(sample.image):
        raise DataError(f"{len(sample.image)} channels", path=sample.name, expected=f"{len(images)}")
    header = sample.header
    if not isinstance(header, ScanHeader) or len(header.channels) != len(images):
        header = None
    affine = _find_changed_affine(sample, header)
    for i, path in enumerate(images):
        like = header.channels[i] if header else None
        original = _reread_stored_numbers(header, i, like, sample.shape)
        write_nifti(path, sample.image[i], like, affine, original)
    if sample.mask is not None:
        like = header.mask if header else None
        original = _reread_stored_numbers(header, "mask", like, sample.shape)
        write_nifti(mask, sample.mask, like, _place_beside_image(like, affine, header), original)
    is_body = sample.foreground
    if foreground is not None and is_body is not None:
        like = header.foreground if header else None
        place = _place_beside_image(like, affine, header)
        write_nifti(foreground, np.asarray(is_body, np.uint8), like, place)


def _reread_stored_numbers(
    header: ScanHeader | None, key: int | str, like: NiftiHeader | None, shape: tuple[int, ...]
) -> NDArray[Any] | None:
    """Read the stored numbers of an array again, where float32 did not hold them exactly.

    Args:
        header: what is known of the scan's files.
        key: of the array in ``header.origins``.
        like: header of the array's file.
        shape: spatial shape of the scan.

    Returns:
        The numbers. None where float32 held them, or where the file is missing or has changed.
    """
    origin = None if header is None else header.origins.get(key)
    if origin is None or like is None or not is_rereading_needed(like, is_mask=key == "mask"):
        return None
    try:
        stored, found = read_stored_numbers(origin.path)
    except DataError:
        return None
    if (found.shape, found.dtype, found.slope, found.inter) != (like.shape, like.dtype, like.slope, like.inter):
        return None
    pieces = split_pieces(stored, shape)
    return pieces[origin.piece_index] if pieces else None


def _place_beside_image(
    like: NiftiHeader | None, affine: NDArray[Any] | None, header: ScanHeader | None
) -> NDArray[Any] | None:
    """Find the affine of a mask to write; the image's, where the mask was in no file and nothing moved the scan."""
    if affine is not None or like is not None or header is None:
        return affine
    return np.asarray(header.channels[0].affine)


def _find_changed_affine(sample: Sample, header: ScanHeader | None) -> NDArray[Any] | None:
    """Find the affine to write; None where each file keeps its own."""
    affine = sample.geometry.affine
    if header is not None:
        is_unchanged = affine is None or np.array_equal(affine, header.channels[0].affine)
        return None if is_unchanged else np.asarray(affine)
    if affine is not None:
        return np.asarray(affine)
    n_further_axes = 4 - sample.spatial_dims
    return np.diag([*sample.spacing, *[1.0] * n_further_axes])
