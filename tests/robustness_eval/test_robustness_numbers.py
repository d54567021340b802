"""Worked examples: where a picture lies in an input, which boxes are duplicates, how many pictures are judged."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from domaingan.metrics.detections import Detections
from domaingan.robustness_eval.cells import Cell
from domaingan.robustness_eval.compare_models import compare_results
from domaingan.robustness_eval.example_frames import collect_example_frames
from domaingan.robustness_eval.intervals import compute_interval
from domaingan.robustness_eval.onnx_detector.choose_layout import choose_layout
from domaingan.robustness_eval.onnx_detector.find_dense import list_dense_layouts
from domaingan.robustness_eval.onnx_detector.letterbox import InputFormat
from domaingan.robustness_eval.onnx_detector.onnx_model import MAX_OVERLAP, suppress_duplicates
from domaingan.robustness_eval.onnx_detector.packed_layout import PackedLayout
from domaingan.robustness_eval.python_model import FunctionDetector
from domaingan.robustness_eval.remarks import describe_frames
from domaingan.robustness_eval.run_model import _select_shown_cells
from domaingan.robustness_eval.run_settings import RunSettings, read_severities


def test_a_picture_is_padded_with_grey_114_and_the_smaller_half_comes_first() -> None:
    picture = np.full((3, 8, 3), 255, np.uint8)
    values, placed = InputFormat((8, 8))(picture)
    assert placed.corner == (2, 0)
    assert placed.shape == (3, 8)
    assert values[0, :, :2] == pytest.approx(114 / 255)
    assert values[0, :, 5:] == pytest.approx(114 / 255)
    assert values[0, :, 2:5] == pytest.approx(1)


def test_boxes_of_a_class_are_duplicates_from_an_overlap_of_a_half_on() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 6], [0, 0, 10, 4]], np.float32)  # overlaps with the first: 0.6, 0.4
    scores = np.array([0.9, 0.8, 0.7], np.float32)
    same = suppress_duplicates(Detections(boxes[:2], scores[:2], np.zeros(2, np.int64)), MAX_OVERLAP)
    assert same.scores.tolist() == pytest.approx([0.9])
    apart = suppress_duplicates(Detections(boxes[::2], scores[::2], np.zeros(2, np.int64)), MAX_OVERLAP)
    assert apart.scores.tolist() == pytest.approx([0.9, 0.7])
    classes = suppress_duplicates(Detections(boxes[:2], scores[:2], np.array([0, 1])), MAX_OVERLAP)
    assert len(classes.boxes) == 2


def test_no_further_picture_is_judged_after_twenty_boxes() -> None:
    scored: list[int] = []

    def run(_: Any, number: int) -> tuple[Detections, tuple[int, int]]:
        scored.append(number)
        boxes = np.tile(np.array([[2, 2, 9, 9]], np.float32), (10, 1))
        return Detections(boxes, np.full(10, 0.9, np.float32), np.zeros(10, np.int64)), (40, 40)

    choice = choose_layout([PackedLayout("o")], run, 8)
    assert scored == [0, 1]
    assert choice.reason.startswith("In the first 2 frames 100 % of 20 boxes")


@pytest.mark.parametrize(("rows", "is_stretched"), [(900, True), (1100, False)])
def test_a_table_of_up_to_a_thousand_rows_is_of_queries(rows: int, is_stretched: bool) -> None:
    table = np.zeros((1, rows, 7), np.float32)
    table[0, 0, 4:] = 0.9, 0.1, 0.1
    layouts = list_dense_layouts({"o": table}, (64, 64), "yolov8", 3)
    assert layouts[0].is_stretched == is_stretched


def test_an_interval_is_cut_to_what_is_possible() -> None:
    values = {"a": 0.7, "b": 1.3, "c": 0.8, "d": 1.2}
    blocks = {name: {"clean": value, "rpc": value} for name, value in values.items()}
    low, high = compute_interval(blocks, "clean")
    assert low == pytest.approx(1 - 3.182 * 0.2944 / 2, abs=0.001)  # Student's t of three degrees of freedom
    assert high == 1
    assert compute_interval(blocks, "rpc")[1] == pytest.approx(1 + 3.182 * 0.2944 / 2, abs=0.001)


def test_examples_are_shown_at_the_severity_nearest_to_three() -> None:
    cells = RunSettings(("fog", "snow"), (1, 4, 5)).list_cells()
    assert [cell.name for cell in _select_shown_cells(cells)] == ["clean", "fog-4", "snow-4"]


def test_severities_are_sorted_and_counted_once() -> None:
    assert read_severities([5, 1, 5]) == (1, 5)
    assert read_severities(3) == (3,)


@pytest.mark.parametrize(("end", "is_relative"), [(1.04, True), (1.06, False)])
def test_boxes_that_end_a_little_behind_one_are_still_shares(end: float, is_relative: bool) -> None:
    def find(_: Any) -> dict[str, Any]:
        return {"boxes": [[0.5, 0.5, end, 1.0]], "scores": [0.9], "labels": ["car"]}

    found = FunctionDetector(find, "m:find").predict(np.zeros((40, 60, 3), np.uint8))
    expected = [30, 20, 60 * end, 40] if is_relative else [0.5, 0.5, end, 1.0]
    assert found.boxes[0].tolist() == pytest.approx(expected, rel=1e-5)


def test_the_share_kept_of_a_compared_model_is_mpc_by_clean() -> None:
    row = {"clean": 0.4, "mpc": 0.1, "table": {"fog": [0.1]}}
    blocks = {block: {"clean:car": 0.4, "mpc:car": 0.1} for block in "abcdef"}
    result = {"per_class": {"car": row}, "task": "detection", "metric": "ap", "table": {"fog": [0.1]}, "cause": ""}
    result |= {"blocks": blocks, "frames": 6, "model": {"name": "a"}}
    assert compare_results({"a": result, "b": result})["models"][0]["rpc"] == pytest.approx(0.25)


class LeftOut:
    """Frames of which a known number of crowds and ignored areas is left out."""

    unlabelled: tuple[str, ...] = ()

    def count_left_out(self) -> tuple[int, int]:
        return 2, 3


@pytest.mark.parametrize(("min_area", "crowds"), [(1, "2 crowds"), (25, "2 crowds or objects under 25 pixels")])
def test_what_is_left_out_of_the_truth_is_reported(min_area: int, crowds: str) -> None:
    data: Any = SimpleNamespace(schema=SimpleNamespace(min_area=min_area), problems=(), records=(), root="")
    frames: Any = LeftOut()
    (sentence,) = describe_frames(frames, data, model=SimpleNamespace())  # type: ignore[arg-type]
    expected = f"Left out of the truth: {crowds} and the ignored area of 3 frames; what is found there does not count."
    assert sentence == expected


def test_pictures_wider_than_640_pixels_are_shrunk_with_their_masks() -> None:
    truth = np.zeros((100, 1280), np.int64)
    frame: Any = SimpleNamespace(name="a", picture=np.zeros((100, 1280, 3), np.uint8), shape=truth.shape, truth=truth)

    def mapper(answer: Any, *_: Any) -> Any:
        return answer

    mapper.model = SimpleNamespace(predict=lambda picture: truth)  # type: ignore[attr-defined]
    arrays = collect_example_frames([frame], mapper, {"sky": 0}, [Cell()], 0)  # type: ignore[arg-type]
    assert arrays["images"].shape == (1, 50, 640, 3)
    assert arrays["masks"].shape == (1, 50, 640)
    assert arrays["truth"].shape == (50, 640)
