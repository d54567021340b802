"""Which axis a volume is cut along into slices, and whether it has enough of them to be worked on in 3D."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import AssumptionWarning
from domaingan.data.dataset import Dataset
from domaingan.data.record import Record

MIN_SLICES = 8
"""Volumes of fewer are thin: nothing of three dimensions is to be learned from them."""


def find_slice_axis(record: Record) -> int:
    """Find the axis across which a volume is cut into slices.

    It is the through-plane axis where one axis plainly is: it has at most a quarter of the samples of the next, or is
    spaced at least twice as far. Cutting along it would give slivers. Else it is the axis that runs closest to
    head–feet, or the last one where no affine is known.

    Args:
        record: of a volume, with its shape.

    Returns:
        The number of the axis.
    """
    shape = record.shape
    spacing = record.spacing or (1.0,) * len(shape)
    few, coarse = np.argsort(shape), np.argsort(spacing)[::-1]
    if shape[few[0]] * 4 <= shape[few[1]]:
        return int(few[0])
    if spacing[coarse[0]] >= 2 * spacing[coarse[1]]:
        return int(coarse[0])
    if not record.affine:
        return len(shape) - 1
    axes = np.asarray(record.affine)[:3, :3]
    return int(np.argmax(np.abs(axes[2]) / np.linalg.norm(axes, axis=0)))


def make_slice_name(volume: str, index: int, count: int) -> str:
    """Name a slice after its volume.

    Args:
        volume: name of the volume.
        index: number of the slice.
        count: how many slices the volume has: all numbers get as many digits as the last one.

    >>> make_slice_name("head", 7, 120)
    'head_007'
    """
    digits = len(str(count - 1))
    return f"{volume}_{index:0{digits}d}"


def count_thin_slices(records: Iterable[Record]) -> int | None:
    """Count the slices of volumes that are too thin to be worked on in 3D.

    Returns:
        The median number of slices where most volumes have fewer than :data:`MIN_SLICES`, and a quarter as many as
        pixels along any other axis; else None.
    """
    counts = []
    for record in records:
        if len(record.shape) != 3:
            continue
        fewest, next_fewest, _ = sorted(record.shape)
        is_thin = fewest < MIN_SLICES and fewest * 4 <= next_fewest
        counts.append(fewest if is_thin else MIN_SLICES)
    median = int(np.median(counts)) if counts else MIN_SLICES
    return median if median < MIN_SLICES else None


def warn_about_thin_volumes(dataset: Dataset) -> None:
    """Warn that volumes of few slices are better worked on slice by slice.

    Args:
        dataset: any dataset; nothing is said of 2D samples.
    """
    if dataset.schema.spatial_dims != 3:
        return
    count = count_thin_slices(dataset.records)
    if count is not None:
        message = f"scans of {count} slices are worked on in 3D: try --dims 2 (dims=2), slice by slice"
        warnings.warn(message, AssumptionWarning, stacklevel=3)


def find_fullest_slice(focus: NDArray[Any], axis: int) -> int:
    """Find the slice in which most of a mask lies.

    Args:
        focus: ``(*spatial)`` mask.
        axis: that the slices are cut across.

    Returns:
        The number of the slice, 0 where the mask is empty.
    """
    slices = np.moveaxis(focus, axis, 0).reshape(focus.shape[axis], -1)
    return int(slices.sum(axis=1).argmax())
