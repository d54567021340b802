"""New masks from known ones: two mixed, or a rough ball that chance draws; classes lie as in a real one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.imaging.intensity import find_extent
from domaingan.imaging.padded_crops import crop_padded

Labels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

ROUGHNESS = 0.3
"""How far the surface of a blob strays from that of its ball, as a share of the radius (standard deviation)."""


def interpolate_shapes(mask: Labels, other: Labels, share: float) -> Labels:
    """Interpolate between the shapes of two masks, with their centres on each other.

    The signed distances to both surfaces are interpolated (Raya and Udupa 1990, "Shape-based interpolation of
    multidimensional objects").

    Args:
        mask: ``(*size)`` class values, 0 outside; gives centre and classes.
        other: the same, as large.
        share: 0 for the first shape, 1 for the second.

    Returns:
        ``(*size)``; the first where nothing lies between them.

    >>> one, two = np.zeros((9, 9), np.uint8), np.zeros((9, 9), np.uint8)
    >>> one[2:7, 4], two[4, 2:7] = 1, 1
    >>> np.array_equal(interpolate_shapes(one, two, 0.0), one), np.array_equal(interpolate_shapes(one, two, 1.0), two)
    (True, True)
    """
    offset = np.round(_find_centre(other) - _find_centre(mask)).astype(np.int64)
    moved = crop_padded(other, offset, other.shape, fill=0)
    distance = (1 - share) * _measure_signed_distance(mask > 0) + share * _measure_signed_distance(moved > 0)
    return _assign_classes(distance < 0, mask)


def draw_random_blob(mask: Labels, rng: np.random.Generator) -> Labels:
    """Draw a rough ball (a disc in 2D) as large as what a mask marks, in the same place.

    Args:
        mask: ``(*size)`` class values, 0 outside; gives centre, size and classes.
        rng: draws the surface: smooth noise as coarse as half the radius.

    Returns:
        ``(*size)``.
    """
    body = mask > 0
    axes = np.indices(mask.shape, dtype=np.float64)
    distance = np.sqrt(sum((axis - c) ** 2 for axis, c in zip(axes, _find_centre(mask), strict=True)))
    n = int(body.sum())
    radius = float(np.partition(distance, n - 1, axis=None)[n - 1]) + 0.5
    noise = ndimage.gaussian_filter(rng.standard_normal(mask.shape), radius / 2, mode="wrap")
    rough = distance + ROUGHNESS * radius * noise / max(float(noise.std()), 1e-9)
    return _assign_classes(rough <= np.partition(rough, n - 1, axis=None)[n - 1], mask)


def _find_centre(mask: Labels) -> NDArray[np.float64]:
    return np.array(ndimage.center_of_mass(mask > 0))


def _measure_signed_distance(body: Mask) -> NDArray[np.float64]:
    """Measure the distance to the surface in pixels, negative inside."""
    inside: NDArray[np.float64] = ndimage.distance_transform_edt(body)
    outside: NDArray[np.float64] = ndimage.distance_transform_edt(~body)
    return outside - inside


def _assign_classes(body: Mask, mask: Labels) -> Labels:
    """Keep the largest piece of a body, and give each pixel the class that is nearest in the mask."""
    pieces, n = ndimage.label(body)
    if n == 0 or find_extent(mask > 0) is None:
        return mask
    largest = pieces == 1 + int(np.argmax(np.bincount(pieces[pieces > 0])[1:]))
    nearest = ndimage.distance_transform_edt(mask == 0, return_distances=False, return_indices=True)
    return np.where(largest, mask[tuple(nearest)], 0).astype(np.uint8)
