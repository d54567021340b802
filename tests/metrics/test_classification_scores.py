"""Scores of class probabilities against worked examples and scikit-learn, and their laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaingan.core.errors import DataError
from domaingan.metrics.classification_scores import (
    CALIBRATION_BINS,
    compute_brier_score,
    compute_calibration_error,
    compute_classification_scores,
    jackknife_classification,
)
from domaingan.metrics.measures import MEASURES, split_metric

CLASSES = {"a": 3, "b": 5, "c": 9}
VALUES = np.array(list(CLASSES.values()))


def draw(seed: int, n: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    positions = np.concatenate([[0, 1, 2], rng.integers(0, 3, n - 3)])
    logits = rng.normal(size=(n, 3)) + 1.5 * np.eye(3)[positions]
    probabilities = np.exp(logits)
    return VALUES[positions], probabilities / probabilities.sum(1, keepdims=True)


def test_a_worked_example() -> None:
    probabilities = np.array([[0.8, 0.1, 0.1], [0.4, 0.5, 0.1], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1]])
    scores = compute_classification_scores(np.array([3, 3, 5, 5]), probabilities, CLASSES)
    assert scores["recall:a"] == 0.5 and scores["recall:b"] == 0.5 and scores["balanced_accuracy"] == 0.5
    assert scores["auroc:a"] == 0.75 and scores["auroc:b"] == 0.75 and scores["auroc"] == 0.75
    assert scores["auprc:a"] == pytest.approx((1 + 2 / 3) / 2)
    wrong = (0.6 + 0.5 - 0 - 0) / 4  # the two wrong ones in their bins, the right ones in theirs
    assert scores["ece"] == pytest.approx(wrong + (0.2 + 0.3) / 4)
    squares = [0.2**2 + 2 * 0.1**2, 0.6**2 + 0.5**2 + 0.1**2, 0.6**2 + 0.7**2 + 0.1**2, 0.2**2 + 0.3**2 + 0.1**2]
    assert scores["brier"] == pytest.approx(sum(squares) / 8)
    assert {split_metric(metric)[0] for metric in scores} <= set(MEASURES)


def test_a_class_without_test_samples_is_absent_not_nought() -> None:
    labels, probabilities = draw(0)
    probabilities = probabilities[labels != 9]
    scores = compute_classification_scores(labels[labels != 9], probabilities, CLASSES)
    assert all(math.isnan(scores[f"{name}:c"]) for name in ("auroc", "auprc", "recall"))
    assert scores["auroc"] == pytest.approx((scores["auroc:a"] + scores["auroc:b"]) / 2)
    assert scores["balanced_accuracy"] == pytest.approx((scores["recall:a"] + scores["recall:b"]) / 2)
    alone = compute_classification_scores(np.array([3]), np.array([[0.9, 0.1, 0.0]]), CLASSES)
    assert math.isnan(alone["auroc"]) and alone["balanced_accuracy"] == 1
    nothing = compute_classification_scores(np.zeros(0, int), np.zeros((0, 3)), CLASSES)
    assert all(math.isnan(value) for value in nothing.values())


def test_calibration_bins_are_closed_above() -> None:
    assert CALIBRATION_BINS == 15
    # 0.6 = 9/15 belongs to the bin below: both have one bin, in which 0.59 and 0.6 meet 0.5.
    both = np.array([[0.59, 0.41], [0.6, 0.4]])
    assert compute_calibration_error(np.array([0, 1]), both) == pytest.approx(0.095)
    apart = np.array([[0.6, 0.4], [0.61, 0.39]])
    assert compute_calibration_error(np.array([0, 1]), apart) == pytest.approx((0.4 + 0.61) / 2)


@given(st.integers(0, 10_000))
def test_laws(seed: int) -> None:
    labels, probabilities = draw(seed)
    scores = compute_classification_scores(labels, probabilities, CLASSES)
    assert all(0 <= value <= 1 for value in scores.values())
    certain = np.eye(3)[np.searchsorted(VALUES, labels)]
    perfect = compute_classification_scores(labels, certain, CLASSES)
    for metric, value in perfect.items():
        assert value == (0 if MEASURES[split_metric(metric)[0]].is_lower_better else 1)
    order = np.random.default_rng(seed).permutation(len(labels))
    assert compute_classification_scores(labels[order], probabilities[order], CLASSES) == pytest.approx(scores)


@given(st.integers(0, 10_000), st.integers(2, 5))
def test_units_have_the_pooled_score_as_their_mean(seed: int, n_units: int) -> None:
    labels, probabilities = draw(seed)
    units = [f"u{i % n_units}" for i in range(len(labels))]
    rows = jackknife_classification(labels, probabilities, CLASSES, units)
    pooled = compute_classification_scores(labels, probabilities, CLASSES)
    for metric, value in pooled.items():
        known = [row[metric] for row in rows.values() if not math.isnan(row[metric])]
        assert np.mean(known) == pytest.approx(value)


def test_bad_input_is_refused() -> None:
    with pytest.raises(DataError, match="shape"):
        compute_classification_scores(np.array([3]), np.ones((1, 2)) / 2, CLASSES)
    with pytest.raises(DataError, match="sum to 1"):
        compute_classification_scores(np.array([3]), np.array([[0.5, 0.1, 0.1]]), CLASSES)
    with pytest.raises(DataError, match="label 4"):
        compute_classification_scores(np.array([4]), np.array([[0.5, 0.25, 0.25]]), CLASSES)


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_scikit_learn(seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    labels, probabilities = draw(seed)
    scores = compute_classification_scores(labels, probabilities, CLASSES)
    auroc = metrics.roc_auc_score(labels, probabilities, multi_class="ovr", average="macro")
    predicted = VALUES[probabilities.argmax(1)]
    assert scores["auroc"] == pytest.approx(auroc)
    assert scores["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(labels, predicted))
    assert scores["auprc"] == pytest.approx(
        metrics.average_precision_score(np.eye(3)[np.searchsorted(VALUES, labels)], probabilities, average="macro")
    )
    is_class = labels == 5
    two = np.stack([1 - probabilities[:, 1], probabilities[:, 1]], axis=1)
    brier = metrics.brier_score_loss(is_class, probabilities[:, 1])
    assert compute_brier_score(is_class.astype(int), two) == pytest.approx(brier)
