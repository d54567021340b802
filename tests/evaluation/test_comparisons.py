"""Which arm a repeat repeats, with and without the scores of its ensemble."""

from __future__ import annotations

import pytest

from domaingan.evaluation.comparisons import name_repeated_arm


@pytest.mark.parametrize(
    ("arm", "repeated"),
    [
        ("classic", None),
        ("copy-paste+classic@ratio=1", None),
        ("copy-paste+classic@ensemble", None),
        ("classic@repeat=1", "classic"),
        ("copy-paste+classic@ratio=1@repeat=2", "copy-paste+classic@ratio=1"),
        ("copy-paste+classic@repeat=1@ensemble", "copy-paste+classic@ensemble"),
    ],
)
def test_an_arm_that_is_no_repeat_repeats_none(arm: str, repeated: str | None) -> None:
    found = name_repeated_arm(arm)
    assert found == repeated and (found is None) is (repeated is None)
