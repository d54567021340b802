"""The rim of a domain: its pixels that have a neighbour outside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.imaging.intensity import find_extent

Mask = NDArray[np.bool_]
Values = NDArray[Any]

MAX_DIRECT_PIXELS = 199
"""Rims of at most this many pixels are solved for by elimination. OpenBLAS keeps so large a matrix on one thread."""

MAX_RIM_PIXELS = 3000
"""Rims of more pixels are solved for in another way, as the matrices grow with the square."""

MAX_ENTRIES_PER_PIXEL = 32
"""Largest number of a matrix's entries for each pixel of the domain's box. The surface of a volume has more."""


@dataclass(frozen=True)
class DomainRim:
    """The pixels of a domain that have a next neighbour outside it, in a box with one more pixel on each side.

    Attributes:
        box: the domain's box in its array.
        domain: ``(*box)``, false along the border.
        places: ``(n,)`` flat positions in the box.
        edge_pixels: ``(edges,)`` for each edge out of the domain the number of its pixel in ``places``.
        outside_places: ``(edges,)`` flat positions in the box of the pixels outside.
        is_closed: ``(edges,)`` whether nothing flows there. Then u is not 0 there but as in the domain.
        direction_ends: where in ``edge_pixels`` each direction ends.
    """

    box: tuple[slice, ...]
    domain: Mask
    places: NDArray[np.int64]
    edge_pixels: NDArray[np.int64]
    outside_places: NDArray[np.int64]
    is_closed: Mask
    direction_ends: tuple[int, ...]


def find_rim(domain: Mask, free: Mask) -> DomainRim | None:
    """Find a domain's rim, if it is short for its area and every part has a neighbour whose value is known.

    Args:
        domain: ``(*spatial)``, not empty.
        free: ``(*spatial)``, holds the domain. Nothing flows to pixels that are not free, nor across the border.

    Returns:
        The rim; None where there are better ways to solve the equation.
    """
    extent = find_extent(domain)
    assert extent is not None
    padded_domain = pad_box(domain[None], extent)[0]
    in_domain = padded_domain.ravel()
    is_free = pad_box(free[None], extent)[0].ravel()
    steps = _compute_neighbour_steps(padded_domain.shape)
    domain_places = np.flatnonzero(in_domain)
    inside_by_step = [domain_places[~in_domain[domain_places + step]] for step in steps]
    inside_places = np.concatenate(inside_by_step)
    places = np.flatnonzero(np.bincount(inside_places))
    max_entries = MAX_ENTRIES_PER_PIXEL * max(padded_domain.size, MAX_DIRECT_PIXELS)
    if len(places) > MAX_RIM_PIXELS or len(places) ** 2 > max_entries:
        return None
    outside_by_step = [inside + step for inside, step in zip(inside_by_step, steps, strict=True)]
    outside_places = np.concatenate(outside_by_step)
    is_closed = ~is_free[outside_places]
    if is_closed.any() and not _is_anchored(padded_domain, inside_places[~is_closed]):
        return None
    edges_by_step = [len(inside) for inside in inside_by_step]
    return DomainRim(
        box=extent,
        domain=padded_domain,
        places=places,
        edge_pixels=np.searchsorted(places, inside_places),
        outside_places=outside_places,
        is_closed=is_closed,
        direction_ends=tuple(np.cumsum(edges_by_step).tolist()),
    )


def _is_anchored(domain: Mask, known: NDArray[np.int64]) -> bool:
    """Whether every part of a domain has one of these pixels, whose neighbours' values are known."""
    if domain.ndim == 2:  # OpenCV takes a fifth of the time
        n_labels, parts = cv2.connectedComponents(domain.view(np.uint8), connectivity=4)
    else:
        parts, n_parts = ndimage.label(domain)
        n_labels = n_parts + 1
    is_anchored = np.zeros(n_labels, dtype=bool)
    is_anchored[parts.ravel()[known]] = True
    return bool(is_anchored[1:].all())


def pad_box(image: Values, box: tuple[slice, ...]) -> Values:
    """Cut a box out of a ``(C, *spatial)`` image with one more pixel on each side, 0 beyond the image."""
    padded_shape = [side.stop - side.start + 2 for side in box]
    padded = np.zeros((len(image), *padded_shape), dtype=image.dtype)
    wider_box = tuple(slice(max(0, side.start - 1), side.stop + 1) for side in box)
    part = image[(slice(None), *wider_box)]
    target = []
    for side, wider, size in zip(box, wider_box, part.shape[1:], strict=True):
        first = 1 - (side.start - wider.start)
        target.append(slice(first, first + size))
    padded[(slice(None), *target)] = part
    return padded


def _compute_neighbour_steps(shape: tuple[int, ...]) -> list[int]:
    """Compute the steps from a pixel's flat index to those of its next neighbours."""
    steps = []
    for axis in range(len(shape)):
        stride = int(np.prod(shape[axis + 1 :]))
        steps += [-stride, stride]
    return steps
