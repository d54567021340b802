"""Who is shown in the report: the best, the median and the worst person, each with a usual training."""

from __future__ import annotations

from typing import Any

import pytest

from domaingan.evaluation.person_pictures import ShownPerson, choose_people


def make_result(metric: str = "dice:a", **primary: Any) -> dict[str, Any]:
    return {
        "primary": {"metric": metric, "arm": "gan", "against": "classic", "mean": 0.1, **primary},
        "subjects": ["p", "q", "r", "s"],
        "trainings": [{"fold": 0, "seed": 0}, {"fold": 0, "seed": 1}],
        "scores": {
            "classic": {metric: [[0.5, 0.5, 0.5, None], [0.5, 0.5, 0.5, None]]},
            "gan": {metric: [[0.4, 0.9, 0.5, 0.5], [0.2, 0.6, 0.7, 0.5]]},
        },
    }


def test_the_training_nearest_to_the_mean_is_shown() -> None:
    people = choose_people(make_result())
    assert [(one.role, one.subject) for one in people] == [("best", "q"), ("median", "r"), ("worst", "p")]
    best = people[0]
    assert best.mean == pytest.approx(0.25) and (best.fold, best.seed) == (0, 0) and best.shown == pytest.approx(0.4)


def test_where_lower_is_better_the_best_has_the_lowest() -> None:
    assert choose_people(make_result("hd95:a"))[0].subject == "p"


def test_of_two_people_none_is_in_the_middle() -> None:
    result = make_result()
    for arm in ("classic", "gan"):
        result["scores"][arm]["dice:a"] = [[*row[:2], None, None] for row in result["scores"][arm]["dice:a"]]
    assert [(one.role, one.subject) for one in choose_people(result)] == [("best", "q"), ("worst", "p")]


def test_nobody_is_shown_without_a_comparison_and_nobody_twice() -> None:
    assert choose_people({"primary": None}) == []
    assert choose_people(make_result(mean=None)) == []
    result = make_result()
    for arm in ("classic", "gan"):
        result["scores"][arm]["dice:a"] = [[0.5, None, None, None], [0.4, None, None, None]]
    assert choose_people(result) == [ShownPerson("p", "best", 0.0, 0, 0, 0.0)]
