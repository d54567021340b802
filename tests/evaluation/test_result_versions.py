"""Results of earlier versions: their intervals are called what they are, and show nothing by themselves."""

from __future__ import annotations

from typing import Any

import pytest
from scipy import stats

from domaingan.evaluation.result_versions import OLD_RESULT_WARNING, combine_intervals, upgrade_result
from domaingan.metrics.verdict import decide_verdict

OLD: dict[str, Any] = {
    "arms": {
        "classic": {"dice": {"mean": 0.2, "ci": [0.1, 0.3], "values": [0.1, 0.3] * 4}},
        "gan": {"dice": {"mean": 0.4, "ci": [0.3, 0.5], "values": [0.3, 0.5] * 4}},
    },
    "differences": {"gan": {"dice": {"mean": 0.2, "ci": [0.1, 0.3], "p": 0.01, "n": 8}}},
    "to_rival": {"gan": {"dice": {"mean": 0.1, "ci": [0.05, 0.15], "crossed": [-0.1, 0.3], "p": 0.01, "n": 8}}},
    "per_seed": {"classic": {"dice": [0.1, 0.3]}, "gan": {"dice": [0.35, 0.45]}},
    "primary": {"arm": "gan", "against": "classic", "metric": "dice", "mean": 0.2, "ci": [0.1, 0.3], "p": 0.01, "n": 8},
    "verdict": "helps",
    "subjects": list("abcdefgh"),
    "reference": "classic",
}


def test_intervals_over_people_are_called_so_and_the_verdict_is_withdrawn() -> None:
    result = upgrade_result(OLD)
    primary = result["primary"]
    assert primary["ci_people"] == [0.1, 0.3] and primary["p"] is None and primary["n_trainings"] == 2
    assert primary["ci"][0] < 0.1 and primary["ci"][1] > 0.3
    assert result["verdict"] == decide_verdict(primary) == "cannot be shown"
    assert result["warnings"] == [OLD_RESULT_WARNING]
    assert result["versus_strong_baseline"]["gan"]["dice"]["ci"] == [-0.1, 0.3]
    assert result["versus_strong_baseline"]["gan"]["dice"]["ci_people"] == [0.05, 0.15]
    assert result["arms"]["classic"]["dice"]["ci_people"] == [0.1, 0.3]
    assert OLD["verdict"] == "helps"


def test_results_of_today_stay() -> None:
    today = OLD | {"format": 3}
    assert upgrade_result(today) is today


def test_a_worked_example_of_both_variances() -> None:
    """Four people with a standard error of 0.02, two trainings at 0.1 and 0.2: variances 0.0004 and 0.0025."""
    half = 0.02 * stats.t.ppf(0.975, 3)
    low, high = combine_intervals(0.15, [0.15 - half, 0.15 + half], 4, [0.1, 0.2])
    freedom = 0.0029**2 / (0.0004**2 / 3 + 0.0025**2)
    expected = 0.0029**0.5 * stats.t.ppf(0.975, freedom)
    assert [low, high] == pytest.approx([0.15 - expected, 0.15 + expected], abs=1e-5)
    assert combine_intervals(0.15, [0.1, 0.2], 4, [0.15]) == [None, None]
    assert combine_intervals(0.15, [None, None], 1, [0.1, 0.2]) == [None, None]
