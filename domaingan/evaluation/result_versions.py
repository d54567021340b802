"""Results that earlier versions wrote, with the keys of today."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from domaingan.evaluation.comparisons import round_estimate
from domaingan.metrics.crossed_intervals import LEVEL, MeanEstimate

OLD_RESULT_WARNING = (
    "this result was written when p and the verdict were over people alone, which other trainings can turn around: "
    "a verdict needs a new run"
)

Means = Sequence[float | None]


def upgrade_result(result: dict[str, Any]) -> dict[str, Any]:
    """Give a result of an earlier version the keys of today, as far as it holds what they need.

    The intervals of earlier versions were over people alone: they become ``ci_people``. One over people and trainings
    is made of them and of the means of the seeds, see :func:`combine_intervals`. The p values belonged to the intervals
    over people and are left out, so that nothing is shown by such a result.

    Args:
        result: the content of ``result.json``; it is not changed.

    Returns:
        A result in the present format, with a warning if it was older.
    """
    if result.get("format", 1) >= 3 or "arms" not in result:
        return result
    per_seed = result.get("per_seed") or {}
    n_trainings = _count_trainings(per_seed)
    reference = per_seed.get(result.get("reference", "classic")) or {}
    differences: dict[str, Any] = {}
    for arm, row in result["differences"].items():
        differences[arm] = {}
        for metric, difference in row.items():
            means = _subtract(per_seed.get(arm, {}).get(metric), reference.get(metric))
            differences[arm][metric] = _upgrade_difference(difference, means, n_trainings)
    versus: dict[str, Any] = {}
    for arm, row in (result.get("versus_strong_baseline") or result.get("to_rival") or {}).items():
        versus[arm] = {}
        for metric, difference in row.items():
            upgraded_difference = _upgrade_difference(difference, difference.get("per_seed") or [], n_trainings)
            versus[arm][metric] = upgraded_difference | {"ci": difference.get("crossed") or [None, None]}
    upgraded = result | {
        "arms": _upgrade_arms(result["arms"], per_seed),
        "differences": differences,
        "versus_strong_baseline": versus,
        "verdict": "cannot be shown",
    }
    primary = result.get("primary")
    if primary is not None:
        upgraded["primary"] = primary | differences[primary["arm"]][primary["metric"]]
        upgraded["warnings"] = [*(result.get("warnings") or []), OLD_RESULT_WARNING]
    return upgraded


def combine_intervals(mean: float | None, ci_people: Means, n: int, means: Means) -> list[float | None]:
    """Combine an interval over people with the means of several trainings.

    The variance is the sum of both, each of which holds the rest: the interval is no narrower than that from all
    scores.

    Args:
        mean: the mean.
        ci_people: its 95 % interval over people.
        n: number of people.
        means: the mean of each training.

    Returns:
        Both ends; None without an interval over people or with fewer than two trainings.
    """
    known = np.array([value for value in means if value is not None], dtype=float)
    low, high = ci_people
    if mean is None or low is None or high is None or n < 2 or len(known) < 2:
        return [None, None]
    of_people = ((high - low) / 2 / float(stats.t.ppf(0.5 + LEVEL / 2, n - 1))) ** 2
    of_trainings = float(known.var(ddof=1)) / len(known)
    variance = of_people + of_trainings
    spread = of_people**2 / (n - 1) + of_trainings**2 / (len(known) - 1)
    freedom = variance**2 / spread if spread > 0 else 1.0
    ends: list[float | None] = round_estimate(MeanEstimate(mean, variance**0.5, freedom, n, len(known)))["ci"]
    return ends


def _count_trainings(per_seed: dict[str, Any]) -> int:
    """Count the trainings of each arm: one a seed, of which each fold tests other people."""
    counts = [len(means) for row in per_seed.values() for means in row.values()]
    return max(counts, default=1)


def _subtract(means: Means | None, reference: Means | None) -> Means:
    """Subtract the means of the reference's trainings from those of an arm's."""
    differences: list[float | None] = []
    for mean, other in zip(means or [], reference or [], strict=False):
        differences.append(None if mean is None or other is None else mean - other)
    return differences


def _upgrade_difference(difference: dict[str, Any], means: Means, n_trainings: int) -> dict[str, Any]:
    ends = combine_intervals(difference["mean"], difference["ci"], difference.get("n") or 0, means)
    return difference | {"ci": ends, "ci_people": difference["ci"], "p": None, "n_trainings": n_trainings}


def _upgrade_arms(arms: dict[str, Any], per_seed: dict[str, Any]) -> dict[str, Any]:
    upgraded: dict[str, Any] = {}
    for arm, row in arms.items():
        upgraded[arm] = {}
        for metric, score in row.items():
            n = sum(value is not None for value in score.get("values") or [])
            ends = combine_intervals(score["mean"], score["ci"], n, per_seed.get(arm, {}).get(metric) or [])
            upgraded[arm][metric] = score | {"ci": ends, "ci_people": score["ci"]}
    return upgraded
