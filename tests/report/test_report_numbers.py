"""Worked examples of the report's tables: which mean is best, which metrics a figure shows, how seeds are numbered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domaingan.data import FRAME, SCAN
from domaingan.report import evaluation_tables, frame_sheet, gallery, robustness_page, svg_figures
from domaingan.report.comparison_page import build_comparison_page
from domaingan.report.number_formats import format_p
from domaingan.report.phrases import list_settings, state_p
from domaingan.report.verdict_phrases import describe_verdict, mark_difference

CERTAIN: dict[str, Any] = {"mean": 0.1, "ci": [0.05, 0.15], "p": 0.01, "n": 8}


def make_score(mean: float) -> dict[str, Any]:
    return {"mean": mean, "ci": [mean - 0.1, mean + 0.1]}


def test_the_best_mean_is_the_highest_but_of_false_alarms_the_lowest() -> None:
    arms = {
        "classic": {"dice:lesion": make_score(0.5), "false:lesion": make_score(0.5)},
        "gan": {"dice:lesion": make_score(0.6), "false:lesion": make_score(0.6)},
    }
    table = evaluation_tables.build_score_table(arms, ["dice:lesion", "false:lesion"])
    is_best = {arm: [best for _, _, best in cells] for arm, cells in table["rows"]}
    assert is_best == {"classic": [False, True], "gan": [True, False]}


def test_more_false_alarms_are_worse() -> None:
    assert mark_difference("false:lesion", CERTAIN).kind == "worse"
    assert mark_difference("dice:lesion", CERTAIN).kind == "better"


def test_equal_means_have_no_best() -> None:
    arms = {"classic": {"dice": make_score(0.5)}, "gan": {"dice": make_score(0.5)}}
    table = evaluation_tables.build_score_table(arms, ["dice"])
    assert not any(best for _, cells in table["rows"] for _, _, best in cells)


def test_seeds_are_numbered_from_the_first() -> None:
    result = {"per_seed": {"classic": {"dice": [0.5, 0.6]}, "gan": {"dice": [0.7, 0.8]}}}
    table = evaluation_tables.build_seed_table(result, {"metric": "dice"}, 40)
    assert table is not None
    assert table["seeds"] == [40, 41]
    assert table["rows"] == [("classic", ["50.0", "60.0"]), ("gan", ["70.0", "80.0"])]


def test_subjects_that_score_higher_are_counted() -> None:
    arms = {
        "classic": {"dice": {"values": [0.5, 0.5, 0.5, None]}},
        "gan": {"dice": {"values": [0.6, 0.7, 0.4, 0.9]}},
    }
    result = {"arms": arms, "subjects": ["a", "b", "c", "d"]}
    table = evaluation_tables.build_subject_table(result, {"against": "classic", "arm": "gan", "metric": "dice"})
    assert table is not None
    assert (table["better"], table["left_out"]) == (2, 1)
    assert table["rows"][2] == ("c", "50.0", "40.0", "−10.0")


@pytest.mark.parametrize(("p", "text"), [(0.0009, "below 0.001"), (0.001, "0.001"), (0.012, "0.012")])
def test_small_p_values_are_not_written_out(p: float, text: str) -> None:
    assert format_p(p) == text
    assert state_p(p) == (f"p {text}" if "below" in text else f"p = {text}")


def test_lines_are_green_where_the_second_arm_is_better() -> None:
    better = str(svg_figures.draw_subjects(["a"], [0.4], [0.6], ("classic", "gan")))
    worse = str(svg_figures.draw_subjects(["a"], [0.6], [0.4], ("classic", "gan")))
    assert svg_figures.BETTER_COLOUR in better
    assert svg_figures.WORSE_COLOUR not in better
    assert svg_figures.WORSE_COLOUR in worse
    assert svg_figures.BETTER_COLOUR not in worse


@pytest.mark.parametrize(("count", "has_names"), [(40, True), (41, False)])
def test_more_than_forty_subjects_are_not_named(count: int, has_names: bool) -> None:
    names = [f"subject_{number}" for number in range(count)]
    figure = str(svg_figures.draw_subjects(names, [0.4] * count, [0.6] * count, ("classic", "gan")))
    assert ("subject_7<" in figure) == has_names


def test_two_channels_of_a_scan_are_shown_and_three_of_a_frame() -> None:
    image = np.zeros((4, 48, 48), np.float32)
    scan = gallery.make_tile(image, None, "", "", SCAN)
    frame = gallery.make_tile(image[:3], None, "", "", FRAME)
    assert 2 * 192 <= int(scan["width"]) < 2 * 192 + 48
    assert int(frame["width"]) == 192


def test_pictures_are_enlarged_six_times_at_most() -> None:
    tile = gallery.make_tile(np.zeros((3, 8, 8), np.float32), None, "", "", FRAME)
    assert int(tile["width"]) == 6 * 8


def test_a_mask_covers_a_little_more_than_half_of_a_picture() -> None:
    picture = np.full((1, 2, 3), 100, np.uint8)
    drawn = frame_sheet.draw_mask(picture, np.array([[1, 0]]), {1: (200, 0, 100)})
    assert drawn.tolist() == [[[155, 45, 100], [100, 100, 100]]]


def test_a_box_is_drawn_in_its_colour_unless_its_class_has_none() -> None:
    picture = np.full((40, 60, 3), 100, np.uint8)
    boxes = np.array([[10, 10, 30, 30], [35, 5, 50, 20]], np.float32)
    drawn = frame_sheet.draw_boxes(picture, boxes, np.array([1, 2]), {1: (200, 0, 0)})
    assert drawn[10, 20].tolist() == [200, 0, 0]
    assert drawn[9, 20].tolist() == [20, 20, 20]
    assert (drawn[:, 33:] == 100).all()


def test_only_detections_from_a_score_of_three_tenths_on_are_drawn() -> None:
    arrays = {
        "images": np.full((1, 40, 60, 3), 100, np.uint8),
        "boxes": np.array([[2, 2, 20, 20], [30, 2, 50, 20]], np.float32),
        "scores": np.array([0.29, 0.31]),
        "labels": np.array([1, 1]),
        "tile": np.array([0, 0]),
    }
    drawn = frame_sheet._draw_answer(arrays, 0, {1: (200, 0, 0)})
    assert (drawn[:, :25] == 100).all()
    assert (drawn[:, 25:] != 100).any()


def test_the_worst_corruption_is_named_first() -> None:
    result = {"clean": 0.5, "table": {"fog": [0.1, 0.3], "snow": [0.4, 0.4]}}
    sentence = robustness_page._explain_extremes(result)
    assert sentence == "The score is lowest under fog (20.0) and highest under snow (40.0)."


def test_a_class_with_next_to_nothing_has_no_share_kept() -> None:
    row = {"clean": 0.0004, "mpc": 0.0002, "rpc": 0.5}
    result = {"per_class": {"car": row, "bus": row | {"clean": 0.4, "mpc": 0.2}}, "objects": {"car": 3}}
    car, bus = robustness_page._list_class_rows(result)
    assert car == ("car", "3", "0.0", "0.0", "–")
    assert bus == ("bus", "", "40.0", "20.0", "50.0")


def test_a_comparison_shows_points_with_their_interval(tmp_path: Path) -> None:
    difference = {"mean": 0.051, "ci": [0.01, 0.09], "verdict": "helps"}
    unknown = {"mean": None, "ci": [None, None], "verdict": "cannot be shown"}
    models: list[dict[str, Any]] = []
    for name in ("a", "b"):
        models.append({"folder": name, "name": name, "clean": 0.4, "mpc": 0.2, "rpc": 0.5})
    result: dict[str, Any] = {
        "models": models,
        "differences": {"b": {"clean": difference, "mpc": difference | unknown}},
        "table": {"fog": {"a": 0.2, "b": 0.25}},
        "metric": "ap",
        "classes": ["car"],
        "blocks": 6,
        "frames": 9,
    }
    page = build_comparison_page(tmp_path, result, {})
    assert page["differences"] == [("b", "+5.1 (+1.0 to +9.0), helps", "–, cannot be shown")]


def test_settings_leave_out_the_command() -> None:
    config = {"command": "domaingan evaluate", "seed": 3, "frames": 7, "map": {"person": "pedestrian"}}
    assert list_settings(config, ("frames",)) == [("seed", "3"), ("map", "person: pedestrian")]


@pytest.mark.parametrize(("mean", "verdict", "text"), [(0.05, "helps", "5.0 points higher"), (-0.05, "hurts", "lower")])
def test_the_verdict_says_whether_the_score_is_higher_or_lower(mean: float, verdict: str, text: str) -> None:
    primary = CERTAIN | {"mean": mean, "arm": "gan", "against": "classic", "metric": "dice"}
    assert text in describe_verdict(verdict, primary)


def test_a_cell_is_the_more_orange_the_more_is_lost() -> None:
    assert robustness_page._colour_cell(0.15, 0.2).endswith("0.16)")
    assert robustness_page._colour_cell(0.05, 0.2).endswith("0.48)")
