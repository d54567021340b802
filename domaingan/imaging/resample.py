"""Images and masks on another grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


def resize(array: NDArray[Any], shape: Sequence[int], *, is_mask: bool = False) -> NDArray[Any]:
    """Resample the last ``len(shape)`` axes to ``shape``: linear, smoothed first where it shrinks; labels nearest.

    The smoothing is a Gaussian of ``(factor - 1) / 2`` pixels, so that what is finer than the new grid does not
    alias. An array that has the shape already is returned as it is, any other image as float32. Pixel centres stay
    where they are in the world (as with ``align_corners=False``): a mask there and back loses no half pixel.
    """
    shape = tuple(int(n) for n in shape)
    old = array.shape[array.ndim - len(shape) :]
    if old == shape:
        return array
    factors = [o / n for o, n in zip(old, shape, strict=True)]
    if is_mask:
        centres = [(np.arange(n) + 0.5) * f - 0.5 for n, f in zip(shape, factors, strict=True)]
        index = [np.clip(np.round(c), 0, o - 1).astype(int) for c, o in zip(centres, old, strict=True)]
        others = [np.arange(n) for n in array.shape[: array.ndim - len(shape)]]
        return array[np.ix_(*others, *index)]
    lead = array.ndim - len(shape)
    smooth = [0.0] * lead + [max(0.0, (f - 1) / 2) for f in factors]
    source = array.astype(np.float32)
    if any(smooth):
        source = ndimage.gaussian_filter(source, smooth, mode="nearest")
    zoom = [1.0] * lead + [1 / f for f in factors]
    resized: NDArray[np.float32] = ndimage.zoom(source, zoom, order=1, mode="nearest", grid_mode=True)
    return resized
