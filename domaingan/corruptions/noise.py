"""Noise of the sensor: Gaussian, shot and impulse."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.stats import poisson

from domaingan.corruptions.base import Pixels, draw_normals, make_corruption


@make_corruption(0.08, 0.12, 0.18, 0.26, 0.38)
def gaussian_noise(pixels: Pixels, spread: float, rng: Generator) -> Pixels:
    """Noise in low light: normal, of this standard deviation, in every channel by itself."""
    noise = draw_normals(rng, pixels.shape)
    noise *= np.float32(spread)
    pixels += noise
    return pixels


@make_corruption(60, 25, 12, 5, 3)
def shot_noise(pixels: Pixels, photons: int, rng: Generator) -> Pixels:
    """Noise of counting light: Poisson, where white is this many photons.

    Drawn for 256 levels of light by Walker's alias method (1974): two lookups a value, several times
    faster than drawing every rate anew. Counts above ``photons`` are white like ``photons`` itself.
    """
    accept, alias = _build_alias_tables(photons)
    draws = rng.integers(0, 1 << 32, pixels.shape, dtype=np.uint32)
    column = (draws >> 26).astype(np.intp)
    cell = np.rint(pixels * np.float32(255)).astype(np.intp)
    cell *= 64
    cell += column
    draws &= (1 << 26) - 1
    counts = np.where(draws < accept.take(cell), column, alias.take(cell))
    return np.divide(counts, np.float32(photons), dtype=np.float32)


@lru_cache(maxsize=8)
def _build_alias_tables(photons: int) -> tuple[NDArray[np.uint32], NDArray[np.intp]]:
    """Alias tables for counts 0 … 63 at 256 levels of light: thresholds of 26 bits and aliases, ``(256 · 64,)``."""
    chance = poisson.pmf(np.arange(64), photons * np.arange(256)[:, None] / 255)
    chance[:, photons] += 1 - chance[:, : photons + 1].sum(axis=1)  # whatever is brighter than white
    chance[:, photons + 1 :] = 0
    left = chance * 64
    accept, alias = np.ones_like(left), np.tile(np.arange(64), (256, 1))
    row, done = np.arange(256), np.zeros(left.shape, dtype=bool)
    for _ in range(64):  # in every row: what the poorest count lacks, the richest gives
        poor = np.where(done, np.inf, left).argmin(axis=1)
        rich = np.where(done, -np.inf, left).argmax(axis=1)
        accept[row, poor], alias[row, poor] = left[row, poor], rich
        left[row, rich] -= 1 - left[row, poor]
        done[row, poor] = True
    bits = np.clip(np.rint(accept * (1 << 26)), 0, 1 << 26).astype(np.uint32)
    return bits.ravel(), alias.ravel()


@make_corruption(0.03, 0.06, 0.09, 0.17, 0.27)
def impulse_noise(pixels: Pixels, amount: float, rng: Generator) -> Pixels:
    """Salt and pepper: this share of all values becomes 0 or 1, as often the one as the other."""
    draws = rng.integers(0, 1 << 16, pixels.shape, dtype=np.uint16)
    half = round(amount / 2 * (1 << 16))
    pixels[draws < half] = 0
    pixels[draws >= (1 << 16) - half] = 1
    return pixels


NOISE_CORRUPTIONS = (gaussian_noise, shot_noise, impulse_noise)
