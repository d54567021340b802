"""Noise: of the sensor, of the light, of broken pixels."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from domaingan.corrupt.kind import Corruption, Pixels

_DRAWS = 4096
"""Steps of the tabulated Poisson quantiles: tails beyond 1 in 8192 are cut."""


def gaussian_noise(pixels: Pixels, sigma: float, rng: np.random.Generator) -> Pixels:
    """Adds N(0, sigma²) to every value, as in low light."""
    return pixels + np.float32(sigma) * rng.standard_normal(pixels.shape, dtype=np.float32)


def shot_noise(pixels: Pixels, photons: int, rng: np.random.Generator) -> Pixels:
    """Poisson noise of ``photons`` at full brightness: few photons, much noise.

    Counts are drawn through tabulated quantiles (of 256 brightnesses), five times faster than one by one.
    """
    brightness = np.rint(pixels * np.float32(255)).astype(np.int32)
    draws = rng.integers(0, _DRAWS, size=pixels.shape, dtype=np.uint16)
    return _counts(photons).take(brightness * _DRAWS + draws) / np.float32(photons)


@cache
def _counts(photons: int) -> NDArray[np.uint8]:
    """(256 · _DRAWS,) Poisson quantiles: row b holds those of mean b / 255 · photons."""
    from scipy.stats import poisson

    means = np.arange(256) / 255 * photons
    cumulative = poisson.cdf(np.arange(2 * photons + 20)[None], means[:, None])
    quantiles = (np.arange(_DRAWS) + 0.5) / _DRAWS
    return np.concatenate([np.searchsorted(row, quantiles) for row in cumulative]).astype(np.uint8)


def impulse_noise(pixels: Pixels, amount: float, rng: np.random.Generator) -> Pixels:
    """Salt and pepper in each colour: a fraction ``amount`` of the values becomes 0 or 1, half of them each."""
    draws = rng.random(pixels.shape, dtype=np.float32)
    out = np.where(draws < amount / 2, np.float32(0), pixels)
    return np.where(draws >= 1 - amount / 2, np.float32(1), out)


NOISE = {
    "gaussian_noise": Corruption(gaussian_noise, (0.08, 0.12, 0.18, 0.26, 0.38)),  # standard deviation
    "shot_noise": Corruption(shot_noise, (60, 25, 12, 5, 3)),  # photons
    "impulse_noise": Corruption(impulse_noise, (0.03, 0.06, 0.09, 0.17, 0.27)),  # fraction of the values
}
