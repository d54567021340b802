"""Blur: out of focus, through frosted glass, in motion, while zooming."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from domaingan.corrupt.kind import Corruption, Pixels, Plane


def defocus_blur(pixels: Pixels, level: tuple[int, float], rng: np.random.Generator) -> Pixels:
    """A disk of ``radius`` pixels, its rim softened by a Gaussian of ``soft`` pixels."""
    radius, soft = level
    axis = np.arange(-radius - 2, radius + 3, dtype=np.float32)
    disk = (axis[:, None] ** 2 + axis**2 <= radius**2).astype(np.float32)
    side = 3 if radius <= 8 else 5
    kernel = cv2.GaussianBlur(disk / disk.sum(), (side, side), soft)
    return cv2.filter2D(pixels, -1, kernel)


def glass_blur(pixels: Pixels, level: tuple[float, int, int], rng: np.random.Generator) -> Pixels:
    """A Gaussian blur, pixels that change places nearby, and the blur again.

    The published loop swaps each pixel in turn with a random one at an offset in [-delta, delta)², ``rounds`` times.
    In it a pixel takes part in two swaps a round (one of its own, one of a neighbour's). Here each pixel reads from
    the sum of 2 · rounds such offsets, all at once: the same spread, but a pixel may be read twice or not at all.
    """
    sigma, delta, rounds = level
    soft = cv2.GaussianBlur(pixels, (0, 0), sigma)
    height, width = pixels.shape[:2]
    moves = rng.integers(-delta, delta, size=(2 * rounds, 2, height, width), dtype=np.int8).sum(axis=0, dtype=np.int8)
    rows = np.clip(np.arange(height)[:, None] + moves[0], 0, height - 1)
    columns = np.clip(np.arange(width) + moves[1], 0, width - 1)
    shuffled = soft.reshape(-1, 3).take(rows * width + columns, axis=0)
    return cv2.GaussianBlur(shuffled, (0, 0), sigma)


def motion_blur(pixels: Pixels, level: tuple[int, float], rng: np.random.Generator) -> Pixels:
    """The camera moves at an angle of up to 45° from the horizontal."""
    radius, sigma = level
    return streak(pixels, radius, sigma, rng.uniform(-45, 45))


def streak(image: Pixels | Plane, radius: int, sigma: float, degrees: float) -> NDArray[np.float32]:
    """Convolves with a line of 2 · radius + 1 pixels from the centre, falling as a half Gaussian of ``sigma``."""
    steps = np.arange(0, 2 * radius + 0.25, 0.25)
    weights = np.exp(-(steps**2) / (2 * sigma**2))
    x, y = steps * np.cos(np.deg2rad(degrees)), steps * np.sin(np.deg2rad(degrees))
    left, top = int(np.floor(x.min())), int(np.floor(y.min()))
    kernel = np.zeros((int(np.ceil(y.max())) - top + 2, int(np.ceil(x.max())) - left + 2), np.float32)
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    for down in (0, 1):  # each point falls on its four pixels, so that the line has no stairs
        for right in (0, 1):
            share = np.abs(1 - down - (y - row)) * np.abs(1 - right - (x - column))
            np.add.at(kernel, (row - top + down, column - left + right), weights * share)
    return cv2.filter2D(image, -1, kernel / kernel.sum(), anchor=(-left, -top))


def zoom_blur(pixels: Pixels, factors: NDArray[np.float64], rng: np.random.Generator) -> Pixels:
    """The mean of the image and of its middle enlarged by each of the factors."""
    total = pixels.copy()
    for factor in factors:
        total += enlarged(pixels, factor)
    return total / np.float32(len(factors) + 1)


def enlarged(image: Pixels | Plane, factor: float) -> NDArray[np.float32]:
    """The middle of the image, ``factor`` times as large, in the image's shape."""
    height, width = image.shape[:2]
    rows, columns = int(np.ceil(height / factor)), int(np.ceil(width / factor))
    top, left = (height - rows) // 2, (width - columns) // 2
    return cv2.resize(image[top : top + rows, left : left + columns], (width, height), interpolation=cv2.INTER_LINEAR)


_FACTORS = tuple(
    np.arange(1, stop, step) for stop, step in ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03))
)

BLUR = {
    # radius and softness of the disk, pixels
    "defocus_blur": Corruption(defocus_blur, ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))),
    # sigma of the blur, largest offset, rounds
    "glass_blur": Corruption(glass_blur, ((0.7, 1, 2), (0.9, 2, 1), (1.0, 2, 3), (1.1, 3, 2), (1.5, 4, 2))),
    # radius and sigma of the streak, pixels
    "motion_blur": Corruption(motion_blur, ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))),
    "zoom_blur": Corruption(zoom_blur, _FACTORS),  # factors of enlargement
}
