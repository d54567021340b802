"""The same samples on another grid: a coarser spacing or another frame size.

Slices are in :mod:`domaingan.views.slices`.
"""

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
    """Bring a sample onto another grid of the same extent.

    The image is interpolated linearly. Whatever marks pixels, such as the mask, takes the nearest value. Boxes, spacing
    and affine are scaled.

    Args:
        sample: any sample; it is not changed.
        shape: the new spatial shape.

    Returns:
        The resized sample; the sample itself where it has that shape already.
    """
    shape = tuple(int(side) for side in shape)
    if shape == sample.shape:
        return sample
    factors = _compute_factors(sample.shape, shape)
    boxes = sample.boxes
    if boxes is not None:
        box_factors = factors[::-1] if sample.spatial_dims == 2 else factors  # frames are (H, W), their boxes xyxy
        boxes = (boxes / np.tile(box_factors, 2)).astype(np.float32)
    return replace(
        sample,
        image=resize(sample.image, shape).astype(np.float32),
        mask=_resize_labels(sample.mask, shape),
        instances=_resize_labels(sample.instances, shape),
        boxes=boxes,
        geometry=_rescale_geometry(sample, factors),
        foreground=_resize_labels(sample.foreground, shape),
        unlabelled=_resize_labels(sample.unlabelled, shape),
    )


def _compute_factors(old: Sequence[int], new: Sequence[int]) -> NDArray[np.float64]:
    """Compute how much larger the pixels of a new grid are along each axis."""
    return np.array([before / after for before, after in zip(old, new, strict=True)])


def _resize_labels(labels: NDArray[Any] | None, shape: tuple[int, ...]) -> Any:
    return None if labels is None else resize(labels, shape, is_mask=True)


def _rescale_geometry(sample: Sample, factors: NDArray[np.float64]) -> Geometry:
    """Work out the geometry of a sample whose pixels become ``factors`` larger."""
    affine = sample.geometry.affine
    if affine is not None:
        affine = _rescale_affine(affine, factors)
    return replace(sample.geometry, spacing=_rescale_spacing(sample.spacing, factors), affine=affine)


