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


@make_corruption(
    (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
    (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
    (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
    (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
    (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
)
def snow(pixels: Pixels, level: tuple[float, float, float, float, int, float, float], rng: Generator) -> Pixels:
    """Falling flakes, blurred by their fall, over a picture that is whitened where it is bright."""
    mean, spread, size, least, radius, sigma, kept = level
    height, width = pixels.shape[:2]
    flakes = draw_normals(rng, (int(np.ceil(height / size)), int(np.ceil(width / size))))
    flakes = _magnify(flakes * np.float32(spread) + np.float32(mean), size)[:height, :width]
    flakes[flakes < least] = 0
    fall = blur_along_line(np.minimum(flakes, 1)[..., None], radius, sigma, angle=rng.uniform(-135, -45))
    white = _to_grey(pixels)[..., None] * np.float32(1.5) + np.float32(0.5)
    whitened = np.maximum(pixels, white, out=np.empty_like(pixels))
    return cv2.addWeighted(pixels, kept, whitened, 1 - kept, 0).reshape(pixels.shape) + (fall + fall[::-1, ::-1])


def _magnify(picture: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """Larger by a factor, linear between pixels, corners on corners.

    Not cell on cell: there some of the pixels of noise would come through unsmoothed, and more flakes be large.
    """
    rows, columns = (max(2, round(side * factor)) for side in picture.shape)
    steps = [(n - 1) / (m - 1) for n, m in zip(picture.shape, (rows, columns), strict=True)]
    matrix = np.array([[steps[1], 0, 0], [0, steps[0], 0]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(picture, matrix, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _to_grey(pixels: Pixels) -> NDArray[np.float32]:
    """Luminance, ``(H, W)``; the mean of channels that are no RGB."""
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) if pixels.shape[2] == 3 else pixels.mean(axis=2)


@make_corruption((1.0, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75))
def frost(pixels: Pixels, level: tuple[float, float], rng: Generator) -> Pixels:
    """Ice flowers on the pane: a part of a frozen pane added to the dimmed picture."""
    kept, added = level
    height, width = pixels.shape[:2]
    ice = make_pane(int(rng.integers(PANE_COUNT)), max(height, width))
    top, left = (int(rng.integers(room + 1)) for room in (ice.shape[0] - height, ice.shape[1] - width))
    ice = ice[top : top + height, left : left + width]
    tint = ice if pixels.shape[2] == 3 else ice.mean(axis=2, keepdims=True)
    pixels *= np.float32(kept)
    pixels += tint * np.float32(added / 255)
    return pixels


@make_corruption((1.5, 2.0), (2.0, 2.0), (2.5, 1.7), (2.5, 1.5), (3.0, 1.4))
def fog(pixels: Pixels, level: tuple[float, float], rng: Generator) -> Pixels:
    """Banks of fog: a plasma fractal as thick as ``thickness`` added, and all of it scaled back."""
    thickness, decay = level
    height, width = pixels.shape[:2]
    brightest = float(pixels.max())
    bank = sample_plasma(max(height, width), decay, rng)[:height, :width]
    bank *= np.float32(thickness)
    pixels += bank[..., None]
    pixels *= np.float32(brightest / (brightest + thickness))
    return pixels


def sample_plasma(size: int, decay: float, rng: Generator) -> NDArray[np.float32]:
    """A plasma fractal in [0, 1] by the diamond-square algorithm (Fournier, Fussell & Carpenter 1982), periodic.

    Args:
        size: the least side; the result's is the next power of two.
        decay: each grid is half as wide as the one before, and its random part smaller by ``decay`` squared.
        rng: where the random parts come from.
    """
    heights: NDArray[np.float32] = np.zeros((1, 1), dtype=np.float32)
    wobble = 1.0
    while len(heights) < size:
        heights, wobble = _refine_plasma(heights, wobble, rng), wobble / decay**2
    low, high = float(heights.min()), float(heights.max())
    return (heights - np.float32(low)) / np.float32(high - low)


def _refine_plasma(heights: NDArray[np.float32], amplitude: float, rng: Generator) -> NDArray[np.float32]:
    """Twice as many points each way: the centres of the squares first, then the centres of the diamonds."""
    n = len(heights)
    draws = rng.random((3, n, n), dtype=np.float32)
    draws *= np.float32(2 * amplitude)
    draws -= np.float32(amplitude)
    below = np.roll(heights, -1, axis=0)
    across, down = heights + np.roll(heights, -1, axis=1), heights + below
    finer = np.empty((2 * n, 2 * n), dtype=np.float32)
    finer[::2, ::2] = heights
    finer[1::2, 1::2] = centres = (across + np.roll(across, -1, axis=0)) / 4 + draws[0]
    finer[::2, 1::2] = (across + centres + np.roll(centres, 1, axis=0)) / 4 + draws[1]
    finer[1::2, ::2] = (down + centres + np.roll(centres, 1, axis=1)) / 4 + draws[2]
    return finer


@make_corruption(0.1, 0.2, 0.3, 0.4, 0.5)
def brightness(pixels: Pixels, increase: float, rng: Generator) -> Pixels:
    """More light: HSV's value raised, hue and saturation kept, which is to scale all channels alike."""
    value = reduce(np.maximum, np.moveaxis(pixels, 2, 0))[..., None]  # three times faster than max over a short axis
    raised = np.minimum(value + np.float32(increase), 1)
    black = value == 0
    pixels *= raised / np.where(black, 1, value)
    return np.where(black, raised, pixels) if black.any() else pixels


WEATHER_CORRUPTIONS = (snow, frost, fog, brightness)
