"""Scores of scans by person: every measure, its unit, and what it is where a class is absent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from domaingan.data import Geometry, Sample, Schema
from domaingan.data.source import Source
from domaingan.metrics.measures import MEASURES, split_metric
from domaingan.metrics.scan_counter import ScanCounter

SCHEMA = Schema("nifti", "scan", 2, ("t1",), {"a": 1, "b": 2, "void": 9}, ignore=(9,), regions={"whole": (1, 2)})


def make_sample(mask: Any, spacing: tuple[float, ...] = (1.0, 1.0), **source: Any) -> Sample:
    mask = np.asarray(mask)
    geometry = Geometry(spacing, slice_spacing=3.0 if source else None)
    return Sample(np.zeros((1, *mask.shape), np.float32), mask, geometry=geometry, source=Source(**source))


def score(truth: Any, prediction: Any, spacing: tuple[float, ...] = (1.0, 1.0), **options: Any) -> dict[str, float]:
    counter = ScanCounter(SCHEMA, **options)
    counter.add("s", make_sample(truth, spacing), np.asarray(prediction))
    return counter.compute_scores()["s"]


def make_probabilities(mask: np.ndarray) -> dict[int, np.ndarray]:
    return {value: (mask == value).astype(np.float16) for value in (0, 1, 2, 9)}


def test_slices_of_a_subject_are_counted_together_as_one_volume(rng: np.random.Generator) -> None:
    truth, predicted = rng.integers(0, 3, (2, 8, 8, 5))
    slices, whole = ScanCounter(SCHEMA), ScanCounter(SCHEMA)
    for i in range(5):
        probabilities = make_probabilities(predicted[..., i])
        sample = make_sample(truth[..., i], name=f"v_{i}", parent="v", index=i)
        slices.add("s", sample, predicted[..., i], probabilities)
    whole.add("s", make_sample(truth, (1.0, 1.0, 3.0)), predicted, make_probabilities(predicted))
    scores = whole.compute_scores()["s"]
    assert slices.compute_scores()["s"] == pytest.approx(scores, nan_ok=True)
    both = ((truth == 1) & (predicted == 1)).sum()
    assert scores["dice:a"] == 2 * both / ((truth == 1).sum() + (predicted == 1).sum())
    assert scores["tp_mm3:a"] == 3 * both


def test_slices_with_a_gap_and_of_two_volumes_are_not_joined() -> None:
    mask = np.array([[1, 0], [0, 0]])
    for numbers in ([("v", 0), ("v", 2)], [("v", 0), ("w", 1)]):
        counter = ScanCounter(SCHEMA)
        for parent, index in numbers:
            counter.add("s", make_sample(mask, name=f"{parent}{index}", parent=parent, index=index), 0 * mask)
        assert counter.compute_scores()["s"]["lesion_sensitivity:a"] == 0
        assert counter._people["s"].targets["a"].lesions.n_true.total() == 2


def test_perfect_absent_and_invented() -> None:
    mask = np.array([[1, 1], [0, 0]])
    perfect, invented = score(mask, mask), score(mask, [[1, 1], [2, 0]])
    assert perfect["dice:a"] == 1 and perfect["found:a"] == 1
    assert np.isnan(perfect["dice:b"]) and perfect["false:b"] == 0
    assert np.isnan(invented["dice:b"]) and invented["false:b"] == 1


def test_a_perfect_prediction_has_the_best_of_every_measure() -> None:
    mask = np.array([[1, 1, 0, 0, 2]])
    counter = ScanCounter(SCHEMA)
    counter.add("s", make_sample(mask), mask, make_probabilities(mask))
    best = {"tp_mm2:a": 2.0, "tp_mm2:b": 1.0, "tp_mm2:whole": 3.0}
    for metric, value in counter.compute_scores()["s"].items():
        if not np.isnan(value):
            assert value == best.get(metric, 0.0 if MEASURES[split_metric(metric)[0]].is_lower_better else 1.0), metric


def test_every_metric_is_in_the_table_of_measures() -> None:
    for spacing, suffix in (((1.0, 1.0), "mm2"), ((), "pixels")):
        mask = np.array([[1, 0], [0, 2]])
        scores = score(mask, mask, spacing)
        assert {split_metric(metric)[0] for metric in scores} <= set(MEASURES)
        assert f"tp_{suffix}:a" in scores
    assert "hd95_voxels:a" in score(np.ones((2, 2, 2), int), np.ones((2, 2, 2), int), ())


def test_missed_classes_have_the_worst_value_and_absent_ones_none() -> None:
    missed = score([[1, 1, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]], (3.0, 2.0))
    assert [missed[f"{name}:a"] for name in ("dice", "nsd", "lesion_f1", "lesion_sensitivity")] == [0, 0, 0, 0]
    assert missed["hd95:a"] == pytest.approx(np.hypot(6, 6))  # the diagonal of the image
    assert missed["fn_mm2:a"] == 12 and missed["tp_mm2:a"] == missed["fp_mm2:a"] == missed["fp_lesions:a"] == 0
    invented = score([[0, 0, 0], [0, 0, 0]], [[1, 0, 1], [0, 0, 0]], (3.0, 2.0))
    assert invented["false_lesions:a"] == 2 and invented["false_mm2:a"] == 12 and invented["false:a"] == 1
    for name in ("dice", "nsd", "hd95", "lesion_f1", "lesion_sensitivity", "fp_mm2", "fp_lesions", "tp_mm2"):
        assert np.isnan(invented[f"{name}:a"]), name
    for name in ("false", "false_lesions", "false_mm2"):
        assert np.isnan(missed[f"{name}:a"]), name
    neither = score([[0]], [[0]])
    assert neither["false_lesions:a"] == neither["false_mm2:a"] == neither["false:a"] == 0
    assert np.isnan(neither["hd95:a"])


def test_ignored_pixels_do_not_count_and_regions_do() -> None:
    truth, prediction = np.array([[1, 2, 9, 9]]), np.array([[2, 1, 1, 2]])
    counter = ScanCounter(SCHEMA)
    counter.add("s", make_sample(truth), prediction, make_probabilities(prediction))
    scores = counter.compute_scores()["s"]
    assert scores["dice:a"] == 0 and scores["dice:whole"] == 1 and "dice:void" not in scores
    assert scores["nsd:whole"] == scores["lesion_f1:whole"] == 1 and scores["fp_mm2:a"] == 1
    assert scores["auprc:whole"] == 1 and scores["auprc:a"] == 0.5


def test_a_region_ranks_by_the_sum_of_its_probabilities() -> None:
    truth = np.array([[1, 2, 0, 0]])
    probabilities = {1: np.array([[0.4, 0.2, 0.5, 0.0]]), 2: np.array([[0.2, 0.4, 0.0, 0.1]])}
    counter = ScanCounter(SCHEMA)
    counter.add("s", make_sample(truth), 0 * truth, probabilities)
    scores = counter.compute_scores()["s"]
    assert scores["auprc:whole"] == 1 and scores["auprc:a"] == 0.5 and scores["dice:whole"] == 0


def test_groups_are_left_out_and_without_probabilities_there_is_no_precision() -> None:
    mask = np.array([[1, 0], [0, 0]])
    assert {split_metric(name)[0] for name in score(mask, mask, groups=())} == {"dice", "found", "false"}
    assert "auprc:a" not in score(mask, mask)
    counter = ScanCounter(SCHEMA, ("lesions",))
    counter.add("s", make_sample(mask), mask, make_probabilities(mask))
    scores = counter.compute_scores()["s"]
    assert "auprc:a" not in scores and "nsd:a" not in scores and scores["lesion_f1:a"] == 1


def test_a_class_of_value_nought_is_counted_in_the_whole_image() -> None:
    schema = Schema("nifti", "scan", 2, ("t1",), {"air": 0, "body": 1})
    counter = ScanCounter(schema)
    counter.add("s", make_sample([[0, 0, 1]]), np.array([[0, 1, 1]]))
    assert counter.compute_scores()["s"]["dice:air"] == pytest.approx(2 / 3)


def test_padding_and_mirroring_change_no_score(rng: np.random.Generator) -> None:
    truth, predicted = rng.integers(0, 3, (2, 6, 7))
    scores = score(truth, predicted)
    mirrored = score(truth[::-1], predicted[::-1])
    assert mirrored == pytest.approx(scores, nan_ok=True)
    assert score(np.pad(truth, 2), np.pad(predicted, 2)) == pytest.approx(scores, nan_ok=True)
