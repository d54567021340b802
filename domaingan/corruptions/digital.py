"""What happens to a picture after it was taken: contrast, elastic deformation, pixelation, compression."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from PIL import Image

from domaingan.corruptions.base import Bytes, Pixels, make_corruption


@make_corruption(0.4, 0.3, 0.2, 0.1, 0.05)
def contrast(pixels: Pixels, factor: float, rng: Generator) -> Pixels:
    """Every channel drawn towards its mean, until this factor of its contrast is left."""
    means = np.asarray(cv2.mean(pixels)[: pixels.shape[2]], dtype=np.float32)
    pixels *= np.float32(factor)
    pixels += means * np.float32(1 - factor)
    return pixels


@make_corruption(12.5, 16.25, 21.25, 25.0, 30.0)
def elastic_transform(pixels: Pixels, strength: float, rng: Generator) -> Pixels:
    """A rubber sheet: a smooth random displacement of one to four pixels.

    ImageNet-C also shears the picture by an affine map, most at severity 2, so that boxes and masks no longer fit
    and severities are not in order. This is the definition of Michaelis et al. (2019), which leaves it out: uniform
    draws up to 0.5 % of the height, smoothed over 1 % of the picture's sides, times ``strength``.
    """
    height, width = pixels.shape[:2]
    most, across, along = 0.005 * height, 0.01 * width, 0.01 * height
    sides = 2 * int(3 * across + 0.5) + 1, 2 * int(3 * along + 0.5) + 1
    draws = rng.uniform(-most * strength, most * strength, (2, height, width)).astype(np.float32)
    down, right = (cv2.GaussianBlur(draw, sides, across, sigmaY=along, borderType=cv2.BORDER_REFLECT) for draw in draws)
    down += np.arange(height, dtype=np.float32)[:, None]
    right += np.arange(width, dtype=np.float32)
    moved = cv2.remap(pixels, right, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return moved.reshape(pixels.shape)


def _pixelate_bytes(picture: Bytes, factor: float) -> Bytes:
    if picture.shape[2] == 3:
        return np.array(_pixelate_picture(Image.fromarray(picture), factor))
    planes = [np.asarray(_pixelate_picture(Image.fromarray(plane), factor)) for plane in np.moveaxis(picture, -1, 0)]
    return np.stack(planes, axis=-1)


@make_corruption(0.6, 0.5, 0.4, 0.3, 0.25, apply_bytes=_pixelate_bytes)
def pixelate(pixels: Pixels, factor: float, rng: Generator) -> Pixels:
    """Fewer pixels: made smaller by this factor, and shown as large as before.

    A large pixel is the mean of the whole pixels whose centres lie in it, as the published program has it (Pillow's
    box filter): no pixel is shared out among two.
    """
    planes = [np.asarray(_pixelate_picture(Image.fromarray(plane), factor)) for plane in np.moveaxis(pixels, -1, 0)]
    return np.stack(planes, axis=-1)


def _pixelate_picture(picture: Image.Image, factor: float) -> Image.Image:
    width, height = picture.size
    small = picture.resize((int(width * factor), int(height * factor)), Image.Resampling.BOX)
    return small.resize((width, height), Image.Resampling.NEAREST)


def _compress_bytes(picture: Bytes, quality: int) -> Bytes:
    if picture.shape[2] == 3:
        read = _compress_jpeg(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), quality)
        return np.asarray(cv2.cvtColor(read, cv2.COLOR_BGR2RGB), dtype=np.uint8)
    planes = [_compress_jpeg(np.ascontiguousarray(plane), quality) for plane in np.moveaxis(picture, -1, 0)]
    return np.stack(planes, axis=-1)


@make_corruption(25, 18, 15, 10, 7, apply_bytes=_compress_bytes)
def jpeg_compression(pixels: Pixels, quality: int, rng: Generator) -> Pixels:
    """Written as JPEG of this quality and read again; channels that are no RGB are compressed one by one."""
    eight = cv2.convertScaleAbs(pixels, alpha=255).reshape(pixels.shape)
    return np.divide(_compress_bytes(eight, quality), np.float32(255), dtype=np.float32)


def _compress_jpeg(picture: Bytes, quality: int) -> Bytes:
    """``(H, W)`` or ``(H, W, 3)`` BGR."""
    _, code = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_UNCHANGED), dtype=np.uint8)


DIGITAL_CORRUPTIONS = (contrast, elastic_transform, pixelate, jpeg_compression)
