"""What happens to a picture after it was taken: contrast, elastic deformation, pixelation, compression."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from PIL import Image

from domaingan.corruptions.base import Bytes, Pixels, make_corruption

MAX_DISPLACEMENT_SHARE = 0.005
"""Largest draw of an elastic displacement before its strength, as a share of the height."""

SMOOTHING_SHARE = 0.01
"""Standard deviation of its smoothing, as a share of each side."""

SMOOTHING_REACH = 3
"""The smoothing ends at this many standard deviations."""


@make_corruption(0.4, 0.3, 0.2, 0.1, 0.05)
def contrast(pixels: Pixels, factor: float, rng: Generator) -> Pixels:
    """Draw every channel towards its mean, until this factor of its contrast is left."""
    means = np.asarray(cv2.mean(pixels)[: pixels.shape[2]], dtype=np.float32)
    pixels *= np.float32(factor)
    pixels += means * np.float32(1 - factor)
    return pixels


@make_corruption(12.5, 16.25, 21.25, 25.0, 30.0)
def elastic_transform(pixels: Pixels, strength: float, rng: Generator) -> Pixels:
    """Deform the picture like a rubber sheet: a smooth random displacement of one to four pixels.

    ImageNet-C also shears the picture by an affine map, most at severity 2, so that boxes and masks no longer fit
    and severities are not in order. This is the definition of Michaelis et al. (2019), which leaves it out: uniform
    draws up to 0.5 % of the height, smoothed over 1 % of the picture's sides, times ``strength``.
    """
    height, width = pixels.shape[:2]
    largest = MAX_DISPLACEMENT_SHARE * height
    sigma_x = SMOOTHING_SHARE * width
    sigma_y = SMOOTHING_SHARE * height
    kernel = (2 * int(SMOOTHING_REACH * sigma_x + 0.5) + 1, 2 * int(SMOOTHING_REACH * sigma_y + 0.5) + 1)
    draws = rng.uniform(-largest * strength, largest * strength, (2, height, width)).astype(np.float32)
    down = cv2.GaussianBlur(draws[0], kernel, sigma_x, sigmaY=sigma_y, borderType=cv2.BORDER_REFLECT)
    right = cv2.GaussianBlur(draws[1], kernel, sigma_x, sigmaY=sigma_y, borderType=cv2.BORDER_REFLECT)
    down += np.arange(height, dtype=np.float32)[:, None]
    right += np.arange(width, dtype=np.float32)
    moved = cv2.remap(pixels, right, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return moved.reshape(pixels.shape)


# -------------------------------------------------------------------- pixelate


def _pixelate_bytes(picture: Bytes, factor: float) -> Bytes:
    """Pixelate a picture of 8 bits; channels that are not RGB one by one."""
    if picture.shape[2] == 3:
        return np.array(_pixelate_picture(Image.fromarray(picture), factor))
    planes = []
    for plane in np.moveaxis(picture, -1, 0):
        planes.append(np.asarray(_pixelate_picture(Image.fromarray(plane), factor)))
    return np.stack(planes, axis=-1)


@make_corruption(0.6, 0.5, 0.4, 0.3, 0.25, apply_bytes=_pixelate_bytes)
def pixelate(pixels: Pixels, factor: float, rng: Generator) -> Pixels:
    """Show fewer pixels: the picture is made smaller by this factor, and enlarged again.

    A large pixel is the mean of the whole pixels whose centres lie in it, as in the published program (Pillow's
    box filter): no pixel is shared out among two.
    """
    planes = []
    for plane in np.moveaxis(pixels, -1, 0):
        planes.append(np.asarray(_pixelate_picture(Image.fromarray(plane), factor)))
    return np.stack(planes, axis=-1)


def _pixelate_picture(picture: Image.Image, factor: float) -> Image.Image:
    width, height = picture.size
    small_size = (int(width * factor), int(height * factor))
    small = picture.resize(small_size, Image.Resampling.BOX)
    return small.resize((width, height), Image.Resampling.NEAREST)


# ------------------------------------------------------------------------ JPEG


def _compress_bytes(picture: Bytes, quality: int) -> Bytes:
    """Compress a picture of 8 bits; channels that are not RGB one by one."""
    if picture.shape[2] == 3:
        compressed = _compress_jpeg(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), quality)
        return np.asarray(cv2.cvtColor(compressed, cv2.COLOR_BGR2RGB), dtype=np.uint8)
    planes = []
    for plane in np.moveaxis(picture, -1, 0):
        planes.append(_compress_jpeg(np.ascontiguousarray(plane), quality))
    return np.stack(planes, axis=-1)


@make_corruption(25, 18, 15, 10, 7, apply_bytes=_compress_bytes)
def jpeg_compression(pixels: Pixels, quality: int, rng: Generator) -> Pixels:
    """Write the picture as JPEG of this quality, and read it again."""
    picture = cv2.convertScaleAbs(pixels, alpha=255).reshape(pixels.shape)
    return np.divide(_compress_bytes(picture, quality), np.float32(255), dtype=np.float32)


def _compress_jpeg(picture: Bytes, quality: int) -> Bytes:
    """Compress ``(H, W)`` or ``(H, W, 3)`` BGR bytes."""
    _, code = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_UNCHANGED), dtype=np.uint8)


DIGITAL_CORRUPTIONS = (contrast, elastic_transform, pixelate, jpeg_compression)
