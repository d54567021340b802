"""A crop of a frame as it will appear in its host: resized, mirrored, leaned, exposed as its surroundings there are."""

from __future__ import annotations

import math
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from domaingan.banks import Crop
from domaingan.blend.deformation import Deformation
from domaingan.imaging.intensity import find_ring

EXPOSURE_GAIN = (0.25, 1.6)
"""How much darker or brighter a crop may be made: frames at dusk are a quarter as bright as by day, and what is dark is
noise when it is brightened."""

SURROUNDINGS_WIDTH = 8
"""Width of the surroundings that the exposure is measured on, in pixels."""

LUMINANCE_WEIGHTS = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Weights of red, green and blue (ITU-R BT.601)."""

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]


def resample_crop(
    crop: Crop,
    zoom: tuple[float, float],
    flip: bool,
    angle: float,
    displacements: NDArray[np.float64] | None = None,
    order: int = 3,
) -> tuple[Image, Mask] | None:
    """The crop on its host's grid, trimmed to its object and what surrounds it; outside the crop its edge is repeated.

    Args:
        crop: an entry of a bank.
        zoom: host pixels a crop pixel, of rows and columns.
        flip: mirror left and right.
        angle: lean, in radians.
        bend: a deformation, as of :class:`domaingan.blend.variation.Draw`.
        order: the image is interpolated linearly (1) or by cubics (3).

    Returns:
        Image ``(C, *patch)`` and body ``(*patch)``, its edge smooth however much it was enlarged; or None where nothing
        of the object is left on that grid.
    """
    rows, columns = np.flatnonzero((crop.mask > 0).any(axis=1)), np.flatnonzero((crop.mask > 0).any(axis=0))
    if not len(rows):
        return None
    size = np.array([rows[-1] + 1 - rows[0], columns[-1] + 1 - columns[0]])
    middle = np.array([rows[-1] + rows[0], columns[-1] + columns[0]]) / 2
    cos, sin = math.cos(angle), math.sin(angle)
    forward = np.array([[cos, -sin], [sin, cos]]) @ np.diag([zoom[0], -zoom[1] if flip else zoom[1]])
    points = (np.argwhere(crop.mask > 0) - middle) @ forward.T
    bent = None if displacements is None else Deformation.fit(displacements, points, zoom[0] * zoom[1])
    room = SURROUNDINGS_WIDTH + (0 if bent is None else math.ceil(bent.max_displacement))
    shape = np.ceil(np.abs(forward) @ size).astype(int) + 2 * room + 2
    back = np.linalg.inv(forward)
    lines = [np.arange(n) - (n - 1) / 2 for n in shape]
    shift = None if bent is None else bent.compute_displacement(lines)
    image = _blur_before_shrinking(np.ascontiguousarray(np.moveaxis(crop.image, 0, -1)), zoom)
    cover = _blur_before_shrinking((crop.mask > 0).astype(np.float32), zoom)
    to_crop = partial(_resample_image, back=back, offset=middle - back @ ((shape - 1) / 2), shape=shape, shift=shift)
    smooth = cv2.INTER_LINEAR if order == 1 else cv2.INTER_CUBIC
    moved = to_crop(image, flags=smooth, border=cv2.BORDER_REPLICATE)
    body: Mask = np.greater_equal(to_crop(cover, flags=cv2.INTER_LINEAR, border=cv2.BORDER_CONSTANT), 0.5)
    moved = np.clip(moved.reshape(*body.shape, -1), image.min(axis=(0, 1)), image.max(axis=(0, 1)))
    return (np.moveaxis(moved, -1, 0), body) if body.any() else None


def _resample_image(
    image: NDArray[np.float32],
    back: NDArray[np.float64],
    offset: NDArray[np.float64],
    shape: NDArray[np.int64],
    shift: NDArray[np.float64] | None,
    flags: int,
    border: int,
) -> NDArray[np.float32]:
    """An ``(H, W[, C])`` image of which pixel ``i`` of the result is at ``back @ (i + shift) + offset``."""
    if shift is None:  # OpenCV puts x before y
        way = np.array([[back[1, 1], back[1, 0], offset[1]], [back[0, 1], back[0, 0], offset[0]]])
        extent = int(shape[1]), int(shape[0])
        return cv2.warpAffine(image, way, extent, flags=flags | cv2.WARP_INVERSE_MAP, borderMode=border)
    places = np.indices(tuple(shape.tolist()), dtype=float) + shift
    rows, columns = (np.tensordot(back, places, 1) + offset.reshape(2, 1, 1)).astype(np.float32)
    return cv2.remap(image, columns, rows, flags, borderMode=border)


def _blur_before_shrinking(image: NDArray[np.float32], zoom: tuple[float, float]) -> NDArray[np.float32]:
    """What is shrunk is blurred first, by half of what a host's pixel holds beyond one of its own."""
    sigma = (1 / min(zoom) - 1) / 2
    return image if sigma < 0.2 else np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), dtype=np.float32)


def compute_exposure(host: Image, crop: Image, body: Mask) -> np.float32:
    """One factor that makes the crop's surroundings as bright as the host's: an exposure, not another contrast.

    The ring of a scan's lesion is shifted to the host's; what stands behind an object in a frame says nothing about it.
    What it stands on is much the same everywhere, so that the lower half of its surroundings serves as a light meter.

    Args:
        host: ``(3, H, W)`` where the object goes.
        crop: ``(3, H, W)`` the object and its own surroundings.
        body: ``(H, W)`` the object.
    """
    rows = np.flatnonzero(body.any(axis=1))
    around = find_ring(body, SURROUNDINGS_WIDTH)
    around[: (rows[0] + rows[-1]) // 2] = False
    if not around.any():
        return np.float32(1)
    lights = [float((LUMINANCE_WEIGHTS @ picture[:, around]).mean()) for picture in (host, crop)]
    return np.float32(np.clip(lights[0] / max(lights[1], 0.02), *EXPOSURE_GAIN))
