"""Measures on one image: where the body is, its intensity range, the ring around a mask, the contrast to it.

Everything that moves pixels between images works in *scaled* units: 0 and 1 are the 0.5th and 99.5th
percentiles of the foreground of a scan, or -1000 and 1000 where it is in Hounsfield units (see
:mod:`domaingan.imaging.ranges`), and are 0 and 1 for frames. So a crop of one scanner means the same in a host of
another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import measure

from domaingan.data import Domain, IntensityRange, Sample
from domaingan.imaging.body_cache import find_body_cached
from domaingan.imaging.ranges import HOUNSFIELD_RANGE, Scaling, find_absolute_channels

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

RING_WIDTH = 3
"""Width of the ring around a mask, in pixels or voxels."""


def get_foreground(sample: Sample) -> Mask:
    """Get the part of a scan that shows the body: ``Sample.foreground`` where known, else measured.

    How it is measured: :mod:`domaingan.imaging.body`.

    Args:
        sample: a scan.

    Returns:
        ``(*spatial)`` bool. All true where nothing parts the body from its surroundings, all false where the image has
        one value.
    """
    if sample.foreground is not None:
        return sample.foreground
    return find_body_cached(sample.image)


def get_intensity_range(sample: Sample, domain: Domain) -> NDArray[np.float32]:
    """Get the stored values that are 0 and 1 in scaled units: ``Sample.intensity_range`` where known, else measured.

    Measured they are 0 and 1 themselves for frames, a fixed range for scans in Hounsfield units, and for other scans
    the 0.5th and 99.5th percentiles of the foreground. Rows of NaN in what is known are measured as well.

    Args:
        sample: whose image it is.
        domain: of the sample.

    Returns:
        ``(C, 2)``, the lower value first.
    """
    known, channels = sample.intensity_range, len(sample.image)
    if known is None and domain.is_rgb:
        return np.tile(np.array([0, 1], dtype=np.float32), (channels, 1))
    ends = np.full((channels, 2), np.nan, dtype=np.float32)
    if known is None:
        ends[find_absolute_channels(sample)] = HOUNSFIELD_RANGE
    else:
        ends[...] = known.ends
    open_ends = np.asarray(np.isnan(ends).any(axis=1))
    if open_ends.any():
        ends[open_ends] = measure_body_percentiles(sample, open_ends)
    return ends


def measure_body_percentiles(sample: Sample, selected: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
    """Measure the 0.5th and 99.5th percentiles of a scan's foreground, of the whole image where there is none.

    Args:
        sample: a scan.
        selected: ``(C,)``, only these channels; all unless given.
    """
    inside = get_foreground(sample)
    where = inside if inside.any() else ~inside
    image = sample.image if selected is None else sample.image[selected]
    return measure_percentiles(image[:, where])


def measure_percentiles(values: NDArray[Any]) -> NDArray[np.float32]:
    """Measure the 0.5th and 99.5th percentiles of each channel.

    Args:
        values: ``(C, N)``.

    Returns:
        ``(C, 2)``; a channel of one value gets a width of 1.
    """
    ends = np.tile(np.array([0, 1], dtype=np.float32), (len(values), 1))
    if values.shape[1]:
        ends = np.stack([np.percentile(channel, (0.5, 99.5)) for channel in values]).astype(np.float32)
    flat = ends[:, 1] - ends[:, 0] < 1e-6 * np.maximum(np.abs(ends[:, 1]), 1e-6)
    ends[flat, 1] = ends[flat, 0] + 1
    return ends


def with_foreground(sample: Sample, domain: Domain) -> Sample:
    """Measure the foreground of a sample, unless it is known.

    Args:
        sample: whose image it is.
        domain: of the sample. Where it has no body, the whole image is foreground.

    Returns:
        The sample with its ``foreground``.
    """
    inside = get_foreground(sample) if domain.has_body else np.ones(sample.shape, dtype=bool)
    return replace(sample, foreground=inside)


def with_measurements(sample: Sample, domain: Domain) -> Sample:
    """Measure the foreground of a sample, and then its intensity range inside it, so that nobody does it again.

    Args:
        sample: whose image it is.
        domain: of the sample.

    Returns:
        The sample with its ``foreground`` and its ``intensity_range``.
    """
    known = with_foreground(sample, domain)
    absolute = find_absolute_channels(known) if domain.has_body else None
    ends = get_intensity_range(known, domain)
    return replace(known, intensity_range=IntensityRange(ends, absolute))


def get_scaling(sample: Sample, domain: Domain) -> Scaling:
    """Work out how a sample is brought to scaled units.

    Args:
        sample: whose image it is.
        domain: of the sample. No channel of a frame has absolute units.
    """
    ends = get_intensity_range(sample, domain)
    absolute = find_absolute_channels(sample) if domain.has_body else np.zeros(len(ends), dtype=bool)
    percentiles_ = ends.copy()
    if absolute.any():
        percentiles_[absolute] = measure_body_percentiles(sample, absolute)
    return Scaling(ends, absolute, percentiles_)


def to_scaled(image: Image, ends: NDArray[np.float32]) -> Image:
    """Convert a ``(C, *spatial)`` image to scaled units; ``ends`` is ``(C, 2)`` (:func:`get_intensity_range`)."""
    low, high = _split_ends(ends, image.ndim)
    return ((image - low) / (high - low)).astype(np.float32)


def from_scaled(image: Image, ends: NDArray[np.float32]) -> Image:
    """Turn scaled units into stored units, the inverse of :func:`to_scaled`.

    Args:
        image: ``(C, *spatial)``.
        ends: ``(C, 2)`` of :func:`get_intensity_range`.
    """
    low, high = _split_ends(ends, image.ndim)
    return (image * (high - low) + low).astype(np.float32)


def to_dtype(values: Image, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Turn values into an image's own type: for integers into the nearest one that the type holds.

    Args:
        values: in stored units.
        dtype: of the image.
    """
    if dtype.kind == "f":
        return values.astype(dtype, copy=False)
    limits = np.iinfo(dtype)
    return np.rint(values).clip(limits.min, limits.max).astype(dtype)


