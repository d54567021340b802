"""Sensitivity at false positives an image, against worked examples and MONAI."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaingan.metrics.froc import collect_froc, compute_froc, trace_froc_curve
from domaingan.metrics.measures import FROC_MEASURES


def draw(seed: int, n: int = 30) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    is_hit = rng.random(n) < 0.4
    return rng.normal(is_hit * 0.8, 1.0), is_hit


def test_a_worked_example() -> None:
    # Two images and four lesions. From the best score on: hit, false, hit, false, false.
    scores, is_hit = np.array([0.9, 0.8, 0.7, 0.6, 0.5]), np.array([True, False, True, False, False])
    false_positives, sensitivities = trace_froc_curve(scores, is_hit, 4, 2)
    assert false_positives.tolist() == [0, 0, 0.5, 0.5, 1, 1.5]
    assert sensitivities.tolist() == [0, 0.25, 0.25, 0.5, 0.5, 0.5]
    froc = compute_froc(scores, is_hit, 4, 2)
    assert [froc[name] for name, _ in FROC_MEASURES.values()] == [0.25, 0.25, 0.5, 0.5, 0.5, 0.5, 0.5]
    assert froc["cpm"] == pytest.approx((2 * 0.25 + 5 * 0.5) / 7)


def test_between_thresholds_the_sensitivity_is_interpolated() -> None:
    # Both have one score: the curve goes straight from (0, 0) to (1, 1).
    froc = compute_froc(np.array([0.5, 0.5]), np.array([True, False]), 1, 1)
    assert froc["froc_quarter"] == 0.25 and froc["froc_half"] == 0.5 and froc["froc_1"] == 1


def test_without_lesions_or_detections() -> None:
    nothing = np.zeros(0), np.zeros(0, bool)
    assert all(math.isnan(value) for value in compute_froc(*nothing, 0, 3).values())
    assert set(compute_froc(*nothing, 2, 3).values()) == {0.0}


@given(st.integers(0, 10_000), st.integers(1, 20))
def test_laws(seed: int, n_images: int) -> None:
    scores, is_hit = draw(seed)
    n_lesions = int(is_hit.sum()) + 2
    froc = compute_froc(scores, is_hit, n_lesions, n_images)
    values = [froc[name] for name, _ in FROC_MEASURES.values()]
    assert values == sorted(values) and 0 <= froc["cpm"] <= 1
    assert compute_froc(scores * 3 + 1, is_hit, n_lesions, n_images) == pytest.approx(froc)
    assert compute_froc(np.ones(4), np.ones(4, bool), 4, n_images)["cpm"] == 1


@pytest.mark.parametrize("seed", range(5))
def test_the_score_is_that_of_monai(seed: int) -> None:
    from monai.metrics import compute_froc_curve_data, compute_froc_score

    scores, is_hit = draw(seed)
    lowest = np.array([scores.min() - 1])  # MONAI leaves out the lowest threshold
    curve = compute_froc_curve_data(np.concatenate([scores[~is_hit], lowest]), scores[is_hit], 15, 7)
    reference = compute_froc_score(*curve, eval_thresholds=tuple(FROC_MEASURES))
    assert compute_froc(scores, is_hit, 15, 7)["cpm"] == pytest.approx(reference)


def test_matches_of_monai_are_collected_without_what_is_left_out() -> None:
    found = {
        "dtScores": np.array([0.9, 0.8, 0.7]),
        "dtMatches": np.array([[1, 1, 0], [0, 0, 0]]),
        "dtIgnore": np.array([[0, 1, 0], [0, 0, 0]]),
        "gtIgnore": np.array([0, 0, 1]),
    }
    froc = collect_froc([{0: found}, {}], [0])
    assert froc == compute_froc(np.array([0.9, 0.7]), np.array([True, False]), 2, 2)
    assert math.isnan(collect_froc([{0: found}], [1])["cpm"])
