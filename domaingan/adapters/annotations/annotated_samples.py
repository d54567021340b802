"""From a record whose objects files list to its sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.annotations.annotated_objects import AnnotatedObject, is_object, list_object_values
from domaingan.adapters.annotations.run_lengths import decode_mask
from domaingan.adapters.frames.frame_samples import FrameHeader
from domaingan.adapters.frames.picture_header import PictureShape
from domaingan.adapters.frames.picture_io import read_picture_with_header
from domaingan.adapters.mask_values import choose_mask_dtype
from domaingan.core.errors import DataError
from domaingan.data import Crowd, Record, Sample, Schema


@dataclass(frozen=True)
class FrameAnnotations:
    """What the annotation files say about a sample.

    Attributes:
        layout_style: the layout's name, a colon, and what only the layout understands.
        source: the annotation file.
        stamp: the file's size and time of change when it was read.
        image_key: id of the sample's image, see :func:`domaingan.adapters.annotations.stored_values.normalize_id`.
        objects: its objects.
        crowds: regions of many objects.
        other_annotations: annotations that are no objects: what objects stand on, what is ignored, what is too small.
        small_count: how many of them are too small.
    """

    layout_style: str
    source: Path
    stamp: tuple[int, int]
    image_key: str
    objects: tuple[AnnotatedObject, ...]
    crowds: tuple[AnnotatedObject, ...] = ()
    other_annotations: tuple[AnnotatedObject, ...] = ()
    small_count: int = 0

    def apply_schema(self, schema: Schema) -> FrameAnnotations:
        """Separate the objects from annotations that a schema does not count as objects.

        Args:
            schema: the dataset's.

        Returns:
            The entry with the others among ``other_annotations``.
        """
        objects = tuple(one for one in self.objects if is_object(one, schema))
        others = tuple(one for one in self.objects if not is_object(one, schema))
        object_values = list_object_values(schema)
        small_count = sum(one.class_value in object_values for one in others)
        return replace(self, objects=objects, other_annotations=others, small_count=small_count)

    def has_masks(self) -> bool:
        """Whether any of the objects has a mask."""
        return any(one.run_lengths is not None for one in self.objects)


@dataclass(frozen=True)
class AnnotationHeader(FrameHeader):
    """How a frame was stored whose objects a file lists.

    Attributes:
        entry: what the file says about it.
        original_name: the sample's name when it was read.
    """

    entry: FrameAnnotations = field(kw_only=True, repr=False)
    original_name: str = field(kw_only=True)


@dataclass(frozen=True)
class AnnotationReader:
    """Reads the picture of a record. The objects are those that the files had when the dataset was opened.

    Attributes:
        schema: the dataset's.
        entries: by the names of the samples. A sample without an entry is not labelled.
        has_any_mask: whether any object of the dataset has a mask. Then images without objects are all background.
    """

    schema: Schema
    entries: Mapping[str, FrameAnnotations] = field(repr=False)
    has_any_mask: bool

    def __call__(self, record: Record) -> Sample:
        """Read a sample.

        Args:
            record: of the sample.

        Raises:
            DataError: the picture is missing, damaged, or of another shape than when the dataset was opened.
        """
        entry = self.entries.get(record.name)
        path = record.files["image"]
        image, header = read_picture_with_header(path, record.shape)
        if image.shape[1:] != record.shape:
            raise DataError(f"shape {image.shape[1:]}", path=path, expected=f"{record.shape}, as when it was opened")
        if entry is None:
            return Sample(
                image,
                condition=dict(record.condition),
                source=record.source,
                geometry=record.geometry,
                header=FrameHeader(header),
            )
        boxes = np.array([one.box for one in entry.objects], dtype=np.float32).reshape(-1, 4)
        labels = np.array([one.class_value for one in entry.objects], dtype=np.int64)
        mask, instances = self._paint_masks(entry, (image.shape[1], image.shape[2]))
        return Sample(
            image,
            mask,
            boxes,
            labels,
            condition=dict(record.condition),
            instances=instances,
            source=record.source,
            geometry=record.geometry,
            header=AnnotationHeader(header, layout_style=entry.layout_style, entry=entry, original_name=record.name),
            areas=np.array([one.area for one in entry.objects], dtype=np.float64),
            crowds=tuple(_make_crowd(one) for one in entry.crowds),
            dropped=entry.small_count,
        )

    def _paint_masks(
        self, entry: FrameAnnotations, shape: PictureShape
    ) -> tuple[NDArray[Any] | None, NDArray[np.int32] | None]:
        """Paint the mask and the instances of an image.

        The files do not say which object hides which. Smaller objects are painted over larger ones, so that both can
        be seen, and all objects over what is no object.

        Returns:
            ``(H, W)`` each; None where the objects have only boxes.
        """
        objects = entry.objects
        if not self.has_any_mask or (objects and not entry.has_masks()):
            return None, None
        mask = np.zeros(shape, choose_mask_dtype([0, max(self.schema.classes.values())]))
        instances = np.zeros(shape, np.int32)
        for annotation in sorted(entry.other_annotations, key=lambda one: -one.area):
            if annotation.run_lengths is not None:
                mask[decode_mask(annotation.run_lengths)] = annotation.class_value
        pixels_by_index: dict[int, NDArray[np.bool_]] = {}
        for index, annotation in enumerate(objects):
            if annotation.run_lengths is not None:
                pixels_by_index[index] = decode_mask(annotation.run_lengths)
        for index in sorted(pixels_by_index, key=lambda index: -int(pixels_by_index[index].sum())):
            pixels = pixels_by_index[index]
            mask[pixels] = objects[index].class_value
            instances[pixels] = index + 1
        return mask, instances


def _make_crowd(annotation: AnnotatedObject) -> Crowd:
    mask = None if annotation.run_lengths is None else decode_mask(annotation.run_lengths)
    return Crowd(annotation.class_value, np.array(annotation.box, dtype=np.float32), annotation.area, mask)
