"""Blur: out of focus, through frosted glass, of motion, of zooming in."""

from __future__ import annotations

from itertools import groupby

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from domaingan.corruptions.base import Pixels, make_corruption


@make_corruption((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))
def defocus_blur(pixels: Pixels, level: tuple[int, float], rng: Generator) -> Pixels:
    """Every point a disk: the mean over a radius in pixels, its edge softened by a Gaussian of this sigma."""
    radius, softness = level
    side = 3 if radius <= 8 else 5
    blurred = _sum_over_disk(pixels, radius)
    blurred /= sum(2 * width + 1 for width in _compute_half_widths(radius))
    return _restore_channel_axis(pixels, cv2.GaussianBlur(blurred, (side, side), softness))


def _compute_half_widths(radius: int) -> list[int]:
    """Half the width, in pixels, of each row of a disk, from its top to its bottom."""
    rows = np.arange(-radius, radius + 1)
    return [int(width) for width in np.sqrt(radius**2 - rows**2)]


def _sum_over_disk(pixels: Pixels, radius: int) -> Pixels:
    """Sums over a disk around each pixel, row by row of the disk: a box filter for each width that a row has."""
    height = len(pixels)
    padded = cv2.copyMakeBorder(pixels, radius, radius, 0, 0, cv2.BORDER_REFLECT_101)
    total = np.zeros_like(pixels)
    rows = sorted(enumerate(_compute_half_widths(radius)), key=lambda row: row[1])
    for width, group in groupby(rows, key=lambda row: row[1]):
        run = cv2.boxFilter(padded, -1, (2 * width + 1, 1), normalize=False)
        run = _restore_channel_axis(pixels, run)
        for offset, _ in group:
            total += run[offset : offset + height]
    return total


def _restore_channel_axis(pixels: Pixels, result: Pixels) -> Pixels:
    """OpenCV drops the last axis of grey pictures: put it back."""
    return result.reshape(*result.shape[:2], pixels.shape[2])


@make_corruption((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2))
def glass_blur(pixels: Pixels, level: tuple[float, int, int], rng: Generator) -> Pixels:
    """Frosted glass: pixels take the colour of a neighbour up to ``reach`` pixels away, between two Gaussian blurs.

    The published program visits the pixels from the last to the first and means to swap each with its neighbour;
    but its swap of two views copies the neighbour only. What it does is what is done here, all pixels at once.
    """
    sigma, reach, rounds = level
    smooth = _blur_gaussian(pixels, sigma)
    source: NDArray[np.intp] = np.arange(smooth.shape[0] * smooth.shape[1])
    for _ in range(rounds):
        source = source.take(_sample_source_pixels(smooth.shape[:2], reach, rng))
    shuffled = smooth.reshape(-1, smooth.shape[2]).take(source, axis=0).reshape(smooth.shape)
    return _blur_gaussian(shuffled, sigma)


def _sample_source_pixels(shape: tuple[int, ...], reach: int, rng: Generator) -> NDArray[np.intp]:
    """The flat index each pixel's colour comes from, ``(H · W,)``, after one round of copying from neighbours.

    A neighbour that was visited before (it comes later in the picture) has its own neighbour's colour by then, and
    so on: the chain is followed for all pixels together until none goes on. It goes on for fewer than half of them
    each time.
    """
    height, width = shape
    down, right = rng.integers(-reach, reach, (2, height, width), dtype=np.int8)
    step = down.astype(np.intp) * width + right
    moving = np.zeros_like(step)
    inside = (slice(reach + 1, height - reach + 1), slice(reach + 1, width - reach + 1))
    moving[inside] = step[inside]
    index = np.arange(height * width)
    neighbour = index + moving.ravel()
    source = neighbour.copy()
    walking = np.flatnonzero(neighbour > index)
    while walking.size:
        here = source[walking]
        there = neighbour[here]
        source[walking] = there
        walking = walking[there > here]
    return source


def _blur_gaussian(pixels: Pixels, sigma: float) -> Pixels:
    """Cut off at four sigma."""
    side = 2 * int(4 * sigma + 0.5) + 1
    return _restore_channel_axis(pixels, cv2.GaussianBlur(pixels, (side, side), sigma, borderType=cv2.BORDER_REPLICATE))


@make_corruption((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))
def motion_blur(pixels: Pixels, level: tuple[int, float], rng: Generator) -> Pixels:
    """A moving camera: a trail at an angle of up to 45 degrees to the horizontal, fading like half a Gaussian."""
    return blur_along_line(pixels, *level, angle=rng.uniform(-45, 45))


def blur_along_line(pixels: Pixels, radius: int, sigma: float, angle: float) -> Pixels:
    """The weighted mean along a line of ``2 · radius + 1`` pixels that starts at each pixel, as ImageMagick defines it.

    Args:
        pixels: ``(H, W, C)``.
        radius: half of the line's length, in pixels.
        sigma: of the Gaussian whose right half gives the weights, in pixels.
        angle: of the line, in degrees; 0 points right and 90 down.
    """
    steps: NDArray[np.int64] = np.arange(2 * radius + 1)
    weights = np.exp(-(steps**2) / (2 * sigma**2))
    steps, weights = steps[weights > 1e-4], weights[weights > 1e-4] / weights.sum()  # the rest would not be seen
    turn = np.deg2rad(angle)
    right, down = (np.ceil(steps * part - 0.5).astype(int) for part in (np.cos(turn), np.sin(turn)))
    height, width = pixels.shape[:2]
    left, top = -right.min(), -down.min()
    padded = cv2.copyMakeBorder(pixels, top, down.max(), left, right.max(), cv2.BORDER_REPLICATE)
    total = np.zeros(pixels.shape[:2] if padded.ndim == 2 else pixels.shape, dtype=np.float32)
    for x, y, weight in zip(right + left, down + top, weights, strict=True):
        cv2.scaleAdd(padded[y : y + height, x : x + width], float(weight), total, dst=total)
    return _restore_channel_axis(pixels, total)


@make_corruption((1.11, 0.01), (1.15, 0.01), (1.20, 0.02), (1.24, 0.02), (1.30, 0.03))
def zoom_blur(pixels: Pixels, level: tuple[float, float], rng: Generator) -> Pixels:
    """Driving into the picture: the mean of the picture and itself magnified from 1 up to a factor, in steps."""
    largest, step = level
    height, width = pixels.shape[:2]
    factors = np.arange(1, largest + step / 2, step)
    total = pixels.copy()
    for factor in factors:
        rows, columns = int(np.ceil(height / factor)), int(np.ceil(width / factor))
        top, left = (height - rows) // 2, (width - columns) // 2
        centre = pixels[top : top + rows, left : left + columns]
        total += _restore_channel_axis(pixels, cv2.resize(centre, (width, height), interpolation=cv2.INTER_LINEAR))
    total /= len(factors) + 1
    return total


BLUR_CORRUPTIONS = (defocus_blur, glass_blur, motion_blur, zoom_blur)
