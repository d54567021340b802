"""Volumes whose values say where they lie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from domaingan.data import Dataset, Record, Sample, Schema

SCAN = Schema("nifti", "scan", 3, ("t1", "t2"), {"lesion": 1})
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


class Volumes:
    """Reads them, and counts how often."""

    def __init__(self) -> None:
        self.reads = 0

    def __call__(self, record: Record) -> Sample:
        self.reads += 1
        grid = np.indices(record.shape)
        image = np.stack([grid[0] * 10_000 + grid[1] * 100 + grid[2], np.full(record.shape, 7)]).astype(np.float32)
        mask = np.zeros(record.shape, dtype=np.uint8)
        mask[2:4, 2:4, 1:3] = 1
        return Sample(image, mask, source=record.source, geometry=record.geometry, header="of the volume")


def volume(name: str = "a", shape: tuple[int, ...] = (8, 9, 10), **metadata: object) -> Record:
    affine = tuple(map(tuple, LPS.tolist()))
    return replace(Record(name, shape=shape, spacing=(1.0, 1.0, 1.0), affine=affine), **metadata)  # type: ignore[arg-type]


def volumes(*records: Record) -> Dataset:
    return Dataset(records or [volume()], Volumes(), SCAN)
