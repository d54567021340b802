"""Matches: a crop takes over the histogram or the noise of its host's surroundings.

A match changes the whole crop before it is mixed in. Each match combines with every blending method.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.imaging.intensity import RING_WIDTH, find_ring

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

MIN_GRAIN_PIXELS = 24
"""Smallest number of pixels that a spread or a grain is measured on. With fewer the crop stays as it is."""

MIN_QUANTILE_STEP = 1e-6
"""Smallest step between two quantiles of a crop, so that a flat channel is not divided by 0."""

MAX_SMOOTHING_PASSES = 4
"""How often grain is smoothed at most, where the host has far less of it."""

GAUSSIAN_SIGMA_BY_MAD = 1.4826
"""Standard deviation of a normal distribution, as a multiple of its median absolute deviation."""


class Match(Protocol):
    """What every match offers."""

    def __call__(
        self, host: Image, crop: Image, body: Mask, host_tissue: Mask, crop_tissue: Mask, rng: np.random.Generator
    ) -> Image:
        """Make the crop like its host in one property of what surrounds the object in both.

        Args:
            host, crop: ``(C, *patch)`` of one shape, in one unit.
            body: ``(*patch)``, the object.
            host_tissue, crop_tissue: ``(*patch)``, which pixels count as surroundings of the object in each.
            rng: source of every draw.

        Returns:
            The crop, ``(C, *patch)``.
        """


@dataclass(frozen=True)
class HistogramMatch:
    """Moves intensities so that the crop's ring has the distribution of the host's ring.

    Attributes:
        quantiles: how many quantiles are matched. Between them the curve is straight, beyond them values are shifted.
            They are few, as rings are small.
        max_slope: largest factor by which a difference in intensity grows or shrinks.
    """

    quantiles: int = 5
    max_slope: float = 2.0

    def __call__(
        self, host: Image, crop: Image, body: Mask, host_tissue: Mask, crop_tissue: Mask, rng: np.random.Generator
    ) -> Image:
        """Return the crop with the host's distribution around the object; see :class:`Match`."""
        host_ring = find_ring(body, RING_WIDTH, host_tissue)
        crop_ring = find_ring(body, RING_WIDTH, crop_tissue)
        if min(host_ring.sum(), crop_ring.sum()) < MIN_GRAIN_PIXELS:
            return crop
        matched = crop.copy()
        for channel, host_channel in zip(matched, host, strict=True):
            self._match_channel(channel, channel[crop_ring], host_channel[host_ring])
        return matched

    def _match_channel(self, channel: Image, crop_values: Image, host_values: Image) -> None:
        """Send a channel, in place, through the curve from the quantiles of the crop's ring to those of the host's."""
        levels = np.linspace(0, 1, self.quantiles + 2)[1:-1]
        source = np.quantile(crop_values, levels)
        target = np.quantile(host_values, levels)
        steps = np.maximum(np.diff(source), MIN_QUANTILE_STEP)
        slopes = np.clip(np.diff(target) / steps, 1 / self.max_slope, self.max_slope)
        middle = self.quantiles // 2
        curve = np.concatenate([[0], np.cumsum(slopes * steps)])
        curve += target[middle] - curve[middle]
        knots = source[0] + np.concatenate([[0], np.cumsum(steps)])
        beyond = channel - np.clip(channel, knots[0], knots[-1])
        channel[...] = np.interp(channel, knots, curve) + beyond


@dataclass(frozen=True)
class NoiseMatch:
    """Adds grain to the crop or takes grain from it, until it has that of the host.

    Attributes:
        edge_factor: what rises this many times higher than the crop's grain is an edge, and stays.
    """

    edge_factor: float = 3.0

    def __call__(
        self, host: Image, crop: Image, body: Mask, host_tissue: Mask, crop_tissue: Mask, rng: np.random.Generator
    ) -> Image:
        """Return the crop with the host's grain; see :class:`Match`."""
        matched = crop.copy()
        crop_surroundings = crop_tissue & ~body
        host_surroundings = host_tissue & ~body
        white_noise = rng.normal(size=crop.shape).astype(np.float32)
        for channel, host_channel, noise in zip(matched, host, white_noise, strict=True):
            crop_grain = measure_grain(channel, crop_surroundings)
            host_grain = measure_grain(host_channel, host_surroundings)
            if crop_grain is None or host_grain is None:
                continue
            if crop_grain < host_grain:
                channel += np.sqrt(host_grain**2 - crop_grain**2) * noise
            elif crop_grain > host_grain:
                self._smooth(channel, crop_grain, host_grain, crop_surroundings)
        return matched

    def _smooth(self, channel: Image, crop_grain: float, host_grain: float, surroundings: Mask) -> None:
        """Take away grain in place, until as much as the host's is left. Far coarser grain needs several passes."""
        for _ in range(MAX_SMOOTHING_PASSES):
            fine = channel - ndimage.gaussian_filter(channel, 1)
            fine *= np.exp(-((fine / (self.edge_factor * crop_grain)) ** 2))
            smoothest = measure_grain(channel - fine, surroundings) or 0.0
            share = min((crop_grain - host_grain) / max(crop_grain - smoothest, 1e-12), 1)
            channel -= share * fine
            if share < 1 or smoothest <= host_grain:
                return
            crop_grain = smoothest


def measure_grain(image: Image, where: Mask) -> float | None:
    """Measure the standard deviation of what changes from pixel to pixel, as that of white noise.

    Second differences along every axis leave nothing of a slope (J. Immerkær, "Fast noise variance estimation",
    Computer Vision and Image Understanding 64, 1996). The median is not disturbed by edges.

    Args:
        image: ``(*spatial)``.
        where: ``(*spatial)``, the pixels that are measured. A pixel counts if all its neighbours are among them.

    Returns:
        The deviation in the image's unit; None where too few pixels count.
    """
    whole = ndimage.binary_erosion(where, np.ones((3,) * image.ndim, dtype=bool), border_value=0)
    if whole.sum() < MIN_GRAIN_PIXELS:
        return None
    residual = image
    for axis in range(image.ndim):
        residual = ndimage.correlate1d(residual, [1, -2, 1], axis)
    # The squares of 1, -2 and 1 add up to 6 along each axis.
    noise_gain = 6 ** (image.ndim / 2)
    return float(GAUSSIAN_SIGMA_BY_MAD * np.median(np.abs(residual[whole])) / noise_gain)
