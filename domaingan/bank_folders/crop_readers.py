"""Readers that turn the files of single crops into samples that a bank can be cropped from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domaingan.bank_folders.crop_pictures import SURROUNDINGS_GREY
from domaingan.bank_folders.crop_scans import SubjectRanges, find_hounsfield_channels
from domaingan.banks.find_objects import find_crop_box
from domaingan.core.errors import DataError
from domaingan.data import IntensityRange, Reader, Record, Sample, Schema
from domaingan.imaging.intensity import find_extent


@dataclass(frozen=True)
class LabelledReader:
    """Reads a crop whose mask holds the class values of its object, and 0 elsewhere.

    Attributes:
        read: reads image and mask as stored.
        schema: of the crops.
        is_class_from_table: whether a column of the table names the class of a crop, and not its mask.
        has_class_column: whether there is such a column.
        table_path: path of the table, for messages.
    """

    read: Reader
    schema: Schema
    is_class_from_table: bool
    has_class_column: bool
    table_path: Path

    def __call__(self, record: Record) -> Sample:
        """Read a crop.

        Raises:
            DataError: the file cannot be read, the image has NaN, or the mask is empty.
        """
        sample = self.read(record)
        image_file = record.files.get("image", record.files.get("image_0"))
        if not np.isfinite(sample.image).all():
            raise DataError("NaN or infinite values", path=image_file, expected="finite intensities")
        classes = self.schema.classes
        objects = self.schema.objects or tuple(classes)
        mask = np.asarray(sample.mask)
        if self.is_class_from_table or "mask" not in record.files:
            mask = (mask > 0) * np.int32(classes[self._get_class_name(record, objects)])
        else:
            object_values = {classes[name] for name in objects} - set(self.schema.ignore)
            mask = np.where(np.isin(mask, list(object_values)), mask, 0)
        if not mask.any():
            mask_file = record.files.get("mask", image_file)
            raise DataError("an empty mask", path=mask_file, expected=f"some of {', '.join(objects)}")
        return replace(sample, mask=mask)

    def _get_class_name(self, record: Record, objects: Sequence[str]) -> str:
        """Get the class of a crop from the table; without such a column it is the only class."""
        column = self.schema.domain.class_condition
        only_class = objects[0] if len(objects) == 1 and not self.has_class_column else ""
        name = str(record.condition.get(column, only_class))
        if name not in objects:
            found = f"{column} {name!r} of {record.name!r}" if name else f"no {column} for {record.name!r}"
            raise DataError(found, path=self.table_path, expected=f"one of {', '.join(objects)}")
        return name


@dataclass(frozen=True)
class PaddedReader:
    """Pads a crop until the bank's crop fits around its object, and marks all of its mask as one object.

    Attributes:
        read: reads the crop.
        size: edge of the bank's crops in pixels.
        ranges: for scans the intensity range of each subject; empty for frames.
    """

    read: Reader
    size: int
    ranges: SubjectRanges = field(default_factory=dict)

    def __call__(self, record: Record) -> Sample:
        """Read a crop. What lies beside a picture goes on as its edge, and beside a scan or cut-out it is one value."""
        sample = self.read(record)
        assert sample.mask is not None
        margin = self._choose_margin(sample.mask)
        mask = np.pad(sample.mask, margin)
        instances = (mask > 0).astype(np.int32)
        if not self.ranges:
            values, counts = np.unique(mask[mask > 0], return_counts=True)
            label = values[counts.argmax()].reshape(1).astype(np.int64)
            is_cut_out = "mask" not in record.files
            fill = [SURROUNDINGS_GREY] * len(sample.image) if is_cut_out else []
            image = _pad_image(sample.image, margin, fill)
            return replace(sample, image=image, mask=mask, instances=instances, labels=label)
        ends = self.ranges[record.group]
        zero_in_scaled_units = ends[:, 0].tolist()
        return replace(
            sample,
            image=_pad_image(sample.image, margin, zero_in_scaled_units),
            mask=mask,
            instances=instances,
            foreground=np.ones(mask.shape, dtype=bool),
            intensity_range=IntensityRange(ends, find_hounsfield_channels(self.ranges)),
        )

    def _choose_margin(self, mask: NDArray[np.integer]) -> int:
        """Choose how many pixels to add on each side: half of the edge that will be cropped, rounded up."""
        extent = find_extent(mask > 0) or ()
        low = np.array([side.start for side in extent])
        high = np.array([side.stop for side in extent])
        _, edge = find_crop_box(low, high, self.size)
        return (edge + 1) // 2


def _pad_image(image: NDArray[np.float32], margin: int, fill: Sequence[float]) -> NDArray[np.float32]:
    """Pad an image with one value for each channel; without values its edge goes on."""
    if not fill:
        margins = [(0, 0), *[(margin, margin)] * (image.ndim - 1)]
        return np.pad(image, margins, mode="edge")
    channels = [np.pad(channel, margin, constant_values=value) for channel, value in zip(image, fill, strict=True)]
    return np.stack(channels)
