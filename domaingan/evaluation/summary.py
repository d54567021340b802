"""From the scores of every arm, seed and subject to the numbers of ``result.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from domaingan.evaluation.arms import Arm
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.metrics.statistics import (
    compare_paired,
    compute_crossed_interval,
    compute_mean_interval,
    compute_smallest_p,
    decide_verdict,
)

Scores = dict[str, dict[str, float]]
"""``{subject: {metric: value}}`` of one training."""

REFERENCE_ARM = "classic"

METRICS_ZERO_IF_MISSED = ("dice", "iou", "ap", "ap50", "miou")
"""Metrics that are 0 where nothing is found."""

MAX_MISSED_MEAN = 0.0005
"""A mean below it is shown as 0."""

STRONG_BASELINE = "copy-paste+classic"
"""Pasting real crops needs no GAN: what generates is measured against that as well."""


def summarise(scores: dict[str, dict[int, Scores]], config: EvaluationConfig, rarest: str | None) -> dict[str, Any]:
    """Means, intervals and paired differences.

    Args:
        scores: for each arm and seed the scores of every test subject; all folds together.
        config: the evaluation's settings.
        rarest: class whose Dice is the primary metric, as its training data has it; None if there was none.
    """
    first = next(iter(next(iter(scores.values())).values()))
    subjects = sorted(first)
    metrics = list(dict.fromkeys(metric for row in first.values() for metric in row))
    values = {arm: {m: _average_over_seeds(runs, subjects, m) for m in metrics} for arm, runs in scores.items()}
    metrics = [m for m in metrics if any(not np.isnan(rows[m]).all() for rows in values.values())]
    arms = {
        arm: {m: compute_mean_interval(rows[m]) | {"values": _round_values(rows[m])} for m in metrics}
        for arm, rows in values.items()
    }
    reference = REFERENCE_ARM if REFERENCE_ARM in scores else next(iter(scores))
    rng = np.random.default_rng(config.seed)
    differences = {
        arm: {m: compare_paired(values[arm][m], values[reference][m], rng) for m in metrics}
        for arm in scores
        if arm != reference
    }
    result: dict[str, Any] = {
        "kind": "evaluation",
        "task": config.task,
        "reference": reference,
        "subjects": subjects,
        "arms": arms,
        "differences": differences,
        "per_seed": {
            arm: {
                m: [_compute_mean([run[s].get(m, np.nan) for s in subjects]) for run in runs.values()] for m in metrics
            }
            for arm, runs in scores.items()
        },
        "smallest_p": compute_smallest_p(len(subjects)),
        "primary": None,
        "verdict": "cannot be shown",
    }
    return (
        result
        | _choose_primary(differences, reference, metrics, rarest)
        | {"to_rival": _compare_to_strong_baseline(scores, subjects, metrics, rng)}
    )


def find_missed_metrics(result: Mapping[str, Any]) -> list[str]:
    """The metrics that are 0 with every arm: no network finds anything, and a difference says nothing.

    >>> found = {"mean": 0.0}
    >>> find_missed_metrics({"arms": {"none": {"dice:rare": found}, "classic": {"dice:rare": found}}})
    ['dice:rare']
    """
    arms = list(result["arms"].values())
    metrics = [name for name in arms[0] if name.partition(":")[0] in METRICS_ZERO_IF_MISSED]
    return [name for name in metrics if all((arm[name]["mean"] or 0) < MAX_MISSED_MEAN for arm in arms)]


def warn_of_missed(result: dict[str, Any], steps: int) -> None:
    """Add ``warnings`` to a result; a verdict on what no network finds becomes ``cannot be shown``.

    Args:
        result: what :func:`summarise` gives; changed.
        steps: how long each baseline was trained.
    """
    missed = find_missed_metrics(result)
    result["warnings"] = []
    if missed:
        advice = f"the networks were trained too little, or nothing can be found; try --steps {2 * steps}"
        verb = "is" if len(missed) == 1 else "are"
        result["warnings"] = [f"{', '.join(missed)} {verb} 0 with every arm: {advice}"]
    if result["primary"] is not None and result["primary"]["metric"] in missed:
        result["verdict"] = "cannot be shown"


def _compare_to_strong_baseline(
    scores: dict[str, dict[int, Scores]], subjects: list[str], metrics: list[str], rng: np.random.Generator
) -> dict[str, dict[str, Any]]:
    """Every other arm that pastes minus :data:`STRONG_BASELINE`, over subjects, and over both (``crossed``)."""
    if STRONG_BASELINE not in scores:
        return {}
    others = [name for name in scores if name != STRONG_BASELINE and Arm.parse(name).paste_sources]
    found: dict[str, dict[str, Any]] = {}
    for name in others:
        found[name] = {}
        for metric in metrics:
            arm, rival = (_tabulate_metric(scores[part], subjects, metric) for part in (name, STRONG_BASELINE))
            found[name][metric] = compare_paired(arm.mean(axis=0), rival.mean(axis=0), rng) | {
                "crossed": compute_crossed_interval(arm - rival)["ci"],
                "per_seed": [_compute_mean(list(row)) for row in arm - rival],
            }
    return found


def _choose_primary(
    differences: dict[str, Any], reference: str, metrics: list[str], rarest: str | None
) -> dict[str, Any]:
    """The one comparison that the verdict is about, fixed before any score is seen.

    The first arm that uses a GAN (else the last one) against the reference, on the rarest class's Dice; for frames on
    the metric over all classes, mean IoU or average precision.
    """
    if not differences:
        return {}
    arm = next((name for name in differences if Arm.parse(name).has_gan), list(differences)[-1])
    metric = f"dice:{rarest}" if f"dice:{rarest}" in metrics else metrics[0]
    difference = differences[arm][metric]
    primary = {"arm": arm, "against": reference, "metric": metric, **difference}
    return {
        "primary": primary,
        "verdict": decide_verdict(difference),
        "smallest_p": compute_smallest_p(difference["n"]),
    }


def _tabulate_metric(runs: dict[int, Scores], subjects: list[str], metric: str) -> np.ndarray[Any, Any]:
    """A metric of every seed and subject, ``(seeds, subjects)``."""
    return np.array([[run[subject].get(metric, np.nan) for subject in subjects] for run in runs.values()])


def _average_over_seeds(runs: dict[int, Scores], subjects: list[str], metric: str) -> np.ndarray[Any, Any]:
    table = _tabulate_metric(runs, subjects, metric)
    known = ~np.isnan(table)
    return np.where(known.any(0), np.where(known, table, 0).sum(0) / np.maximum(known.sum(0), 1), np.nan)


def _compute_mean(values: list[float]) -> float | None:
    known = [value for value in values if not np.isnan(value)]
    return round(float(np.mean(known)), 6) if known else None


def _round_values(values: np.ndarray[Any, Any]) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), 6) for value in values]
