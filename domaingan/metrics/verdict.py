"""What a paired difference shows: the one rule of every verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from domaingan.metrics.statistics import ALPHA, can_be_significant

MIN_TRAININGS = 5
"""With fewer trainings of an arm nothing can be shown: how far trainings differ is then hardly known, and in simulated
studies without any effect intervals miss more often than they should (benchmarks/results/null-studies.md)."""

MIN_PEOPLE = 6
"""With fewer people nothing can be shown: not even if all of them gained is p below 0.05 (1/2^5)."""

Verdict = Literal["helps", "hurts", "no difference", "cannot be shown"]


def has_enough_people(difference: Mapping[str, Any]) -> bool:
    """Return whether a difference was measured on enough people to show anything."""
    return can_be_significant(difference["n"])


def has_enough_trainings(difference: Mapping[str, Any]) -> bool:
    """Return whether a difference was measured with enough trainings to show anything.

    A difference between models that were trained before has no ``n_trainings``: it is about these models alone.
    """
    n_trainings = difference.get("n_trainings")
    return n_trainings is None or n_trainings >= MIN_TRAININGS


def can_be_shown(difference: Mapping[str, Any]) -> bool:
    """Return whether a difference could show anything: an interval, enough people and enough trainings."""
    if difference["ci"][0] is None or difference.get("p") is None:
        return False
    return has_enough_people(difference) and has_enough_trainings(difference)


def is_shown(difference: Mapping[str, Any], alpha: float = ALPHA) -> bool:
    """Return whether a paired difference is more than chance.

    Args:
        difference: ``{"ci": [low, high], "p", "n"}``; ``n_trainings`` of a difference between trainings; ``p_holm``
            of a declared comparison, which then decides in place of ``p``; ``is_repeat`` of an arm that is compared
            with itself, of which nothing is ever shown.
        alpha: level of significance.
    """
    if difference.get("is_repeat") or not can_be_shown(difference):
        return False
    low, high = difference["ci"]
    p = difference["p"]
    if difference.get("p_holm") is not None:
        p = difference["p_holm"]
    return bool(p < alpha and (low > 0 or high < 0))


def decide_verdict(difference: Mapping[str, Any], alpha: float = ALPHA, *, is_lower_better: bool = False) -> Verdict:
    """Decide what a paired difference shows, in one word.

    Args:
        difference: see :func:`is_shown`; with its ``mean``.
        alpha: level of significance.
        is_lower_better: whether less of the metric is better.

    Returns:
        ``cannot be shown`` where there are too few people or trainings; ``helps`` or ``hurts`` where the difference is
        more than chance; else ``no difference``: none was shown.
    """
    if not can_be_shown(difference):
        return "cannot be shown"
    if not is_shown(difference, alpha):
        return "no difference"
    return "helps" if (difference["mean"] > 0) != is_lower_better else "hurts"
