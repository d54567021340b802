"""Weather and light: snow, frost on the pane, fog, too bright."""

from __future__ import annotations

from functools import reduce

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from domaingan.corruptions.base import Pixels, draw_normals, make_corruption
from domaingan.corruptions.blur import blur_along_line
from domaingan.corruptions.frost import PANE_COUNT, make_pane

SnowLevel = tuple[float, float, float, float, int, float, float]
"""Mean and deviation of the flakes' brightness, their size in pixels, the lowest brightness that is shown, radius and
sigma of their fall in pixels, and the share of the picture that is not whitened."""


# ------------------------------------------------------------------------ snow


@make_corruption(
    (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
    (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
    (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
    (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
    (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
)
def snow(pixels: Pixels, level: SnowLevel, rng: Generator) -> Pixels:
    """Add falling flakes, blurred by their fall, to a picture that is whitened where it is bright."""
    mean, deviation, size, threshold, radius, sigma, kept_share = level
    height, width = pixels.shape[:2]
    grid = int(np.ceil(height / size)), int(np.ceil(width / size))
    noise = draw_normals(rng, grid) * np.float32(deviation) + np.float32(mean)
    flakes = _magnify(noise, size)[:height, :width]
    flakes[flakes < threshold] = 0
    flakes = np.minimum(flakes, 1)[..., None]
    falling = blur_along_line(flakes, radius, sigma, angle=rng.uniform(-135, -45))
    white = _to_grey(pixels)[..., None] * np.float32(1.5) + np.float32(0.5)
    whitened = np.maximum(pixels, white, out=np.empty_like(pixels))
    mixed = cv2.addWeighted(pixels, kept_share, whitened, 1 - kept_share, 0).reshape(pixels.shape)
    return mixed + (falling + falling[::-1, ::-1])


def _magnify(picture: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """Magnify a picture, linear between pixels, corners on corners.

    Not cell on cell: there some of the pixels of noise would come through unsmoothed, and more flakes be large.
    """
    old_rows, old_columns = picture.shape
    rows = max(2, round(old_rows * factor))
    columns = max(2, round(old_columns * factor))
    row_step = (old_rows - 1) / (rows - 1)
    column_step = (old_columns - 1) / (columns - 1)
    matrix = np.array([[column_step, 0, 0], [0, row_step, 0]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(picture, matrix, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _to_grey(pixels: Pixels) -> NDArray[np.float32]:
    """Compute the luminance, ``(H, W)``; of channels that are not RGB their mean."""
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) if pixels.shape[2] == 3 else pixels.mean(axis=2)


# ----------------------------------------------------------------------- frost


@make_corruption((1.0, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75))
def frost(pixels: Pixels, level: tuple[float, float], rng: Generator) -> Pixels:
    """Add a part of a frozen pane to the dimmed picture."""
    picture_share, ice_share = level
    height, width = pixels.shape[:2]
    pane = make_pane(int(rng.integers(PANE_COUNT)), max(height, width))
    top = int(rng.integers(pane.shape[0] - height + 1))
    left = int(rng.integers(pane.shape[1] - width + 1))
    ice = pane[top : top + height, left : left + width]
    tint = ice if pixels.shape[2] == 3 else ice.mean(axis=2, keepdims=True)
    pixels *= np.float32(picture_share)
    pixels += tint * np.float32(ice_share / 255)
    return pixels


# ------------------------------------------------------------------------- fog


@make_corruption((1.5, 2.0), (2.0, 2.0), (2.5, 1.7), (2.5, 1.5), (3.0, 1.4))
def fog(pixels: Pixels, level: tuple[float, float], rng: Generator) -> Pixels:
    """Add a plasma fractal as thick as ``thickness``, and scale the sum so that the brightest pixel stays."""
    thickness, decay = level
    height, width = pixels.shape[:2]
    brightest = float(pixels.max())
    bank = sample_plasma(max(height, width), decay, rng)[:height, :width]
    bank *= np.float32(thickness)
    pixels += bank[..., None]
    pixels *= np.float32(brightest / (brightest + thickness))
    return pixels


def sample_plasma(size: int, decay: float, rng: Generator) -> NDArray[np.float32]:
    """Sample a periodic plasma fractal by the diamond-square algorithm (Fournier, Fussell & Carpenter 1982).

    Args:
        size: the least side in pixels; the result's is the next power of two.
        decay: each grid is half as wide as the one before, and its random part smaller by ``decay`` squared.
        rng: source of the random parts.

    Returns:
        ``(S, S)`` in [0, 1].
    """
    heights: NDArray[np.float32] = np.zeros((1, 1), dtype=np.float32)
    amplitude = 1.0
    while len(heights) < size:
        heights = _refine_plasma(heights, amplitude, rng)
        amplitude = amplitude / decay**2
    low, high = float(heights.min()), float(heights.max())
    return (heights - np.float32(low)) / np.float32(high - low)


def _refine_plasma(heights: NDArray[np.float32], amplitude: float, rng: Generator) -> NDArray[np.float32]:
    """Double the points each way: first the centres of the squares, then the centres of the diamonds."""
    n = len(heights)
    draws = rng.random((3, n, n), dtype=np.float32)
    draws *= np.float32(2 * amplitude)
    draws -= np.float32(amplitude)
    below = np.roll(heights, -1, axis=0)
    across = heights + np.roll(heights, -1, axis=1)
    down = heights + below
    centres = (across + np.roll(across, -1, axis=0)) / 4 + draws[0]
    finer = np.empty((2 * n, 2 * n), dtype=np.float32)
    finer[::2, ::2] = heights
    finer[1::2, 1::2] = centres
    finer[::2, 1::2] = (across + centres + np.roll(centres, 1, axis=0)) / 4 + draws[1]
    finer[1::2, ::2] = (down + centres + np.roll(centres, 1, axis=1)) / 4 + draws[2]
    return finer


# ------------------------------------------------------------------ brightness


@make_corruption(0.1, 0.2, 0.3, 0.4, 0.5)
def brightness(pixels: Pixels, increase: float, rng: Generator) -> Pixels:
    """Raise HSV's value, and keep hue and saturation: all channels are scaled alike."""
    value = reduce(np.maximum, np.moveaxis(pixels, 2, 0))[..., None]  # three times faster than max over a short axis
    raised = np.minimum(value + np.float32(increase), 1)
    is_black = value == 0
    pixels *= raised / np.where(is_black, 1, value)
    return np.where(is_black, raised, pixels) if is_black.any() else pixels


WEATHER_CORRUPTIONS = (snow, frost, fog, brightness)
