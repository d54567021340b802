"""Where a crop may go in a scan: inside the body, not on an existing object. Helpers for patches and hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.blend.scan.surface_depth import BLOCK_SIZES, BodySurface
from domaingan.imaging.intensity import expand_extent, find_extent

MAX_PLACE_TRIES = 60
"""How many places are tried before giving up."""

Mask = NDArray[np.bool_]


def find_place(
    body: Mask,
    surface: BodySurface,
    min_depth_mm: float,
    occupied: Mask,
    rng: np.random.Generator,
    sample_centres: Callable[[Mask, int, np.random.Generator], NDArray[np.int64]],
) -> NDArray[np.int64] | None:
    """Draw a corner for a patch, among the places where its object lies deep enough and on nothing else.

    Args:
        body: ``(*patch)``, the object.
        surface: of the host's body, with the patch's spacing.
        min_depth_mm: the object's pixels must be in the body, and at least this deep.
        occupied: ``(*host)``, where the object must not lie.
        rng: source of every draw.
        sample_centres: draws the centres to try, ``(n, dims)``. It gets where they may be ``(*host)`` and how many are
            wanted; see :mod:`domaingan.blend.scan.prior`.

    Returns:
        The patch's corner in the host, which may lie outside it where only the margin sticks out; None if no place was
        found.
    """
    extent = find_extent(body)
    if extent is None:
        return None
    object_mask = body[extent]
    object_start = np.array([side.start for side in extent])
    centre = np.array([round(float(along_axis.mean())) for along_axis in np.nonzero(body)])
    required_body, offset = surface.find_required_body(body, min_depth_mm)
    # Depth changes by at most a millimetre a millimetre. So around the centre of an object that holds a ball of radius
    # r, no place is lost by drawing only from those at least r deeper. Large objects would hardly ever fit otherwise.
    ball_radius = _measure_ball_radius(body, centre, surface.spacing)
    centre_depth_mm = min_depth_mm + ball_radius - max(surface.spacing)
    for block in (1,) if surface.is_small else (*BLOCK_SIZES, 1):
        free = surface.find_deep(max(min_depth_mm, centre_depth_mm), block) & ~occupied
        if not free.any():  # smaller blocks have no more places
            return None
        for candidate in sample_centres(free, MAX_PLACE_TRIES, rng):
            corner: NDArray[np.int64] = candidate - centre
            if not surface.is_inside_body(required_body, corner - offset):
                continue
            if not (occupied[_get_region(corner + object_start, object_mask.shape)] & object_mask).any():
                return corner
    return None


def draw_corners(
    body: Mask, host_shape: Sequence[int], rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.int64], tuple[slice, ...]]]:
    """Draw corners for a patch anywhere in a host, where its whole object lies in the host.

    Args:
        body: ``(*patch)``, the object.
        host_shape: spatial shape of the host.
        rng: source of every draw.

    Yields:
        At most :data:`MAX_PLACE_TRIES` corners, each with the region of the host that the object's box covers. None
        if the object is larger than the host.
    """
    extent = find_extent(body)
    if extent is None:
        return
    start = np.array([side.start for side in extent])
    size = np.array([side.stop - side.start for side in extent])
    last = np.array(host_shape) - size
    if (last < 0).any():
        return
    for _ in range(MAX_PLACE_TRIES):
        first = rng.integers(0, last + 1)
        yield first - start, _get_region(first, size.tolist())


def _get_region(start: NDArray[np.int64], shape: Sequence[int]) -> tuple[slice, ...]:
    """Return the part of an array that begins at ``start``."""
    return tuple(slice(int(first), int(first) + size) for first, size in zip(start, shape, strict=True))


def _measure_ball_radius(body: Mask, centre: NDArray[np.int64], spacing: Sequence[float]) -> float:
    """Measure how far an object reaches from its centre in every direction, in mm; 0 if its centre is not in it."""
    squares = np.zeros(())
    for middle, step, size in zip(centre, spacing, body.shape, strict=True):
        along_axis = ((np.arange(-1, size + 1) - middle) * step) ** 2
        squares = np.add.outer(squares, along_axis)
    outside = np.pad(~body, 1, constant_values=True)
    return float(np.sqrt(squares[outside].min()))


def dilate_labels(mask: NDArray[Any], pixels: int) -> Mask:
    """Dilate everything that is labelled by a city-block ball.

    Args:
        mask: ``(*spatial)`` class values.
        pixels: radius of the ball.

    Returns:
        ``(*spatial)``.
    """
    body: Mask = np.asarray(mask) > 0
    extent = find_extent(body)
    if pixels > 0 and extent is not None:
        near = expand_extent(extent, pixels)
        body[near] = ndimage.binary_dilation(body[near], iterations=pixels)
    return body


def find_overlap(
    patch_shape: Sequence[int], host_shape: Sequence[int], corner: NDArray[Any]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Find the part of a patch that lies in the host.

    Args:
        patch_shape, host_shape: spatial shapes.
        corner: ``(dims,)`` where the patch begins in the host; it may stick out.

    Returns:
        The part of the patch, and where in the host that is. Both are empty where nothing overlaps.
    """
    in_patch, in_host = [], []
    for patch_size, host_size, first in zip(patch_shape, host_shape, corner.tolist(), strict=True):
        first = int(first)
        start = max(0, first)
        stop = max(start, min(host_size, first + patch_size))
        in_patch.append(slice(start - first, stop - first))
        in_host.append(slice(start, stop))
    return tuple(in_patch), tuple(in_host)
