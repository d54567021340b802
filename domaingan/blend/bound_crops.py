"""Crops that were made for one place in one host: they go there as they are, or nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

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
"""How many times longer than its host, or than its own grid, a bound crop may be. Windows around objects stick out."""


class BoundPatch(NamedTuple):
    """A bound crop on its host's grid.

    Attributes:
        image: ``(C, *patch)`` in scaled units.
        mask: ``(*patch)`` class values.
        replaced: ``(*patch)`` which pixels of the host it replaces.
        corner: ``(dims,)`` where it begins in the host.
    """

    image: NDArray[np.float32]
    mask: NDArray[np.uint8]
    replaced: Mask
    corner: NDArray[np.int64]


def resample_to_host(crop: Crop, sample: Sample, intensity_range: NDArray[np.float32]) -> BoundPatch | None:
    """Resample a bound crop to its host's grid and trim it to what it replaces there.

    The crop begins at ``place`` and is ``size · spacing / host's spacing`` of the host's pixels long, outer edge to
    outer edge. So the centre of its pixel ``i`` is at ``place + (i + 0.5) · spacing / host's spacing - 0.5``. Where its
    pixels are larger than the host's they would blur what surrounds the object: there only what it changed is added to
    the host.

    Args:
        crop: an entry of a bank.
        sample: its host, as it was before anything was pasted.
        intensity_range: ``(C, 2)`` the host's values that are 0 and 1 in scaled units, see
            :func:`domaingan.imaging.intensity.get_intensity_range`.

    Returns:
        The patch; None where nothing of the object is left on that grid.

    Raises:
        DataError: the host does not have the size that it had when the crop was made.
    """
    _check_host_size(crop, sample)
    shape = _convert_shape(crop.mask.shape, crop.spacing, sample.spacing)
    if max(shape) > MAX_SIZE_RATIO * max(*sample.shape, *crop.mask.shape):
        found = f"entry {crop.index} of {' × '.join(map(str, shape))} of the host's pixels"
        raise DataError(found, path=sample.name, expected=f"one of the size of its host, {sample.shape}")
    cube = np.ones((3,) * len(shape))
    crop_reach = ndimage.binary_dilation(crop.mask > 0, cube, iterations=BOUND_REACH_PIXELS)
    mask = resize(crop.mask, shape, is_mask=True)
    replaced = resize(crop_reach, shape, is_mask=True)
    extent = find_extent(replaced)
    if extent is None or not mask.any():
        return None
    corner = np.array(crop.entry["place"], dtype=np.int64)
    image = resize(crop.image, shape)
    if shape != crop.mask.shape:
        host = to_scaled(crop_padded(sample.image, corner, shape), intensity_range)
        host_at_crop_grid = resize(resize(host, crop.mask.shape), shape)
        image = np.where(mask > 0, image, host + image - host_at_crop_grid)
    start = [side.start for side in extent]
    return BoundPatch(image[(slice(None), *extent)], mask[extent], replaced[extent], corner + start)


def _convert_shape(shape: Sequence[int], spacing: Sequence[float], host_spacing: Sequence[float]) -> tuple[int, ...]:
    """Convert a crop's shape to the host's pixels."""
    converted = []
    for size, crop_step, host_step in zip(shape, spacing, host_spacing, strict=True):
        converted.append(max(1, round(size * crop_step / host_step)))
    return tuple(converted)


def _check_host_size(crop: Crop, sample: Sample) -> None:
    """Refuse a host of another size than the one that a crop was made for."""
    found = measure_source_size(sample)
    expected = [int(size) for size in crop.entry["source_size"]]
    if found != expected:
        raise DataError(
            f"a host of {' × '.join(map(str, found))} (pixels times spacing)",
            path=sample.name,
            expected=f"{' × '.join(map(str, expected))}, as when entry {crop.index} was made for it",
        )
