"""Masks that a trainer of the user's own predicted: one file for each test sample, checked before it is scored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.frames.picture_io import read_mask_picture
from domaingan.adapters.mask_values import list_allowed_values, make_unknown_values_error
from domaingan.adapters.nifti.nifti_geometry import measure_corner_distance
from domaingan.adapters.nifti.nifti_reading import read_nifti_mask
from domaingan.adapters.nifti.scan_samples import split_pieces
from domaingan.core.errors import DataError
from domaingan.data import Sample, Schema

SCAN_SUFFIXES = (".nii.gz", ".nii")

FRAME_SUFFIXES = (".png", ".tif", ".tiff", ".webp", ".bmp")

MAX_CORNER_DISTANCE = 0.1
"""A prediction lies on another grid where one of its corners is this many voxels from the image's."""


class PredictedMasks:
    """Reads the masks of one training.

    Args:
        folder: holds ``SAMPLE.nii.gz`` for scans, ``SAMPLE.png`` for frames.
        names: names of the test samples.
        schema: of the data.

    Raises:
        DataError: there is no such folder, a test sample has no prediction, or a file is of no test sample.
    """

    def __init__(self, folder: Path, names: Sequence[str], schema: Schema) -> None:
        suffixes = FRAME_SUFFIXES if schema.domain.is_rgb else SCAN_SUFFIXES
        self.schema = schema
        self.paths = _find_masks(folder, suffixes)
        missing = [name for name in names if name not in self.paths]
        if missing:
            found = f"no prediction for {len(missing)} of {len(names)} test samples (first {missing[0]!r})"
            raise DataError(found, path=folder, expected=f"{missing[0]}{suffixes[0]}")
        unknown = sorted(set(self.paths) - set(names))
        if unknown:
            raise DataError(f"{unknown[0]!r} is no test sample", path=self.paths[unknown[0]], expected="a test sample")

    def read_mask(self, sample: Sample) -> NDArray[Any]:
        """Read the predicted mask of a test sample.

        Args:
            sample: the test sample at the data's own grid.

        Returns:
            ``(*spatial)`` class values.

        Raises:
            DataError: the mask has another shape, lies elsewhere in space, or holds a value of no class.
        """
        path = self.paths[sample.name]
        mask = self._read_picture(sample, path) if self.schema.domain.is_rgb else self._read_scan(sample, path)
        allowed = list_allowed_values(self.schema)
        unknown = [value for value in np.unique(mask).tolist() if value not in allowed]
        if unknown:
            raise make_unknown_values_error(unknown, path, self.schema)
        return mask

    def _read_picture(self, sample: Sample, path: Path) -> NDArray[Any]:
        mask, _ = read_mask_picture(path)
        if mask.shape != sample.shape:
            raise DataError(f"shape {mask.shape}", path=path, expected=f"{sample.shape}, that of its image")
        return mask

    def _read_scan(self, sample: Sample, path: Path) -> NDArray[Any]:
        stored, header = read_nifti_mask(path)
        pieces = split_pieces(stored, sample.shape)
        if len(pieces) != 1:
            raise DataError(f"shape {stored.shape}", path=path, expected=f"{sample.shape}, that of its image")
        affine = sample.geometry.affine
        if affine is not None:
            distance = measure_corner_distance(np.asarray(header.affine), np.asarray(affine), sample.shape)
            if distance > MAX_CORNER_DISTANCE:
                found = f"a mask whose corner lies {distance:.3g} voxels from that of its image"
                raise DataError(found, path=path, expected="the grid and affine of the image")
        mask: NDArray[Any] = pieces[0]
        return mask


def _find_masks(folder: Path, suffixes: Sequence[str]) -> dict[str, Path]:
    """Find the masks below a folder by the names of their samples, which may have folders in them."""
    if not folder.is_dir():
        raise DataError("no such folder", path=folder, expected="the predictions of one training")
    paths: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        suffix = next((suffix for suffix in suffixes if path.name.lower().endswith(suffix)), None)
        if suffix is None or not path.is_file():
            continue
        relative = path.relative_to(folder).as_posix()
        paths[relative[: -len(suffix)]] = path
    return paths
