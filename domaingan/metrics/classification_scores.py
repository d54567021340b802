"""Scores of predicted class probabilities: of samples or crops, pooled over the test, with the part of each person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.metrics.ranking import compute_auprc, compute_auroc
from domaingan.metrics.statistics import compute_jackknife_pseudovalues

CALIBRATION_BINS = 15
"""Equal bins of confidence, 0 to 1, over which the calibration error is averaged."""

PROBABILITY_TOLERANCE = 1e-3
"""Probabilities of a sample sum to 1 within this."""


def compute_classification_scores(
    labels: NDArray[np.integer], probabilities: NDArray[Any], classes: Mapping[str, int]
) -> dict[str, float]:
    """Compute the scores of a classifier over samples.

    Args:
        labels: ``(N,)`` true class values.
        probabilities: ``(N, K)`` predicted probabilities, a column a class in the order of ``classes``.
        classes: class values by name.

    Returns:
        ``auroc:NAME`` and ``auprc:NAME`` of each class against all others, ``recall:NAME``; their means ``auroc``,
        ``auprc`` and ``balanced_accuracy`` over the classes that have a value; ``ece`` and ``brier``. A class that no
        sample has is NaN, and so are AUROC and AUPRC of one that all samples have.

    Raises:
        DataError: shapes do not fit, a label is of no class, or probabilities do not sum to 1.

    >>> probabilities = np.array([[0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
    >>> scores = compute_classification_scores(np.array([0, 1, 1]), probabilities, {"benign": 0, "malignant": 1})
    >>> scores["auroc"], scores["balanced_accuracy"], scores["recall:malignant"]
    (1.0, 0.75, 0.5)
    """
    positions = _check_predictions(labels, probabilities, classes)
    predicted = probabilities.argmax(axis=1)
    by_class: dict[str, dict[str, float]] = {"auroc": {}, "auprc": {}, "recall": {}}
    for column, name in enumerate(classes):
        is_class = positions == column
        scores = probabilities[:, column]
        by_class["auroc"][name] = compute_auroc(scores, is_class)
        by_class["auprc"][name] = compute_auprc(scores, is_class)
        by_class["recall"][name] = float((predicted[is_class] == column).mean()) if is_class.any() else float("nan")
    result = {
        "auroc": _average_known(by_class["auroc"]),
        "auprc": _average_known(by_class["auprc"]),
        "balanced_accuracy": _average_known(by_class["recall"]),
        "ece": compute_calibration_error(positions, probabilities),
        "brier": compute_brier_score(positions, probabilities),
    }
    for measure, values in by_class.items():
        for name, value in values.items():
            result[f"{measure}:{name}"] = value
    return result


def jackknife_classification(
    labels: NDArray[np.integer], probabilities: NDArray[Any], classes: Mapping[str, int], units: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Compute what each unit contributes to the scores of a classifier over all samples.

    Args:
        labels: see :func:`compute_classification_scores`.
        probabilities: see there.
        classes: see there.
        units: for each sample the name of its unit, such as a person.

    Returns:
        For each unit its scores, see :func:`compute_jackknife_pseudovalues`.

    Raises:
        DataError: see there.
    """
    names = np.asarray(units)

    def compute_pooled(chosen: Sequence[str]) -> dict[str, float]:
        is_chosen = np.isin(names, list(chosen))
        return compute_classification_scores(labels[is_chosen], probabilities[is_chosen], classes)

    return compute_jackknife_pseudovalues(list(dict.fromkeys(units)), compute_pooled)


def compute_calibration_error(positions: NDArray[np.integer], probabilities: NDArray[Any]) -> float:
    """Compute the expected calibration error: how far confidence lies from accuracy, on average.

    The confidence is the probability of the predicted class. Samples are put into :data:`CALIBRATION_BINS` equal bins
    of it, closed above; the absolute differences of mean confidence and accuracy are weighted by the samples of a bin.

    Args:
        positions: ``(N,)`` column of each sample's true class.
        probabilities: ``(N, K)``.

    Returns:
        0 to 1; NaN without samples.

    Source: Guo et al. 2017.

    >>> compute_calibration_error(np.array([0, 0, 1, 1]), np.array([[0.9, 0.1]] * 4))
    0.4
    """
    if not len(positions):
        return float("nan")
    confidence = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == positions
    bins = np.clip(np.ceil(confidence * CALIBRATION_BINS).astype(int) - 1, 0, CALIBRATION_BINS - 1)
    excess = np.bincount(bins, weights=confidence - is_right, minlength=CALIBRATION_BINS)
    return float(np.abs(excess).sum() / len(positions))


def compute_brier_score(positions: NDArray[np.integer], probabilities: NDArray[Any]) -> float:
    """Compute the Brier score: half the squared distance of the probabilities from the truth.

    Halved, it is 0 to 1, and that of two classes is the mean squared error of the probability of one of them.

    Args:
        positions: ``(N,)`` column of each sample's true class.
        probabilities: ``(N, K)``.

    Returns:
        0 to 1; NaN without samples.

    Source: Brier 1950.

    >>> compute_brier_score(np.array([0, 1]), np.array([[0.8, 0.2], [0.5, 0.5]]))
    0.145
    """
    if not len(positions):
        return float("nan")
    truth = np.eye(probabilities.shape[1])[positions]
    squares = ((probabilities - truth) ** 2).sum(axis=1)
    return float(squares.mean() / 2)


def _check_predictions(
    labels: NDArray[np.integer], probabilities: NDArray[Any], classes: Mapping[str, int]
) -> NDArray[np.int64]:
    """Refuse what does not fit together, and return the column of each sample's true class."""
    if probabilities.shape != (len(labels), len(classes)):
        found = f"probabilities of shape {probabilities.shape}"
        raise DataError(found, expected=f"({len(labels)}, {len(classes)}): samples and classes")
    if not np.allclose(probabilities.sum(axis=1), 1, atol=PROBABILITY_TOLERANCE):
        raise DataError("probabilities that do not sum to 1", expected="a row a sample, over all classes")
    columns = {value: column for column, value in enumerate(classes.values())}
    unknown = sorted(set(np.unique(labels).tolist()) - set(columns))
    if unknown:
        raise DataError(f"label {unknown[0]}", expected=f"one of {', '.join(map(str, columns))}")
    return np.array([columns[value] for value in labels.tolist()], dtype=np.int64)


def _average_known(values: Mapping[str, float]) -> float:
    """Average over the classes that have a value."""
    known = [value for value in values.values() if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
