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
"""An object of which a smaller share is still visible is no object any more."""


def is_nearly_hidden(n_visible: Any, n_whole: Any) -> Any:
    """Return whether less than :data:`MIN_VISIBLE_SHARE` of an object is visible.

    Args:
        n_visible: number of its pixels that can be seen, or an array of such numbers.
        n_whole: number of all its pixels, or an array.

    Returns:
        A boolean, or an array of booleans.

    >>> is_nearly_hidden(19, 100), is_nearly_hidden(20, 100)
    (True, False)
    """
    return n_visible < MIN_VISIBLE_SHARE * n_whole


@dataclass(frozen=True, eq=False)
class Objects:
    """Hold the objects of one sample.

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
    """Find the objects of a mask: the connected components of some classes, in the order of the classes.

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
        is_of_class = mask == value
        region = find_extent(is_of_class)  # labelling less is faster
        if region is None:
            continue
        numbered, n = label_components(is_of_class[region])
        areas = np.bincount(numbered.ravel(), minlength=n + 1)
        kept = np.asarray(areas >= min_area)
        kept[0] = False
        there = numbered > 0
        if kept[1:].all():
            np.add(numbered, len(labels), out=instances[region], where=there)
        else:
            instances[region][there] = np.where(kept, len(labels) + np.cumsum(kept), 0)[numbered[there]]
        corner = [side.start for side in region]
        for part, is_kept in zip(ndimage.find_objects(numbered), kept[1:], strict=True):
            if is_kept:
                boxes.append(_make_corner_box(part, corner))
                labels.append(value)
        dropped += n - int(kept.sum())
    stacked = np.array(boxes, dtype=np.float32).reshape(-1, 2 * mask.ndim)
    return Objects(instances, stacked, np.array(labels, dtype=np.int64), dropped)


def find_instance_objects(instances: NDArray[np.int32], mask: NDArray[Any]) -> Objects:
    """Find the objects of a picture of instances; each has the class that most of its pixels have in the mask.

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
    """Find where a mask has one of a few values; for few values this is many times faster than ``np.isin``.

    Args:
        mask: ``(*spatial)``.
        values: those that are looked for.

    >>> isin_small(np.array([[8, 9, 7]]), [7, 8]).tolist()
    [[True, False, True]]
    """
    found = np.zeros(mask.shape, dtype=bool)
    for value in values:
        found |= mask == value
    return found


def _make_corner_box(where: Sequence[slice], corner: Sequence[int] | NDArray[Any]) -> NDArray[np.float32]:
    """Make the corner box of a part of a patch that starts at ``corner``."""
    order = get_box_axes(len(where))
    low = [where[axis].start + corner[axis] for axis in order]
    high = [where[axis].stop + corner[axis] for axis in order]
    return np.array(low + high, dtype=np.float32)


def find_corner_box(mask: NDArray[Any], corner: NDArray[Any]) -> NDArray[np.float32]:
    """Find the corner box of what is true in a mask.

    Args:
        mask: ``(*patch)``, true somewhere.
        corner: ``(dims,)`` where the patch starts, in the order of the array's axes.
    """
    part = find_extent(mask)
    assert part is not None
    return _make_corner_box(part, corner)


def get_box_axes(dims: int) -> tuple[int, ...]:
    """Get the array's axes in the order in which boxes list them.

    Frames are ``(H, W)`` but their boxes are xyxy; volumes are ``(X, Y, Z)`` and their boxes xyzxyz.
    """
    return (1, 0) if dims == 2 else (0, 1, 2)
