"""The objects of a sample while others come in front of them: instances, boxes and labels that agree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.data import Crowd, Sample
from domaingan.imaging.instances import (
    Objects,
    find_corner_box,
    find_instance_objects,
    find_mask_objects,
    get_box_axes,
    is_nearly_hidden,
)

Mask = NDArray[np.bool_]


def find_objects(sample: Sample, values: Sequence[int]) -> Objects:
    """Find the objects of a sample: as its boxes or instances tell them apart, else the components of its mask.

    Args:
        sample: has a mask. What it knows of boxes, labels and instances is kept.
        values: mask values of objects.
    """
    assert sample.mask is not None
    boxes, labels, instances = sample.boxes, sample.labels, sample.instances
    if boxes is not None and labels is not None:
        if instances is None:
            instances = _assign_pixels_to_boxes(boxes, labels, sample.mask)
        return Objects(instances, boxes, labels)
    if instances is not None:
        return find_instance_objects(instances, sample.mask)
    return find_mask_objects(sample.mask, values)


def _assign_pixels_to_boxes(
    boxes: NDArray[np.float32], labels: NDArray[np.int64], mask: NDArray[Any]
) -> NDArray[np.int32]:
    """Give each box the pixels of its class in it, as instances. Where boxes overlap the smaller box gets them."""
    instances = np.zeros(mask.shape, dtype=np.int32)
    for index in _sort_by_area(boxes):
        region = get_box_slices(boxes[index], mask.ndim)
        instances[region][mask[region] == labels[index]] = index + 1
    return instances


def _sort_by_area(boxes: NDArray[np.float32]) -> list[int]:
    """Return the positions of ``(N, 2 * dims)`` boxes, the largest first."""
    dims = boxes.shape[1] // 2
    areas = np.prod(boxes[:, dims:] - boxes[:, :dims], axis=1)
    order: list[int] = np.argsort(-areas, kind="stable").tolist()
    return order


def get_box_slices(box: NDArray[np.float32], dims: int) -> tuple[slice, ...]:
    """Return the part of an array that a box covers, with every pixel that it touches.

    Args:
        box: ``(2 * dims,)`` corner box in pixels.
        dims: spatial dimensions.
    """
    corners = box.tolist()
    region = []
    for axis in get_box_axes(dims):
        region.append(slice(math.floor(corners[axis]), math.ceil(corners[dims + axis])))
    return tuple(region)


def fill_boxes(sample: Sample) -> NDArray[np.int32]:
    """Fill a sample's boxes with their classes, the smaller boxes in front: ``(*spatial)``, 0 elsewhere."""
    assert sample.boxes is not None and sample.labels is not None
    mask = np.zeros(sample.shape, dtype=np.int32)
    for index in _sort_by_area(sample.boxes):
        mask[get_box_slices(sample.boxes[index], sample.spatial_dims)] = sample.labels[index]
    return mask


def get_mask_or_filled_boxes(sample: Sample) -> NDArray[Any] | None:
    """Return a sample's mask, or its boxes filled where it has boxes alone; None where nothing is labelled."""
    if sample.mask is None and sample.boxes is not None and sample.labels is not None:
        return fill_boxes(sample)
    return sample.mask


def shrink_boxes(boxes: NDArray[np.float32], hidden: Mask) -> NDArray[np.float32]:
    """Move in the sides of boxes where they are hidden all along.

    Args:
        boxes: ``(N, 2 * dims)``.
        hidden: ``(*spatial)`` where something was pasted.

    Returns:
        ``(N, 2 * dims)``. Boxes of which nothing, or everything, is hidden stay as they are.
    """
    shrunk = boxes.copy()
    dims = hidden.ndim
    for index, box in enumerate(boxes):
        region = get_box_slices(box, dims)
        visible = ~hidden[region]
        if visible.all() or not visible.any():
            continue
        corner = np.array([side.start for side in region])
        visible_box = find_corner_box(visible, corner)
        shrunk[index, :dims] = np.maximum(box[:dims], visible_box[:dims])
        shrunk[index, dims:] = np.minimum(box[dims:], visible_box[dims:])
    return shrunk


