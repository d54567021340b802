"""Frames: from a record to its sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.class_definitions import ClassDefinitions
from domaingan.adapters.frames.picture_header import PictureHeader
from domaingan.adapters.frames.picture_io import read_mask_picture, read_picture_with_header
from domaingan.adapters.mask_values import choose_mask_dtype, list_allowed_values, make_unknown_values_error
from domaingan.core.errors import DataError
from domaingan.data import FRAME, Record, Sample, Schema
from domaingan.imaging.instances import Objects, find_instance_objects, find_mask_objects

FRAME_CHANNELS = ("red", "green", "blue")

PIXEL_SPACING = (1.0, 1.0)
"""Spacing of frames, whose lengths are in pixels."""

MAX_BINCOUNT_BYTES = 2
"""Bytes per value up to which counting is faster than sorting."""


def make_frame_schema(layout: str, definitions: ClassDefinitions, conditions: Sequence[str]) -> Schema:
    """Make the schema of a dataset of frames.

    Args:
        layout: name of the dataset's layout.
        definitions: of its classes.
        conditions: names of its conditions.
    """
    return Schema(
        layout=layout,
        domain=FRAME,
        spatial_dims=2,
        channels=FRAME_CHANNELS,
        classes=definitions.foreground_classes,
        ignore=tuple(definitions.ignore),
        objects=tuple(definitions.objects),
        regions={name: tuple(values) for name, values in definitions.regions.items()},
        conditions=tuple(conditions),
        min_area=definitions.min_area,
        ground=definitions.supporting_classes,
        region=definitions.region,
    )


@dataclass(frozen=True)
class FrameHeader:
    """How the files of a frame were stored, and in which folders.

    Attributes:
        image: header of the frame's file.
        mask: header of the mask's file, None where the frame has no mask.
        layout_style: which of a layout's folders the files are in. Only the layout that read the frame understands it.
    """

    image: PictureHeader
    mask: PictureHeader | None = None
    layout_style: str = ""


@dataclass(frozen=True)
class FrameReader:
    """Reads the files of a record into a sample.

    Masks are uint8 where the dataset's values allow, else int32. Objects are the connected components of the schema's
    ``objects``. Components under its ``min_area`` are counted in ``Sample.dropped``. Where a record has a picture of
    instances, the objects are those instead.

    Attributes:
        schema: the dataset's.
        layout_style: as of :class:`FrameHeader`.
        allowed_values: what masks may hold.
    """

    schema: Schema
    layout_style: str = ""
    allowed_values: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "allowed_values", list_allowed_values(self.schema))

    def __call__(self, record: Record) -> Sample:
        """Read a sample.

        Args:
            record: of the sample.

        Raises:
            DataError: a file is missing, damaged or of another shape, or a mask holds a value of no class.
        """
        image, image_header = read_picture_with_header(record.files["image"], record.shape)
        _check_shape(image.shape[1:], record, "image")
        sample = Sample(
            image,
            condition=dict(record.condition),
            source=record.source,
            geometry=record.geometry,
            header=FrameHeader(image_header, layout_style=self.layout_style),
        )
        if "mask" not in record.files:
            return sample
        mask, mask_header = self._read_mask(record)
        sample = replace(sample, mask=mask, header=FrameHeader(image_header, mask_header, self.layout_style))
        if not self.schema.objects:
            return sample
        objects = self._find_objects(record, mask)
        return replace(
            sample,
            boxes=objects.boxes,
            labels=objects.labels,
            instances=objects.instances,
            dropped=objects.dropped,
        )

    def _read_mask(self, record: Record) -> tuple[NDArray[Any], PictureHeader]:
        path = record.files["mask"]
        mask, header = read_mask_picture(path, record.shape)
        _check_shape(mask.shape, record, "mask")
        unknown_values = [value for value in list_mask_values(mask) if value not in self.allowed_values]
        if unknown_values:
            raise make_unknown_values_error(unknown_values, path, self.schema)
        return np.ascontiguousarray(mask, choose_mask_dtype(self.allowed_values)), header

    def _find_objects(self, record: Record, mask: NDArray[Any]) -> Objects:
        if "instances" not in record.files:
            return find_object_components(mask, self.schema)
        instances, _ = read_mask_picture(record.files["instances"], record.shape)
        _check_shape(instances.shape, record, "instances")
        return find_instance_objects(instances.astype(np.int32), mask)


def find_object_components(mask: NDArray[Any], schema: Schema) -> Objects:
    """Find the objects of a mask as connected components.

    Args:
        mask: ``(H, W)``.
        schema: says which classes are objects and how large the smallest is.
    """
    object_values = [schema.classes[name] for name in schema.objects]
    return find_mask_objects(mask, object_values, schema.min_area)


def list_mask_values(mask: NDArray[Any]) -> list[int]:
    """List the different values of a mask that was read from a picture.

    Args:
        mask: ``(H, W)``. Values of up to 16 bits are not negative.

    Returns:
        The values in ascending order.
    """
    if mask.dtype.itemsize > MAX_BINCOUNT_BYTES:
        return [int(value) for value in np.unique(mask)]
    return [int(value) for value in np.flatnonzero(np.bincount(mask.ravel()))]


def _check_shape(shape: tuple[int, ...], record: Record, file_key: str) -> None:
    if shape != record.shape:
        expected = f"{record.shape}, as the frame when it was opened"
        raise DataError(f"shape {shape}", path=record.files[file_key], expected=expected)