def _split_ends(ends: NDArray[np.float32], ndim: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    shape = (-1, *[1] * (ndim - 1))
    return ends[:, 0].reshape(shape), ends[:, 1].reshape(shape)


def find_nonzero(scaled: Image) -> Mask:
    """Find where a scaled image is above 0 in any channel; the background of a scan is not.

    Args:
        scaled: ``(C, *spatial)``.

    Returns:
        ``(*spatial)`` bool.
    """
    inside: Mask = np.any(scaled > 0, axis=0)
    return inside


def find_ring(mask: NDArray[Any], width: float = RING_WIDTH, inside: Mask | None = None) -> Mask:
    """Find the pixels around a mask.

    Args:
        mask: ``(*spatial)``, everything above 0 counts.
        width: how far away from the mask the pixels lie at most, in pixels.
        inside: ``(*spatial)``; where given, pixels outside of it are left out.

    Returns:
        ``(*spatial)`` bool, false in the mask itself.

    >>> find_ring(np.pad(np.ones((1, 1)), 2), width=1).astype(int)
    array([[0, 0, 0, 0, 0],
           [0, 0, 1, 0, 0],
           [0, 1, 0, 1, 0],
           [0, 0, 1, 0, 0],
           [0, 0, 0, 0, 0]])
    """
    body = np.asarray(mask) > 0
    around: Mask = np.zeros_like(body)
    part = find_extent(body)
    if part is not None:
        near = expand_extent(part, math.ceil(width))  # a lesion is small beside its volume
        around[near] = ~body[near] & np.less_equal(ndimage.distance_transform_edt(~body[near]), width)
    return around if inside is None else around & inside


def find_extent(mask: Mask) -> tuple[slice, ...] | None:
    """Find the smallest part of an array that holds everything true in it; None where nothing is.

    >>> find_extent(np.array([[False, True, True], [False, False, False]]))
    (slice(0, 1, None), slice(1, 3, None))
    """
    if mask.ndim == 2 and mask.size:  # twice as fast
        x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
        return (slice(y, y + height), slice(x, x + width)) if width else None
    extent = []
    for axis in range(mask.ndim):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        occupied = np.flatnonzero(mask.any(axis=others))
        if not len(occupied):
            return None
        extent.append(slice(int(occupied[0]), int(occupied[-1]) + 1))
    return tuple(extent)


def find_body_extent(inside: Mask) -> tuple[slice, ...]:
    """Find the box around the body; the whole array where there is no body.

    >>> find_body_extent(np.array([[False, True, True], [False, False, False]]))
    (slice(0, 1, None), slice(1, 3, None))
    >>> find_body_extent(np.zeros((2, 3), dtype=bool))
    (slice(0, 2, None), slice(0, 3, None))
    """
    return find_extent(inside) or tuple(slice(0, n) for n in inside.shape)


def expand_extent(extent: Sequence[slice], pixels: int) -> tuple[slice, ...]:
    """Widen a part of an array by some pixels on each side, as far as the array goes at its start.

    Args:
        extent: one slice an axis.
        pixels: how many more on each side.
    """
    return tuple(slice(max(0, side.start - pixels), side.stop + pixels) for side in extent)


def measure_contrast(image: Image, mask: NDArray[Any], ring: Mask) -> NDArray[np.float32]:
    """Measure the mean inside a mask minus the mean in the ring around it.

    Args:
        image: ``(C, *spatial)``.
        mask: ``(*spatial)``, everything above 0 counts.
        ring: ``(*spatial)``, see :func:`find_ring`.

    Returns:
        ``(C,)`` in the image's units; 0 where mask or ring is empty.
    """
    body = np.asarray(mask) > 0
    if not body.any() or not ring.any():
        return np.zeros(len(image), dtype=np.float32)
    within = image[:, body].mean(axis=1, dtype=np.float64)
    difference: NDArray[np.float32] = (within - image[:, ring].mean(axis=1, dtype=np.float64)).astype(np.float32)
    return difference


def compute_equivalent_radius(volume: float, dims: int) -> float:
    """Compute the radius of a disc or ball.

    Args:
        volume: its area or volume.
        dims: 2 for a disc, 3 for a ball.

    >>> round(compute_equivalent_radius(np.pi * 4, 2), 6)
    2.0
    """
    return float((volume / np.pi) ** 0.5 if dims == 2 else (3 * volume / (4 * np.pi)) ** (1 / 3))


def label_components(mask: NDArray[Any]) -> tuple[NDArray[np.int32], int]:
    """Label the connected components of a mask, where faces, edges or corners touch.

    Args:
        mask: ``(*spatial)``, everything above 0 counts.

    Returns:
        ``(*spatial)`` numbers from 1 in the order of the array's elements, and how many there are.
    """
    body = np.asarray(mask) > 0
    if body.ndim == 2 and body.size:  # twice as fast, and this algorithm of theirs numbers in the same order
        n, labels = cv2.connectedComponentsWithAlgorithm(body.view(np.uint8), 8, cv2.CV_32S, cv2.CCL_WU)
        return labels, n - 1
    labels, n = measure.label(body, return_num=True, connectivity=body.ndim)
    return labels.astype(np.int32, copy=False), int(n)
