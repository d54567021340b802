"""Blur: out of focus, through frosted glass, of motion, of zooming in."""

from __future__ import annotations

from itertools import groupby

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from domaingan.corruptions.base import Pixels, make_corruption

MIN_TRAIL_WEIGHT = 1e-4
"""Weights of a trail below this are left out, as nobody would see them."""

GAUSSIAN_REACH = 4
"""Gaussian kernels end at this many standard deviations."""


# ---------------------------------------------------------------- out of focus


@make_corruption((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))
def defocus_blur(pixels: Pixels, level: tuple[int, float], rng: Generator) -> Pixels:
    """Blur every point to a disk of a radius in pixels, with an edge that a Gaussian of this sigma softens."""
    radius, sigma = level
    kernel_size = 3 if radius <= 8 else 5
    blurred = _sum_over_disk(pixels, radius)
    blurred /= sum(2 * half_width + 1 for half_width in _compute_half_widths(radius))
    softened = cv2.GaussianBlur(blurred, (kernel_size, kernel_size), sigma)
    return _restore_channel_axis(pixels, softened)


def _compute_half_widths(radius: int) -> list[int]:
    """Compute half the width, in pixels, of each row of a disk, from its top to its bottom."""
    rows = np.arange(-radius, radius + 1)
    return [int(half_width) for half_width in np.sqrt(radius**2 - rows**2)]


def _sum_over_disk(pixels: Pixels, radius: int) -> Pixels:
    """Sum over a disk around each pixel, row by row of the disk: one box filter for each width that a row has."""
    height = len(pixels)
    padded = cv2.copyMakeBorder(pixels, radius, radius, 0, 0, cv2.BORDER_REFLECT_101)
    total = np.zeros_like(pixels)
    rows = sorted(enumerate(_compute_half_widths(radius)), key=lambda row: row[1])
    for half_width, group in groupby(rows, key=lambda row: row[1]):
        row_sums = cv2.boxFilter(padded, -1, (2 * half_width + 1, 1), normalize=False)
        row_sums = _restore_channel_axis(pixels, row_sums)
        for offset, _ in group:
            total += row_sums[offset : offset + height]
    return total


def _restore_channel_axis(pixels: Pixels, result: Pixels) -> Pixels:
    """Restore the last axis, which OpenCV drops from pictures of one channel."""
    return result.reshape(*result.shape[:2], pixels.shape[2])


# --------------------------------------------------------------- frosted glass


@make_corruption((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2))
def glass_blur(pixels: Pixels, level: tuple[float, int, int], rng: Generator) -> Pixels:
    """Give pixels the colour of a neighbour up to ``reach`` pixels away, between two Gaussian blurs.

    The published program visits the pixels from the last to the first and means to swap each with its neighbour;
    but its swap of two views copies the neighbour only. What it does is what is done here, all pixels at once.
    """
    sigma, reach, rounds = level
    smooth = _blur_gaussian(pixels, sigma)
    height, width, channels = smooth.shape
    source: NDArray[np.intp] = np.arange(height * width)
    for _ in range(rounds):
        source = source.take(_sample_source_pixels((height, width), reach, rng))
    flat = smooth.reshape(-1, channels)
    shuffled = flat.take(source, axis=0).reshape(smooth.shape)
    return _blur_gaussian(shuffled, sigma)


def _sample_source_pixels(shape: tuple[int, ...], reach: int, rng: Generator) -> NDArray[np.intp]:
    """Sample where each pixel's colour comes from in one round of copying from neighbours.

    A neighbour that was visited before (it comes later in the picture) has its own neighbour's colour by then, and
    so on: the chain is followed for all pixels together until none goes on. It goes on for fewer than half of them
    each time.

    Args:
        shape: height and width.
        reach: how far a neighbour may lie away, in pixels.
        rng: source of the draws.

    Returns:
        ``(H · W,)`` flat indices.
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
    unfinished = np.flatnonzero(neighbour > index)
    while unfinished.size:
        here = source[unfinished]
        there = neighbour[here]
        source[unfinished] = there
        unfinished = unfinished[there > here]
    return source


def _blur_gaussian(pixels: Pixels, sigma: float) -> Pixels:
    """Blur with a Gaussian that ends at four sigma."""
    side = 2 * int(GAUSSIAN_REACH * sigma + 0.5) + 1
    blurred = cv2.GaussianBlur(pixels, (side, side), sigma, borderType=cv2.BORDER_REPLICATE)
    return _restore_channel_axis(pixels, blurred)


# -------------------------------------------------------------- motion and zoom


@make_corruption((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))
def motion_blur(pixels: Pixels, level: tuple[int, float], rng: Generator) -> Pixels:
    """Move the camera: a trail at an angle of up to 45 degrees to the horizontal, fading like half a Gaussian."""
    radius, sigma = level
    return blur_along_line(pixels, radius, sigma, angle=rng.uniform(-45, 45))


def blur_along_line(pixels: Pixels, radius: int, sigma: float, angle: float) -> Pixels:
    """Average along a line of ``2 · radius + 1`` pixels that starts at each pixel, as ImageMagick's motion blur does.

    Args:
        pixels: ``(H, W, C)``.
        radius: half of the line's length, in pixels.
        sigma: standard deviation of the Gaussian whose right half gives the weights, in pixels.
        angle: angle of the line in degrees; 0 points right and 90 down.

    Returns:
        ``(H, W, C)``.
    """
    steps: NDArray[np.int64] = np.arange(2 * radius + 1)
    weights = np.exp(-(steps**2) / (2 * sigma**2))
    is_visible = weights > MIN_TRAIL_WEIGHT
    steps = steps[is_visible]
    weights = weights[is_visible] / weights.sum()
    radians = np.deg2rad(angle)
    right = np.ceil(steps * np.cos(radians) - 0.5).astype(int)
    down = np.ceil(steps * np.sin(radians) - 0.5).astype(int)
    height, width = pixels.shape[:2]
    left, top = -right.min(), -down.min()
    padded = cv2.copyMakeBorder(pixels, top, down.max(), left, right.max(), cv2.BORDER_REPLICATE)
    total = np.zeros(pixels.shape[:2] if padded.ndim == 2 else pixels.shape, dtype=np.float32)
    for x, y, weight in zip(right + left, down + top, weights, strict=True):
        shifted = padded[y : y + height, x : x + width]
        cv2.scaleAdd(shifted, float(weight), total, dst=total)
    return _restore_channel_axis(pixels, total)


@make_corruption((1.11, 0.01), (1.15, 0.01), (1.20, 0.02), (1.24, 0.02), (1.30, 0.03))
def zoom_blur(pixels: Pixels, level: tuple[float, float], rng: Generator) -> Pixels:
    """Drive into the picture: the mean of the picture and itself magnified from 1 up to a factor, in steps."""
    largest, step = level
    height, width = pixels.shape[:2]
    factors = np.arange(1, largest + step / 2, step)
    total = pixels.copy()
    for factor in factors:
        rows = int(np.ceil(height / factor))
        columns = int(np.ceil(width / factor))
        top = (height - rows) // 2
        left = (width - columns) // 2
        centre = pixels[top : top + rows, left : left + columns]
        magnified = cv2.resize(centre, (width, height), interpolation=cv2.INTER_LINEAR)
        total += _restore_channel_axis(pixels, magnified)
    total /= len(factors) + 1
    return total


BLUR_CORRUPTIONS = (defocus_blur, glass_blur, motion_blur, zoom_blur)
