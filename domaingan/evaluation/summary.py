"""From the scores of every arm, training and person to the numbers of ``result.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domaingan.evaluation.comparisons import (
    STRONG_BASELINE,
    Pair,
    choose_primary_arm,
    choose_reference,
    compare_arms,
    declare_comparisons,
    name_repeated_arm,
    pair_scores,
    parse_row,
    round_estimate,
)
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.headroom import TrainingPeople, measure_headroom
from domaingan.evaluation.learning_curve import measure_learning_curve
from domaingan.evaluation.person_effects import describe_person_effects, has_person_effects
from domaingan.evaluation.score_tables import Scores, ScoreTables, TrainingKey, compute_mean, round_values
from domaingan.metrics.crossed_intervals import estimate_mean
from domaingan.metrics.measures import get_measure
from domaingan.metrics.multiple_comparisons import adjust_p_by_holm
from domaingan.metrics.statistics import compute_mean_interval, compute_smallest_p
from domaingan.metrics.verdict import MIN_PEOPLE, MIN_TRAININGS, decide_verdict

__all__ = ["RESULT_FORMAT", "Scores", "find_missed_metrics", "summarise", "warn_of_missed"]

MAX_MISSED_MEAN = 0.0005
"""A mean below this is shown as 0."""

RESULT_FORMAT = 3
"""Version of the keys of ``result.json``. In version 2 intervals were over people alone, and it lacked the scores of
each training. In version 1, which has no number, ``versus_strong_baseline`` was called ``to_rival``, and
``real_vs_fake_accuracy`` was called ``told``. Readers take all three."""

ONE_PERSON = TrainingPeople(1)

Differences = dict[str, dict[str, dict[str, Any]]]
"""By arm and metric, see :func:`domaingan.evaluation.comparisons.compare_arms`."""


def summarise(
    scores: Mapping[str, Mapping[TrainingKey, Scores]],
    config: EvaluationConfig,
    rarest: str | None,
    *,
    training_people: TrainingPeople = ONE_PERSON,
    has_person_scores: bool = True,
) -> dict[str, Any]:
    """Summarise the scores: means, intervals and paired differences.

    Args:
        scores: for each arm, and for each fold and seed, the scores of the people that were tested.
        config: the evaluation's settings.
        rarest: the rarest class of the training data, whose Dice is the primary metric; None if there is none.
        training_people: how many people (or drives) a training learns from.
        has_person_scores: whether masks are scored person by person, and not pooled over all frames.

    Returns:
        The main part of ``result.json``.
    """
    tables = ScoreTables.collect(scores)
    arms = list(scores)
    reference = choose_reference(arms)
    metric = _choose_primary_metric(tables.metrics, rarest)
    differences = _compare_to_reference(tables, reference)
    if has_person_scores:
        _add_person_effects(tables, reference, differences)
    versus = _compare_to_strong_baseline(tables)
    declared = declare_comparisons(arms, reference)
    result: dict[str, Any] = {
        "kind": "evaluation",
        "format": RESULT_FORMAT,
        "task": config.task,
        "reference": reference,
        "subjects": tables.subjects,
        "trainings": [{"fold": fold, "seed": seed} for fold, seed in tables.trainings],
        "arms": {arm: _summarise_arm(tables, arm) for arm in arms},
        "differences": differences,
        "versus_strong_baseline": versus,
        "repeats": _compare_repeats(tables),
        "declared": _adjust_declared(declared, metric, reference, differences, versus),
        "scores": {arm: tables.list_scores(arm) for arm in arms},
        "per_seed": {arm: _average_per_seed(tables, arm) for arm in arms},
        "smallest_p": compute_smallest_p(len(tables.subjects)),
        "needed": {"people": MIN_PEOPLE, "trainings": MIN_TRAININGS},
        "learning_curve": None,
        "headroom": None,
        "primary": None,
        "verdict": "cannot be shown",
    }
    arm = choose_primary_arm(arms, reference)
    if arm is not None and metric is not None:
        difference = differences[arm][metric]
        result["primary"] = {"arm": arm, "against": reference, "metric": metric, **difference}
        result["verdict"] = decide_verdict(difference, is_lower_better=get_measure(metric).is_lower_better)
        result["smallest_p"] = compute_smallest_p(difference["n"])
    if metric is not None:
        pairs = [pair for pair in [*declared, (STRONG_BASELINE, reference)] if {*pair} <= {*arms}]
        pairs = list(dict.fromkeys(pairs))
        result["learning_curve"] = measure_learning_curve(
            tables, metric, training_people.people, pairs, training_people.unit
        )
        result["headroom"] = measure_headroom(tables, metric, training_people)
    return result


def _choose_primary_metric(metrics: list[str], rarest: str | None) -> str | None:
    """Choose the metric of the verdict: the Dice of the rarest class, else the first, which for frames is over all."""
    of_rarest = f"dice:{rarest}"
    if of_rarest in metrics:
        return of_rarest
    return metrics[0] if metrics else None


def _summarise_arm(tables: ScoreTables, arm: str) -> dict[str, Any]:
    """Summarise each metric of an arm over people and trainings."""
    summary = {}
    for metric in tables.metrics:
        values = tables.average_over_trainings(arm, metric)
        estimate = estimate_mean(tables.tables[arm][metric], tables.folds)
        summary[metric] = {
            **round_estimate(estimate),
            "ci_people": compute_mean_interval(values)["ci"],
            "values": round_values(values),
        }
    return summary


def _compare_to_reference(tables: ScoreTables, reference: str) -> Differences:
    """Compare each metric of every other arm with that of the reference."""
    differences: Differences = {}
    for arm in tables.tables:
        if arm == reference:
            continue
        differences[arm] = {}
        for metric in tables.metrics:
            differences[arm][metric] = compare_arms(tables, arm, reference, metric)
    return differences


def _add_person_effects(tables: ScoreTables, reference: str, differences: Differences) -> None:
    """Add ``people`` to the differences of metrics that are scored person by person."""
    for arm, row in differences.items():
        for metric in filter(has_person_effects, row):
            paired, folds = pair_scores(tables, arm, reference, metric)
            is_lower_better = get_measure(metric).is_lower_better
            row[metric]["people"] = describe_person_effects(
                paired, folds, tables.subjects, is_lower_better=is_lower_better
            )


def _compare_to_strong_baseline(tables: ScoreTables) -> Differences:
    """Compare every other arm that pastes with :data:`STRONG_BASELINE`, also for each seed."""
    comparison: Differences = {}
    if STRONG_BASELINE not in tables.tables:
        return comparison
    for arm in tables.tables:
        if arm == STRONG_BASELINE or not parse_row(arm)[0].paste_sources:
            continue
        comparison[arm] = {}
        for metric in tables.metrics:
            change, _ = pair_scores(tables, arm, STRONG_BASELINE, metric)
            comparison[arm][metric] = compare_arms(tables, arm, STRONG_BASELINE, metric)
            comparison[arm][metric]["per_training"] = [compute_mean(row) for row in change]
    return comparison


def _compare_repeats(tables: ScoreTables) -> Differences:
    """Compare each arm that was trained again with other seeds with itself: how much is chance alone."""
    repeats: Differences = {}
    for arm in tables.tables:
        repeated = name_repeated_arm(arm)
        if repeated in tables.tables:
            repeats[arm] = {metric: compare_arms(tables, arm, repeated, metric) for metric in tables.metrics}
    return repeats


def _adjust_declared(
    pairs: list[Pair], metric: str | None, reference: str, differences: Differences, versus: Differences
) -> list[dict[str, Any]]:
    """Adjust the p values of the declared comparisons, and write each into its difference as ``p_holm``.

    Returns:
        The declared comparisons with both p values.
    """
    if metric is None:
        return []
    rows = {}
    for arm, against in pairs:
        rows[arm, against] = differences[arm][metric] if against == reference else versus[arm][metric]
    adjusted = adjust_p_by_holm({pair: row["p"] for pair, row in rows.items()})
    declared = []
    for (arm, against), row in rows.items():
        row["p_holm"] = adjusted[arm, against]
        declared.append(
            {"arm": arm, "against": against, "metric": metric, "p": row["p"], "p_holm": adjusted[arm, against]}
        )
    return declared


def _average_per_seed(tables: ScoreTables, arm: str) -> dict[str, list[float | None]]:
    """Average each metric over folds and people, for each seed."""
    return {metric: tables.average_per_seed(arm, metric) for metric in tables.metrics}


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


def warn_of_missed(result: dict[str, Any], steps: int | None) -> None:
    """Add ``warnings`` to a result; a verdict on what no network finds becomes ``cannot be shown``.

    Args:
        result: what :func:`summarise` returns; changed in place.
        steps: how long each baseline was trained; None where the user's own trainer trained it.
    """
    missed = find_missed_metrics(result)
    result["warnings"] = []
    if missed:
        advice = "the networks were trained too little, or nothing can be found"
        if steps is not None:
            advice += f"; try --steps {2 * steps}"
        verb = "is" if len(missed) == 1 else "are"
        result["warnings"] = [f"{', '.join(missed)} {verb} 0 with every arm: {advice}"]
    if result["primary"] is not None and result["primary"]["metric"] in missed:
        result["verdict"] = "cannot be shown"
