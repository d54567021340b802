"""The forest plot: where dots lie, what they look like, and that nothing covers anything."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaingan.report.forest_figure import DOT_RADIUS, WIDTH, ForestRow, choose_ticks, draw_forest, spread_dots

PEOPLE = [("a", -5.0), ("b", 1.0), ("c", 9.0)]


def draw(row: ForestRow, *, is_lower_better: bool = False) -> str:
    drawn = draw_forest([row], title="t", unit="points", threshold=3.0, is_lower_better=is_lower_better)
    assert drawn is not None
    return str(drawn)


def test_every_person_is_a_dot_with_a_name() -> None:
    drawn = draw(ForestRow("gan", "+1.7", 1.7, (-2.0, 5.0), "chance", PEOPLE))
    assert re.findall(r'<circle class="(\w+)"', drawn) == ["loss", "even", "gain"]
    assert "<title>a: −5</title>" in drawn and 'class="interval chance"' in drawn
    reverse = draw(ForestRow("gan", "+1.7", 1.7, (-2.0, 5.0), "chance", PEOPLE), is_lower_better=True)
    assert re.findall(r'<circle class="(\w+)"', reverse) == ["gain", "even", "loss"]
    assert "← better" in reverse


def test_everything_lies_inside() -> None:
    drawn = draw(ForestRow("gan", "", 90.0, (-99.0, 99.0), "few", [("a", 100.0), ("b", -100.0)]))
    for x in map(float, re.findall(r'(?:cx|x1|x2)="([-\d.]+)"', drawn)):
        assert 0 <= x <= WIDTH


def test_a_long_name_has_a_line_of_its_own() -> None:
    heights = []
    for name in ("gan", "copy-paste+classic@ratio=1@per-image=1-5@people=0.5"):
        drawn = draw(ForestRow(name, "+1.7 (−2.0 to +5.0)", 1.7, None, "few", PEOPLE))
        heights.append(re.findall(r'<text class="(?:name|few)" x="[\d.]+" y="([\d.]+)"', drawn))
    assert heights[0][0] == heights[0][1] and float(heights[1][1]) > float(heights[1][0]) + 10


def test_names_are_escaped() -> None:
    drawn = draw(ForestRow("<b>", "", 1.0, None, "few", [("<i>", 1.0)]))
    assert "<b>" not in drawn and "<i>" not in drawn


def test_without_differences_there_is_no_plot() -> None:
    assert draw_forest([], title="t", unit="points", threshold=3.0) is None
    equal = ForestRow("gan", "0.0", 0.0, None, "few", [("a", 0.0)])
    assert draw_forest([equal], title="t", unit="points", threshold=3.0) is None


@given(st.lists(st.floats(0, 400), max_size=8))
def test_few_dots_do_not_cover_each_other(positions: list[float]) -> None:
    dots = list(zip(positions, spread_dots(positions), strict=True))
    for index, (x, y) in enumerate(dots[:4]):
        for other_x, other_y in dots[index + 1 : 4]:
            if len(positions) <= 4:
                assert abs(x - other_x) >= 2 * DOT_RADIUS or abs(y - other_y) >= 2 * DOT_RADIUS - 0.1


@given(st.floats(-1000, 0), st.floats(0.01, 1000))
def test_ticks_are_few_and_inside(low: float, high: float) -> None:
    ticks = choose_ticks(low, high)
    assert 1 <= len(ticks) <= 8 and 0 in ticks
    assert all(low - 1e-6 <= tick <= high + 1e-6 for tick in ticks)


@pytest.mark.parametrize(("low", "high", "ticks"), [(-0.5, 1.5, [-0.5, 0.0, 0.5, 1.0, 1.5]), (0.0, 6.0, [*range(7)])])
def test_ticks_are_round(low: float, high: float, ticks: list[float]) -> None:
    assert choose_ticks(low, high) == ticks
