"""Digital: contrast, elastic warps, large pixels, JPEG."""

from __future__ import annotations

import cv2
import numpy as np

from domaingan.corrupt.kind import Corruption, Pixels, Plane

_EDGE = 244
"""The shorter edge, in pixels, in which the elastic parameters were published."""


def contrast(pixels: Pixels, factor: float, rng: np.random.Generator) -> Pixels:
    """Each colour's distance from its mean over the image, times ``factor``."""
    mean = pixels.mean(axis=(0, 1), dtype=np.float64).astype(np.float32)
    return (pixels - mean) * np.float32(factor) + mean


def elastic_transform(pixels: Pixels, level: tuple[float, float, float], rng: np.random.Generator) -> Pixels:
    """A random affine map and a smooth random displacement (Simard et al. 2003), borders mirrored.

    Parameters are fractions of the shorter edge, so that the warp looks alike in images of any size. The published
    severities 1 and 2 are large and smooth (mostly the affine map), 3 to 5 small and local: harm grows within each.
    """
    alpha, sigma, jitter = level
    height, width = pixels.shape[:2]
    edge = min(height, width)
    middle = np.float32([width // 2, height // 2])
    corners = middle + np.float32([[1, 1], [1, -1], [-1, -1]]) * (edge // 3)
    moved = corners + rng.uniform(-jitter * edge, jitter * edge, size=(3, 2)).astype(np.float32)
    back = cv2.getAffineTransform(moved, corners).astype(np.float32)
    x = np.arange(width, dtype=np.float32) + _wave((height, width), alpha, sigma, rng)
    y = np.arange(height, dtype=np.float32)[:, None] + _wave((height, width), alpha, sigma, rng)
    from_x = back[0, 0] * x + back[0, 1] * y + back[0, 2]
    from_y = back[1, 0] * x + back[1, 1] * y + back[1, 2]
    return cv2.remap(pixels, from_x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def _wave(shape: tuple[int, int], alpha: float, sigma: float, rng: np.random.Generator) -> Plane:
    """A displacement in pixels: uniform noise in [-1, 1], blurred by ``sigma``, times ``alpha`` (both · edge).

    Drawn at an edge of 244 pixels and stretched. Where sigma is large, drawn coarser yet: means over k × k pixels of
    white noise are white noise of 1 / k the deviation.
    """
    edge = min(shape)
    coarse = max(1, int(sigma * _EDGE / 4))
    rows, columns = (max(2, round(side * _EDGE / edge / coarse)) for side in shape)
    noise = (2 * rng.random((rows, columns), dtype=np.float32) - 1) * np.float32(alpha * _EDGE / coarse)
    smooth = cv2.GaussianBlur(noise, (0, 0), sigma * _EDGE / coarse, borderType=cv2.BORDER_REFLECT)
    return cv2.resize(smooth, shape[::-1], interpolation=cv2.INTER_LINEAR) * np.float32(edge / _EDGE)


def pixelate(pixels: Pixels, factor: float, rng: np.random.Generator) -> Pixels:
    """Fewer pixels, ``factor`` as many along each edge, in the old shape."""
    height, width = pixels.shape[:2]
    small = cv2.resize(pixels, (int(width * factor), int(height * factor)), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)


def jpeg_compression(pixels: Pixels, quality: int, rng: np.random.Generator) -> Pixels:
    """Through JPEG of ``quality`` (of 100) and back."""
    image = cv2.cvtColor(np.rint(pixels * np.float32(255)).astype(np.uint8), cv2.COLOR_RGB2BGR)
    _, written = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.cvtColor(cv2.imdecode(written, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB).astype(np.float32) / np.float32(255)


DIGITAL = {
    "contrast": Corruption(contrast, (0.4, 0.3, 0.2, 0.1, 0.05)),  # factor
    # alpha, sigma and the affine map's jitter, fractions of the shorter edge
    "elastic_transform": Corruption(
        elastic_transform,
        ((2, 0.7, 0.1), (2, 0.08, 0.2), (0.05, 0.01, 0.02), (0.07, 0.01, 0.02), (0.12, 0.01, 0.02)),
    ),
    "pixelate": Corruption(pixelate, (0.6, 0.5, 0.4, 0.3, 0.25)),  # pixels along an edge, as a fraction
    "jpeg_compression": Corruption(jpeg_compression, (25, 18, 15, 10, 7)),  # quality
}
