"""The rule of every verdict: an interval, enough people, enough trainings, and p after correction."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaingan.metrics.multiple_comparisons import adjust_p_by_holm
from domaingan.metrics.verdict import MIN_PEOPLE, MIN_TRAININGS, can_be_shown, decide_verdict, is_shown

SHOWN: dict[str, Any] = {"mean": 0.2, "ci": [0.1, 0.3], "p": 0.049, "n": 6, "n_trainings": 5}


def test_a_difference_is_shown_by_p_and_interval_at_once() -> None:
    assert decide_verdict(SHOWN) == "helps" and decide_verdict(SHOWN, is_lower_better=True) == "hurts"
    assert decide_verdict(SHOWN | {"mean": -0.2, "ci": [-0.3, -0.1]}) == "hurts"
    for change in ({"p": 0.05}, {"ci": [0.0, 0.3]}, {"ci": [-0.3, 0.0]}):
        assert not is_shown(SHOWN | change) and decide_verdict(SHOWN | change) == "no difference"
    assert not is_shown(SHOWN, alpha=0.04)


@pytest.mark.parametrize("change", [{"n": 5}, {"n_trainings": 4}, {"ci": [None, None]}, {"p": None}])
def test_too_little_shows_nothing(change: dict[str, Any]) -> None:
    assert not can_be_shown(SHOWN | change) and decide_verdict(SHOWN | change) == "cannot be shown"
    assert (MIN_PEOPLE, MIN_TRAININGS) == (6, 5)


def test_models_that_were_trained_before_need_no_trainings() -> None:
    between_models = {key: value for key, value in SHOWN.items() if key != "n_trainings"}
    assert decide_verdict(between_models) == "helps"


def test_p_after_correction_decides() -> None:
    assert decide_verdict(SHOWN | {"p_holm": 0.06}) == "no difference"
    assert decide_verdict(SHOWN | {"p_holm": 0.049}) == "helps"


def test_of_an_arm_against_itself_nothing_is_shown() -> None:
    assert decide_verdict(SHOWN | {"is_repeat": True}) == "no difference"


def test_holm_of_a_worked_example() -> None:
    """Ordered 0.01, 0.02, 0.04 and 0.5: times 4, 3, 2 and 1, never below the one before; a missing one counts."""
    adjusted = adjust_p_by_holm({"a": 0.04, "b": 0.01, "c": 0.5, "d": 0.02})
    assert adjusted == pytest.approx({"a": 0.08, "b": 0.04, "c": 0.5, "d": 0.06})
    assert adjust_p_by_holm({"a": 0.03, "b": None}) == {"a": 0.06, "b": None}
    assert adjust_p_by_holm({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0} and adjust_p_by_holm({}) == {}


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1), min_size=1, max_size=8))
def test_correction_keeps_the_order_and_never_makes_p_smaller(p_values: dict[str, float | None]) -> None:
    adjusted = adjust_p_by_holm(p_values)
    for name, p in p_values.items():
        corrected = adjusted[name]
        assert p is not None and corrected is not None and p <= corrected <= 1
        for other, other_p in p_values.items():
            if other_p is not None and other_p < p:
                assert (adjusted[other] or 0) <= corrected
