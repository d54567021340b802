"""Whom an arm helps and whom it hurts: who loses, who loses most, and what is left without the best."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from domaingan.evaluation.comparisons import round_estimate, round_or_none
from domaingan.evaluation.score_tables import Table
from domaingan.metrics.crossed_intervals import average_known, estimate_mean, estimate_rest_variance
from domaingan.metrics.measures import get_measure

LOSS_THRESHOLD = 0.03
"""A person loses who scores lower by more than three points."""

PERSON_GROUPS = ("overlap", "precision", "lesions", "surfaces")
"""Groups of measures that are scored person by person in scans; the others are pooled over all people."""


def has_person_effects(metric: str) -> bool:
    """Return whether a metric is a headline that is scored person by person, in points.

    >>> has_person_effects("dice:rare"), has_person_effects("ap50"), has_person_effects("hd95:rare")
    (True, False, False)
    """
    measure = get_measure(metric)
    return measure.is_headline and measure.is_share and measure.group in PERSON_GROUPS


def describe_person_effects(
    table: Table, folds: NDArray[np.int64], subjects: list[str], *, is_lower_better: bool
) -> dict[str, Any] | None:
    """Describe whom an arm helps and whom it hurts.

    A person's own difference holds the noise of few trainings, so some people lose even if an arm helps everybody
    alike. How many these would be is computed from what the trainings leave unexplained (a normal distribution).

    Args:
        table: ``(trainings, people)``, paired differences; NaN where there is none.
        folds: ``(trainings,)``, the fold of each.
        subjects: names of the people.
        is_lower_better: whether a higher value is a loss.

    Returns:
        ``losing``, the share of people who lose more than :data:`LOSS_THRESHOLD`; ``losing_by_chance``, the share
        if all were helped alike; ``worst`` and ``best``, each a person with the difference; ``without_best``, mean,
        ``ci`` and ``p`` without the person who gains most. None with fewer than two people.
    """
    differences = average_known(table, axis=0)
    is_known = ~np.isnan(differences)
    if is_known.sum() < 2:
        return None
    gains = -differences if is_lower_better else differences
    best = int(np.nanargmax(gains))
    worst = int(np.nanargmin(gains))
    without_best = estimate_mean(np.delete(table, best, axis=1), folds)
    return {
        "threshold": LOSS_THRESHOLD,
        "losing": round_or_none(float((gains[is_known] < -LOSS_THRESHOLD).mean())),
        "losing_by_chance": round_or_none(_expect_losing_share(table, float(gains[is_known].mean()))),
        "worst": {"subject": subjects[worst], "mean": round_or_none(differences[worst])},
        "best": {"subject": subjects[best], "mean": round_or_none(differences[best])},
        "without_best": {**round_estimate(without_best), "p": without_best.compute_p()},
    }


def _expect_losing_share(table: Table, gain: float) -> float | None:
    """Compute which share of people would lose if all gained alike, from the noise of the trainings alone."""
    variance = estimate_rest_variance(table)
    if variance is None:
        return None
    n_tests = (~np.isnan(table)).sum(axis=0)
    tested = n_tests[n_tests > 0]
    errors = np.sqrt(variance / tested)
    if not errors.all():
        return float(gain < -LOSS_THRESHOLD)
    return float(stats.norm.cdf((-LOSS_THRESHOLD - gain) / errors).mean())
