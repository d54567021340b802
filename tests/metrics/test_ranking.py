"""Average precision and AUROC against worked examples, MONAI and scikit-learn, and their laws."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaingan.metrics.ranking import ScoreHistogram, compute_auprc, compute_auprc_from_counts, compute_auroc


def draw(seed: int, n: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Scores with ties, and which are positive (some are, some are not)."""
    rng = np.random.default_rng(seed)
    is_positive = rng.random(n) < 0.3
    is_positive[:2] = True, False
    scores = np.clip(rng.normal(0.4 + 0.2 * is_positive, 0.2), 0, 1).round(1)
    return scores.astype(np.float32), is_positive


def test_a_worked_example_with_a_tie() -> None:
    # Thresholds 0.9, 0.5, 0.1: precision 1/1, 2/3, 2/4 where recall grows by 1/2, 1/2 and 0.
    scores, is_positive = np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, True, False, False])
    assert compute_auprc(scores, is_positive) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    # Of the four pairs three are in order, and one is a tie.
    assert compute_auroc(scores, is_positive) == pytest.approx(3.5 / 4)


def test_without_both_kinds_there_is_no_score() -> None:
    for is_positive in (np.ones(3, bool), np.zeros(3, bool)):
        assert math.isnan(compute_auprc(np.arange(3.0), is_positive))
        assert math.isnan(compute_auroc(np.arange(3.0), is_positive))
    assert math.isnan(ScoreHistogram().compute_auprc())
    assert math.isnan(compute_auprc_from_counts(np.zeros(0), np.zeros(0)))


@pytest.mark.parametrize("seed", range(10))
def test_scores_are_those_of_monai(seed: int) -> None:
    import torch
    from monai.metrics import compute_average_precision, compute_roc_auc

    scores, is_positive = draw(seed)
    tensors = torch.from_numpy(scores), torch.from_numpy(is_positive.astype(np.int64))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert compute_auprc(scores, is_positive) == pytest.approx(compute_average_precision(*tensors), abs=1e-9)
        assert compute_auroc(scores, is_positive) == pytest.approx(compute_roc_auc(*tensors), abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_scikit_learn(seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    scores, is_positive = draw(seed)
    assert compute_auprc(scores, is_positive) == pytest.approx(metrics.average_precision_score(is_positive, scores))
    assert compute_auroc(scores, is_positive) == pytest.approx(metrics.roc_auc_score(is_positive, scores))


@given(st.integers(0, 10_000))
def test_laws(seed: int) -> None:
    scores, is_positive = draw(seed)
    for compute in (compute_auprc, compute_auroc):
        value = compute(scores, is_positive)
        assert 0 <= value <= 1
        assert compute(is_positive.astype(float), is_positive) == 1
        assert compute(scores * 3 - 1, is_positive) == pytest.approx(value)  # the order alone counts
    flipped = compute_auroc(-scores, is_positive)
    assert flipped == pytest.approx(1 - compute_auroc(scores, is_positive))
    assert compute_auprc(np.full(len(scores), 0.5), is_positive) == pytest.approx(is_positive.mean())


@given(st.integers(0, 10_000))
def test_a_histogram_scores_as_sorted_scores_do(seed: int) -> None:
    scores, is_positive = draw(seed)
    whole, pieces = ScoreHistogram(), ScoreHistogram()
    whole.add(scores, is_positive)
    pieces.add(scores[:7].reshape(7, 1), is_positive[:7].reshape(7, 1))
    rest = ScoreHistogram()
    rest.add(scores[7:].astype(np.float64), is_positive[7:])
    pieces.merge(rest)
    assert whole.compute_auprc() == pytest.approx(compute_auprc(scores, is_positive))
    assert pieces.compute_auprc() == whole.compute_auprc()


def test_a_histogram_tells_a_thousandth_apart_and_nothing_under_a_millionth() -> None:
    def rank(high: float, low: float) -> float:
        histogram = ScoreHistogram()
        histogram.add(np.array([high, low], np.float32), np.array([True, False]))
        return histogram.compute_auprc()

    assert rank(1.0, 0.998) == 1 and rank(0.002004, 0.002) == 1
    assert rank(5e-7, 1e-7) == 0.5  # a tie
    assert rank(1.0000001, 1.0) == 0.5 and rank(-0.1, 0.0) == 0.5  # rounding of a sum of probabilities
