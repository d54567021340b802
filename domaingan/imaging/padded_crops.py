"""Patches cut from images and masks, also where they reach beyond the border."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def count_voxels(mask: NDArray[Any]) -> Counter[int]:
    """How many pixels of each class value a mask holds; background does not count."""
    values, counts = np.unique(mask[mask > 0], return_counts=True)
    return Counter(dict(zip(values.tolist(), counts.tolist(), strict=True)))


def crop_padded(
    array: NDArray[Any], corner: NDArray[Any], crop_size: int | Sequence[int], fill: float | None = None
) -> NDArray[Any]:
    """A patch of ``extent`` cut from the last axes at ``corner``; outside ``empty``, or a channel's minimum."""
    dims = len(corner)
    lead, shape = array.shape[: array.ndim - dims], array.shape[array.ndim - dims :]
    size = np.broadcast_to(np.asarray(crop_size), (dims,)).tolist()
    starts = [min(max(0, int(c)), n) for c, n in zip(corner, shape, strict=True)]
    stops = [min(max(0, int(c) + e), n) for c, n, e in zip(corner, shape, size, strict=True)]
    if fill is None:
        outside = array.min(axis=tuple(range(array.ndim - dims, array.ndim)), keepdims=True)
    else:
        outside = np.asarray(fill, dtype=array.dtype)
    out = np.broadcast_to(outside, (*lead, *size)).copy()
    if all(a < b for a, b in zip(starts, stops, strict=True)):
        source: list[Any] = [slice(a, b) for a, b in zip(starts, stops, strict=True)]
        target: list[Any] = [slice(s.start - int(c), s.stop - int(c)) for s, c in zip(source, corner, strict=True)]
        out[(Ellipsis, *target)] = array[(Ellipsis, *source)]
    return out
