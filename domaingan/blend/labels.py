"""What a paste does to the labels of its host: the mask merged, boxes recomputed, hidden objects dropped."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.objects import box_axes, box_of
from domaingan.tissue import components

VISIBLE = 0.2
"""An older object of which less than this share stays visible is dropped."""


def merge_mask(mask: NDArray[Any], pasted: NDArray[Any]) -> NDArray[Any]:
    """The host's mask with a pasted one on top; older objects nearly hidden by it disappear.

    Args:
        mask: ``(*spatial)`` class values; not changed.
        pasted: ``(*spatial)`` class values of the pasted object in the host's grid, 0 elsewhere.

    Returns:
        A new mask of the same type.
    """
    covered = pasted > 0
    merged = mask.copy()
    if (mask[covered] > 0).any():
        older, _ = components(mask)
        before = np.bincount(older.ravel())
        left = np.bincount(older[~covered], minlength=len(before))
        hidden = np.flatnonzero((left < VISIBLE * before) & (left > 0))
        merged[np.isin(older, hidden[hidden > 0])] = 0
    merged[covered] = pasted[covered]
    return merged


def merge_boxes(
    boxes: NDArray[np.float32],
    labels: NDArray[np.int64],
    before: NDArray[Any],
    after: NDArray[Any],
    pasted: NDArray[Any],
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Boxes and labels after a paste: older ones shrunk to what is still visible or dropped, the new one last.

    Args:
        boxes: ``(N, 2 * dims)`` corner boxes before the paste.
        labels: ``(N,)`` class values.
        before: the host's mask before the paste.
        after: the merged mask.
        pasted: the pasted object in the host's grid, 0 elsewhere.
    """
    dims = pasted.ndim
    covered = pasted > 0
    kept, names = [], []
    for box, label in zip(boxes, labels, strict=True):
        where = box_slices(box, dims)
        own = before[where] == label
        visible = own & ~covered[where] & (after[where] == label)
        if not covered[where].any() or not own.any():
            kept.append(box)
        elif visible.sum() >= VISIBLE * own.sum():
            corner = np.array([s.start for s in where])
            kept.append(box_of(visible, corner))
        else:
            continue
        names.append(int(label))
    values, counts = np.unique(pasted[covered], return_counts=True)
    if len(values):
        kept.append(box_of(covered, np.zeros(dims, dtype=int)))
        names.append(int(values[np.argmax(counts)]))
    return np.array(kept, dtype=np.float32).reshape(-1, 2 * dims), np.array(names, dtype=np.int64)


def box_slices(box: NDArray[np.float32], dims: int) -> tuple[slice, ...]:
    """The part of an array that a box covers, with every pixel that it touches."""
    low, high = np.floor(box[:dims]).astype(int), np.ceil(box[dims:]).astype(int)
    return tuple(slice(int(low[i]), int(high[i])) for i in box_axes(dims))
