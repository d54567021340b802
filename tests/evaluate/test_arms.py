"""Arms: parsed by name, refused by name."""

from __future__ import annotations

import pytest

from domaingan.errors import DataError
from domaingan.evaluate.arms import Arm, parse_arms


def test_sums_are_parsed() -> None:
    arm = Arm.parse("gan+copy-paste+classic")
    assert arm.sources == ("gan", "copy-paste") and arm.classic
    assert Arm.parse("none") == Arm("none", (), False)


@pytest.mark.parametrize("name", ["", "gann", "gan+", "none+classic", "classic+classic", "gan++classic"])
def test_nonsense_is_refused(name: str) -> None:
    with pytest.raises(DataError):
        Arm.parse(name)


def test_each_arm_once() -> None:
    assert [arm.name for arm in parse_arms("none, classic")] == ["none", "classic"]
    for names in ("classic,classic", ""):
        with pytest.raises(DataError):
            parse_arms(names)
