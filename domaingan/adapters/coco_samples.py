"""From a record of a COCO dataset to its sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.coco_annotations import CocoObject
from domaingan.adapters.frame_samples import FrameHeader
from domaingan.adapters.frames import read_frame
from domaingan.adapters.run_lengths import decode_mask
from domaingan.errors import DataError
from domaingan.sample import Crowd, Record, Sample, Schema

STYLE = "coco:"
"""Before the name of the annotation file's split in ``FrameHeader.style``."""


@dataclass(frozen=True)
class Entry:
    """What the annotation files say of a sample: its objects and crowds, and which file (style)."""

    style: str
    objects: tuple[CocoObject, ...]
    crowds: tuple[CocoObject, ...] = ()


@dataclass(frozen=True)
class CocoReader:
    """Reads a record's picture, and takes its objects from what the files said when they were opened."""

    schema: Schema
    entries: Mapping[str, Entry] = field(repr=False)
    segmented: bool
    """Whether any object has a mask: then an image without objects is all background."""

    def __call__(self, record: Record) -> Sample:
        """Read a sample.

        Raises:
            DataError: the picture is missing, damaged, or of another size than before.
        """
        entry, path = self.entries[record.name], record.files["image"]
        image, header = read_frame(path, record.shape)
        if image.shape[1:] != record.shape:
            raise DataError(f"shape {image.shape[1:]}", path=path, expected=f"{record.shape}, as when it was opened")
        boxes = np.array([one.box for one in entry.objects], dtype=np.float32).reshape(-1, 4)
        labels = np.array([one.value for one in entry.objects], dtype=np.int64)
        meta: dict[str, Any] = record.facts()
        meta |= {"header": FrameHeader(header, style=entry.style)}
        meta |= {"areas": np.array([one.area for one in entry.objects], dtype=np.float64)}
        meta |= {"crowds": tuple(_crowd(one) for one in entry.crowds)}
        mask, instances = self._painted(entry.objects, (image.shape[1], image.shape[2]))
        return Sample(image, mask, boxes, labels, dict(record.condition), meta, instances)

    def _painted(
        self, objects: Sequence[CocoObject], shape: tuple[int, int]
    ) -> tuple[NDArray[Any] | None, NDArray[np.int32] | None]:
        """Mask and instances; the files do not say who hides whom, and a small one before a large one shows both."""
        masks = {i: decode_mask(one.run_lengths) for i, one in enumerate(objects) if one.run_lengths is not None}
        if not self.segmented or (objects and not masks):
            return None, None
        mask = np.zeros(shape, np.uint8 if max(self.schema.classes.values()) < 256 else np.int32)
        instances = np.zeros(shape, np.int32)
        for i in sorted(masks, key=lambda i: -int(masks[i].sum())):
            mask[masks[i]], instances[masks[i]] = objects[i].value, i + 1
        return mask, instances


def _crowd(one: CocoObject) -> Crowd:
    mask = None if one.run_lengths is None else decode_mask(one.run_lengths)
    return Crowd(one.value, np.array(one.box, dtype=np.float32), one.area, mask)
