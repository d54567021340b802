"""The objects of a sample while others come in front of them: instances, boxes and labels that agree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.blend.merge_labels import MIN_VISIBLE_SHARE
from domaingan.data import Crowd, Sample
from domaingan.imaging.instances import Objects, find_corner_box, find_instance_objects, find_mask_objects, get_box_axes

Mask = NDArray[np.bool_]


def find_objects(sample: Sample, values: Sequence[int]) -> Objects:
    """The objects of a sample as it tells them, else the components of its mask.

    Args:
        sample: has a mask; what it knows of boxes, labels and instances is kept.
        values: mask values of objects.
    """
    assert sample.mask is not None
    boxes, labels, instances = sample.boxes, sample.labels, sample.instances
    if boxes is None or labels is None:
        return (
            find_mask_objects(sample.mask, values)
            if instances is None
            else find_instance_objects(instances, sample.mask)
        )
    return Objects(
        _assign_pixels_to_boxes(boxes, labels, sample.mask) if instances is None else instances, boxes, labels
    )


def _assign_pixels_to_boxes(
    boxes: NDArray[np.float32], labels: NDArray[np.int64], mask: NDArray[Any]
) -> NDArray[np.int32]:
    """Instances of boxes: each has the pixels of its class in it, the smaller box where two have them."""
    instances = np.zeros(mask.shape, dtype=np.int32)
    areas = np.prod(boxes[:, mask.ndim :] - boxes[:, : mask.ndim], axis=1)
    for index in np.argsort(-areas, kind="stable").tolist():
        where = get_box_slices(boxes[index], mask.ndim)
        instances[where][mask[where] == labels[index]] = index + 1
    return instances


def get_box_slices(box: NDArray[np.float32], dims: int) -> tuple[slice, ...]:
    """The part of an array that a box covers, with every pixel that it touches."""
    corners = box.tolist()
    return tuple(slice(math.floor(corners[i]), math.ceil(corners[dims + i])) for i in get_box_axes(dims))


def fill_boxes(sample: Sample) -> NDArray[np.int32]:
    """``(*spatial)`` the classes of a sample's boxes, filled, the smaller in front: where something is, 0 elsewhere."""
    assert sample.boxes is not None and sample.labels is not None
    mask = np.zeros(sample.shape, dtype=np.int32)
    dims = sample.spatial_dims
    areas = np.prod(sample.boxes[:, dims:] - sample.boxes[:, :dims], axis=1)
    for index in np.argsort(-areas, kind="stable").tolist():
        mask[get_box_slices(sample.boxes[index], dims)] = sample.labels[index]
    return mask


def get_mask_or_filled_boxes(sample: Sample) -> NDArray[Any] | None:
    """A sample's mask, or its boxes filled where it has boxes alone; None where nothing is labelled."""
    if sample.mask is None and sample.boxes is not None and sample.labels is not None:
        return fill_boxes(sample)
    return sample.mask


def shrink_boxes(boxes: NDArray[np.float32], hidden: Mask) -> NDArray[np.float32]:
    """Boxes around what objects are pasted over: a side moves in where it is hidden all along.

    Args:
        boxes: ``(N, 2 * dims)``.
        hidden: ``(*spatial)`` where something was pasted.
    """
    shrunk = boxes.copy()
    dims = hidden.ndim
    for index, box in enumerate(boxes):
        where = get_box_slices(box, dims)
        left = ~hidden[where]
        if left.all() or not left.any():
            continue
        rest = find_corner_box(left, np.array([part.start for part in where]))
        shrunk[index, :dims] = np.maximum(box[:dims], rest[:dims])
        shrunk[index, dims:] = np.minimum(box[dims:], rest[dims:])
    return shrunk


