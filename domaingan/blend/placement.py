"""Where a crop may go in a host: inside the body, not on an existing object."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]


def place(
    body: Mask,
    allowed: Mask,
    taken: Mask,
    rng: np.random.Generator,
    *,
    tries: int = 30,
    inside: float = 1.0,
) -> NDArray[np.int64] | None:
    """Draw a corner for a patch, uniformly over the allowed region, until its object fits.

    Args:
        body: ``(*patch)``, the object.
        allowed: ``(*host)``, where the object may lie.
        taken: ``(*host)``, where it must not lie.
        rng: source of every draw.
        tries: how often a place is drawn before giving up.
        inside: share of the object that must lie in the allowed region.

    Returns:
        The patch's corner in the host, which may lie outside it where only margin sticks out; None if no place
        was found.
    """
    candidates = np.flatnonzero(allowed & ~taken)
    pixels = np.argwhere(body)
    if not len(candidates) or not len(pixels):
        return None
    middle = np.round(pixels.mean(axis=0)).astype(np.int64)
    limits = np.array(allowed.shape)
    for flat in rng.choice(candidates, tries):
        corner = np.array(np.unravel_index(flat, allowed.shape)) - middle
        spots = pixels + corner
        fits = ((spots >= 0) & (spots < limits)).all(axis=1)
        if fits.mean() < inside:
            continue
        index = tuple(spots[fits].T)
        if allowed[index].sum() >= inside * len(pixels) and not taken[index].any():
            return corner
    return None


def grown(mask: NDArray[Any], pixels: int) -> Mask:
    """Everything labelled, dilated by a city-block ball."""
    body = np.asarray(mask) > 0
    if pixels <= 0 or not body.any():
        return body
    dilated: Mask = ndimage.binary_dilation(body, iterations=pixels)
    return dilated
