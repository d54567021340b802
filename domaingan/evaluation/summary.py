"""From the scores of every arm, seed and subject to the numbers of ``result.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.evaluation.arms import Arm
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.metrics.measures import get_measure
from domaingan.metrics.statistics import (
    compare_paired,
    compute_crossed_interval,
    compute_mean_interval,
    compute_smallest_p,
    decide_verdict,
)

Scores = dict[str, dict[str, float]]
"""``{subject: {metric: value}}`` of one training."""

Values = NDArray[np.float64]

REFERENCE_ARM = "classic"

MAX_MISSED_MEAN = 0.0005
"""A mean below this is shown as 0."""

STRONG_BASELINE = "copy-paste+classic"
"""Pasting real crops needs no GAN: arms with one are compared with it too."""

RESULT_FORMAT = 2
"""Version of the keys of ``result.json``. In version 1, which has no number, ``versus_strong_baseline`` was called
``to_rival``, and ``real_vs_fake_accuracy`` was called ``told``; readers take both."""


def summarise(scores: dict[str, dict[int, Scores]], config: EvaluationConfig, rarest: str | None) -> dict[str, Any]:
    """Summarise the scores: means, intervals and paired differences.

    Args:
        scores: for each arm and seed the scores of every test subject; all folds together.
        config: the evaluation's settings.
        rarest: the rarest class of the training data, whose Dice is the primary metric; None if there is none.

    Returns:
        The main part of ``result.json``.
    """
    first_runs = next(iter(scores.values()))
    first = next(iter(first_runs.values()))
    subjects = sorted(first)
    values: dict[str, dict[str, Values]] = {}
    for arm, runs in scores.items():
        values[arm] = {metric: _average_over_seeds(runs, subjects, metric) for metric in _list_metrics(first)}
    metrics = []
    for metric in _list_metrics(first):
        if any(not np.isnan(rows[metric]).all() for rows in values.values()):
            metrics.append(metric)
    reference = REFERENCE_ARM if REFERENCE_ARM in scores else next(iter(scores))
    rng = np.random.default_rng(config.seed)
    differences = _compare_to_reference(values, metrics, reference, rng)
    result: dict[str, Any] = {
        "kind": "evaluation",
        "format": RESULT_FORMAT,
        "task": config.task,
        "reference": reference,
        "subjects": subjects,
        "arms": {arm: _summarise_arm(rows, metrics) for arm, rows in values.items()},
        "differences": differences,
        "per_seed": {arm: _average_per_seed(runs, subjects, metrics) for arm, runs in scores.items()},
        "smallest_p": compute_smallest_p(len(subjects)),
        "primary": None,
        "verdict": "cannot be shown",
    }
    result |= _choose_primary(differences, reference, metrics, rarest)
    result["versus_strong_baseline"] = _compare_to_strong_baseline(scores, subjects, metrics, rng)
    return result


def _list_metrics(scores: Scores) -> list[str]:
    metrics: dict[str, None] = {}
    for row in scores.values():
        metrics |= dict.fromkeys(row)
    return list(metrics)


def _summarise_arm(rows: Mapping[str, Values], metrics: list[str]) -> dict[str, Any]:
    """Summarise each metric of an arm over subjects."""
    summary = {}
    for metric in metrics:
        summary[metric] = compute_mean_interval(rows[metric]) | {"values": _round_values(rows[metric])}
    return summary


def _compare_to_reference(
    values: Mapping[str, Mapping[str, Values]], metrics: list[str], reference: str, rng: np.random.Generator
) -> dict[str, dict[str, Any]]:
    """Compare each metric of every other arm with that of the reference."""
    differences: dict[str, dict[str, Any]] = {}
    for arm, rows in values.items():
        if arm == reference:
            continue
        differences[arm] = {}
        for metric in metrics:
            differences[arm][metric] = compare_paired(rows[metric], values[reference][metric], rng)
    return differences


def _average_per_seed(
    runs: Mapping[int, Scores], subjects: list[str], metrics: list[str]
) -> dict[str, list[float | None]]:
    """Average each metric over subjects, for each seed."""
    averages = {}
    for metric in metrics:
        table = _tabulate_metric(runs, subjects, metric)
        averages[metric] = [_compute_mean(row) for row in table]
    return averages


def find_missed_metrics(result: Mapping[str, Any]) -> list[str]:
    """Find the metrics that are 0 with every arm: no network finds anything, so that a difference means nothing.

    Args:
        result: what :func:`summarise` returns.

    >>> found = {"mean": 0.0}
    >>> find_missed_metrics({"arms": {"none": {"dice:rare": found}, "classic": {"dice:rare": found}}})
    ['dice:rare']
    """
    arms = list(result["arms"].values())
    missed = []
    for name in arms[0]:
        means = [arm[name]["mean"] or 0 for arm in arms]
        if get_measure(name).is_zero_if_missed and max(means) < MAX_MISSED_MEAN:
            missed.append(name)
    return missed


def warn_of_missed(result: dict[str, Any], steps: int) -> None:
    """Add ``warnings`` to a result; a verdict on what no network finds becomes ``cannot be shown``.

    Args:
        result: what :func:`summarise` returns; changed in place.
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
    scores: Mapping[str, Mapping[int, Scores]], subjects: list[str], metrics: list[str], rng: np.random.Generator
) -> dict[str, dict[str, Any]]:
    """Compare every other arm that pastes with :data:`STRONG_BASELINE`.

    Returns:
        For each arm and metric the paired difference over subjects, the interval over subjects and seeds
        (``crossed``), and the difference for each seed.
    """
    if STRONG_BASELINE not in scores:
        return {}
    comparison: dict[str, dict[str, Any]] = {}
    for name in scores:
        if name == STRONG_BASELINE or not Arm.parse(name).paste_sources:
            continue
        comparison[name] = {}
        for metric in metrics:
            arm = _tabulate_metric(scores[name], subjects, metric)
            baseline = _tabulate_metric(scores[STRONG_BASELINE], subjects, metric)
            paired = compare_paired(arm.mean(axis=0), baseline.mean(axis=0), rng)
            comparison[name][metric] = paired | {
                "crossed": compute_crossed_interval(arm - baseline)["ci"],
                "per_seed": [_compute_mean(row) for row in arm - baseline],
            }
    return comparison


