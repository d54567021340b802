"""Noise of the sensor: Gaussian, shot and impulse."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.stats import poisson

from domaingan.corruptions.base import Pixels, draw_normals, make_corruption

LIGHT_LEVELS = 256
"""Levels of light for which shot noise has its own table."""

COUNTS = 64
"""Photon counts 0 … 63 are told apart; no severity has more photons than that."""

THRESHOLD_BITS = 26
"""A 32-bit draw has 6 bits for the column of a table and the other 26 for its threshold."""


@make_corruption(0.08, 0.12, 0.18, 0.26, 0.38)
def gaussian_noise(pixels: Pixels, deviation: float, rng: Generator) -> Pixels:
    """Add normal noise of this standard deviation to every channel by itself, as in low light."""
    noise = draw_normals(rng, pixels.shape)
    noise *= np.float32(deviation)
    pixels += noise
    return pixels


@make_corruption(60, 25, 12, 5, 3)
def shot_noise(pixels: Pixels, photons: int, rng: Generator) -> Pixels:
    """Replace light by Poisson counts, where white is this many photons.

    The counts are drawn for 256 levels of light by Walker's alias method (1974): two lookups a value, several times
    faster than drawing every rate anew. Counts above ``photons`` are white like ``photons`` itself.
    """
    accept, alias = _build_alias_tables(photons)
    draws = rng.integers(0, 1 << 32, pixels.shape, dtype=np.uint32)
    column = (draws >> THRESHOLD_BITS).astype(np.intp)
    cell = np.rint(pixels * np.float32(LIGHT_LEVELS - 1)).astype(np.intp)
    cell *= COUNTS
    cell += column
    draws &= (1 << THRESHOLD_BITS) - 1
    counts = np.where(draws < accept.take(cell), column, alias.take(cell))
    return np.divide(counts, np.float32(photons), dtype=np.float32)


@lru_cache(maxsize=8)
def _build_alias_tables(photons: int) -> tuple[NDArray[np.uint32], NDArray[np.intp]]:
    """Build the alias tables of the Poisson counts.

    Args:
        photons: the count of white.

    Returns:
        ``(LIGHT_LEVELS · COUNTS,)`` thresholds of 26 bits, and aliases.
    """
    rates = photons * np.arange(LIGHT_LEVELS)[:, None] / (LIGHT_LEVELS - 1)
    chance = poisson.pmf(np.arange(COUNTS), rates)
    chance[:, photons] += 1 - chance[:, : photons + 1].sum(axis=1)  # whatever is brighter than white
    chance[:, photons + 1 :] = 0
    left = chance * COUNTS
    accept = np.ones_like(left)
    alias = np.tile(np.arange(COUNTS), (LIGHT_LEVELS, 1))
    row = np.arange(LIGHT_LEVELS)
    is_done = np.zeros(left.shape, dtype=bool)
    for _ in range(COUNTS):  # in every row: what the poorest count lacks, the richest gives
        poor = np.where(is_done, np.inf, left).argmin(axis=1)
        rich = np.where(is_done, -np.inf, left).argmax(axis=1)
        accept[row, poor] = left[row, poor]
        alias[row, poor] = rich
        left[row, rich] -= 1 - left[row, poor]
        is_done[row, poor] = True
    largest = 1 << THRESHOLD_BITS
    thresholds = np.clip(np.rint(accept * largest), 0, largest).astype(np.uint32)
    return thresholds.ravel(), alias.ravel()


@make_corruption(0.03, 0.06, 0.09, 0.17, 0.27)
def impulse_noise(pixels: Pixels, amount: float, rng: Generator) -> Pixels:
    """Set this share of all values to 0 or 1, one as often as the other (salt and pepper)."""
    draws = rng.integers(0, 1 << 16, pixels.shape, dtype=np.uint16)
    half = round(amount / 2 * (1 << 16))
    pixels[draws < half] = 0
    pixels[draws >= (1 << 16) - half] = 1
    return pixels


NOISE_CORRUPTIONS = (gaussian_noise, shot_noise, impulse_noise)
