"""Which arms of an evaluation are compared with which, and how."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.evaluation.arms import CONTROLS, Arm
from domaingan.evaluation.score_tables import ScoreTables, Table
from domaingan.metrics.crossed_intervals import MeanEstimate, average_known, estimate_mean
from domaingan.metrics.statistics import compute_mean_interval

REFERENCE_ARM = "classic"

STRONG_BASELINE = "copy-paste+classic"
"""Pasting real crops needs no GAN: arms with one are compared with it too."""

ENSEMBLE = "ensemble"
"""Modifier of the row in which the seeds of an arm predict together."""

Pair = tuple[str, str]
"""An arm, and the arm that it is compared with."""


def parse_row(name: str) -> tuple[Arm, bool]:
    """Parse the name of a row of scores.

    Args:
        name: of an arm, or ``ARM@ensemble``.

    Returns:
        The arm, and whether the row is of its ensemble.

    >>> parse_row("classic@ensemble")[0].name, parse_row("classic@ensemble")[1]
    ('classic', True)
    """
    ending = f"@{ENSEMBLE}"
    return Arm.parse(name.removesuffix(ending)), name.endswith(ending)


def is_candidate(name: str) -> bool:
    """Return whether an arm is one that a user would train with, and so of which it is asked whether it helps.

    Controls, arms that paste into nothing or have only a share of the people, repeats (the same arm with other seeds)
    and ensembles are not.

    >>> is_candidate("copy-paste+classic@ratio=1"), is_candidate("copy-paste+classic@people=0.5")
    (True, False)
    """
    arm, is_ensemble = parse_row(name)
    modifiers = arm.modifiers
    is_control = modifiers.ratio == 0 or not set(arm.paste_sources).isdisjoint(CONTROLS)
    has_share = (modifiers.people, modifiers.crop_share, modifiers.host_share) != (1, 1, 1)
    return not (is_ensemble or is_control or has_share or modifiers.repeat)


def choose_reference(arms: Sequence[str]) -> str:
    """Choose the arm that the others are compared with: ``classic``, else the first."""
    return REFERENCE_ARM if REFERENCE_ARM in arms else arms[0]


def declare_comparisons(arms: Sequence[str], reference: str) -> list[Pair]:
    """Declare the comparisons that an evaluation answers, from its arms alone, so before any score is seen.

    They are every candidate (:func:`is_candidate`) against the reference, and every candidate with a generator against
    :data:`STRONG_BASELINE`. Their p values are adjusted for their number. Every other difference only describes.

    Args:
        arms: names of the arms.
        reference: one of them.

    >>> declare_comparisons(["classic", "copy-paste+classic", "gan+classic"], "classic")[1:]
    [('gan+classic', 'classic'), ('gan+classic', 'copy-paste+classic')]
    """
    candidates = [arm for arm in arms if is_candidate(arm) and arm != reference]
    pairs = [(arm, reference) for arm in candidates]
    if STRONG_BASELINE in arms and reference != STRONG_BASELINE:
        for arm in candidates:
            if parse_row(arm)[0].has_gan:
                pairs.append((arm, STRONG_BASELINE))
    return pairs


def choose_primary_arm(arms: Sequence[str], reference: str) -> str | None:
    """Choose the arm that the verdict is about: the first candidate with a generator, else the last without modifiers.

    Args:
        arms: names of the arms.
        reference: the arm that it is compared with.

    Returns:
        Its name; the last candidate where all have modifiers, None without a candidate.
    """
    candidates = [arm for arm in arms if is_candidate(arm) and arm != reference]
    for arm in candidates:
        if parse_row(arm)[0].has_gan:
            return arm
    plain = [arm for arm in candidates if not parse_row(arm)[0].has_modifiers]
    return ([None, *candidates, *plain])[-1]


def name_repeated_arm(name: str) -> str | None:
    """Name the arm that an arm repeats with other seeds; None of an arm that is no repeat.

    >>> name_repeated_arm("copy-paste+classic@ratio=1@repeat=1")
    'copy-paste+classic@ratio=1'
    """
    arm, is_ensemble = parse_row(name)
    if not arm.modifiers.repeat:
        return None
    repeated = arm.with_modifiers(repeat=0).name
    return f"{repeated}@{ENSEMBLE}" if is_ensemble else repeated


def compare_arms(tables: ScoreTables, arm: str, against: str, metric: str) -> dict[str, Any]:
    """Compare two arms over the same people and trainings.

    Args:
        tables: the scores.
        arm: an arm.
        against: the arm that is taken from it; of an ensemble the ensemble of that arm, if there is
            another one.
        metric: the metric.

    Returns:
        ``mean`` of the difference; ``ci`` over people and trainings, with its ``p``; ``ci_people`` over people alone;
        ``n`` people and ``n_trainings`` that both have; ``smallest_effect``, the smallest true difference that would
        be shown with a probability of 80 %; and ``is_repeat`` for an arm against itself with other seeds.
    """
    differences, folds = pair_scores(tables, arm, against, metric)
    difference = summarise_table(differences, folds)
    if name_repeated_arm(arm) == against:
        difference["is_repeat"] = True
    return difference


def pair_scores(tables: ScoreTables, arm: str, against: str, metric: str) -> tuple[Table, NDArray[np.int64]]:
    """Pair the scores of two arms, see :func:`compare_arms`.

    Returns:
        The differences, ``(trainings, people)``, and the fold of each training. An ensemble has one training a fold.
    """
    if not parse_row(arm)[1]:
        return tables.tables[arm][metric] - tables.tables[against][metric], tables.folds
    together = f"{against}@{ENSEMBLE}"
    if together in tables.tables and together != arm:
        against = together
    differences = tables.average_in_folds(arm, metric) - tables.average_in_folds(against, metric)
    return differences, np.unique(tables.folds)


def summarise_table(table: Table, folds: Any = None) -> dict[str, Any]:
    """Summarise paired differences, see :func:`compare_arms`.

    Args:
        table: ``(trainings, people)``; NaN where there is none.
        folds: ``(trainings,)``, the fold of each.
    """
    estimate = estimate_mean(table, folds)
    return {
        **round_estimate(estimate),
        "ci_people": compute_mean_interval(average_known(table, axis=0))["ci"],
        "p": estimate.compute_p(),
        "n": estimate.n_people,
        "n_trainings": estimate.n_trainings,
        "smallest_effect": round_or_none(estimate.compute_detectable_effect()),
    }


def round_estimate(estimate: MeanEstimate) -> dict[str, Any]:
    """Round the mean of an estimate, and its interval, for ``result.json``."""
    return {
        "mean": round_or_none(estimate.mean),
        "ci": [round_or_none(end) for end in estimate.compute_interval()],
    }


def round_or_none(value: float | None) -> float | None:
    """Round a number for ``result.json``; None stays None."""
    return None if value is None or not np.isfinite(value) else round(float(value), 6)
