"""Results that earlier versions wrote, with the keys of today."""

from __future__ import annotations

from typing import Any

OLD_RESULT_WARNING = (
    "this result was written when intervals were over people alone, which other trainings can turn around; "
    "run its command again with --resume, which keeps what is trained, to have them over people and trainings"
)


def upgrade_result(result: dict[str, Any]) -> dict[str, Any]:
    """Give a result of an earlier version the keys of today, as far as it holds what they need.

    The intervals of earlier versions were over people alone: they become ``ci_people``. Only differences to the strong
    baseline had an interval over people and trainings (``crossed``). The p values belonged to the intervals over people
    and are left out, so nothing is shown by such a result.

    Args:
        result: the content of ``result.json``; it is not changed.

    Returns:
        A result in the present format, with a warning if it was older.
    """
    if result.get("format", 1) >= 3 or "arms" not in result:
        return result
    n_trainings = _count_trainings(result)
    versus = result.get("versus_strong_baseline") or result.get("to_rival") or {}
    upgraded = result | {
        "differences": _upgrade_differences(result["differences"], n_trainings),
        "versus_strong_baseline": _upgrade_differences(versus, n_trainings),
        "verdict": "cannot be shown",
    }
    primary = result.get("primary")
    if primary is not None:
        upgraded["primary"] = _upgrade_difference(primary, n_trainings)
        upgraded["warnings"] = [*(result.get("warnings") or []), OLD_RESULT_WARNING]
    return upgraded


def _count_trainings(result: dict[str, Any]) -> int:
    """Count the trainings of each arm: one a seed, of which each fold tests other people."""
    rows = result.get("per_seed") or {}
    counts = [len(means) for row in rows.values() for means in row.values()]
    return max(counts, default=1)


def _upgrade_differences(differences: dict[str, Any], n_trainings: int) -> dict[str, Any]:
    upgraded: dict[str, Any] = {}
    for arm, row in differences.items():
        upgraded[arm] = {metric: _upgrade_difference(difference, n_trainings) for metric, difference in row.items()}
    return upgraded


def _upgrade_difference(difference: dict[str, Any], n_trainings: int) -> dict[str, Any]:
    return difference | {
        "ci": difference.get("crossed") or [None, None],
        "ci_people": difference["ci"],
        "p": None,
        "n_trainings": n_trainings,
    }