@dataclass
class OccludedObjects:
    """Objects that others come in front of.

    Attributes:
        objects: as they are seen; none of the arrays is changed in place.
        whole: how many pixels each had when it was last seen as a whole (in its image, or before it was pasted), -1
            where nobody has counted yet, as nothing has come in front.
        origins: ``(N,)`` the number of each among the objects that were there at first, -1 for those that came.
    """

    objects: Objects
    full_sizes: NDArray[np.int64]
    origins: NDArray[np.int64]

    @classmethod
    def from_objects(cls, objects: Objects) -> OccludedObjects:
        """Nothing has come yet."""
        n = len(objects.boxes)
        return cls(objects, np.full(n, -1), np.arange(n))

    def add(self, region: tuple[slice, ...], visible: Mask, label: int, full_size: int) -> Mask | None:
        """An object comes in front; those of which less than :data:`VISIBLE` is left are dropped.

        Args:
            where: the part of the image that it is in.
            seen: ``(*part)`` where it is seen.
            label: its class value.
            whole: how many pixels it has altogether.

        Returns:
            ``(*spatial)`` what can still be seen of dropped objects, None where none was.
        """
        old, n, corner = self.objects, len(self.objects.boxes), np.array([part.start for part in region])
        boxes, kept, gone = old.boxes.copy(), np.ones(n, dtype=bool), []
        for number in np.unique(old.instances[region][visible]).tolist():
            if number == 0:
                continue
            left, index = old.instances == number, number - 1
            if self.full_sizes[index] < 0:
                self.full_sizes[index] = np.count_nonzero(left)
            left[region] &= ~visible
            if np.count_nonzero(left) < MIN_VISIBLE_SHARE * self.full_sizes[index]:
                kept[index] = False
                gone.append(left)
            else:
                boxes[index] = find_corner_box(left, np.zeros_like(corner))
        instances = old.instances.copy()
        if gone:  # whose numbers the others move up to
            numbers = np.concatenate([[0], np.where(kept, np.cumsum(kept), 0)]).astype(np.int32)
            np.take(numbers, instances, out=instances, mode="clip")
        instances[region][visible] = kept.sum() + 1
        self.objects = Objects(
            instances,
            np.concatenate([boxes[kept], find_corner_box(visible, corner)[None]]),
            np.append(old.labels[kept], label),
        )
        self.full_sizes, self.origins = np.append(self.full_sizes[kept], full_size), np.append(self.origins[kept], -1)
        return np.logical_or.reduce(gone) if gone else None

    def to_sample(self, sample: Sample) -> Sample:
        """The sample with these objects and their ``origins``; what it did not know of them stays unknown."""
        known = self.objects
        areas, crowds = sample.areas, sample.crowds
        if areas is not None and (self.full_sizes >= 0).any():
            areas = self._update_areas(areas)
        if crowds and (self.origins < 0).any():
            crowds = self._update_crowds(crowds)
        return replace(
            sample,
            boxes=None if sample.boxes is None else known.boxes,
            labels=None if sample.labels is None else known.labels,
            instances=None if sample.instances is None else known.instances,
            areas=areas,
            crowds=crowds,
            origins=self.origins,
        )

    def _update_crowds(self, crowds: Sequence[Crowd]) -> tuple[Crowd, ...]:
        """The crowds without what came in front of them; those of which less than :data:`VISIBLE` is left go."""
        free = ~np.concatenate([[False], self.origins < 0])[self.objects.instances]
        after: list[Crowd] = []
        for one in crowds:
            left = None if one.mask is None else one.mask & free
            if left is None or one.mask is None:
                after.append(one)
            elif left.sum() >= MIN_VISIBLE_SHARE * one.mask.sum():
                is_same = np.array_equal(left, one.mask)
                box = find_corner_box(left, np.zeros(2, dtype=np.int64))
                after.append(one if is_same else replace(one, mask=left, box=box, area=float(left.sum())))
        return tuple(after)

    def _update_areas(self, areas: NDArray[np.float64]) -> NDArray[np.float64]:
        """The objects' annotated areas: as before where nothing came in front, else as many pixels as are seen."""
        seen = np.bincount(self.objects.instances.ravel(), minlength=len(self.full_sizes) + 1)[1:].astype(np.float64)
        is_old = (self.origins >= 0) & (self.full_sizes < 0)
        seen[is_old] = areas[self.origins[is_old]]
        return seen
