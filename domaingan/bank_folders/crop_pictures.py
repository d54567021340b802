"""Crops of frames as people keep them: pictures with masks, or cut-outs that are transparent around their object."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.adapters.class_definitions import ClassDefinitions
from domaingan.adapters.frames.exif_orientation import OrientationLog
from domaingan.adapters.frames.frame_samples import make_frame_schema
from domaingan.adapters.frames.lossy_masks import warn_of_lossy_masks
from domaingan.adapters.frames.picture_header import find_common_shape, read_picture_header
from domaingan.adapters.frames.picture_io import read_mask_picture, read_picture
from domaingan.adapters.sample_table import SampleTable
from domaingan.bank_folders.crop_files import CropFiles, read_alpha
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.data import Dataset, Record, Sample

COLOUR_MARGIN_PIXELS = 2.0
"""The colours of a cut-out go on this far beyond it, so that smoothing mixes in nothing else."""

MIN_SOFT_MASK_VALUE = 64
"""A mask that reaches this value, and has others in between, holds no classes: it says how opaque a pixel is."""

MIN_SOFT_MASK_VALUES = 4
"""A mask of fewer different values has hard edges."""

SURROUNDINGS_GREY = 0.4
"""Grey beyond that margin. A crop's exposure is judged by its surroundings, and this is asphalt by day."""

MIN_OPACITY = 0.5
"""A pixel of a cut-out that is at least this opaque belongs to the object."""


def open_picture_crops(
    root: Path, crop_files: Mapping[str, CropFiles], classes: ClassDefinitions, table: SampleTable
) -> Dataset:
    """Open crops of frames as a dataset. Masks hold what is stored, or 1 where a picture is not transparent.

    Args:
        root: the folder.
        crop_files: its files by name.
        classes: what ``classes.json`` names.
        table: the rows of ``samples.csv``.

    Returns:
        The crops; they are read when they are asked for.

    Raises:
        DataError: a picture cannot be read, or its mask has another size.
    """
    records = []
    orientations = OrientationLog()
    lossy_masks: list[str] = []
    for name, files in crop_files.items():
        image = read_picture_header(files.image)
        masks = [] if files.mask is None else [read_picture_header(files.mask)]
        shape = find_common_shape(image, masks)
        orientations.add(files.image.name, image.orientation, is_stored=shape != image.shape)
        lossy_masks += [mask.path.name for mask in masks if mask.is_lossy and mask.path is not None]
        paths = {"image": files.image}
        if files.mask is not None:
            paths["mask"] = files.mask
        records.append(table.merge_into(Record(name, shape=shape, spacing=(1.0, 1.0), files=paths)))
    schema = make_frame_schema("crops", classes, table.conditions)
    orientations.warn(root)
    warn_of_lossy_masks(lossy_masks, root)
    allowed: set[int] = set()
    if classes.foreground_classes:
        allowed = {0, *schema.classes.values(), *schema.ignore}
    return Dataset(records, _PictureCropReader(tuple(sorted(allowed))), schema, root)


@dataclass(frozen=True)
class _PictureCropReader:
    """Reads a picture with its mask.

    Attributes:
        allowed_values: values that masks may hold; empty if they may hold any.
    """

    allowed_values: tuple[int, ...]

    def __call__(self, record: Record) -> Sample:
        image = read_picture(record.files["image"], record.shape)
        mask_file = record.files.get("mask")
        if mask_file is None:
            mask = self._read_opacity(record.files["image"])
            image = _fill_surroundings(image, mask > 0)
        else:
            mask = self._read_mask(mask_file, record.shape)
        return Sample(image, mask, condition=dict(record.condition), source=record.source, geometry=record.geometry)

    def _read_opacity(self, path: Path) -> NDArray[np.int32]:
        """Read the mask of a cut-out: 1 where it is opaque."""
        mask = (read_alpha(path) >= MIN_OPACITY).astype(np.int32)
        if mask.all():
            raise DataError("nothing transparent", path=path, expected="all but the object")
        return mask

    def _read_mask(self, path: Path, shape: tuple[int, ...]) -> NDArray[np.int32]:
        """Read a stored mask, and check its values."""
        mask = read_mask_picture(path, shape)[0].astype(np.int32)
        if not self.allowed_values:
            return threshold_soft_mask(mask)
        unknown = set(np.unique(mask).tolist()) - set(self.allowed_values)
        if unknown:
            expected = f"one of {', '.join(map(str, self.allowed_values))}, as in classes.json"
            raise DataError(f"mask value {min(unknown)}", path=path, expected=expected)
        return mask


def threshold_soft_mask(mask: NDArray[np.int32]) -> NDArray[np.int32]:
    """Threshold a mask with soft edges at half of its highest value. A mask with hard edges stays as it is.

    A mask is soft if it has at least :data:`MIN_SOFT_MASK_VALUES` different values and reaches
    :data:`MIN_SOFT_MASK_VALUE`. Then a warning says so.

    Args:
        mask: ``(H, W)``.

    Returns:
        ``(H, W)``: for a soft mask its highest value where the mask is at least half as high, and 0 elsewhere; else the
        mask itself.

    >>> threshold_soft_mask(np.array([[0, 60, 200, 255]], dtype=np.int32)).tolist()
    [[0, 0, 255, 255]]
    >>> threshold_soft_mask(np.array([[0, 1, 2, 3]], dtype=np.int32)).tolist()
    [[0, 1, 2, 3]]
    """
    values = np.unique(mask)
    highest = int(values[-1])
    if highest < MIN_SOFT_MASK_VALUE or len(values) < MIN_SOFT_MASK_VALUES:
        return mask
    warning = f"a crop's mask of many values up to {highest} is taken for one with soft edges, cut at half"
    warnings.warn(warning, AssumptionWarning, stacklevel=2)
    return np.where(2 * mask >= highest, np.int32(highest), np.int32(0))


def _fill_surroundings(image: NDArray[np.float32], body: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Put a cut-out on grey, and continue its colours a little: what is stored beneath transparency means nothing."""
    if not body.any():
        return image
    distance, nearest = ndimage.distance_transform_edt(~body, return_indices=True)
    nearest_colours = image[:, nearest[0], nearest[1]]
    is_near = distance <= COLOUR_MARGIN_PIXELS
    return np.where(is_near, nearest_colours, np.float32(SURROUNDINGS_GREY)).astype(np.float32)
