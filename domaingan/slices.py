"""Volumes as the 2D samples of their slices."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import AssumptionWarning
from domaingan.data import Dataset, Reader, Record, Sample, Schema
from domaingan.imaging.body_axes import axes_of
from domaingan.imaging.intensity import foreground, intensity_range
from domaingan.imaging.ranges import absolute_channels

FEWEST_SLICES = 8
"""Volumes of fewer are thin: nothing of three dimensions is to be learned from them."""


def slice_axis(record: Record) -> int:
    """The axis that a volume is cut along into slices.

    Where one axis is plainly the through-plane one (at most a quarter of the samples of the next, or spaced at
    least twice as far), it is that one, whatever its direction: cutting across it would give slivers. Else the
    axis that runs closest to head–feet; the last where no affine is known.
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


def count_thin_slices(records: Iterable[Record]) -> int | None:
    """Count the slices of volumes that are too thin to be worked on in 3D.

    Returns:
        The median number of slices where most volumes have fewer than :data:`FEWEST_SLICES`, and a quarter as many as
        pixels along any other axis; else None.
    """
    counts = []
    for record in records:
        if len(record.shape) == 3:
            few = sorted(record.shape)
            counts.append(few[0] if few[0] < FEWEST_SLICES and few[0] * 4 <= few[1] else FEWEST_SLICES)
    median = int(np.median(counts)) if counts else FEWEST_SLICES
    return median if median < FEWEST_SLICES else None


def warn_of_thin_stacks(dataset: Dataset) -> None:
    """Say once that volumes of few slices are better worked on slice by slice."""
    count = count_thin_slices(dataset.records) if dataset.schema.spatial_dims == 3 else None
    if count is not None:
        said = f"scans of {count} slices are worked on in 3D: try --dims 2 (dims=2), slice by slice"
        warnings.warn(said, AssumptionWarning, stacklevel=3)


def fullest_slice(focus: NDArray[Any], axis: int) -> int:
    """The slice of a ``(*spatial)`` mask across ``axis`` in which most of it lies; the first where it is empty."""
    return int(np.moveaxis(focus, axis, 0).reshape(focus.shape[axis], -1).sum(axis=1).argmax())


def as_slices(dataset: Dataset, *, labelled_only: bool = False) -> Dataset:
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
    records = [piece for record in dataset.records for piece in _slices_of(record, read, labelled_only)]
    return Dataset(records, read, replace(dataset.schema, spatial_dims=2), dataset.root, dataset.problems)


def _slices_of(record: Record, read: _SliceReader, labelled_only: bool) -> Iterator[Record]:
    axis = slice_axis(record)
    n, digits = record.shape[axis], len(str(record.shape[axis] - 1))
    keep: Iterable[int] = range(n)
    if labelled_only:
        mask = read.volume(record).mask
        others = tuple(a for a in range(len(record.shape)) if a != axis)
        keep = [] if mask is None else np.flatnonzero((mask > 0).any(axis=others)).tolist()
    for index in keep:
        yield replace(
            record,
            name=f"{record.name}_{index:0{digits}d}",
            subject=record.group,  # slices of one volume must never be torn apart
            shape=tuple(np.delete(record.shape, axis).tolist()),
            spacing=tuple(np.delete(record.spacing or (1.0,) * len(record.shape), axis).tolist()),
            affine=(),  # that of the volume would be wrong for a slice
            index=int(index),
        )


class _SliceReader:
    """Reads the slices of volumes; keeps the last volume, with its foreground and range measured once."""

    def __init__(self, read: Reader, schema: Schema, parents: dict[str, Record]) -> None:
        self.read, self.schema, self.parents = read, schema, parents
        self._last: tuple[str, Sample] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_last": None}

    def volume(self, parent: Record) -> Sample:
        if self._last is None or self._last[0] != parent.name:
            read = self.read(parent)
            sample = replace(read, meta=dict(read.meta, foreground=foreground(read)))
            if self.schema.domain == "scan":
                sample.meta["absolute"] = absolute_channels(sample)
            sample.meta["range"] = intensity_range(sample, self.schema.domain)
            self._last = (parent.name, sample)
        return self._last[1]

    def __call__(self, record: Record) -> Sample:
        parent = self.parents[record.name.rsplit("_", 1)[0]]
        volume, axis = self.volume(parent), slice_axis(parent)
        index = int(record.index or 0)
        meta = {k: v for k, v in volume.meta.items() if k not in ("affine", "header")}
        meta |= record.facts() | {"slice": index, "volume": parent.name}
        meta["axes"] = tuple(pair for i, pair in enumerate(axes_of(volume)) if i != axis)
        meta["foreground"] = np.take(volume.meta["foreground"], index, axis)
        mask = volume.mask
        return Sample(
            image=np.ascontiguousarray(np.take(volume.image, index, axis + 1)),
            mask=None if mask is None else np.ascontiguousarray(np.take(mask, index, axis)),
            condition=dict(volume.condition),
            meta=meta,
        )
