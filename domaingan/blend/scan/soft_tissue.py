"""Soft tissue and lung in crops and hosts of absolute units: an object is compared with what is of its own kind.

An object beside a lung has soft tissue and lung around it. Its contrast is that to the soft tissue, and only
soft tissue goes along with it; where it comes to lie among another kind than it lay among, it keeps its own values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domaingan.banks import BankInfo
from domaingan.imaging.body import MIN_TISSUE_HOUNSFIELD
from domaingan.imaging.intensity import find_ring, measure_contrast
from domaingan.imaging.ranges import is_hounsfield_range

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

MIN_SOFT_SHARE = 0.2
"""An object lies in soft tissue where at least this share of its ring is soft."""


@dataclass(frozen=True)
class Surroundings:
    """Hold the pixels around an object that its contrast is measured against.

    Attributes:
        tissue: ``(*patch)`` what counts as tissue.
        is_soft: whether that is soft tissue alone.
    """

    tissue: Mask
    is_soft: bool


def find_soft_levels(info: BankInfo) -> NDArray[np.float32]:
    """Find the lowest scaled value ``(C,)`` of soft tissue for each channel; NaN without Hounsfield units."""
    levels = np.full(len(info.channels), np.nan, dtype=np.float32)
    for i, name in enumerate(info.channels):
        if name in info.ranges and is_hounsfield_range(info.ranges[name]):
            low, high = info.ranges[name]
            levels[i] = (MIN_TISSUE_HOUNSFIELD - low) / (high - low)
    return levels


def find_surroundings(image: Image, body: Mask, tissue: Mask, levels: NDArray[np.float32]) -> Surroundings:
    """Find what an object is compared with: soft tissue if it is soft and enough of that is around it.

    Args:
        image: ``(C, *patch)`` scaled units.
        body: ``(*patch)`` the object, or where it is to lie.
        tissue: ``(*patch)`` where the image shows anything that counts.
        levels: see :func:`find_soft_levels`.
    """
    hounsfield_channels = np.flatnonzero(~np.isnan(levels))
    ring = find_ring(body, inside=tissue)
    if not len(hounsfield_channels) or not ring.any():
        return Surroundings(tissue, False)
    channel = hounsfield_channels[0]
    soft = tissue & (image[channel] >= levels[channel])
    is_soft = bool(soft[ring].mean() >= MIN_SOFT_SHARE)
    return Surroundings(soft if is_soft else tissue, is_soft)


def find_target_contrast(
    crop: Image,
    body: Mask,
    crop_surroundings: Surroundings,
    host: Image,
    host_surroundings: Surroundings,
    levels: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Find the contrast ``(C,)`` that an object is to have: its own, or what keeps its values among another kind.

    Args:
        crop, host: ``(C, *patch)`` scaled units.
        body: ``(*patch)`` the object.
        crop_surroundings, host_surroundings: what the object is compared with in the crop and in the host.
        levels: see :func:`find_soft_levels`.
    """
    crop_contrast = measure_contrast(crop, body, find_ring(body, inside=crop_surroundings.tissue))
    if crop_surroundings.is_soft == host_surroundings.is_soft:
        return crop_contrast
    host_ring = find_ring(body, inside=host_surroundings.tissue)
    is_absolute = ~np.isnan(levels)
    contrast_of_same_values = crop[:, body].mean(axis=1) - host[:, host_ring].mean(axis=1)
    return np.where(is_absolute, contrast_of_same_values, crop_contrast).astype(np.float32)
