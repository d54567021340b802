"""Surface Dice and HD95 against MONAI, and the rules for empty masks."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from domaingan.metrics.surfaces import SURFACE_TOLERANCE, SurfaceDistances
from domaingan.metrics.voxel_units import VoxelUnits

UNITS = VoxelUnits((1.0, 2.0, 3.0), True)
SHAPE = (9, 10, 8)
DIAGONAL = UNITS.measure_diagonal(SHAPE)


def measure(true: np.ndarray, predicted: np.ndarray, units: VoxelUnits = UNITS) -> tuple[float, float]:
    surfaces = SurfaceDistances()
    surfaces.add(true, predicted, units, DIAGONAL)
    return surfaces.compute_nsd(), surfaces.compute_hd95()


def draw_blobs(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), -1)
    masks = []
    for _ in range(2):
        centre = rng.uniform(2, 6, 3)
        masks.append(np.linalg.norm(grid - centre, axis=-1) < rng.uniform(1.5, 3.5))
    return masks[0], masks[1]


@pytest.mark.parametrize("seed", range(6))
def test_scores_are_those_of_monai(seed: int) -> None:
    from monai.metrics import compute_hausdorff_distance, compute_surface_dice

    true, predicted = draw_blobs(seed)
    tensors = torch.from_numpy(predicted)[None, None], torch.from_numpy(true)[None, None]
    options = {"include_background": True, "spacing": UNITS.spacing}
    nsd = compute_surface_dice(*tensors, [SURFACE_TOLERANCE], **options)
    hd95 = compute_hausdorff_distance(*tensors, percentile=95, **options)
    assert measure(true, predicted) == pytest.approx((nsd.item(), hd95.item()), rel=1e-6)


def test_a_shifted_square_is_as_far_off_as_it_was_shifted() -> None:
    true = np.zeros((20, 20), bool)
    true[4:10, 4:10] = True
    for shift, nsd in ((0, 1.0), (1, 1.0), (2, 1.0)):
        found = measure(true, np.roll(true, shift, axis=1), VoxelUnits((1.0, 1.0), True))
        assert found == (nsd, shift)
    far = measure(true, np.roll(true, 10, axis=1), VoxelUnits((1.0, 0.5), True))
    assert far == (0.0, 5.0)


def test_empty_masks() -> None:
    empty, (true, _) = np.zeros(SHAPE, bool), draw_blobs(0)
    assert all(math.isnan(value) for value in measure(empty, empty))
    assert measure(true, empty) == (0.0, pytest.approx(DIAGONAL))
    assert measure(empty, true) == (0.0, pytest.approx(DIAGONAL))


def test_pieces_are_pooled_and_a_missed_piece_counts_with_its_diagonal() -> None:
    (true, predicted), empty = draw_blobs(1), np.zeros(SHAPE, bool)
    both = SurfaceDistances()
    both.add(true, true, UNITS, DIAGONAL)
    both.add(true, empty, UNITS, DIAGONAL)
    # The outline of the truth is twice that of the prediction, and half of it is missed.
    assert both.compute_nsd() == pytest.approx(2 / 3) and both.compute_hd95() == pytest.approx(DIAGONAL)
    separate = measure(true, predicted)
    twice = SurfaceDistances()
    for _ in range(2):
        twice.add(true, predicted, UNITS, DIAGONAL)
    assert (twice.compute_nsd(), twice.compute_hd95()) == pytest.approx(separate, rel=0.05)


def test_swapping_truth_and_prediction_or_cropping_changes_nothing() -> None:
    true, predicted = draw_blobs(3)
    assert measure(true, predicted) == pytest.approx(measure(predicted, true))
    padded = [np.pad(mask, 2) for mask in (true, predicted)]
    assert measure(*padded) == pytest.approx(measure(true, predicted))
