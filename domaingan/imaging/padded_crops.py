"""Patches cut from images and masks, also where they reach beyond the border."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def count_voxels(mask: NDArray[Any]) -> Counter[int]:
    """Count the pixels of each class value in a mask, without background.

    Args:
        mask: ``(*spatial)`` class values; 0 and below are background.
    """
    values, counts = np.unique(mask[mask > 0], return_counts=True)
    return Counter(dict(zip(values.tolist(), counts.tolist(), strict=True)))


def crop_padded(
    array: NDArray[Any], corner: NDArray[Any], crop_size: int | Sequence[int], fill: float | None = None
) -> NDArray[Any]:
    """Cut a patch from the last axes of an array, also where it reaches beyond the border.

    Args:
        array: ``(..., *spatial)``.
        corner: ``(dims,)`` where the patch starts along the last ``dims`` axes; may be negative.
        crop_size: one edge for all axes, or one an axis.
        fill: value of what lies outside of the array; by default each channel's minimum.

    Returns:
        ``(..., *crop_size)``, a copy.
    """
    dims = len(corner)
    first = array.ndim - dims
    lead, shape = array.shape[:first], array.shape[first:]
    size = np.broadcast_to(np.asarray(crop_size), (dims,)).tolist()
    source: list[Any] = [Ellipsis]
    target: list[Any] = [Ellipsis]
    is_empty = False
    for place, length, edge in zip(np.asarray(corner).tolist(), shape, size, strict=True):
        start = min(max(0, int(place)), length)
        stop = min(max(0, int(place) + edge), length)
        source.append(slice(start, stop))
        target.append(slice(start - int(place), stop - int(place)))
        is_empty |= start >= stop
    if fill is None:
        outside = array.min(axis=tuple(range(first, array.ndim)), keepdims=True)
    else:
        outside = np.asarray(fill, dtype=array.dtype)
    patch = np.broadcast_to(outside, (*lead, *size)).copy()
    if not is_empty:
        patch[tuple(target)] = array[tuple(source)]
    return patch
