"""The objects of a frame while others come in front of them: instances, boxes and labels that agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.blend.labels import VISIBLE, box_slices
from domaingan.objects import Objects, box_of, from_instances, from_mask
from domaingan.sample import Sample

Mask = NDArray[np.bool_]

ORIGIN = np.zeros(2, dtype=int)


def objects_of(sample: Sample, values: Sequence[int]) -> Objects:
    """The objects of a sample as it tells them, else the components of its mask.

    Args:
        sample: has a mask; what it knows of boxes, labels and instances is kept.
        values: mask values of objects.
    """
    assert sample.mask is not None
    boxes, labels, instances = sample.boxes, sample.labels, sample.instances
    if boxes is None or labels is None:
        return from_mask(sample.mask, values) if instances is None else from_instances(instances, sample.mask)
    return Objects(_in_boxes(boxes, labels, sample.mask) if instances is None else instances, boxes, labels)


def _in_boxes(boxes: NDArray[np.float32], labels: NDArray[np.int64], mask: NDArray[Any]) -> NDArray[np.int32]:
    """Instances of boxes: each has the pixels of its class in it, the smaller box where two have them."""
    instances = np.zeros(mask.shape, dtype=np.int32)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    for index in np.argsort(-areas, kind="stable").tolist():
        where = box_slices(boxes[index], 2)
        instances[where][mask[where] == labels[index]] = index + 1
    return instances


@dataclass
class Covered:
    """Objects that others come in front of.

    Attributes:
        objects: as they are seen; none of the arrays is changed in place.
        whole: how many pixels each had when it was last seen as a whole (in its frame, or before it was pasted).
    """

    objects: Objects
    whole: list[int]

    @classmethod
    def of(cls, objects: Objects) -> Covered:
        """Nothing has come yet."""
        counts = np.bincount(objects.instances.ravel(), minlength=len(objects.boxes) + 1)
        return cls(objects, counts[1 : len(objects.boxes) + 1].tolist())

    def put(self, seen: Mask, label: int, whole: int) -> Mask | None:
        """An object comes in front; those of which less than :data:`VISIBLE` is left are dropped.

        Args:
            seen: ``(H, W)`` where it is seen.
            label: its class value.
            whole: how many pixels it has altogether.

        Returns:
            What can still be seen of dropped objects, None where none was.
        """
        old, n = self.objects, len(self.objects.boxes)
        lost = np.bincount(old.instances[seen], minlength=n + 1)[1 : n + 1]
        boxes, kept, gone = old.boxes.copy(), np.ones(n, dtype=bool), []
        for index in np.flatnonzero(lost).tolist():
            left = (old.instances == index + 1) & ~seen
            if left.sum() < VISIBLE * self.whole[index]:
                kept[index] = False
                gone.append(left)
            else:
                boxes[index] = box_of(left, ORIGIN)
        numbers = np.concatenate([[0], np.where(kept, np.cumsum(kept), 0)]).astype(np.int32)
        instances = numbers[old.instances]
        instances[seen] = kept.sum() + 1
        self.objects = Objects(
            instances,
            np.concatenate([boxes[kept], box_of(seen, ORIGIN)[None]]),
            np.concatenate([old.labels[kept], [label]]).astype(np.int64),
        )
        self.whole = [area for area, stays in zip(self.whole, kept, strict=True) if stays] + [whole]
        return np.any(gone, axis=0) if gone else None
