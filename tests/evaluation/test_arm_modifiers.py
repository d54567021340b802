"""Modifiers of arms: typed, with one spelling, refused where they are nonsense."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaingan.core.errors import DataError
from domaingan.evaluation.arm_modifiers import REPEAT_SEED_SHIFT, ArmModifiers
from domaingan.evaluation.arms import Arm, parse_arms

PASTE = "copy-paste+classic"


def test_modifiers_are_typed() -> None:
    modifiers = Arm.parse(f"{PASTE}@ratio=1@per-image=1-5@crops=0.5@hosts=.25@people=0.75@repeat=2").modifiers
    assert modifiers == ArmModifiers(1.0, (1, 5), 0.5, 0.25, 0.75, 2)
    assert modifiers.seed_shift == 2 * REPEAT_SEED_SHIFT == 200_000


def test_shares_of_crops_and_hosts_follow_that_of_people() -> None:
    half = Arm.parse(f"{PASTE}@people=0.5").modifiers
    assert (half.crop_share, half.host_share) == (0.5, 0.5)
    crops = Arm.parse(f"{PASTE}@people=0.5@crops=1").modifiers
    assert (crops.crop_share, crops.host_share, crops.people) == (1, 0.5, 0.5)
    assert Arm.parse(f"{PASTE}@crops=1@people=0.5").with_modifiers(people=1.0) == Arm.parse(PASTE)
    default = ArmModifiers()
    assert (default.ratio, default.per_image, default.crop_share, default.host_share) == (0.5, (1, 3), 1, 1)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (f"{PASTE}@people=0.50@ratio=1.0", f"{PASTE}@ratio=1@people=0.5"),
        (f"{PASTE}@ratio=0.5@per-image=1-3@crops=1@hosts=1@people=1@repeat=0", PASTE),
        (f"{PASTE}@per-image=2-2", f"{PASTE}@per-image=2"),
        (f"{PASTE}@people=0.5@crops=.5@hosts=1", f"{PASTE}@hosts=1@people=0.5"),
        ("classic@repeat=01", "classic@repeat=1"),
        ("none@people=0.3333333333", "none@people=0.333333"),
    ],
)
def test_an_arm_has_one_spelling(written: str, name: str) -> None:
    arm = Arm.parse(written)
    assert arm.name == name and Arm.parse(name) == arm and arm.base_name == written.partition("@")[0]


@given(
    ratio=st.floats(0, 1),
    low=st.integers(1, 50),
    more=st.integers(0, 50),
    share=st.floats(0.01, 1),
    repeat=st.integers(0, 99),
)
def test_the_name_says_everything_and_can_name_a_file(
    ratio: float, low: int, more: int, share: float, repeat: int
) -> None:
    written = f"{PASTE}@repeat={repeat}@crops={share:.4f}@ratio={ratio:.4f}@per-image={low}-{low + more}"
    arm = Arm.parse(written)
    assert Arm.parse(arm.name) == arm
    assert re.fullmatch(r"[A-Za-z0-9@=+.-]+", arm.name)


@pytest.mark.parametrize(
    "name",
    [
        *(f"{PASTE}@", f"{PASTE}@ratio", f"{PASTE}@ratio=", f"{PASTE}@ratios=1", f"{PASTE}@ratio=1@ratio=1"),
        *(f"{PASTE}@ratio=1.1", f"{PASTE}@ratio=-1", f"{PASTE}@ratio=nan", f"{PASTE}@ratio=1e-3"),
        *(f"{PASTE}@people=0", f"{PASTE}@crops=0", f"{PASTE}@hosts=2", f"{PASTE}@people=half"),
        *(f"{PASTE}@per-image=0", f"{PASTE}@per-image=3-1", f"{PASTE}@per-image=1-", f"{PASTE}@per-image=1-101"),
        *(f"{PASTE}@repeat=-1", f"{PASTE}@repeat=1.5", f"{PASTE}@ensemble", f"{PASTE}@ensemble=1"),
        *("classic@ratio=1", "relight@crops=0.5", "none@hosts=0.5", "weather@per-image=2"),
    ],
)
def test_nonsense_is_refused(name: str) -> None:
    with pytest.raises(DataError):
        Arm.parse(name)


def test_the_same_arm_in_two_spellings_is_refused() -> None:
    for names in (
        [f"{PASTE}@ratio=1", f"{PASTE}@ratio=1.0"],
        [PASTE, "classic+copy-paste"],
        [PASTE, f"{PASTE}@ratio=0.5"],
    ):
        with pytest.raises(DataError, match="are the same"):
            parse_arms(names)
    assert len(parse_arms([PASTE, f"{PASTE}@repeat=1", f"{PASTE}@people=0.5"])) == 3


def test_banks_are_shared_by_arms_that_see_the_same_people() -> None:
    arm = Arm.parse("copy-paste+refine+relight@people=0.5@hosts=1@ratio=1")
    assert arm.name_bank("copy-paste") == "copy-paste@crops=0.5"
    assert arm.name_bank("refine") == "refine@crops=0.5"
    assert arm.name_bank("relight") == "relight@people=0.5"
    assert Arm.parse("gan+classic@ratio=1@repeat=1").name_bank("gan") == "gan"
    assert Arm.parse("refine@hosts=0.5").name_bank("refine") == "refine@hosts=0.5"
