"""Lesions: which were found, by the matching rule and by size."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaingan.metrics.lesions import (
    LESION_DIAMETERS,
    MIN_LESION_IOU,
    LesionMatches,
    label_lesions,
    match_lesions,
    name_lesion_size,
)
from domaingan.metrics.voxel_units import VoxelUnits

UNITS = VoxelUnits((1.0, 1.0), True)


def match(true: list[list[int]], predicted: list[list[int]], units: VoxelUnits = UNITS) -> LesionMatches:
    matches = LesionMatches()
    matches.add(np.array(true, bool), np.array(predicted, bool), units)
    return matches


def test_two_of_three_lesions_and_a_wrong_one() -> None:
    found = match([[1, 0, 1, 0, 1, 0, 0, 0]], [[1, 0, 1, 0, 0, 0, 1, 0]])
    assert found.compute_sensitivity() == pytest.approx(2 / 3) and found.n_false == 1
    assert found.compute_f1() == pytest.approx(2 * 2 / (3 + 3))


def test_corners_connect() -> None:
    assert label_lesions(np.eye(3, dtype=bool))[1] == 1
    diagonal = np.zeros((2, 2, 2), bool)
    diagonal[0, 0, 0] = diagonal[1, 1, 1] = True
    assert label_lesions(diagonal)[1] == 1


def test_a_lesion_counts_from_the_threshold_on() -> None:
    true = np.zeros((1, 10), int)
    true[:] = 1
    one_of_ten = np.zeros((1, 10), int)
    one_of_ten[0, 0] = 1
    assert match(true.tolist(), one_of_ten.tolist()).compute_sensitivity() == 1  # IoU 0.1
    true, one_of_eleven = np.ones((1, 11), int), np.zeros((1, 11), int)
    one_of_eleven[0, 0] = 1
    missed = match(true.tolist(), one_of_eleven.tolist())
    assert missed.compute_sensitivity() == 0 and missed.n_false == 1
    assert MIN_LESION_IOU == 0.1


def test_one_prediction_finds_one_lesion_and_the_best_pair_goes_first() -> None:
    bridge = match([[1, 1, 1, 0, 1]], [[1, 1, 1, 1, 1]])
    assert bridge.n_found.total() == 1 and bridge.n_true.total() == 2 and bridge.n_false == 0
    labels, _ = label_lesions(np.array([[1, 1, 1, 0, 1]], bool))
    joined, _ = label_lesions(np.ones((1, 5), bool))
    assert match_lesions(labels, joined) == {1: 1}
    split = match([[1, 1, 1, 1, 1]], [[1, 0, 1, 1, 1]])
    assert split.compute_sensitivity() == 1 and split.n_false == 1


def test_without_lesions() -> None:
    nothing, invented, missed = match([[0]], [[0]]), match([[0]], [[1]]), match([[1]], [[0]])
    assert math.isnan(nothing.compute_f1()) and math.isnan(nothing.compute_sensitivity())
    assert invented.compute_f1() == 0 and math.isnan(invented.compute_sensitivity()) and invented.n_false == 1
    assert missed.compute_f1() == 0 and missed.compute_sensitivity() == 0 and missed.n_false == 0


def test_sizes_are_those_of_a_sphere_or_a_disc_of_that_diameter() -> None:
    assert LESION_DIAMETERS == (5.0, 10.0)
    for dims, factor in ((2, math.pi / 4), (3, math.pi / 6)):
        for diameter, name in ((4.9, "small"), (5.01, "medium"), (9.9, "medium"), (10.01, "large")):
            assert name_lesion_size(factor * diameter**dims, dims) == name


def test_sensitivity_by_size_uses_millimetres() -> None:
    true, predicted = np.zeros((2, 12, 12), bool)
    true[0, 0] = True  # one pixel of 9 mm²: small
    true[2:6, 2:6] = predicted[2:6, 2:6] = True  # 16 pixels of 9 mm²: large
    matches = LesionMatches()
    matches.add(true, predicted, VoxelUnits((3.0, 3.0), True))
    assert matches.compute_sensitivity("small") == 0 and matches.compute_sensitivity("large") == 1
    assert math.isnan(matches.compute_sensitivity("medium")) and matches.compute_sensitivity() == 0.5


@given(st.integers(0, 10_000))
def test_laws(seed: int) -> None:
    rng = np.random.default_rng(seed)
    true, predicted = rng.random((2, 9, 11)) < 0.3
    found = match(true.tolist(), predicted.tolist())
    assert 0 <= found.compute_f1() <= 1 and 0 <= found.compute_sensitivity() <= 1
    assert match(true.tolist(), true.tolist()).compute_f1() == 1
    swapped = match(predicted.tolist(), true.tolist())
    assert swapped.n_found.total() == found.n_found.total()  # truth and prediction have the same part in a match
    assert swapped.compute_f1() == pytest.approx(found.compute_f1())
    for size in ("small", "medium", "large"):
        assert found.n_found[size] <= found.n_true[size]


@pytest.mark.parametrize("seed", range(4))
def test_scores_are_those_of_panoptica(seed: int) -> None:
    panoptica = pytest.importorskip("panoptica")
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.arange(40)] * 3, indexing="ij"), -1)
    true, predicted = np.zeros((2, 40, 40, 40), bool)
    for _ in range(6):
        centre, radius = rng.uniform(4, 36, 3), rng.uniform(1.5, 5)
        true |= np.linalg.norm(grid - centre, axis=-1) < radius
        moved = centre + rng.normal(0, 2, 3)
        predicted |= np.linalg.norm(grid - moved, axis=-1) < radius * rng.uniform(0.5, 1.5)
    evaluator = panoptica.Panoptica_Evaluator(
        expected_input=panoptica.InputType.SEMANTIC,
        instance_approximator=panoptica.ConnectedComponentsInstanceApproximator(),
        instance_matcher=panoptica.NaiveThresholdMatching(matching_threshold=MIN_LESION_IOU),
    )
    peer = evaluator.evaluate(predicted.astype(np.uint8), true.astype(np.uint8))["ungrouped"]
    matches = LesionMatches()
    matches.add(true, predicted, VoxelUnits((1.0, 1.0, 1.0), True))
    assert (matches.n_found.total(), matches.n_false) == (peer.tp, peer.fp)
    assert matches.compute_f1() == pytest.approx(peer.rq) and matches.n_true.total() == peer.tp + peer.fn
