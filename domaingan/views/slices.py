"""Volumes seen as the 2D samples of their slices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from domaingan.data import Dataset, Reader, Record, Sample, Schema
from domaingan.data.slice_axes import find_slice_axis, make_slice_name
from domaingan.imaging.body_axes import slice_geometry
from domaingan.imaging.intensity import with_measurements


def slice_volumes(dataset: Dataset, *, labelled_only: bool = False) -> Dataset:
    """Turn a dataset of volumes into the 2D dataset of their slices.

    Foreground and intensity range of a slice are those of its volume. Slices follow one another in a record's order,
    and the last volume that was read is kept, so that reading them in order reads each file once.

    Args:
        dataset: volumes whose records have a shape. A dataset of 2D samples is returned as it is.
        labelled_only: whether only slices are kept in which something is labelled. This reads every volume once.

    Returns:
        One sample a slice, named ``VOLUME_NUMBER``.
    """
    if dataset.schema.spatial_dims == 2:
        return dataset
    read = _SliceReader(dataset.read, dataset.schema, {record.name: record for record in dataset.records})
    records: list[Record] = []
    for record in dataset.records:
        axis = find_slice_axis(record)
        numbers: Iterable[int] = range(record.shape[axis])
        if labelled_only:
            numbers = _find_labelled_slices(read.load_volume(record), axis)
        records += [_make_slice_record(record, axis, number) for number in numbers]
    return Dataset(records, read, replace(dataset.schema, spatial_dims=2), dataset.root, dataset.problems)


def _find_labelled_slices(volume: Sample, axis: int) -> list[int]:
    """Find the slices across an axis in which something is labelled."""
    if volume.mask is None:
        return []
    others = tuple(other for other in range(volume.spatial_dims) if other != axis)
    numbers: list[int] = np.flatnonzero((volume.mask > 0).any(axis=others)).tolist()
    return numbers


def _make_slice_record(volume: Record, axis: int, index: int) -> Record:
    """Make the record of one slice of a volume."""
    spacing = np.delete(volume.spacing, axis).tolist() if volume.spacing else ()
    return replace(
        volume,
        name=make_slice_name(volume.name, index, volume.shape[axis]),
        subject=volume.group,  # no split tears the slices of one volume apart
        shape=tuple(np.delete(volume.shape, axis).tolist()),
        spacing=tuple(spacing),
        affine=(),  # the volume's would be wrong for a slice
        index=index,
        parent=volume.name,
    )


class _SliceReader:
    """Reads the slices of volumes; keeps the last volume, with its foreground and range measured once."""

    def __init__(self, read: Reader, schema: Schema, parents: dict[str, Record]) -> None:
        self.read, self.schema, self.parents = read, schema, parents
        self._last: tuple[str, Sample] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_last": None}

    def load_volume(self, parent: Record) -> Sample:
        """Read a volume with its foreground and range, unless it was the last one that was read."""
        if self._last is None or self._last[0] != parent.name:
            self._last = (parent.name, with_measurements(self.read(parent), self.schema.domain))
        return self._last[1]

    def __call__(self, record: Record) -> Sample:
        """Read a slice."""
        parent = self.parents[record.parent]
        volume = self.load_volume(parent)
        assert volume.foreground is not None and record.index is not None
        axis, index = find_slice_axis(parent), record.index
        mask = None
        if volume.mask is not None:
            mask = np.ascontiguousarray(np.take(volume.mask, index, axis))
        return Sample(
            image=np.ascontiguousarray(np.take(volume.image, index, axis + 1)),
            mask=mask,
            condition=dict(volume.condition),
            meta=dict(volume.meta),
            source=replace(record.source, checksums=volume.source.checksums),
            geometry=slice_geometry(volume, axis),
            foreground=np.take(volume.foreground, index, axis),
            intensity_range=volume.intensity_range,
        )
