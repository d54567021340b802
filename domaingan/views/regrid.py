"""Other grids for a dataset: a coarser spacing, a given frame size, and the way back; slices are in `slices`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.data import Dataset, Geometry, Reader, Record, Sample
from domaingan.imaging.near_duplicates import keep_checksums
from domaingan.imaging.resample import resize
from domaingan.views.slices import slice_volumes

MAX_SPACING = 50.0
"""Millimetres: nothing of a body is left to see on a coarser grid."""


def resize_sample(sample: Sample, shape: Sequence[int]) -> Sample:
    """The sample on another grid: image linear, mask and foreground nearest, boxes and spacing scaled."""
    shape = tuple(int(n) for n in shape)
    if shape == sample.shape:
        return sample
    factors = np.array([o / n for o, n in zip(sample.shape, shape, strict=True)])
    corners = factors[::-1] if sample.spatial_dims == 2 else factors  # frames are (H, W), their boxes xyxy
    affine, inside = sample.geometry.affine, sample.foreground
    spacing = tuple(s * f for s, f in zip(sample.spacing, factors, strict=True))
    geometry = Geometry(
        spacing, None if affine is None else _rescale_affine(affine, factors), axes=sample.geometry.axes
    )
    return replace(
        sample,
        image=resize(sample.image, shape).astype(np.float32),
        mask=None if sample.mask is None else resize(sample.mask, shape, is_mask=True),
        instances=None if sample.instances is None else resize(sample.instances, shape, is_mask=True),
        boxes=None if sample.boxes is None else (sample.boxes / np.tile(corners, 2)).astype(np.float32),
        geometry=geometry,
        foreground=None if inside is None else resize(inside, shape, is_mask=True),
    )


def _rescale_affine(affine: NDArray[Any], factors: NDArray[Any]) -> NDArray[Any]:
    """The affine of a grid whose voxels are ``factors`` larger, outer edges unmoved."""
    step = np.eye(4)
    step[np.arange(len(factors)), np.arange(len(factors))] = factors
    step[: len(factors), 3] = (factors - 1) / 2
    return affine @ step


@dataclass(frozen=True)
class _SpacingGrid:
    spacing: float

    def compute_shape(self, shape: Sequence[int], spacing: Sequence[float]) -> tuple[int, ...]:
        # Coarser only: an axis that is coarse already keeps its samples.
        return tuple(max(1, round(n * min(1.0, s / self.spacing))) for n, s in zip(shape, spacing, strict=True))

    def __call__(self, sample: Sample) -> Sample:
        return resize_sample(sample, self.compute_shape(sample.shape, sample.spacing))


@dataclass(frozen=True)
class _ShapeGrid:
    size: tuple[int, ...]

    def compute_shape(self, shape: Sequence[int], spacing: Sequence[float]) -> tuple[int, ...]:
        return self.size

    def __call__(self, sample: Sample) -> Sample:
        return resize_sample(sample, self.size)


def resample_to_spacing(dataset: Dataset, spacing: float) -> Dataset:
    """The dataset at a coarser spacing; axes that are coarser already stay as they are.

    Raises:
        DataError: the spacing is not positive, or above :data:`MAX_SPACING`.
    """
    if not 0 < spacing <= MAX_SPACING:
        raise DataError(f"a spacing of {spacing:g} mm", expected=f"above 0 and at most {MAX_SPACING:g}")
    return _change_grid(dataset, _SpacingGrid(float(spacing)))


def resize_to_shape(dataset: Dataset, shape: Sequence[int]) -> Dataset:
    """The dataset resized to one spatial shape, ``(H, W)`` for frames."""
    sides: list[Any] = list(shape) if np.ndim(shape) == 1 else []
    is_whole = all(isinstance(side, int | np.integer) and side > 0 for side in sides)
    if len(sides) != dataset.schema.spatial_dims or not is_whole:
        raise DataError(f"size {shape}", expected=f"{dataset.schema.spatial_dims} positive numbers")
    return _change_grid(dataset, _ShapeGrid(tuple(int(side) for side in sides)))


class _RegridReader:
    """Reads a record as it was before its grid was changed, then changes the sample's."""

    def __init__(self, read: Reader, change: _SpacingGrid | _ShapeGrid, originals: Iterable[Record]) -> None:
        self.read, self.change = read, change
        self.originals = {(record.name, record.index): record for record in originals}

    def __call__(self, record: Record) -> Sample:
        return self.change(self.read(self.originals[record.name, record.index]))


def _change_grid(dataset: Dataset, grid: _SpacingGrid | _ShapeGrid) -> Dataset:
    records = []
    for record in dataset.records:
        if not record.shape:  # not known before the sample is read
            records.append(record)
            continue
        spacing = record.spacing or (1.0,) * len(record.shape)
        shape = grid.compute_shape(record.shape, spacing)
        factors = np.array([o / n for o, n in zip(record.shape, shape, strict=True)])
        affine = _rescale_affine(np.asarray(record.affine), factors).tolist() if record.affine else ()
        spacing = tuple(s * f for s, f in zip(spacing, factors.tolist(), strict=True))
        records.append(replace(record, shape=shape, spacing=spacing, affine=tuple(map(tuple, affine))))
    read = _RegridReader(dataset.read, grid, dataset.records)
    return Dataset(records, read, dataset.schema, dataset.root, dataset.problems)


def view(
    dataset: Dataset, *, dims: int | None = None, spacing: float | None = None, resize: Sequence[int] | None = None
) -> Dataset:
    """The dataset as it is to be worked with: as slices where ``dims`` is 2, then at a coarser spacing or another size.

    Raises:
        DataError: ``dims`` is 3 for a dataset of 2D samples, or both grids are given.
    """
    if dims not in (None, 2, dataset.schema.spatial_dims):
        raise DataError(f"{dims} dims", path=dataset.root, expected=f"2 or {dataset.schema.spatial_dims}")
    if spacing is not None and resize is not None:
        raise DataError("a spacing and a size", expected="one of them")
    is_changed = spacing is not None or resize is not None or dims not in (None, dataset.schema.spatial_dims)
    seen = keep_checksums(dataset) if is_changed else dataset
    seen = slice_volumes(seen) if dims == 2 else seen
    if spacing is not None:
        seen = resample_to_spacing(seen, spacing)
    return seen if resize is None else resize_to_shape(seen, resize)
