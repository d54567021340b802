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
    """A mask less a border of so many pixels, corners too; it goes on beyond the array."""
    return ~dilate(~mask, pixels)


def dilate(mask: Mask, pixels: int = 1) -> Mask:
    """A mask and all pixels at most so far away along each axis, one axis after the other."""
    grown = mask
    for axis in range(mask.ndim):
        along, grown = grown, grown.copy()
        for step in range(1, min(pixels, mask.shape[axis] - 1) + 1):
            first, last = _slice_neighbours(axis, step)
            grown[first] |= along[last]
            grown[last] |= along[first]
    return grown


def _slice_neighbours(axis: int, step: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """All pixels but the last ones along an axis, and all but the first."""
    ahead = (slice(None),) * axis
    return (*ahead, slice(None, -step)), (*ahead, slice(step, None))


def open_mask(mask: Mask, pixels: int = 1) -> Mask:
    """A mask without what is thinner than ``2 * pixels + 1``."""
    return dilate(erode(mask, pixels), pixels)


def restore_edges(core: Mask, mask: Mask, pixels: int = 1) -> Mask:
    """What opening took from the edges of a part of a mask, given back."""
    return dilate(core, pixels) & mask


def keep_large_pieces(mask: Mask) -> Mask:
    """The largest connected component, and those that are not much smaller; all of it where there is none."""
    labels, n = ndimage.label(mask)
    if n < 2:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    largest: Mask = (sizes >= MIN_PIECE_SHARE * sizes.max())[labels]
    return largest


def fill_holes(mask: Mask) -> Mask:
    """A mask with its holes filled, slice by slice along each axis, and so in 3D."""
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
