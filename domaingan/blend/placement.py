"""Where a crop may go in a host: inside the body, not on an existing object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.blend.scan.surface_depth import BLOCK_SIZES, BodySurface
from domaingan.imaging.intensity import expand_extent, find_extent

MAX_PLACE_TRIES = 60
"""How often a place is drawn before giving up."""

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
        surface: of the host's body; of one spacing with the patch.
        shallowest: the object's pixels must be in the body, and at least so deep, in mm.
        taken: ``(*host)``, where it must not lie.
        rng: source of every draw.
        middles: draws the middles to try, ``(n, dims)``, of where they may be ``(*host)`` and how many are wanted; see
            :mod:`domaingan.blend.scan.prior`.

    Returns:
        The patch's corner in the host, which may lie outside it where only margin sticks out; None if no place
        was found.
    """
    part = find_extent(body)
    if part is None:
        return None
    own, first = body[part], np.array([side.start for side in part])
    middle = np.array([round(float(along.mean())) for along in np.nonzero(body)])
    around, offset = surface.find_required_body(body, min_depth_mm)
    # Depth changes by at most a millimetre a millimetre: around the middle of an object that holds a ball of radius
    # r, no place is lost by drawing only from those at least r deeper. Large objects would hardly ever fit else.
    deeper = min_depth_mm + _measure_ball_radius(body, middle, surface.spacing) - max(surface.spacing)
    for block in (1,) if surface.is_small else (*BLOCK_SIZES, 1):
        free = surface.find_deep(max(min_depth_mm, deeper), block) & ~occupied
        if not free.any():  # smaller blocks have no more places
            return None
        for spot in sample_centres(free, MAX_PLACE_TRIES, rng):
            corner: NDArray[np.int64] = spot - middle
            if not surface.is_inside_body(around, corner - offset):
                continue
            where = tuple(slice(int(a), int(a) + n) for a, n in zip(corner + first, own.shape, strict=True))
            if not (occupied[where] & own).any():
                return corner
    return None


def _measure_ball_radius(body: Mask, centre: NDArray[np.int64], spacing: Sequence[float]) -> float:
    """How far the object reaches from its middle in every direction, in mm; 0 where its middle is not in it."""
    squares = np.zeros(())
    for at, size, n in zip(centre, spacing, body.shape, strict=True):
        squares = np.add.outer(squares, ((np.arange(-1, n + 1) - at) * size) ** 2)
    outside = np.pad(~body, 1, constant_values=True)
    return float(np.sqrt(squares[outside].min()))


def dilate_labels(mask: NDArray[Any], pixels: int) -> Mask:
    """Everything labelled, dilated by a city-block ball."""
    body: Mask = np.asarray(mask) > 0
    part = find_extent(body)
    if pixels > 0 and part is not None:
        near = expand_extent(part, pixels)
        body[near] = ndimage.binary_dilation(body[near], iterations=pixels)
    return body


def find_overlap(
    patch_shape: Sequence[int], host_shape: Sequence[int], corner: NDArray[Any]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """The part of a patch that lies in the host, and where in the host that is; both empty where nothing does."""
    start = [max(0, int(c)) for c in corner]
    stop = [max(a, min(h, int(c) + p)) for a, p, h, c in zip(start, patch_shape, host_shape, corner, strict=True)]
    source = tuple(slice(a - int(c), b - int(c)) for a, b, c in zip(start, stop, corner, strict=True))
    return source, tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
