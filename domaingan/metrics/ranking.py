"""How well scores rank what is true above what is not: average precision and the area under the ROC curve."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

SMALLEST_EXPONENT = -20
"""Scores under two to this power are counted together."""

FLOAT32_BIAS = 127
FLOAT32_MANTISSA_BITS = 23
ONE_AS_BITS = FLOAT32_BIAS << FLOAT32_MANTISSA_BITS
"""The bits of the float32 number 1.0."""


def compute_auprc_from_counts(positives: NDArray[Any], negatives: NDArray[Any]) -> float:
    """Compute average precision from counts at each score: the sum of precision times the step in recall.

    Nothing is interpolated between scores (as by scikit-learn); what has the same score is found at once.

    Args:
        positives: ``(N,)`` how many positives have each score, lowest score first.
        negatives: ``(N,)`` the same for negatives.

    Returns:
        0 to 1; NaN without any positive.

    >>> compute_auprc_from_counts(np.array([0, 1, 1]), np.array([1, 1, 0]))
    0.8333333333333333
    """
    found = np.cumsum(np.asarray(positives, dtype=float)[::-1])
    total = found[-1] if len(found) else 0.0
    if not total:
        return float("nan")
    selected = found + np.cumsum(np.asarray(negatives, dtype=float)[::-1])
    precision = np.divide(found, selected, out=np.zeros_like(found), where=selected > 0)
    return float(np.sum(np.diff(found, prepend=0.0) * precision) / total)


def compute_auprc(scores: NDArray[Any], is_positive: NDArray[np.bool_]) -> float:
    """Compute average precision of scores, see :func:`compute_auprc_from_counts`.

    Args:
        scores: ``(N,)``, higher for what is rather positive.
        is_positive: ``(N,)``.

    Returns:
        0 to 1; NaN where all are positive or none is.

    >>> compute_auprc(np.array([0.9, 0.8, 0.3]), np.array([True, False, True]))
    0.8333333333333333
    """
    if is_positive.all() or not is_positive.any():
        return float("nan")
    distinct, ranks = np.unique(scores, return_inverse=True)
    positives = np.bincount(ranks[is_positive], minlength=len(distinct))
    negatives = np.bincount(ranks[~is_positive], minlength=len(distinct))
    return compute_auprc_from_counts(positives, negatives)


def compute_auroc(scores: NDArray[Any], is_positive: NDArray[np.bool_]) -> float:
    """Compute the area under the ROC curve: how often a positive scores above a negative; a tie counts half.

    It is the Mann-Whitney U, divided by the number of pairs (Hanley and McNeil 1982).

    Args:
        scores: ``(N,)``, higher for what is rather positive.
        is_positive: ``(N,)``.

    Returns:
        0 to 1; NaN where all are positive or none is.

    >>> compute_auroc(np.array([0.9, 0.8, 0.8, 0.3]), np.array([True, False, True, False]))
    0.875
    """
    n_positive = int(is_positive.sum())
    n_negative = len(is_positive) - n_positive
    if not n_positive or not n_negative:
        return float("nan")
    ranks = stats.rankdata(scores)
    above = ranks[is_positive].sum() - n_positive * (n_positive + 1) / 2
    return float(above / (n_positive * n_negative))


class ScoreHistogram:
    """Count scores of positives and negatives, image by image, and compute their average precision.

    Scores are counted by their leading bits: with ten bits two scores that differ by more than a thousandth of
    themselves are told apart, and scores under a millionth are counted together. Else millions of voxels would have to
    be kept and sorted.

    Args:
        mantissa_bits: how many bits after the leading one are told apart.

    >>> histogram = ScoreHistogram()
    >>> histogram.add(np.array([0.9, 0.8, 0.3], np.float32), np.array([True, False, True]))
    >>> histogram.compute_auprc()
    0.8333333333333333
    """

    def __init__(self, mantissa_bits: int = 10) -> None:
        self._shift = FLOAT32_MANTISSA_BITS - mantissa_bits
        self._floor = (FLOAT32_BIAS + SMALLEST_EXPONENT) << mantissa_bits
        n_bins = (ONE_AS_BITS >> self._shift) - self._floor + 1
        self.positives = np.zeros(n_bins, np.int64)
        self.negatives = np.zeros(n_bins, np.int64)

    def add(self, scores: NDArray[np.floating[Any]], is_positive: NDArray[np.bool_]) -> None:
        """Count scores.

        Args:
            scores: of any shape, 0 to 1; what lies outside is taken for the nearer end.
            is_positive: of the same shape.
        """
        clipped = np.clip(np.asarray(scores, dtype=np.float32), 2.0**SMALLEST_EXPONENT, 1.0)
        bins = clipped.view(np.uint32)
        bins >>= self._shift
        bins -= self._floor
        n_bins = len(self.positives)
        positives = np.bincount(bins[is_positive], minlength=n_bins)
        everything = np.bincount(bins.ravel(), minlength=n_bins)
        self.positives += positives
        self.negatives += everything - positives

    def merge(self, other: ScoreHistogram) -> None:
        """Add what another histogram with as many bits has counted."""
        self.positives += other.positives
        self.negatives += other.negatives

    def compute_auprc(self) -> float:
        """Compute the average precision of all scores that were added; NaN without any positive."""
        return compute_auprc_from_counts(self.positives, self.negatives)
