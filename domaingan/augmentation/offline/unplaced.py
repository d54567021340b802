"""Find the likeliest reason why crops find no place in hosts, from sizes alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from domaingan.banks import Bank
from domaingan.data import Dataset, Record
from domaingan.data.slice_axes import count_thin_slices, find_slice_axis

MAX_MEASURED_CROPS = 200
"""At most so many crops, evenly spread over the bank, are measured."""


def find_likeliest_reason(bank: Bank, data: Dataset) -> str:
    """Find the likeliest reason why crops of a bank find no place in hosts, and what to do.

    Args:
        bank: crops.
        data: the hosts.

    Returns:
        The reason and the advice, in one line.
    """
    if bank.info.domain.has_ground:
        return "too little of the ground that their classes stand on is free; look at --preview"
    count = count_thin_slices(data.records)
    if count is not None and bank.info.spatial_dims == 3:
        return f"the hosts have {count} slices: try --dims 2 (with a bank of crops --dims 2)"
    misfit = _compare_sizes(bank, data)
    if misfit:
        return misfit
    return (
        "no place in the body is deep, wide and free enough: fewer by --per-image, --overlap, or smaller objects; "
        "look at --preview whether the body is found (else a brainmask or bodymask beside the scans names it)"
    )


def _compare_sizes(bank: Bank, data: Dataset) -> str:
    """Describe that a bank's objects are larger than hosts, by the medians of both; empty if they are not."""
    hosts = [record for record in data.records if record.shape and record.spacing]
    object_sizes = measure_object_sizes(bank)
    if not hosts or not len(object_sizes):
        return ""
    host_sizes = np.array([_measure_host(host, bank.info.spatial_dims) for host in hosts])
    object_size = np.median(object_sizes, axis=0)
    host_size = np.median(host_sizes, axis=0)
    if not (object_size > host_size).any():
        return ""
    objects, scans = _format_size(object_size), _format_size(host_size)
    return f"objects of {objects} mm do not fit into hosts of {scans} mm: is the spacing of both right?"


def _format_size(size: NDArray[np.float64]) -> str:
    return " × ".join(f"{length:.3g}" for length in size)


def measure_object_sizes(bank: Bank) -> NDArray[np.float64]:
    """Measure how large the objects of a bank's crops are.

    Args:
        bank: crops; at most :data:`MAX_MEASURED_CROPS` of them are measured.

    Returns:
        ``(N, dims)`` lengths along each axis, in mm.
    """
    n_crops = min(len(bank), MAX_MEASURED_CROPS)
    indices = np.unique(np.linspace(0, len(bank) - 1, n_crops).astype(int))
    sizes = []
    for index in indices.tolist():
        pixels = np.argwhere(np.asarray(bank.masks[index]) > 0)
        if len(pixels):
            sizes.append((np.ptp(pixels, axis=0) + 1) * bank.entries["spacing"][index])
    return np.array(sizes, dtype=np.float64).reshape(len(sizes), bank.info.spatial_dims)


def _measure_host(record: Record, dims: int) -> NDArray[np.float64]:
    """Measure a host in mm; of a volume that 2D crops go into, a slice."""
    size = np.array(record.shape, dtype=np.float64) * record.spacing
    return np.delete(size, find_slice_axis(record)) if len(size) > dims else size