@dataclass
class OccludedObjects:
    """The objects of a host while others come in front of them.

    Attributes:
        objects: what can be seen of them. None of the arrays is changed in place.
        full_sizes: ``(N,)`` pixels of each when it was last seen as a whole (in its image, or before it was pasted).
            -1 where nobody has counted yet, as nothing has come in front.
        origins: ``(N,)`` the number of each among the objects that were there at first, -1 for those that came.
    """

    objects: Objects
    full_sizes: NDArray[np.int64]
    origins: NDArray[np.int64]

    @classmethod
    def from_objects(cls, objects: Objects) -> OccludedObjects:
        """Start from the objects of a host, before anything is pasted."""
        n = len(objects.boxes)
        return cls(objects, np.full(n, -1), np.arange(n))

    @property
    def is_pasted(self) -> Mask:
        """``(*spatial)`` where pasted objects can be seen."""
        is_new = np.concatenate([[False], self.origins < 0])
        found: Mask = is_new[self.objects.instances]
        return found

    def add(self, region: tuple[slice, ...], visible: Mask, label: int, full_size: int) -> Mask | None:
        """Put an object in front, and drop the objects that are nearly hidden then.

        Args:
            region: the part of the image that the new object is in.
            visible: ``(*region)`` where it can be seen.
            label: its class value.
            full_size: how many pixels it has altogether.

        Returns:
            ``(*spatial)`` what could still be seen of dropped objects; None where none was dropped.
        """
        old = self.objects
        corner = np.array([side.start for side in region])
        boxes = old.boxes.copy()
        is_kept = np.ones(len(boxes), dtype=bool)
        dropped = []
        for number in np.unique(old.instances[region][visible]).tolist():
            if number == 0:
                continue
            index = number - 1
            rest = old.instances == number
            if self.full_sizes[index] < 0:
                self.full_sizes[index] = np.count_nonzero(rest)
            rest[region] &= ~visible
            if is_nearly_hidden(np.count_nonzero(rest), self.full_sizes[index]):
                is_kept[index] = False
                dropped.append(rest)
            else:
                boxes[index] = find_corner_box(rest, np.zeros_like(corner))
        instances = old.instances.copy()
        if dropped:
            # The others move up to the numbers of those that were dropped.
            new_numbers = np.where(is_kept, np.cumsum(is_kept), 0)
            np.take(np.concatenate([[0], new_numbers]).astype(np.int32), instances, out=instances, mode="clip")
        instances[region][visible] = is_kept.sum() + 1
        new_box = find_corner_box(visible, corner)
        self.objects = Objects(
            instances,
            np.concatenate([boxes[is_kept], new_box[None]]),
            np.append(old.labels[is_kept], label),
        )
        self.full_sizes = np.append(self.full_sizes[is_kept], full_size)
        self.origins = np.append(self.origins[is_kept], -1)
        return np.logical_or.reduce(dropped) if dropped else None

    def to_sample(self, sample: Sample) -> Sample:
        """Return the sample with these objects and their ``origins``. What it did not know of them stays unknown.

        Args:
            sample: the host as it was.
        """
        areas, crowds = sample.areas, sample.crowds
        if areas is not None and (self.full_sizes >= 0).any():
            areas = self._update_areas(areas)
        if crowds and (self.origins < 0).any():
            crowds = self._update_crowds(crowds)
        return replace(
            sample,
            boxes=None if sample.boxes is None else self.objects.boxes,
            labels=None if sample.labels is None else self.objects.labels,
            instances=None if sample.instances is None else self.objects.instances,
            areas=areas,
            crowds=crowds,
            origins=self.origins,
        )

    def _update_crowds(self, crowds: Sequence[Crowd]) -> tuple[Crowd, ...]:
        """Take from crowds what came in front, and drop the crowds that are nearly hidden then."""
        is_free = ~self.is_pasted
        updated: list[Crowd] = []
        for crowd in crowds:
            if crowd.mask is None:
                updated.append(crowd)
                continue
            visible = crowd.mask & is_free
            if is_nearly_hidden(visible.sum(), crowd.mask.sum()):
                continue
            if np.array_equal(visible, crowd.mask):
                updated.append(crowd)
            else:
                box = find_corner_box(visible, np.zeros(2, dtype=np.int64))
                updated.append(replace(crowd, mask=visible, box=box, area=float(visible.sum())))
        return tuple(updated)

    def _update_areas(self, areas: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the annotated areas where nothing came in front, else the number of visible pixels: ``(N,)``."""
        counts = np.bincount(self.objects.instances.ravel(), minlength=len(self.full_sizes) + 1)
        updated = counts[1:].astype(np.float64)
        is_untouched = (self.origins >= 0) & (self.full_sizes < 0)
        updated[is_untouched] = areas[self.origins[is_untouched]]
        return updated
