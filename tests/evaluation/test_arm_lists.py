"""Which arms are compared: named ones, usual ones, and those that a question needs."""

from __future__ import annotations

import pytest

from domaingan.core.errors import DataError
from domaingan.evaluation.arm_lists import ArmQuestions, choose_arms, choose_repeated_arm, sweep_arms
from domaingan.evaluation.arms import parse_arms

PASTE = "copy-paste+classic"


def list_names(names: str | None, **questions: object) -> list[str]:
    return [arm.name for arm in choose_arms(names, ArmQuestions(**questions))]  # type: ignore[arg-type]


def test_usual_arms() -> None:
    assert list_names(None) == ["classic", PASTE, "refine+classic"]
    assert list_names(None, sweep=("ratio=1",)) == ["classic", PASTE, f"{PASTE}@ratio=1"]
    assert list_names("none", aa=True) == ["none", "none@repeat=1"]


def test_headroom_needs_no_generator() -> None:
    arms = [PASTE, f"{PASTE}@people=0.5", f"{PASTE}@crops=1@people=0.5", f"{PASTE}@crops=1@hosts=1@people=0.5"]
    assert list_names(None, headroom=True) == arms
    assert [arm.name for arm in choose_arms(None, ArmQuestions(headroom=True), task="detection")] == arms[:3]
    assert list_names("classic,gan+classic", headroom=True) == ["classic", "gan+classic", *arms]


def test_a_question_adds_what_is_not_there() -> None:
    assert list_names(f"classic,{PASTE}", curve=True, aa=True) == [
        *("classic", PASTE, f"{PASTE}@people=0.5", f"{PASTE}@repeat=1"),
    ]
    assert list_names(f"{PASTE}@people=.5", curve=True) == [f"{PASTE}@people=0.5", PASTE]


def test_a_sweep_makes_each_value_of_every_arm_that_can_have_it() -> None:
    swept = list_names(f"classic,{PASTE},deform-paste", sweep=("ratio=0,0.5,1", "per-image=1-5"))
    assert swept == [
        *("classic", PASTE, "deform-paste", f"{PASTE}@ratio=0", f"{PASTE}@ratio=1"),
        *("deform-paste@ratio=0", "deform-paste@ratio=1", f"{PASTE}@per-image=1-5", "deform-paste@per-image=1-5"),
    ]
    people = sweep_arms(parse_arms("classic"), "people=0.25,0.5")
    assert [arm.name for arm in people] == ["classic@people=0.25", "classic@people=0.5"]


@pytest.mark.parametrize("text", ["ratio", "ratio=", "ratios=1", "ratio=2", "ratio=0;1"])
def test_a_sweep_of_nonsense_is_refused(text: str) -> None:
    with pytest.raises(DataError):
        list_names(PASTE, sweep=(text,))


def test_a_sweep_that_changes_no_arm_is_refused() -> None:
    with pytest.raises(DataError, match="sweep of ratio, which changes none of classic"):
        list_names("classic", sweep=("ratio=1",))


def test_pasting_is_what_is_repeated() -> None:
    assert choose_repeated_arm(parse_arms(f"{PASTE},gan+classic,classic")).name == PASTE
    assert choose_repeated_arm(parse_arms("classic,gan,deform-paste,none")).name == "deform-paste"
