"""Distances in masks: how far pixels lie from a mask, and how deep below the surface of a body."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.imaging.intensity import find_extent

Mask = NDArray[np.bool_]


def measure_squared_distance(mask: Mask, limit: int) -> NDArray[np.uint16]:
    """Measure how far each pixel lies from a mask, as far as ``limit`` pixels, along one axis after the other.

    Only the pixels nearby are looked at, so that this takes a tenth of the time of a whole distance transform.

    Args:
        mask: ``(*spatial)``.
        limit: 180 at most.

    Returns:
        ``(*spatial)``, the squares of the distances in pixels; ``limit² + 1`` where they are larger.

    >>> measure_squared_distance(np.array([[True, False], [False, False], [False, False]]), 2)
    array([[0, 1],
           [1, 2],
           [4, 5]], dtype=uint16)
    """
    beyond = np.uint16(limit**2 + 1)
    nearest = np.where(mask, np.uint16(0), beyond)
    for axis in range(mask.ndim):
        ahead, along = (slice(None),) * axis, nearest.copy()
        for step in range(1, min(limit, mask.shape[axis] - 1) + 1):
            farther = along + np.uint16(step**2)
            before, after = (*ahead, slice(None, -step)), (*ahead, slice(step, None))
            np.minimum(nearest[after], farther[before], out=nearest[after])
            np.minimum(nearest[before], farther[after], out=nearest[before])
    return nearest


def measure_surface_depth(inside: Mask, spacing: Sequence[float]) -> NDArray[np.float32]:
    """Measure how far each pixel of the body lies below its surface.

    Args:
        inside: ``(*spatial)``, where the body is.
        spacing: size of a pixel along each axis, in mm.

    Returns:
        ``(*spatial)`` in mm; 0 outside the body, and 0 at the image's own border.

    >>> measure_surface_depth(np.ones((5, 3), dtype=bool), (2.0, 2.0))[:, 1]
    array([0., 2., 2., 2., 0.], dtype=float32)
    """
    depth = np.zeros(inside.shape, dtype=np.float32)
    part = find_extent(inside)  # the air around a body is all 0
    if part is not None:
        distance = ndimage.distance_transform_edt(np.pad(inside[part], 1), sampling=tuple(spacing))
        below = distance[(slice(1, -1),) * inside.ndim].astype(np.float32)
        np.maximum(below - np.float32(min(spacing)), 0, out=depth[part])
    return depth
