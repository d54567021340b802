"""Why crops find no place in hosts: the likeliest reason, from sizes alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from domaingan.banks import Bank
from domaingan.data import Dataset, Record
from domaingan.data.slice_axes import count_thin_slices, find_slice_axis

MAX_MEASURED_CROPS = 200
"""So many crops, evenly spread, say how large objects are."""


def find_likeliest_reason(bank: Bank, data: Dataset) -> str:
    """Find the likeliest reason why crops of a bank find no place in hosts, and what to do.

    Args:
        bank: crops.
        data: the hosts.
    """
    if bank.info.domain.has_ground:
        return "too little of the ground that their classes stand on is free; look at --preview"
    count = count_thin_slices(data.records)
    if count is not None and bank.info.spatial_dims == 3:
        return f"the hosts have {count} slices: try --dims 2 (with a bank of crops --dims 2)"
    hosts = [record for record in data.records if record.shape and record.spacing]
    own = measure_object_sizes(bank)
    if hosts and len(own):
        sizes = np.array([_measure_host(host, bank.info.spatial_dims) for host in hosts])
        object_size, host_size = np.median(own, axis=0), np.median(sizes, axis=0)
        if (object_size > host_size).any():
            one, other = (" × ".join(f"{mm:.3g}" for mm in size) for size in (object_size, host_size))
            return f"objects of {one} mm do not fit into hosts of {other} mm: is the spacing of both right?"
    return (
        "no place in the body is deep, wide and free enough: fewer by --per-image, --overlap, or smaller objects; "
        "look at --preview whether the body is found (else a brainmask or bodymask beside the scans names it)"
    )


def measure_object_sizes(bank: Bank) -> NDArray[np.float64]:
    """How large objects are along each axis, in mm, ``(N, dims)``; of banks that are drawn from evenly."""
    sizes = []
    for i in np.unique(np.linspace(0, len(bank) - 1, min(len(bank), MAX_MEASURED_CROPS)).astype(int)):
        pixels = np.argwhere(np.asarray(bank.masks[int(i)]) > 0)
        if len(pixels):
            sizes.append((np.ptp(pixels, axis=0) + 1) * bank.entries["spacing"][int(i)])
    return np.array(sizes, dtype=np.float64).reshape(len(sizes), bank.info.spatial_dims)


def _measure_host(record: Record, dims: int) -> NDArray[np.float64]:
    size = np.array(record.shape, dtype=np.float64) * record.spacing
    return np.delete(size, find_slice_axis(record)) if len(size) > dims else size
