"""What a crop takes over from its host besides the level of the ring: the spread of its intensities, its grain.

A match changes the whole crop before it is mixed in, and combines with every method.
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
"""Fewest pixels that a spread or a grain is measured on; with fewer the crop stays as it is."""


class Match(Protocol):
    """What every match offers."""

    def __call__(
        self, host: Image, crop: Image, body: Mask, host_tissue: Mask, crop_tissue: Mask, rng: np.random.Generator
    ) -> Image:
        """The crop ``(C, *patch)`` made like the host in what surrounds ``body`` in both.

        Args:
            host, crop: of one shape, in one unit.
            body: ``(*patch)``, the object.
            host_tissue, crop_tissue: ``(*patch)``, what of either counts as surroundings.
            rng: source of every draw.
        """


@dataclass(frozen=True)
class HistogramMatch:
    """Intensities moved so that those of the crop's ring are distributed as those of the host's.

    Attributes:
        steps: quantiles that are matched; straight lines between them, shifts beyond them. Few, as rings are small.
        steepest: largest factor by which a difference in intensity grows or shrinks.
    """

    quantiles: int = 5
    max_slope: float = 2.0

    def __call__(
        self, host: Image, crop: Image, body: Mask, host_tissue: Mask, crop_tissue: Mask, rng: np.random.Generator
    ) -> Image:
        """The crop with the host's distribution around the object."""
        around_host, around_crop = (find_ring(body, RING_WIDTH, inside) for inside in (host_tissue, crop_tissue))
        if min(around_host.sum(), around_crop.sum()) < MIN_GRAIN_PIXELS:
            return crop
        levels = np.linspace(0, 1, self.quantiles + 2)[1:-1]
        matched = crop.copy()
        for channel, theirs in zip(matched, host, strict=True):
            own, wanted = (np.quantile(v, levels) for v in (channel[around_crop], theirs[around_host]))
            widths = np.maximum(np.diff(own), 1e-6)
            slopes = np.clip(np.diff(wanted) / widths, 1 / self.max_slope, self.max_slope)
            middle = self.quantiles // 2
            reached = np.concatenate([[0], np.cumsum(slopes * widths)])
            reached += wanted[middle] - reached[middle]
            knots = own[0] + np.concatenate([[0], np.cumsum(widths)])
            beyond = channel - np.clip(channel, knots[0], knots[-1])
            channel[...] = np.interp(channel, knots, reached) + beyond
        return matched


MAX_SMOOTHING_PASSES = 4
"""How often grain is smoothed at most, where the host has far less of it."""


@dataclass(frozen=True)
class NoiseMatch:
    """Grain added to or taken from the crop until it is that of the host.

    Attributes:
        edge: what rises this many times higher than the crop's grain is not grain and is kept.
    """

    edge_factor: float = 3.0

    def __call__(
        self, host: Image, crop: Image, body: Mask, host_tissue: Mask, crop_tissue: Mask, rng: np.random.Generator
    ) -> Image:
        """The crop with the host's grain."""
        matched = crop.copy()
        white = rng.normal(size=crop.shape).astype(np.float32)
        for channel, theirs, more in zip(matched, host, white, strict=True):
            own = measure_grain(channel, crop_tissue & ~body)
            wanted = measure_grain(theirs, host_tissue & ~body)
            if own is None or wanted is None:
                continue
            if own < wanted:
                channel += np.sqrt(wanted**2 - own**2) * more
            elif own > wanted:
                self._smooth(channel, own, wanted, crop_tissue & ~body)
        return matched

    def _smooth(self, channel: Image, own: float, wanted: float, around: Mask) -> None:
        """Take away, in place, as much of the grain as is too much; what is far coarser needs several passes."""
        for _ in range(MAX_SMOOTHING_PASSES):
            fine = channel - ndimage.gaussian_filter(channel, 1)
            fine *= np.exp(-((fine / (self.edge_factor * own)) ** 2))
            least = measure_grain(channel - fine, around) or 0.0
            share = min((own - wanted) / max(own - least, 1e-12), 1)
            channel -= share * fine
            if share < 1 or least <= wanted:
                return
            own = least


def measure_grain(image: Image, where: Mask) -> float | None:
    """The standard deviation of what changes from pixel to pixel, as that of white noise.

    Second differences along every axis leave nothing of a slope (J. Immerkær, "Fast noise variance estimation",
    Computer Vision and Image Understanding 64, 1996); the median passes over edges.

    Args:
        image: ``(*spatial)``.
        where: ``(*spatial)``, what is looked at; pixels with all neighbours in it count.

    Returns:
        In the image's unit; None where too little is looked at.
    """
    whole = ndimage.binary_erosion(where, np.ones((3,) * image.ndim, dtype=bool), border_value=0)
    if whole.sum() < MIN_GRAIN_PIXELS:
        return None
    residual = image
    for axis in range(image.ndim):
        residual = ndimage.correlate1d(residual, [1, -2, 1], axis)
    return float(1.4826 * np.median(np.abs(residual[whole])) / 6 ** (image.ndim / 2))