def _rescale_spacing(spacing: Sequence[float], factors: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(size * factor for size, factor in zip(spacing, factors.tolist(), strict=True))


def _rescale_affine(affine: NDArray[Any], factors: NDArray[np.float64]) -> NDArray[Any]:
    """Work out the affine of a grid whose voxels are ``factors`` larger and whose outer edges stay."""
    step = np.eye(4)
    step[np.arange(len(factors)), np.arange(len(factors))] = factors
    step[: len(factors), 3] = (factors - 1) / 2
    return affine @ step


@dataclass(frozen=True)
class _SpacingGrid:
    """Grids of at least this spacing, in mm."""

    spacing: float

    def compute_shape(self, shape: Sequence[int], spacing: Sequence[float]) -> tuple[int, ...]:
        """Compute the shape of an image; an axis that is coarser already keeps its pixels."""
        new_shape = []
        for side, size in zip(shape, spacing, strict=True):
            share = min(1.0, size / self.spacing)
            new_shape.append(max(1, round(side * share)))
        return tuple(new_shape)

    def __call__(self, sample: Sample) -> Sample:
        """Bring a sample onto its grid."""
        return resize_sample(sample, self.compute_shape(sample.shape, sample.spacing))


@dataclass(frozen=True)
class _ShapeGrid:
    """Grids of this shape."""

    size: tuple[int, ...]

    def compute_shape(self, shape: Sequence[int], spacing: Sequence[float]) -> tuple[int, ...]:
        """Give the shape, whatever the image is."""
        return self.size

    def __call__(self, sample: Sample) -> Sample:
        """Bring a sample onto its grid."""
        return resize_sample(sample, self.size)


def resample_to_spacing(dataset: Dataset, spacing: float) -> Dataset:
    """Resample a dataset to a coarser spacing.

    Args:
        dataset: any dataset.
        spacing: in mm, of every axis. Axes that are coarser already stay as they are.

    Returns:
        The same samples; they are resampled when they are read.

    Raises:
        DataError: the spacing is not positive, or above :data:`MAX_SPACING`.
    """
    if not 0 < spacing <= MAX_SPACING:
        raise DataError(f"a spacing of {spacing:g} mm", expected=f"above 0 and at most {MAX_SPACING:g}")
    return _change_grid(dataset, _SpacingGrid(float(spacing)))


def resize_to_shape(dataset: Dataset, shape: Sequence[int]) -> Dataset:
    """Resize all samples of a dataset to one shape.

    Args:
        dataset: any dataset.
        shape: one positive number a spatial axis, ``(H, W)`` for frames.

    Returns:
        The same samples; they are resized when they are read.

    Raises:
        DataError: the shape has another number of axes, or a side is not a positive whole number.
    """
    sides: list[Any] = list(shape) if np.ndim(shape) == 1 else []
    is_whole = all(isinstance(side, int | np.integer) and side > 0 for side in sides)
    if len(sides) != dataset.schema.spatial_dims or not is_whole:
        raise DataError(f"size {shape}", expected=f"{dataset.schema.spatial_dims} positive numbers")
    return _change_grid(dataset, _ShapeGrid(tuple(int(side) for side in sides)))


class _RegridReader:
    """Reads a sample by the record of its own grid, then brings it onto the new grid."""

    def __init__(self, read: Reader, grid: _SpacingGrid | _ShapeGrid, originals: Iterable[Record]) -> None:
        self.read, self.grid = read, grid
        self.originals = {(record.name, record.index): record for record in originals}

    def __call__(self, record: Record) -> Sample:
        original = self.originals[record.name, record.index]
        return self.grid(self.read(original))


def _change_grid(dataset: Dataset, grid: _SpacingGrid | _ShapeGrid) -> Dataset:
    records = [_change_record(record, grid) for record in dataset.records]
    read = _RegridReader(dataset.read, grid, dataset.records)
    return Dataset(records, read, dataset.schema, dataset.root, dataset.problems)


def _change_record(record: Record, grid: _SpacingGrid | _ShapeGrid) -> Record:
    """Give a record the shape, spacing and affine of the new grid, where its shape is known before it is read."""
    if not record.shape:
        return record
    spacing = record.spacing or (1.0,) * len(record.shape)
    shape = grid.compute_shape(record.shape, spacing)
    factors = _compute_factors(record.shape, shape)
    affine: tuple[tuple[float, ...], ...] = ()
    if record.affine:
        rows = _rescale_affine(np.asarray(record.affine), factors).tolist()
        affine = tuple(tuple(row) for row in rows)
    return replace(record, shape=shape, spacing=_rescale_spacing(spacing, factors), affine=affine)


def view(
    dataset: Dataset, *, dims: int | None = None, spacing: float | None = None, resize: Sequence[int] | None = None
) -> Dataset:
    """View a dataset as it is to be worked with: as slices, at a coarser spacing, or at another size.

    Args:
        dataset: any dataset.
        dims: 2 turns volumes into their slices; None or the dataset's own number leaves them as they are.
        spacing: in mm, see :func:`resample_to_spacing`.
        resize: the new spatial shape, see :func:`resize_to_shape`. Not together with ``spacing``.

    Returns:
        The same samples; they are changed when they are read.

    Raises:
        DataError: ``dims`` is 3 for a dataset of 2D samples, both grids are given, or one of them is impossible.
    """
    own_dims = dataset.schema.spatial_dims
    if dims not in (None, 2, own_dims):
        raise DataError(f"{dims} dims", path=dataset.root, expected=f"2 or {own_dims}")
    if spacing is not None and resize is not None:
        raise DataError("a spacing and a size", expected="one of them")
    if spacing is None and resize is None and dims in (None, own_dims):
        return dataset
    viewed = keep_checksums(dataset)
    if dims == 2:
        viewed = slice_volumes(viewed)
    if spacing is not None:
        viewed = resample_to_spacing(viewed, spacing)
    if resize is not None:
        viewed = resize_to_shape(viewed, resize)
    return viewed
