"""What a difference means for people: the sentences of rare branches."""

from __future__ import annotations

from typing import Any

import pytest

from domaingan.report.effect_phrases import describe_people, describe_worth
from domaingan.report.first_lines import list_first_lines

PRIMARY: dict[str, Any] = {"arm": "gan", "against": "classic", "metric": "dice:a", "mean": 0.1}
WORTH: dict[str, Any] = {"more_people": 12.0, "more_people_ci": [3.0, 30.0], "is_extrapolated": False}


def make_result(worth: dict[str, Any] | None, *, is_shown: bool = True) -> dict[str, Any]:
    row = {"arm": "gan", "against": "classic", "worth": worth}
    curve = {"arm": "classic", "people": 20, "is_shown": is_shown, "worth": [row]}
    return {"primary": PRIMARY, "learning_curve": curve}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({}, "12 more training subjects than the 20 there are (3 to 30)."),
        (
            {"more_people": -5.0, "more_people_ci": [-8.0, -1.0]},
            "5 fewer training subjects than the 20 there are (-8 to",
        ),
        ({"more_people_ci": [None, 30.0]}, "(with no lower end)."),
        ({"is_extrapolated": True}, "(3 to 30, which goes beyond what was measured)."),
    ],
)
def test_what_a_difference_is_worth(change: dict[str, Any], text: str) -> None:
    assert text in describe_worth(make_result(WORTH | change))


def test_a_flat_curve_says_nothing_of_people() -> None:
    assert "nothing can be said of how many" in describe_worth(make_result(None, is_shown=False))
    assert describe_worth(make_result(None)) == ""


def test_nobody_loses() -> None:
    people: dict[str, Any] = {"threshold": 0.03, "losing": 0.0, "losing_by_chance": None}
    people |= {"worst": {"subject": "s3", "mean": 0.02}, "best": {"subject": "s7", "mean": 0.4}}
    people["without_best"] = {"mean": 0.05, "ci": [None, None]}
    assert describe_people(PRIMARY | {"people": people}) == [
        "0.0 % of the people lose more than 3.0 points; s3 gains least: +2.0 points.",
        "Without s7, who gains most, the difference is +5.0 points.",
    ]


def test_without_a_comparison_nothing_is_said() -> None:
    assert list_first_lines({}, None) == []
    assert list_first_lines({}, PRIMARY | {"mean": None}) == []


def test_what_was_not_measured_is_named() -> None:
    primary = PRIMARY | {"ci": [0.05, 0.15], "p": 0.01, "n": 8, "n_trainings": 6, "smallest_effect": 0.04}
    lines = dict(list_first_lines({"format": 3, "primary": primary}, primary))
    assert list(lines) == ["Difference", "How sure", "Measured on", "Could have shown", "Worth in people"]
    assert lines["Difference"] == "+10.0 points (Dice, a, gan minus classic)"
    assert lines["Worth in people"].startswith("Not measured")
