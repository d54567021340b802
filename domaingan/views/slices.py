"""Volumes as the 2D samples of their slices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from domaingan.data import Dataset, Reader, Record, Sample, Schema
from domaingan.data.slice_axes import find_slice_axis, make_slice_name
from domaingan.imaging.body_axes import slice_geometry
from domaingan.imaging.intensity import with_measurements


def slice_volumes(dataset: Dataset, *, labelled_only: bool = False) -> Dataset:
    """A dataset of volumes as the 2D dataset of its slices; foreground and range are those of the volume.

    A record needs its shape and spacing; the affine, if any, is read with the volume. Slices follow one another
    in a record's order, and the last volume read is kept, so that reading them in order reads each file once.

    Args:
        dataset: a dataset of volumes; one of 2D samples is returned as it is.
        labelled_only: keep only the slices in which something is labelled (reads every volume once).
    """
    if dataset.schema.spatial_dims == 2:
        return dataset
    read = _SliceReader(dataset.read, dataset.schema, {record.name: record for record in dataset.records})
    records = [piece for record in dataset.records for piece in _list_slices(record, read, labelled_only)]
    return Dataset(records, read, replace(dataset.schema, spatial_dims=2), dataset.root, dataset.problems)


def _list_slices(record: Record, read: _SliceReader, labelled_only: bool) -> Iterator[Record]:
    axis = find_slice_axis(record)
    n = record.shape[axis]
    keep: Iterable[int] = range(n)
    if labelled_only:
        mask = read.load_volume(record).mask
        others = tuple(a for a in range(len(record.shape)) if a != axis)
        keep = [] if mask is None else np.flatnonzero((mask > 0).any(axis=others)).tolist()
    for index in keep:
        yield replace(
            record,
            name=make_slice_name(record.name, index, n),
            subject=record.group,  # slices of one volume must never be torn apart
            shape=tuple(np.delete(record.shape, axis).tolist()),
            spacing=tuple(np.delete(record.spacing or (1.0,) * len(record.shape), axis).tolist()),
            affine=(),  # that of the volume would be wrong for a slice
            index=int(index),
            parent=record.name,
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
        volume, axis = self.load_volume(parent), find_slice_axis(parent)
        index = int(record.index or 0)
        mask = volume.mask
        assert volume.foreground is not None
        return Sample(
            image=np.ascontiguousarray(np.take(volume.image, index, axis + 1)),
            mask=None if mask is None else np.ascontiguousarray(np.take(mask, index, axis)),
            condition=dict(volume.condition),
            meta=dict(volume.meta),
            source=replace(record.source, checksums=volume.source.checksums),
            geometry=slice_geometry(volume, axis),
            foreground=np.take(volume.foreground, index, axis),
            intensity_range=volume.intensity_range,
        )
