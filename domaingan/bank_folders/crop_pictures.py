"""Crops of frames as people have them: pictures with masks, or cut-outs that are transparent around their object."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.adapters.frames.exif_orientation import OrientationLog
from domaingan.adapters.frames.frame_samples import make_frame_schema
from domaingan.adapters.frames.lossy_masks import warn_of_lossy_masks
from domaingan.adapters.frames.picture_io import find_common_shape, read_mask_picture, read_picture, read_picture_header
from domaingan.adapters.tables import ClassDefinitions, SampleTable
from domaingan.bank_folders.crop_files import CropFiles, read_alpha
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.data import Dataset, Record, Sample

COLOUR_MARGIN_PIXELS = 2.0
"""So far, in pixels, an object's own colours go on where its picture is transparent: what is smoothed stays its own."""

MIN_SOFT_MASK_VALUE = 64
"""Masks with values from here on, and others in between, are no numbers of classes but opaque to a degree."""

SURROUNDINGS_GREY = 0.4
"""The grey that is taken for its surroundings further away: by them a crop's exposure is told. Asphalt by day."""


def open_picture_crops(
    root: Path, crop_files: Mapping[str, CropFiles], classes: ClassDefinitions, table: SampleTable
) -> Dataset:
    """The crops as a dataset; masks hold what is stored, or 1 where a picture is not transparent.

    Raises:
        DataError: a picture cannot be read, or is of another size than its mask.
    """
    records, log, lossy = [], OrientationLog(), list[str]()
    for name, pair in crop_files.items():
        image = read_picture_header(pair.image)
        masks = [] if pair.mask is None else [read_picture_header(pair.mask)]
        shape = find_common_shape(image, masks)
        log.add(pair.image.name, image.orientation, is_stored=shape != image.shape)
        lossy += [mask.path.name for mask in masks if mask.is_lossy and mask.path is not None]
        files = {"image": pair.image} | ({} if pair.mask is None else {"mask": pair.mask})
        records.append(table.merge_into(Record(name, shape=shape, spacing=(1.0, 1.0), files=files)))
    schema = make_frame_schema("crops", classes, table.conditions)
    log.warn(root)
    warn_of_lossy_masks(lossy, root)
    known = {0, *schema.classes.values(), *schema.ignore} if classes.foreground_classes else set[int]()
    return Dataset(records, _PictureCropReader(tuple(sorted(known))), schema, root)


@dataclass(frozen=True)
class _PictureCropReader:
    allowed_values: tuple[int, ...]
    """What masks may hold; anything where there is nothing."""

    def __call__(self, record: Record) -> Sample:
        image, path = read_picture(record.files["image"], record.shape), record.files.get("mask")
        if path is None:
            mask = (read_alpha(record.files["image"]) >= 0.5).astype(np.int32)
            if mask.all():
                raise DataError("nothing transparent", path=record.files["image"], expected="all but the object")
            return Sample(
                _fill_surroundings(image, mask > 0),
                mask,
                condition=dict(record.condition),
                source=record.source,
                geometry=record.geometry,
            )
        mask = read_mask_picture(path, record.shape)[0].astype(np.int32)
        if not self.allowed_values:
            mask = threshold_soft_mask(mask)
        strangers = sorted(set(np.unique(mask).tolist()) - set(self.allowed_values)) if self.allowed_values else []
        if strangers:
            expected = f"one of {', '.join(map(str, self.allowed_values))}, as in classes.json"
            raise DataError(f"mask value {strangers[0]}", path=path, expected=expected)
        return Sample(image, mask, condition=dict(record.condition), source=record.source, geometry=record.geometry)


def threshold_soft_mask(mask: NDArray[np.int32]) -> NDArray[np.int32]:
    """Bring a mask with soft edges to 0 and its highest value, cut at half of that; what has hard edges stays.

    Soft is a mask of at least four values that reach :data:`SOFT` or more.

    Args:
        mask: ``(H, W)``.

    >>> threshold_soft_mask(np.array([[0, 60, 200, 255]], dtype=np.int32)).tolist()
    [[0, 0, 255, 255]]
    >>> threshold_soft_mask(np.array([[0, 1, 2, 3]], dtype=np.int32)).tolist()
    [[0, 1, 2, 3]]
    """
    values = np.unique(mask)
    top = int(values[-1])
    if top < MIN_SOFT_MASK_VALUE or len(values) < 4:
        return mask
    said = f"a crop's mask of many values up to {top} is taken for one with soft edges, cut at half"
    warnings.warn(said, AssumptionWarning, stacklevel=2)
    return np.where(2 * mask >= top, np.int32(top), np.int32(0))


def _fill_surroundings(image: NDArray[np.float32], body: NDArray[np.bool_]) -> NDArray[np.float32]:
    """A cut-out on grey, its own colours continued a little: what is stored beneath transparency means nothing."""
    away, nearest = ndimage.distance_transform_edt(~body, return_indices=True)
    colours = image[:, nearest[0], nearest[1]]
    return (
        np.where(away <= COLOUR_MARGIN_PIXELS, colours, np.float32(SURROUNDINGS_GREY)).astype(np.float32)
        if body.any()
        else image
    )
