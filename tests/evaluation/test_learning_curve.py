"""Learning curves: the slope of a doubling, and differences in people."""

from __future__ import annotations

import numpy as np
import pytest

from domaingan.evaluation.learning_curve import convert_to_people, find_curve_arms, measure_learning_curve
from domaingan.evaluation.score_tables import ScoreTables, Table

PASTE = "copy-paste+classic"


def make_table(mean: float, seed: int, spread: float = 0.01) -> Table:
    table: Table = mean + np.random.default_rng(seed).normal(0, spread, (6, 8))
    return table


def make_tables(slope: float, gain: float, spread: float = 0.01) -> ScoreTables:
    """Make scores in which a doubling of the people brings ``slope``, and an arm ``gain`` over copy-paste."""
    means = {
        "classic": 0.2,
        PASTE: 0.3,
        f"{PASTE}@people=0.5": 0.3 - slope,
        f"{PASTE}@people=0.25": 0.3 - 2 * slope,
        "gan+classic": 0.3 + gain,
    }
    tables = {arm: {"dice:a": make_table(mean, i, spread)} for i, (arm, mean) in enumerate(means.items())}
    return ScoreTables([(0, seed) for seed in range(6)], [f"s{i}" for i in range(8)], ["dice:a"], tables)


def test_a_gain_of_one_doubling_is_worth_as_many_people_again() -> None:
    curve = measure_learning_curve(make_tables(0.05, 0.05), "dice:a", 20, [("gan+classic", PASTE)])
    assert curve is not None and curve["is_shown"]
    assert [point["people"] for point in curve["shares"]] == [5, 10, 20]
    assert curve["per_doubling"]["mean"] == pytest.approx(0.05, abs=0.005)
    (row,) = curve["worth"]
    worth = row["worth"]
    assert worth["doublings"] == pytest.approx(1, abs=0.1)
    assert worth["more_people"] == pytest.approx(20 * (2 ** worth["doublings"] - 1), abs=1e-3)
    low, high = worth["more_people_ci"]
    assert 10 < low < worth["more_people"] < high < 35


def test_only_shares_of_labelled_people_are_on_the_curve() -> None:
    half = f"{PASTE}@people=0.5"
    others = [f"{PASTE}@crops=1@people=0.5", f"{PASTE}@crops=1@hosts=1@people=0.5", f"{half}@ensemble"]
    for arms in ([PASTE, half, *others], [*others, half, PASTE]):
        assert find_curve_arms(arms) == (PASTE, {0.5: half, 1.0: PASTE})
    assert find_curve_arms([PASTE, *others]) is None


def test_nothing_is_said_of_people_where_the_slope_is_not_shown() -> None:
    curve = measure_learning_curve(make_tables(0.0, 0.05), "dice:a", 20, [("gan+classic", PASTE)])
    assert curve is not None and not curve["is_shown"]
    assert curve["worth"] == [{"arm": "gan+classic", "against": PASTE, "worth": None}]


def test_a_loss_is_worth_fewer_people_and_a_far_gain_has_no_end() -> None:
    folds = np.zeros(6, dtype=int)
    slopes = make_table(0.05, 1)
    loss = convert_to_people(make_table(-0.05, 2), slopes, folds, 20)
    assert loss is not None and loss["more_people"] == pytest.approx(-10, abs=2) and not loss["is_extrapolated"]
    far = convert_to_people(make_table(0.19, 3), slopes, folds, 20)
    assert far is not None and far["is_extrapolated"] and far["more_people_ci"][1] is None
    assert convert_to_people(make_table(0.5, 3), slopes, folds, 20) is None
    assert convert_to_people(slopes, -slopes, folds, 20) is None


def test_the_curve_of_pasting_is_preferred_and_none_is_needed() -> None:
    arms = ["classic", "classic@people=0.5", PASTE, f"{PASTE}@people=0.5"]
    assert find_curve_arms(arms) == (PASTE, {0.5: f"{PASTE}@people=0.5", 1.0: PASTE})
    assert find_curve_arms(arms[:2]) == ("classic", {0.5: "classic@people=0.5", 1.0: "classic"})
    assert find_curve_arms(["classic", f"{PASTE}@people=0.5"]) is None