def _choose_primary(
    differences: Mapping[str, Any], reference: str, metrics: list[str], rarest: str | None
) -> dict[str, Any]:
    """Choose the one comparison that the verdict is about; it is fixed before any score is seen.

    It is the first arm that uses a GAN (else the last one) against the reference, on the Dice of the rarest class; for
    frames on the metric over all classes, mean IoU or average precision.
    """
    if not differences:
        return {}
    arm = list(differences)[-1]
    for name in differences:
        if Arm.parse(name).has_gan:
            arm = name
            break
    metric = f"dice:{rarest}"
    if metric not in metrics:
        metric = metrics[0]
    difference = differences[arm][metric]
    return {
        "primary": {"arm": arm, "against": reference, "metric": metric, **difference},
        "verdict": decide_verdict(difference),
        "smallest_p": compute_smallest_p(difference["n"]),
    }


def _tabulate_metric(runs: Mapping[int, Scores], subjects: list[str], metric: str) -> Values:
    """Make a table of a metric, ``(seeds, subjects)``; NaN where it does not apply."""
    rows = []
    for run in runs.values():
        rows.append([run[subject].get(metric, np.nan) for subject in subjects])
    return np.array(rows)


def _average_over_seeds(runs: Mapping[int, Scores], subjects: list[str], metric: str) -> Values:
    """Average a metric over the seeds that have it, ``(subjects,)``."""
    table = _tabulate_metric(runs, subjects, metric)
    is_known = ~np.isnan(table)
    counts = is_known.sum(0)
    means = np.where(is_known, table, 0).sum(0) / np.maximum(counts, 1)
    return np.where(counts > 0, means, np.nan)


def _compute_mean(values: Values) -> float | None:
    known = values[~np.isnan(values)]
    return round(float(np.mean(known)), 6) if len(known) else None


def _round_values(values: Values) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), 6) for value in values]
