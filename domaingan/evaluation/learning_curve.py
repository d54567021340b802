"""What a difference is worth in people: the learning curve of an arm turns points into more training subjects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from domaingan.evaluation.comparisons import STRONG_BASELINE, parse_row, round_or_none, summarise_table
from domaingan.evaluation.people_shares import count_share
from domaingan.evaluation.score_tables import ScoreTables, Table, compute_mean
from domaingan.metrics.crossed_intervals import estimate_mean
from domaingan.metrics.statistics import ALPHA
from domaingan.metrics.verdict import is_shown

MAX_DOUBLINGS = 4.0
"""An effect is never said to be worth more than sixteen times the people."""

SEARCH_STEP = 0.05
"""Doublings: where the search for an end of the interval begins."""


def find_curve_arms(arms: list[str]) -> tuple[str, dict[float, str]] | None:
    """Find the arm that was trained with several shares of the training people.

    Args:
        arms: names of the arms.

    Returns:
        The arm with all people, and the arm of each share, itself among them; None without such arms. Of several,
        :data:`STRONG_BASELINE` is taken, else the first.

    >>> find_curve_arms(["classic", "copy-paste+classic", "copy-paste+classic@people=0.5"])
    ('copy-paste+classic', {0.5: 'copy-paste+classic@people=0.5', 1.0: 'copy-paste+classic'})
    """
    curves: dict[str, dict[float, str]] = {}
    for name in arms:
        arm, is_ensemble = parse_row(name)
        modifiers = arm.modifiers
        is_share = modifiers.people < 1 and modifiers.crops is None and modifiers.hosts is None
        base = arm.with_modifiers(people=1.0).name
        if is_share and base in arms and not is_ensemble:
            curves.setdefault(base, {})[arm.modifiers.people] = name
    if not curves:
        return None
    base = STRONG_BASELINE if STRONG_BASELINE in curves else next(iter(curves))
    shares = curves[base] | {1.0: base}
    return base, dict(sorted(shares.items()))


def measure_learning_curve(
    tables: ScoreTables, metric: str, n_people: int, pairs: list[tuple[str, str]], unit: str = "subject"
) -> dict[str, Any] | None:
    """Measure how many points one doubling of the training people brings, and what differences are worth in people.

    Args:
        tables: the scores.
        metric: the metric.
        n_people: how many people all of the training data are from.
        pairs: the arms, each with the arm that it is compared with, whose differences are turned into people.
        unit: what each of the people is, such as ``subject`` or ``drive``.

    Returns:
        ``arm``; ``shares``, each with its number of people and mean; ``per_doubling``, the slope as a difference with
        its interval; ``is_shown``, whether the slope is more than chance: else nothing can be said of people; and
        ``worth``, see :func:`convert_to_people`. None where no arm was trained with a share of the people.
    """
    curve = find_curve_arms(list(tables.tables))
    if curve is None:
        return None
    base, shares = curve
    slopes = _fit_slopes({share: tables.tables[arm][metric] for share, arm in shares.items()})
    per_doubling = summarise_table(slopes, tables.folds)
    has_slope = is_shown(per_doubling)
    points = []
    for share, arm in shares.items():
        mean = compute_mean(tables.average_over_trainings(arm, metric))
        points.append({"share": share, "people": count_share(n_people, share), "arm": arm, "mean": mean})
    worth = []
    for arm, against in pairs:
        effect = tables.tables[arm][metric] - tables.tables[against][metric]
        people = convert_to_people(effect, slopes, tables.folds, n_people) if has_slope else None
        worth.append({"arm": arm, "against": against, "worth": people})
    return {
        "arm": base,
        "metric": metric,
        "people": n_people,
        "unit": unit,
        "shares": points,
        "per_doubling": per_doubling,
        "is_shown": has_slope,
        "worth": worth,
    }


def _fit_slopes(tables: dict[float, Table]) -> Table:
    """Fit a line over the doublings of people to every cell, by least squares: its slope, ``(trainings, people)``."""
    doublings = np.log2(np.array(list(tables)))
    centred = doublings - doublings.mean()
    weights = centred / (centred**2).sum()
    slopes: Table = np.zeros_like(next(iter(tables.values())))
    for weight, table in zip(weights, tables.values(), strict=True):
        slopes = slopes + weight * table
    return slopes


def convert_to_people(
    effect: Table, slopes: Table, folds: NDArray[np.int64] | None, n_people: int
) -> dict[str, Any] | None:
    """Convert a difference into the number of training people that would bring as much.

    The number of doublings is the ratio of the difference to the slope. Its interval holds every ratio r of which
    ``effect - r · slope`` may be zero (Fieller, Journal of the Royal Statistical Society B 16, 1954).

    Args:
        effect: ``(trainings, people)``, paired differences.
        slopes: ``(trainings, people)``, points that a doubling brings.
        folds: ``(trainings,)``, the fold of each.
        n_people: how many people all of the training data are from.

    Returns:
        ``doublings`` and ``more_people``, each with ``..._ci``; an end is None beyond :data:`MAX_DOUBLINGS`.
        ``is_extrapolated`` says that more than one doubling would be needed, which no arm has measured. None where a
        doubling brings nothing.
    """
    effect_mean, slope_mean = estimate_mean(effect, folds).mean, estimate_mean(slopes, folds).mean
    if effect_mean is None or slope_mean is None or slope_mean <= 0:
        return None
    ratio = effect_mean / slope_mean

    def compute_excess(doublings: float) -> float:
        p = estimate_mean(effect - doublings * slopes, folds).compute_p()
        return (0.0 if p is None else p) - ALPHA

    ends = [_find_end(compute_excess, ratio, direction) for direction in (-1.0, 1.0)]
    if abs(ratio) > MAX_DOUBLINGS:
        return None
    return {
        "doublings": round_or_none(ratio),
        "doublings_ci": [round_or_none(end) for end in ends],
        "more_people": round_or_none(_count_more_people(ratio, n_people)),
        "more_people_ci": [None if end is None else round_or_none(_count_more_people(end, n_people)) for end in ends],
        "is_extrapolated": ratio > 1,
    }


def _find_end(compute_excess: Callable[[float], float], ratio: float, direction: float) -> float | None:
    """Find where p falls to the level, going from the ratio in a direction; None beyond :data:`MAX_DOUBLINGS`."""
    inner, step = ratio, SEARCH_STEP
    while abs(inner) <= MAX_DOUBLINGS:
        outer = inner + direction * step
        if compute_excess(outer) < 0:
            return float(optimize.brentq(compute_excess, inner, outer, xtol=1e-4))
        inner, step = outer, 1.5 * step
    return None


def _count_more_people(doublings: float, n_people: int) -> float:
    return n_people * (2.0**doublings - 1)
