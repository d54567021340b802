"""Move labels as classic augmentation moves the image: masks, objects, boxes and crowds, all by the same draws."""

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
MaskMover = Callable[[NDArray[Any]], NDArray[Any]]
"""Moves any mask ``(*spatial)`` as the image was moved."""


def move_masks(sample: Sample, augment: Augment, scaled: Image, rng: np.random.Generator) -> tuple[Image, Sample]:
    """Augment a sample's image, and move its mask, objects and crowds with it.

    Args:
        sample: its mask may be None; its boxes follow from its instances.
        augment: classic augmentation of an image and a mask.
        scaled: the image in scaled units.
        rng: source of every draw.

    Returns:
        The augmented image in scaled units, and the sample with everything else.
    """
    rng_before = copy.deepcopy(rng)  # every part is moved by the same draws as image and mask
    blank = np.zeros(sample.shape, np.uint8)
    image, mask = augment(scaled, blank if sample.mask is None else sample.mask, rng)

    def move(part: NDArray[Any]) -> NDArray[Any]:
        return augment(scaled, part, copy.deepcopy(rng_before))[1]

    moved = _mark_as_moved(sample, _move_crowds(sample, move))
    if sample.mask is None:
        return image, moved
    moved.mask = mask
    if sample.instances is None:
        return image, moved
    return image, _move_objects(sample, moved, mask, move)


def _move_objects(sample: Sample, moved: Sample, mask: NDArray[Any], move: MaskMover) -> Sample:
    """Give a moved sample its instances, boxes, labels and origins.

    Args:
        sample: before it moved; it has instances.
        moved: the sample without them.
        mask: after it moved.
        move: moves a mask.
    """
    assert sample.instances is not None
    instances = _move_instances(sample.instances, move)
    objects = find_instance_objects(instances, mask)
    boxes = objects.boxes
    remaining = np.unique(instances[instances > 0]) - 1
    labels = objects.labels if sample.labels is None else sample.labels[remaining]
    if sample.boxes is not None and sample.labels is not None:
        without_pixels = np.setdiff1d(np.arange(len(sample.boxes)), np.unique(sample.instances) - 1)
        indices, moved_boxes = _move_boxes_without_pixels(sample, without_pixels, move)
        remaining = np.append(remaining, indices)
        boxes = np.concatenate([boxes, moved_boxes])
        labels = np.append(labels, sample.labels[indices])
    origins = _find_origins(sample)[remaining]
    return replace(moved, instances=objects.instances, boxes=boxes, labels=labels, origins=origins)


def _move_instances(instances: NDArray[np.int32], move: MaskMover) -> NDArray[np.int32]:
    """Move instance numbers byte by byte, as augmentation takes masks of bytes."""
    moved = np.zeros_like(instances)
    for shift in range(0, int(instances.max()).bit_length(), 8):
        part = (instances >> shift & 255).astype(np.uint8)
        moved |= move(part).astype(np.int32) << shift
    return moved


def _move_boxes_without_pixels(
    sample: Sample, indices: NDArray[np.int64], move: MaskMover
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Move the boxes of objects that other objects hide wholly.

    Args:
        sample: before it moved.
        indices: of these objects.
        move: moves a mask.

    Returns:
        Indices of the objects that are still in the picture, and their boxes.
    """
    assert sample.boxes is not None
    remaining: list[int] = []
    boxes: list[NDArray[np.float32]] = [np.zeros((0, 2 * sample.spatial_dims), dtype=np.float32)]
    for index in indices.tolist():
        region = move(_fill_box(sample.boxes[index], sample.shape)) > 0
        if region.any():
            remaining.append(index)
            boxes.append(find_corner_box(region, np.zeros(sample.spatial_dims, dtype=np.int64))[None])
    return np.array(remaining, dtype=np.int64), np.concatenate(boxes)


def _fill_box(box: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Make a mask that is 1 in a box."""
    dims = len(shape)
    corners = np.rint(box).astype(int).tolist()
    slices = [slice(corners[axis], corners[dims + axis]) for axis in get_box_axes(dims)]
    region = np.zeros(shape, dtype=np.uint8)
    region[tuple(slices)] = 1
    return region


def move_boxes(sample: Sample, classic: Classic, scaled: Image, rng: np.random.Generator) -> tuple[Image, Sample]:
    """Augment a frame's image, and move its boxes and those of its crowds with it; boxes that leave it are dropped.

    Args:
        sample: has boxes and labels, no mask.
        classic: of frames.
        scaled: the image in scaled units.
        rng: source of every draw.

    Returns:
        The augmented image in scaled units, and the sample with everything else.
    """
    assert sample.boxes is not None and sample.labels is not None
    n_objects = len(sample.boxes)
    crowd_boxes = [crowd.box[None] for crowd in sample.crowds]
    all_boxes = np.concatenate([sample.boxes, *crowd_boxes]).astype(np.float32)
    image, boxes, indices = classic.augment_boxes(scaled, all_boxes, np.arange(len(all_boxes)), rng)
    is_object = indices < n_objects
    crowds = []
    for index, box in zip(indices[~is_object].tolist(), boxes[~is_object], strict=True):
        area = float(np.prod(box[2:] - box[:2]))
        crowds.append(replace(sample.crowds[index - n_objects], box=box, mask=None, area=area))
    remaining = indices[is_object]
    moved = _mark_as_moved(sample, crowds)
    origins = _find_origins(sample)[remaining]
    return image, replace(moved, boxes=boxes[is_object], labels=sample.labels[remaining], origins=origins)


def _find_origins(sample: Sample) -> NDArray[np.int64]:
    """Find for each object its number when the sample was read."""
    if sample.origins is not None:
        return np.asarray(sample.origins, dtype=np.int64)
    n = 0 if sample.boxes is None else len(sample.boxes)
    if sample.boxes is None and sample.instances is not None:
        n = int(sample.instances.max())
    return np.arange(n, dtype=np.int64)


def _mark_as_moved(sample: Sample, crowds: Sequence[Crowd]) -> Sample:
    """Give a sample its moved crowds, and drop what holds positions from before it moved."""
    paste_result = sample.paste_result
    if paste_result is not None:
        paste_result = replace(paste_result, touched=())
    return replace(sample, foreground=None, areas=None, crowds=tuple(crowds), is_moved=True, paste_result=paste_result)


def _move_crowds(sample: Sample, move: MaskMover) -> list[Crowd]:
    """Move the crowds; those of which nothing is left in the picture are dropped."""
    moved: list[Crowd] = []
    for crowd in sample.crowds:
        before = _fill_box(crowd.box, sample.shape) if crowd.mask is None else crowd.mask.astype(np.uint8)
        region = move(before) > 0
        if region.any():
            mask = None if crowd.mask is None else region
            box = find_corner_box(region, np.zeros(2, dtype=np.int64))
            moved.append(replace(crowd, box=box, area=float(np.count_nonzero(region)), mask=mask))
    return moved
