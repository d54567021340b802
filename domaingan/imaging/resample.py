"""Images and masks on another grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage import transform


def resize(array: NDArray[Any], shape: Sequence[int], *, is_mask: bool = False) -> NDArray[Any]:
    """Resample the last axes of an array to a shape.

    Images are interpolated linearly. Along an axis that shrinks they are smoothed first by a Gaussian of
    ``(factor - 1) / 2`` pixels, so that what is finer than the new grid does not alias. Masks take the nearest value.
    Pixel centres stay where they are in the world, as with ``align_corners=False``: a mask that is resized there and
    back loses no half pixel.

    Args:
        array: ``(..., *spatial)``; all axes before the last ``len(shape)`` are kept.
        shape: the new spatial shape.
        is_mask: whether the values are labels, which must not be mixed.

    Returns:
        ``(..., *shape)``: float32, or a mask of the same type. An array that has the shape already is returned as it
        is.
    """
    shape = tuple(int(length) for length in shape)
    lead = array.ndim - len(shape)
    if array.shape[lead:] == shape:
        return array
    if is_mask:
        return _resize_nearest(array, shape)
    resized: NDArray[np.float32] = transform.resize(
        array.astype(np.float32),
        array.shape[:lead] + shape,
        order=1,
        mode="edge",
        anti_aliasing=True,
        clip=False,
        preserve_range=True,
    )
    return resized


def _resize_nearest(mask: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Take the value that lies nearest to each new pixel centre; of two that are as near, the one of the even index."""
    lead = mask.ndim - len(shape)
    indices: list[NDArray[Any]] = [np.arange(length) for length in mask.shape[:lead]]
    for old_length, new_length in zip(mask.shape[lead:], shape, strict=True):
        factor = old_length / new_length
        centres = (np.arange(new_length) + 0.5) * factor - 0.5
        indices.append(np.clip(np.round(centres), 0, old_length - 1).astype(int))
    return mask[np.ix_(*indices)]
