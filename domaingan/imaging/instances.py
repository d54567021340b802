"""Objects in a mask: instances from connected components, and the boxes around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.imaging.intensity import find_extent, label_components

MIN_VISIBLE_SHARE = 0.2
"""An object of which less than this share is left to be seen is no object any more."""


@dataclass(frozen=True, eq=False)
class Objects:
    """The objects of one sample, told apart.

    Attributes:
        instances: ``(*spatial)`` int32, ``i + 1`` where object ``i`` is seen, 0 elsewhere.
        boxes: ``(N, 2 * dims)`` float32 corner boxes, as in :class:`domaingan.data.Sample`.
        labels: ``(N,)`` int64 class values.
        dropped: components that were too small to be objects.
    """

    instances: NDArray[np.int32]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    dropped: int = 0


def find_mask_objects(mask: NDArray[Any], values: Sequence[int], min_area: int = 0) -> Objects:
    """The connected components of each of the classes ``values`` as objects, in the order of ``values``.

    Args:
        mask: ``(*spatial)`` class values.
        values: the classes whose components are objects.
        min_area: components of fewer pixels are dropped and counted.

    >>> find_mask_objects(np.array([[8, 8, 0, 9]]), [8, 9]).boxes.tolist()
    [[0.0, 0.0, 2.0, 1.0], [3.0, 0.0, 4.0, 1.0]]
    """
    instances = np.zeros(mask.shape, dtype=np.int32)
    boxes: list[NDArray[np.float32]] = []
    labels: list[int] = []
    dropped = 0
    for value in values:
        own = mask == value
        region = find_extent(own)  # labelling less is faster
        if region is None:
            continue
        numbered, n = label_components(own[region])
        kept = (
            np.bincount(numbered.ravel(), minlength=n + 1) >= min_area if min_area > 1 else np.ones(n + 1, dtype=bool)
        )
        kept[0] = False
        there = numbered > 0
        if kept[1:].all():
            np.add(numbered, len(labels), out=instances[region], where=there)
        else:
            instances[region][there] = np.where(kept, len(labels) + np.cumsum(kept), 0)[numbered[there]]
        parts, corner = ndimage.find_objects(numbered), [side.start for side in region]
        boxes += [_make_corner_box(part, corner) for part, is_kept in zip(parts, kept[1:], strict=True) if is_kept]
        labels += [value] * (len(boxes) - len(labels))
        dropped += n - int(kept.sum())
    stacked = np.array(boxes, dtype=np.float32).reshape(-1, 2 * mask.ndim)
    return Objects(instances, stacked, np.array(labels, dtype=np.int64), dropped)


def find_instance_objects(instances: NDArray[np.int32], mask: NDArray[Any]) -> Objects:
    """The objects that a picture of instances tells apart, each of the class most of it has in the mask.

    Args:
        instances: ``(*spatial)`` int32, ``i + 1`` where object ``i`` is seen; numbers that do not occur are left out.
        mask: ``(*spatial)`` class values.
    """
    numbers = np.unique(instances[instances > 0])
    numbered = np.searchsorted(numbers, instances).astype(np.int32) + 1
    numbered[instances <= 0] = 0
    boxes = np.zeros((len(numbers), 2 * mask.ndim), dtype=np.float32)
    labels = np.zeros(len(numbers), dtype=np.int64)
    for i, where in enumerate(ndimage.find_objects(numbered)):
        values, counts = np.unique(mask[where][numbered[where] == i + 1], return_counts=True)
        boxes[i], labels[i] = _make_corner_box(where, [0] * mask.ndim), values[counts.argmax()]
    return Objects(numbered, boxes, labels)


def isin_small(mask: NDArray[Any], values: Sequence[int]) -> NDArray[np.bool_]:
    """Where a mask has one of a few values: for so few a comparison each is many times faster than ``np.isin``.

    >>> isin_small(np.array([[8, 9, 7]]), [7, 8]).tolist()
    [[True, False, True]]
    """
    found = np.zeros(mask.shape, dtype=bool)
    for value in values:
        found |= mask == value
    return found


def _make_corner_box(where: Sequence[slice], corner: Sequence[int] | NDArray[Any]) -> NDArray[np.float32]:
    """The corner box of a part of a patch that starts at ``corner``."""
    order = get_box_axes(len(where))
    low, high = ([getattr(where[axis], end) + corner[axis] for axis in order] for end in ("start", "stop"))
    return np.array(low + high, dtype=np.float32)


def find_corner_box(mask: NDArray[Any], corner: NDArray[Any]) -> NDArray[np.float32]:
    """The corner box of what is true in a mask (somewhere it must be) whose patch starts at ``corner`` (array axes)."""
    part = find_extent(mask)
    assert part is not None
    return _make_corner_box(part, corner)


def get_box_axes(dims: int) -> tuple[int, ...]:
    """Array axes in the order in which boxes list them: frames are (H, W) but boxes xyxy; volumes are (X, Y, Z)."""
    return (1, 0) if dims == 2 else (0, 1, 2)
