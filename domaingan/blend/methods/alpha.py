"""Methods that mix crop and host pixel by pixel, each with its own weights: alpha, feather, soft."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.imaging.intensity import measure_squared_distance

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

MAX_TABLE_REACH = 16
"""Up to so many pixels it is faster to look at what is near than to measure all distances."""


def compute_ramp(body: Mask, reach: int) -> Image:
    """1 in the body, falling linearly with the distance from it to 0 beyond ``reach`` pixels.

    >>> ramp(np.array([True, False, False, False]), 2).round(2)
    array([1.  , 0.67, 0.33, 0.  ], dtype=float32)
    """
    if not body.any():
        return np.zeros(body.shape, dtype=np.float32)
    if reach > MAX_TABLE_REACH:
        distance = ndimage.distance_transform_edt(~body)
        return np.where(distance <= reach, 1 - distance / (reach + 1), 0).astype(np.float32)
    by_square = np.zeros(reach**2 + 2, dtype=np.float32)
    by_square[:-1] = 1 - np.sqrt(np.arange(reach**2 + 1)) / (reach + 1)
    return by_square[measure_squared_distance(body, reach)]


def mix_by_weight(host: Image, crop: Image, weight: Image) -> Image:
    """The host where the weight is 0, the crop where it is 1, a mix between."""
    return host + weight * (crop - host)


@dataclass(frozen=True)
class Alpha:
    """The mask itself: a hard edge."""

    reach: int = 0

    def with_reach(self, reach: int) -> Alpha:
        """Itself: it has no width."""
        return self

    def compute_weight(self, body: Mask) -> Image:
        """1 in the body, 0 elsewhere."""
        return body.astype(np.float32)

    def mix(self, host: Image, crop: Image, weight: Image, free: Mask) -> Image:
        """The weighted mean."""
        return mix_by_weight(host, crop, weight)


@dataclass(frozen=True)
class Feather:
    """A linear ramp by distance from 1 at the mask's edge to 0 beyond ``reach`` pixels outside it."""

    reach: int = 3

    def with_reach(self, reach: int) -> Feather:
        """Another ramp."""
        return replace(self, reach=reach)

    def compute_weight(self, body: Mask) -> Image:
        """1 in the body, falling to 0 outside it."""
        return compute_ramp(body, self.reach)

    def mix(self, host: Image, crop: Image, weight: Image, free: Mask) -> Image:
        """The weighted mean."""
        return mix_by_weight(host, crop, weight)


@dataclass(frozen=True)
class Soft:
    """The mask with its outermost pixels half mixed with the host, as a lens would: nothing outside it is changed."""

    edge_weight: float = 0.6
    reach: int = 0

    def with_reach(self, reach: int) -> Soft:
        """Itself: it has no width."""
        return self

    def compute_weight(self, body: Mask) -> Image:
        """1 in the body, ``edge`` at its border, 0 elsewhere."""
        inner = ndimage.binary_erosion(body, ndimage.generate_binary_structure(body.ndim, 1), border_value=1)
        return np.where(inner, 1, self.edge_weight * body).astype(np.float32)

    def mix(self, host: Image, crop: Image, weight: Image, free: Mask) -> Image:
        """The weighted mean."""
        return mix_by_weight(host, crop, weight)
