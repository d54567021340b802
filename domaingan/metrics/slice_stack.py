"""Slices of a volume, put together again for scores that need the volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.data import Sample
from domaingan.metrics.voxel_units import VoxelUnits


@dataclass(frozen=True, eq=False)
class MaskPair:
    """A true and a predicted mask of a person.

    Attributes:
        unit: whose they are.
        truth: ``(*spatial)`` mask.
        prediction: of the same shape.
        units: size of their voxels.
    """

    unit: str
    truth: NDArray[Any]
    prediction: NDArray[Any]
    units: VoxelUnits


class SliceStack:
    """Collect the slices of a volume, and give them back as one volume when the next one begins.

    Slices are put together along a new last axis while their numbers follow one another. Samples that are no slices
    come back at once.
    """

    def __init__(self) -> None:
        self._slices: list[tuple[Sample, NDArray[Any], NDArray[Any]]] = []
        self._unit = ""

    def add(self, unit: str, sample: Sample, truth: NDArray[Any], prediction: NDArray[Any]) -> list[MaskPair]:
        """Add a sample.

        Args:
            unit: whose it is.
            sample: says whether it is a slice, and which.
            truth: its mask.
            prediction: of the same shape.

        Returns:
            What is complete now: the slices before it where it does not continue them, and the sample itself where it
            is no slice.
        """
        if sample.spatial_dims != 2 or not sample.source.parent or sample.source.index is None:
            units = VoxelUnits.from_spacing(sample.geometry.spacing, sample.spatial_dims)
            return [*self.flush(), MaskPair(unit, truth, prediction, units)]
        complete = [] if self._continues(unit, sample) else self.flush()
        self._unit = unit
        self._slices.append((sample, truth, prediction))
        return complete

    def flush(self) -> list[MaskPair]:
        """Give back the slices that were collected, as one volume; nothing where there are none."""
        if not self._slices:
            return []
        sample = self._slices[0][0]
        truth = np.stack([truth for _, truth, _ in self._slices], axis=-1)
        prediction = np.stack([prediction for _, _, prediction in self._slices], axis=-1)
        pair = MaskPair(self._unit, truth, prediction, find_volume_units(sample))
        self._slices = []
        return [pair]

    def _continues(self, unit: str, sample: Sample) -> bool:
        """Return whether a slice is the one after the last."""
        if not self._slices or unit != self._unit:
            return False
        last, _, _ = self._slices[-1]
        same_volume = last.source.parent == sample.source.parent and last.shape == sample.shape
        return same_volume and sample.source.index == (last.source.index or 0) + 1


def find_volume_units(sample: Sample) -> VoxelUnits:
    """Find the units that a sample's volumes are measured in: those of its volume where it is a slice of one.

    Args:
        sample: a volume, a slice of one, or an image.
    """
    spacing = sample.geometry.spacing
    if sample.spatial_dims != 2 or not sample.source.parent:
        return VoxelUnits.from_spacing(spacing, sample.spatial_dims)
    slice_spacing = sample.geometry.slice_spacing
    if not spacing or slice_spacing is None:
        return VoxelUnits.from_spacing((), 3)
    return VoxelUnits.from_spacing((*spacing, slice_spacing), 3)
