"""How far the outline of a predicted mask lies from the true one: surface Dice (NSD) and 95 % Hausdorff distance.

Outlines and distances are MONAI's. An outline is the voxels of a mask that touch its outside across a face. A distance
is that of a voxel of one outline to the nearest voxel of the other, between their centres.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.metrics.voxel_units import VoxelUnits

SURFACE_TOLERANCE = 2.0
"""An outline's voxel is right up to this distance from the other outline, in mm (pixels where no spacing is known)."""

HAUSDORFF_PERCENTILE = 95.0


class SurfaceDistances:
    """Collect the distances between true and predicted outlines, piece by piece.

    The pieces of a person (slices that form no volume) are pooled: their distances are taken together. Where a piece
    has an outline in one mask alone, each voxel of it is as far off as the piece's diagonal. So a person whose class
    was predicted nowhere has an NSD of 0, and the diagonal as distance.

    >>> true, predicted = np.zeros((2, 5, 5), bool)
    >>> true[1, 1] = predicted[1, 4] = True
    >>> surfaces = SurfaceDistances()
    >>> surfaces.add(true, predicted, VoxelUnits((1.0, 1.0), True), diagonal=7.1)
    >>> surfaces.compute_hd95(), surfaces.compute_nsd()
    (3.0, 0.0)
    """

    def __init__(self) -> None:
        self._from_predicted: list[NDArray[np.float32]] = []
        self._from_true: list[NDArray[np.float32]] = []

    def add(
        self, is_true: NDArray[np.bool_], is_predicted: NDArray[np.bool_], units: VoxelUnits, diagonal: float
    ) -> None:
        """Collect the distances of one piece.

        Args:
            is_true: ``(*spatial)``, true where the class is; cut to where either mask is, or larger.
            is_predicted: the same of the prediction.
            units: size of its voxels.
            diagonal: of the whole image or volume that it was cut from, in the same unit.
        """
        has_truth, has_prediction = bool(is_true.any()), bool(is_predicted.any())
        if not has_truth and not has_prediction:
            return
        true_edges, predicted_edges = _find_edges(is_true, is_predicted)
        if has_truth and has_prediction:
            self._from_predicted.append(_measure_distances(predicted_edges, true_edges, units))
            self._from_true.append(_measure_distances(true_edges, predicted_edges, units))
        elif has_truth:
            self._from_true.append(np.full(int(true_edges.sum()), diagonal, np.float32))
        else:
            self._from_predicted.append(np.full(int(predicted_edges.sum()), diagonal, np.float32))

    def compute_hd95(self) -> float:
        """Compute the 95 % Hausdorff distance: the larger of the 95th percentiles from either outline to the other.

        Returns:
            The distance; NaN where neither mask has the class.

        Source: Huttenlocher et al. 1993; the percentile as by MONAI's ``compute_hausdorff_distance``.
        """
        percentiles = []
        for distances in (self._from_predicted, self._from_true):
            if distances:
                percentiles.append(float(np.percentile(np.concatenate(distances), HAUSDORFF_PERCENTILE)))
        return max(percentiles, default=float("nan"))

    def compute_nsd(self) -> float:
        """Compute the normalised surface Dice: the share of both outlines within :data:`SURFACE_TOLERANCE`.

        Returns:
            0 to 1; NaN where neither mask has the class.

        Source: Nikolov et al. 2021; voxels are counted as by MONAI's ``compute_surface_dice``.
        """
        distances = [*self._from_predicted, *self._from_true]
        if not distances:
            return float("nan")
        return float((np.concatenate(distances) <= SURFACE_TOLERANCE).mean())


def _find_edges(
    is_true: NDArray[np.bool_], is_predicted: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    from monai.metrics.utils import get_mask_edges

    predicted_edges, true_edges = get_mask_edges(is_predicted, is_true, crop=False)
    return np.asarray(true_edges, bool), np.asarray(predicted_edges, bool)


def _measure_distances(edges: Any, other_edges: Any, units: VoxelUnits) -> NDArray[np.float32]:
    """Measure the distance of each voxel of an outline to the nearest of the other."""
    from monai.metrics.utils import get_surface_distance

    distances = get_surface_distance(edges, other_edges, spacing=units.spacing)
    return np.asarray(distances, dtype=np.float32)
