"""Weather: snow, frost, fog, glare."""

from __future__ import annotations

import cv2
import numpy as np

from domaingan.corrupt.blur import enlarged, streak
from domaingan.corrupt.frost import crop_of_pane
from domaingan.corrupt.kind import Corruption, Pixels, Plane

_Flakes = tuple[float, float, float, float, int, float, float]


def snow(pixels: Pixels, level: _Flakes, rng: np.random.Generator) -> Pixels:
    """Falling flakes over a whitened image: the brightest of enlarged noise, streaked at a random slant."""
    mean, deviation, size, threshold, radius, sigma, keep = level
    noise = mean + deviation * rng.standard_normal(pixels.shape[:2], dtype=np.float32)
    flakes = enlarged(noise.astype(np.float32), size)
    flakes = np.clip(np.where(flakes < threshold, np.float32(0), flakes), 0, 1)
    flakes = streak(flakes, radius, sigma, rng.uniform(-135, -45))
    flakes = flakes + flakes[::-1, ::-1]
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) * np.float32(1.5) + np.float32(0.5)
    white = np.maximum(pixels, cv2.merge([grey] * 3))
    return cv2.addWeighted(pixels, keep, white, 1 - keep, 0) + cv2.merge([flakes] * 3)


def frost(pixels: Pixels, level: tuple[float, float], rng: np.random.Generator) -> Pixels:
    """Seen through an icy pane: ``keep`` · image + ``ice`` · a piece of a pane."""
    keep, ice = level
    height, width = pixels.shape[:2]
    return cv2.addWeighted(pixels, keep, crop_of_pane((height, width), rng), ice, 0)


def fog(pixels: Pixels, level: tuple[float, float], rng: np.random.Generator) -> Pixels:
    """``thickness`` times a plasma is added, and all scaled back to the image's old maximum."""
    thickness, decay = level
    height, width = pixels.shape[:2]
    mist = plasma(max(height, width), decay, rng)[:height, :width]
    top = float(pixels.max())
    return (pixels + cv2.merge([mist * np.float32(thickness)] * 3)) * np.float32(top / (top + thickness))


def plasma(side: int, decay: float, rng: np.random.Generator) -> Plane:
    """A fractal in [0, 1] by diamond and square (Fournier et al. 1982), periodic, its side a power of 2 ≥ ``side``.

    The noise added at each halving of the step is ``decay``² times weaker.
    """
    size = 1 << (side - 1).bit_length()
    field: Plane = np.zeros((1, 1), np.float32)
    deviation = 1.0
    for _ in range(size.bit_length() - 1):
        field = _halve(field, deviation, rng)
        deviation /= decay**2
    field -= field.min()
    return field / field.max()


def _halve(field: Plane, deviation: float, rng: np.random.Generator) -> Plane:
    """(2n, 2n) from (n, n): midpoints of squares, then of the diamonds between them, each with its noise."""
    n = len(field)
    noise = (2 * rng.random((3, n, n), dtype=np.float32) - 1) * np.float32(deviation)
    rows = field + np.roll(field, -1, axis=0)
    columns = field + np.roll(field, -1, axis=1)
    middle = (rows + np.roll(rows, -1, axis=1)) / 4 + noise[0]
    out = np.empty((2 * n, 2 * n), np.float32)
    out[::2, ::2] = field
    out[1::2, 1::2] = middle
    out[::2, 1::2] = (columns + middle + np.roll(middle, 1, axis=0)) / 4 + noise[1]
    out[1::2, ::2] = (rows + middle + np.roll(middle, 1, axis=1)) / 4 + noise[2]
    return out


def brightness(pixels: Pixels, amount: float, rng: np.random.Generator) -> Pixels:
    """Adds ``amount`` to the value of HSV: hue and saturation stay, and what was black becomes grey."""
    value = np.maximum(np.maximum(pixels[..., 0], pixels[..., 1]), pixels[..., 2])
    brighter = np.minimum(value + np.float32(amount), np.float32(1))
    black = value == 0
    gain = brighter / np.where(black, np.float32(1), value)
    return pixels * cv2.merge([gain] * 3) + cv2.merge([brighter * black] * 3)


WEATHER = {
    # mean, deviation and enlargement of the noise, threshold, radius and sigma of the streak, share kept of the image
    "snow": Corruption(
        snow,
        (
            (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
            (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
            (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
            (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
            (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
        ),
    ),
    "frost": Corruption(frost, ((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75))),  # shares of image and ice
    "fog": Corruption(fog, ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4))),  # thickness, decay of the plasma
    "brightness": Corruption(brightness, (0.1, 0.2, 0.3, 0.4, 0.5)),  # added to the value
}
