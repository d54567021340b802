"""Morphology of masks: borders, opening, connected pieces and holes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]

MIN_PIECE_SHARE = 0.3
"""A piece of the body, such as the other leg, has at least this share of the largest piece's voxels."""


def find_rim(shown: Mask) -> Mask:
    """The voxels of a mask that lie on the array's border or beside what is not in the mask."""
    inner = shown.copy()
    for axis in range(shown.ndim):
        first, last = _slice_neighbours(axis, 1)
        inner[first] &= shown[last]
        inner[last] &= shown[first]
        inner[(slice(None),) * axis + ([0, -1],)] = False  # beyond the border nothing is
    rim: Mask = shown & ~inner
    return rim


def erode(mask: Mask, pixels: int = 1) -> Mask:
    """Remove a border of so many pixels from a mask, corners too. At the array's border nothing is removed."""
    return ~dilate(~mask, pixels)


def dilate(mask: Mask, pixels: int = 1) -> Mask:
    """Add to a mask all pixels that are at most so far away along each axis, corners too."""
    grown = mask
    for axis in range(mask.ndim):
        along, grown = grown, grown.copy()
        for step in range(1, min(pixels, mask.shape[axis] - 1) + 1):
            first, last = _slice_neighbours(axis, step)
            grown[first] |= along[last]
            grown[last] |= along[first]
    return grown


def _slice_neighbours(axis: int, step: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return two parts of an array, shifted along an axis: without its last ``step`` pixels, and without its first."""
    ahead = (slice(None),) * axis
    return (*ahead, slice(None, -step)), (*ahead, slice(step, None))


def open_mask(mask: Mask, pixels: int = 1) -> Mask:
    """Remove from a mask what is thinner than ``2 * pixels + 1``."""
    return dilate(erode(mask, pixels), pixels)


def restore_edges(core: Mask, mask: Mask, pixels: int = 1) -> Mask:
    """Give a part of a mask back what :func:`open_mask` removed from its edges.

    Args:
        core: the part, after opening.
        mask: the mask before.
        pixels: as for the opening.
    """
    return dilate(core, pixels) & mask


def keep_large_pieces(mask: Mask) -> Mask:
    """Keep the largest connected component of a mask, and those that are not much smaller."""
    labels, n = ndimage.label(mask)
    if n < 2:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    largest: Mask = (sizes >= MIN_PIECE_SHARE * sizes.max())[labels]
    return largest


def fill_holes(mask: Mask) -> Mask:
    """Fill the holes of a mask; of a volume those of its slices, along one axis after the other."""
    filled = mask.copy()
    if not mask.any():
        return filled
    box = ndimage.find_objects(mask.view(np.uint8))[0]  # a hole lies in it
    part = filled[box]
    for axis in range(mask.ndim) if mask.ndim == 3 else ():
        for plane in np.moveaxis(part, axis, 0):
            _fill_plane_holes(plane)
    if mask.ndim == 2:
        _fill_plane_holes(part)
    return filled


def _fill_plane_holes(plane: Mask) -> None:
    """Fill the holes of a 2D mask in place."""
    if not plane.any():
        return
    padded = np.pad(plane, 1).view(np.uint8)
    cv2.floodFill(padded, None, (0, 0), 1)
    plane[padded[1:-1, 1:-1] == 0] = True
