"""Resample a crop of a frame for its host: resized, mirrored, rotated, and as bright as its new surroundings."""

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
"""Smallest and largest factor of a crop's brightness. Frames at dusk are a quarter as bright as by day. A dark crop
that is made much brighter shows mostly noise."""

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
    """Resample a crop to its host's grid, trimmed to its object and its surroundings.

    Outside the crop its edge is repeated.

    Args:
        crop: an entry of a bank.
        zoom: host pixels per crop pixel, of rows and columns.
        flip: whether to mirror left and right.
        angle: rotation in radians.
        displacements: of an elastic deformation, see
            :meth:`domaingan.blend.variation.Variation.draw_displacements`. None: no deformation.
        order: the image is interpolated linearly (1) or by cubics (3).

    Returns:
        Image ``(C, *patch)`` and body ``(*patch)``, which has a smooth edge at any zoom. None if nothing of the object
        is left on that grid.
    """
    crop_body = crop.mask > 0
    rows = np.flatnonzero(crop_body.any(axis=1))
    columns = np.flatnonzero(crop_body.any(axis=0))
    if not len(rows):
        return None
    size = np.array([rows[-1] + 1 - rows[0], columns[-1] + 1 - columns[0]])
    centre = np.array([rows[-1] + rows[0], columns[-1] + columns[0]]) / 2

    cos, sin = math.cos(angle), math.sin(angle)
    rotation = np.array([[cos, -sin], [sin, cos]])
    column_zoom = -zoom[1] if flip else zoom[1]
    crop_to_host = rotation @ np.diag([zoom[0], column_zoom])
    host_to_crop = np.linalg.inv(crop_to_host)

    deformation = None
    margin = SURROUNDINGS_WIDTH
    if displacements is not None:
        points = (np.argwhere(crop_body) - centre) @ crop_to_host.T
        deformation = Deformation.fit(displacements, points, zoom[0] * zoom[1])
        margin += math.ceil(deformation.max_displacement)
    shape = np.ceil(np.abs(crop_to_host) @ size).astype(int) + 2 * margin + 2
    shift = None
    if deformation is not None:
        coordinates = [np.arange(length) - (length - 1) / 2 for length in shape]
        shift = deformation.compute_displacement(coordinates)

    image = _blur_before_shrinking(np.ascontiguousarray(np.moveaxis(crop.image, 0, -1)), zoom)
    cover = _blur_before_shrinking(crop_body.astype(np.float32), zoom)
    offset = centre - host_to_crop @ ((shape - 1) / 2)
    resample = partial(_resample_image, back=host_to_crop, offset=offset, shape=shape, shift=shift)
    interpolation = cv2.INTER_LINEAR if order == 1 else cv2.INTER_CUBIC
    resampled = resample(image, flags=interpolation, border=cv2.BORDER_REPLICATE)
    resampled_cover = resample(cover, flags=cv2.INTER_LINEAR, border=cv2.BORDER_CONSTANT)
    body: Mask = np.greater_equal(resampled_cover, 0.5)
    if not body.any():
        return None
    lowest, highest = image.min(axis=(0, 1)), image.max(axis=(0, 1))
    resampled = np.clip(resampled.reshape(*body.shape, -1), lowest, highest)
    return np.moveaxis(resampled, -1, 0), body


def _resample_image(
    image: NDArray[np.float32],
    back: NDArray[np.float64],
    offset: NDArray[np.float64],
    shape: NDArray[np.int64],
    shift: NDArray[np.float64] | None,
    flags: int,
    border: int,
) -> NDArray[np.float32]:
    """Resample an ``(H, W[, C])`` image: pixel ``i`` of the result is taken at ``back @ (i + shift) + offset``."""
    if shift is None:  # OpenCV puts x before y
        matrix = np.array([[back[1, 1], back[1, 0], offset[1]], [back[0, 1], back[0, 0], offset[0]]])
        size = int(shape[1]), int(shape[0])
        return cv2.warpAffine(image, matrix, size, flags=flags | cv2.WARP_INVERSE_MAP, borderMode=border)
    coordinates = np.indices(tuple(shape.tolist()), dtype=float) + shift
    rows, columns = (np.tensordot(back, coordinates, 1) + offset.reshape(2, 1, 1)).astype(np.float32)
    return cv2.remap(image, columns, rows, flags, borderMode=border)


def _blur_before_shrinking(image: NDArray[np.float32], zoom: tuple[float, float]) -> NDArray[np.float32]:
    """Blur an image that will be shrunk, with half of the additional width of a host's pixel as sigma."""
    sigma = (1 / min(zoom) - 1) / 2
    if sigma < 0.2:
        return image
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), dtype=np.float32)


def compute_exposure(host: Image, crop: Image, body: Mask) -> np.float32:
    """Compute the factor that makes a crop's surroundings as bright as the host's.

    It changes the exposure, not the contrast. The background behind an object in a frame says nothing about the
    object's brightness. The ground is much the same everywhere, so the lower half of the surroundings is compared.

    Args:
        host: ``(3, H, W)`` where the object goes.
        crop: ``(3, H, W)`` the object and its own surroundings.
        body: ``(H, W)`` the object.

    Returns:
        The factor, within :data:`EXPOSURE_GAIN`; 1 where there are no surroundings to measure.
    """
    rows = np.flatnonzero(body.any(axis=1))
    surroundings = find_ring(body, SURROUNDINGS_WIDTH)
    surroundings[: (rows[0] + rows[-1]) // 2] = False
    if not surroundings.any():
        return np.float32(1)
    host_brightness = float((LUMINANCE_WEIGHTS @ host[:, surroundings]).mean())
    crop_brightness = float((LUMINANCE_WEIGHTS @ crop[:, surroundings]).mean())
    return np.float32(np.clip(host_brightness / max(crop_brightness, 0.02), *EXPOSURE_GAIN))
