"""Arms: parsed by name, refused by name."""

from __future__ import annotations

import pytest

from domaingan.core.errors import DataError
from domaingan.evaluation.arms import Arm, parse_arms


def test_sums_are_parsed() -> None:
    arm = Arm.parse("gan+copy-paste+classic")
    assert arm.paste_sources == ("gan", "copy-paste") and arm.has_classic
    assert Arm.parse("none") == Arm("none")


def test_the_order_of_a_sum_does_not_matter() -> None:
    first, second = Arm.parse("relight+copy-paste+weather+classic"), Arm.parse("classic+weather+copy-paste+relight")
    assert (first.paste_sources, first.relight_sources, first.has_weather) == (
        second.paste_sources,
        second.relight_sources,
        second.has_weather,
    )
    assert first.relight_sources == ("relight",) and first.has_gan
    assert not Arm.parse("reference-relight+copy-paste").has_gan


@pytest.mark.parametrize("name", ["", "gann", "gan+", "none+classic", "classic+classic", "gan++classic"])
def test_nonsense_is_refused(name: str) -> None:
    with pytest.raises(DataError):
        Arm.parse(name)


def test_each_arm_once() -> None:
    assert [arm.name for arm in parse_arms("none, classic")] == ["none", "classic"]
    for names in ("classic,classic", ""):
        with pytest.raises(DataError):
            parse_arms(names)
