"""Labels that move as a picture does under classic augmentation: masks, objects, boxes and crowds by the same draws."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.augmentation.classic import Classic
from domaingan.data import Crowd, Sample
from domaingan.imaging.instances import find_corner_box, find_instance_objects, get_box_axes

Image = NDArray[np.float32]
Augment = Callable[[Image, NDArray[Any], np.random.Generator], tuple[Image, NDArray[Any]]]


def move_masks(sample: Sample, augment: Augment, scaled: Image, rng: np.random.Generator) -> tuple[Image, Sample]:
    """Change a sample's picture, and move its mask, objects and crowds with it.

    Args:
        sample: its mask may be None, its boxes go with its instances.
        augment: classic augmentation of an image and a mask.
        scaled: the image in scaled units.
        rng: source of every draw.

    Returns:
        The changed image in scaled units, and the sample with everything else.
    """
    before = copy.deepcopy(rng)  # for everything to move as image and mask do
    blank = np.zeros(sample.shape, np.uint8)
    image, mask = augment(scaled, blank if sample.mask is None else sample.mask, rng)

    def move(part: NDArray[Any]) -> NDArray[Any]:
        return augment(scaled, part, copy.deepcopy(before))[1]

    moved = _mark_as_moved(sample, _move_crowds(sample, move))
    if sample.mask is None:
        return image, moved
    moved.mask = mask
    if sample.instances is None:
        return image, moved
    instances = np.zeros_like(sample.instances)
    for shift in range(0, int(sample.instances.max()).bit_length(), 8):  # as bytes
        part = (sample.instances >> shift & 255).astype(np.uint8)
        instances |= move(part).astype(np.int32) << shift
    objects = find_instance_objects(instances, mask)
    kept = np.unique(instances[instances > 0]) - 1
    labels, boxes = objects.labels if sample.labels is None else sample.labels[kept], objects.boxes
    if sample.boxes is not None and sample.labels is not None:
        unseen = np.setdiff1d(np.arange(len(sample.boxes)), np.unique(sample.instances) - 1)
        places, others = _move_unseen(sample, unseen, move)
        kept = np.append(kept, places)
        boxes, labels = np.concatenate([boxes, others]), np.append(labels, sample.labels[places])
    origins = _find_origins(sample)[kept]
    return image, replace(moved, instances=objects.instances, boxes=boxes, labels=labels, origins=origins)


def _move_unseen(
    sample: Sample, unseen: NDArray[np.int64], move: Callable[[NDArray[Any]], NDArray[Any]]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The boxes of objects without a pixel of their own: which of them are still in the picture, and where."""
    assert sample.boxes is not None
    places: list[int] = []
    boxes: list[NDArray[np.float32]] = [np.zeros((0, 2 * sample.spatial_dims), dtype=np.float32)]
    for place in unseen.tolist():
        region = move(_fill_box(sample.boxes[place], sample.shape)) > 0
        if region.any():
            places.append(place)
            boxes.append(find_corner_box(region, np.zeros(sample.spatial_dims, dtype=np.int64))[None])
    return np.array(places, dtype=np.int64), np.concatenate(boxes)


def _fill_box(box: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """A mask that is 1 in a box."""
    dims = len(shape)
    corners = np.rint(box).astype(int).tolist()
    region = np.zeros(shape, dtype=np.uint8)
    region[tuple(slice(corners[axis], corners[dims + axis]) for axis in get_box_axes(dims))] = 1
    return region


def move_boxes(sample: Sample, classic: Classic, scaled: Image, rng: np.random.Generator) -> tuple[Image, Sample]:
    """Change a frame's picture, and move its boxes and the boxes of its crowds with it; what leaves it is dropped.

    Args:
        sample: has boxes and labels, no mask.
        classic: of frames.
        scaled: the image in scaled units.
        rng: source of every draw.

    Returns:
        As :func:`move_masks`.
    """
    assert sample.boxes is not None and sample.labels is not None
    crowds = sample.crowds
    boxes = np.concatenate([sample.boxes, *(one.box[None] for one in crowds)]).astype(np.float32)
    image, boxes, numbers = classic.augment_boxes(scaled, boxes, np.arange(len(boxes)), rng)
    is_object = numbers < len(sample.boxes)
    moved_crowds = [
        replace(crowds[number - len(sample.boxes)], box=box, mask=None, area=float(np.prod(box[2:] - box[:2])))
        for number, box in zip(numbers[~is_object].tolist(), boxes[~is_object], strict=True)
    ]
    kept = numbers[is_object]
    moved = _mark_as_moved(sample, moved_crowds)
    origins = _find_origins(sample)[kept]
    return image, replace(moved, boxes=boxes[is_object], labels=sample.labels[kept], origins=origins)


def _find_origins(sample: Sample) -> NDArray[np.int64]:
    """Find for each object its number when the sample was read."""
    if sample.origins is not None:
        return np.asarray(sample.origins, dtype=np.int64)
    n = 0 if sample.boxes is None else len(sample.boxes)
    if sample.boxes is None and sample.instances is not None:
        n = int(sample.instances.max())
    return np.arange(n, dtype=np.int64)


def _mark_as_moved(sample: Sample, crowds: Sequence[Crowd]) -> Sample:
    """Give a sample its moved crowds, and drop what is known of places in the picture before it moved."""
    pasted = sample.paste_result
    return replace(
        sample,
        foreground=None,
        areas=None,
        crowds=tuple(crowds),
        is_moved=True,
        paste_result=None if pasted is None else replace(pasted, touched=()),
    )


def _move_crowds(sample: Sample, move: Callable[[NDArray[Any]], NDArray[Any]]) -> list[Crowd]:
    """The crowds as they are seen afterwards; those of which nothing is are left out."""
    moved: list[Crowd] = []
    for one in sample.crowds:
        before = _fill_box(one.box, sample.shape) if one.mask is None else one.mask.astype(np.uint8)
        region = move(before) > 0
        if region.any():
            mask = None if one.mask is None else region
            box = find_corner_box(region, np.zeros(2, dtype=np.int64))
            moved.append(replace(one, box=box, area=float(np.count_nonzero(region)), mask=mask))
    return moved
