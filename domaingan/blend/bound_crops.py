"""Crops that were made for one place in one host: they go there as they are, or nowhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.banks import BOUND_REACH_PIXELS, Crop, measure_source_size
from domaingan.core.errors import DataError
from domaingan.data import Sample
from domaingan.imaging.intensity import find_extent, to_scaled
from domaingan.imaging.padded_crops import crop_padded
from domaingan.imaging.resample import resize

Mask = NDArray[np.bool_]

MAX_SIZE_RATIO = 4
"""So many times longer than its host, or its own grid, a bound crop may be: windows around objects stick out."""


def resample_to_host(
    crop: Crop, sample: Sample, intensity_range: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.uint8], Mask, NDArray[np.int64]] | None:
    """A bound crop on its host's grid, trimmed to what it replaces there.

    The crop is ``place`` and ``size · spacing / host's spacing`` of the host's pixels, outer edge to outer edge, so
    that the middle of its pixel ``i`` is at ``place + (i + 0.5) · spacing / host's spacing - 0.5``. Where its pixels
    are larger than the host's, they would blur what surrounds the object: there, what it changed is added to the host.

    Args:
        crop: an entry of a bank.
        sample: its host, as it was before anything was pasted.
        ends: the host's values that are 0 and 1 in scaled units, see
            :func:`domaingan.imaging.intensity.intensity_range`.

    Returns:
        Image ``(C, *patch)``, mask ``(*patch)``, which pixels it replaces ``(*patch)``, and its corner in the host;
        None where nothing of the object is left on that grid.

    Raises:
        DataError: the host has not the size that it had when the crop was made.
    """
    _check_host_size(crop, sample)
    shape = _convert_shape(crop.mask.shape, crop.spacing, sample.spacing)
    if max(shape) > MAX_SIZE_RATIO * max(*sample.shape, *crop.mask.shape):
        found = f"entry {crop.index} of {' × '.join(map(str, shape))} of the host's pixels"
        raise DataError(found, path=sample.name, expected=f"one of the size of its host, {sample.shape}")
    near = ndimage.binary_dilation(crop.mask > 0, np.ones((3,) * len(shape)), iterations=BOUND_REACH_PIXELS)
    mask, replaced = resize(crop.mask, shape, is_mask=True), resize(near, shape, is_mask=True)
    part = find_extent(replaced)
    if part is None or not mask.any():
        return None
    corner = np.array(crop.entry["place"], dtype=np.int64)
    image = resize(crop.image, shape)
    if shape != crop.mask.shape:
        host = to_scaled(crop_padded(sample.image, corner, shape), intensity_range)
        image = np.where(mask > 0, image, host + image - resize(resize(host, crop.mask.shape), shape))
    return image[(slice(None), *part)], mask[part], replaced[part], corner + [side.start for side in part]


def _convert_shape(shape: Sequence[int], spacing: Sequence[float], host_spacing: Sequence[float]) -> tuple[int, ...]:
    return tuple(max(1, round(n * own / theirs)) for n, own, theirs in zip(shape, spacing, host_spacing, strict=True))


def _check_host_size(crop: Crop, sample: Sample) -> None:
    found = measure_source_size(sample)
    wanted = [int(n) for n in crop.entry["source_size"]]
    if found != wanted:
        sizes = [" × ".join(map(str, size)) for size in (found, wanted)]
        raise DataError(
            f"a host of {sizes[0]} (pixels times spacing)",
            path=sample.name,
            expected=f"{sizes[1]}, as when entry {crop.index} was made for it",
        )
