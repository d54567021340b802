"""From a record of a COCO dataset to its sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.coco.coco_annotations import CocoObject
from domaingan.adapters.coco.coco_classes import is_object
from domaingan.adapters.coco.run_lengths import decode_mask
from domaingan.adapters.frames.frame_samples import FrameHeader
from domaingan.adapters.frames.picture_io import read_picture_with_header
from domaingan.core.errors import DataError
from domaingan.data import Crowd, Record, Sample, Schema

STYLE_PREFIX = "coco:"
"""Before the name of the annotation file's split in ``FrameHeader.style``."""


@dataclass(frozen=True)
class CocoEntry:
    """What the annotation files say of a sample.

    Attributes:
        style: which split's file.
        source: the file.
        stamp: its size and time when it was read.
        key: of the sample's image there, see :func:`domaingan.adapters.coco.coco_file.normalize_id`.
        objects: those that are told apart.
        crowds: regions of many.
        others: what is no object: what they stand on, what is ignored, and what is too small.
        small: how many of these are too small.
    """

    layout_style: str
    source: Path
    stamp: tuple[int, int]
    image_key: str
    objects: tuple[CocoObject, ...]
    crowds: tuple[CocoObject, ...] = ()
    others: tuple[CocoObject, ...] = ()
    small: int = 0

    def apply_schema(self, schema: Schema) -> CocoEntry:
        """The entry with only what the schema takes for objects among them; the rest is among ``others``."""
        objects = tuple(one for one in self.objects if is_object(one, schema))
        others = tuple(one for one in self.objects if not is_object(one, schema))
        named = {schema.classes[name] for name in schema.objects} - set(schema.ignore)
        small = sum(one.class_value in named for one in others)
        return replace(self, objects=objects, others=others, small=small)


@dataclass(frozen=True)
class CocoHeader(FrameHeader):
    """Hold how a frame was stored whose labels a COCO file tells: its ``Sample.header``.

    Attributes:
        entry: what the file says of it.
        name: the sample's when it was read.
    """

    entry: CocoEntry = field(kw_only=True, repr=False)
    original_name: str = field(kw_only=True)


@dataclass(frozen=True)
class CocoReader:
    """Reads a record's picture, and takes its objects from what the files said when they were opened."""

    schema: Schema
    entries: Mapping[str, CocoEntry] = field(repr=False)
    has_any_mask: bool
    """Whether any object has a mask: then an image without objects is all background."""

    def __call__(self, record: Record) -> Sample:
        """Read a sample.

        Raises:
            DataError: the picture is missing, damaged, or of another size than before.
        """
        entry, path = self.entries[record.name], record.files["image"]
        image, header = read_picture_with_header(path, record.shape)
        if image.shape[1:] != record.shape:
            raise DataError(f"shape {image.shape[1:]}", path=path, expected=f"{record.shape}, as when it was opened")
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
            header=CocoHeader(header, layout_style=entry.layout_style, entry=entry, original_name=record.name),
            areas=np.array([one.area for one in entry.objects], dtype=np.float64),
            crowds=tuple(_make_crowd(one) for one in entry.crowds),
            dropped=entry.small,
        )

    def _paint_masks(
        self, entry: CocoEntry, shape: tuple[int, int]
    ) -> tuple[NDArray[Any] | None, NDArray[np.int32] | None]:
        """Mask and instances; the files do not say who hides whom, and a small one before a large one shows both.

        What is no object lies behind all that are.
        """
        objects = entry.objects
        masks = {i: decode_mask(one.run_lengths) for i, one in enumerate(objects) if one.run_lengths is not None}
        if not self.has_any_mask or (objects and not masks):
            return None, None
        mask = np.zeros(shape, np.uint8 if max(self.schema.classes.values()) < 256 else np.int32)
        instances = np.zeros(shape, np.int32)
        for one in sorted(entry.others, key=lambda one: -one.area):
            if one.run_lengths is not None:
                mask[decode_mask(one.run_lengths)] = one.class_value
        for i in sorted(masks, key=lambda i: -int(masks[i].sum())):
            mask[masks[i]], instances[masks[i]] = objects[i].class_value, i + 1
        return mask, instances


def _make_crowd(annotation: CocoObject) -> Crowd:
    mask = None if annotation.run_lengths is None else decode_mask(annotation.run_lengths)
    return Crowd(annotation.class_value, np.array(annotation.box, dtype=np.float32), annotation.area, mask)
