"""Average precision against cases worked out by hand, and the laws of its jackknife."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domaingan.core.errors import DataError
from domaingan.metrics.average_precision import compute_average_precision, jackknife_average_precision
from domaingan.metrics.detections import Detections

CLASSES = {"car": 8, "pedestrian": 9}


def boxes(*rows: tuple[float, float, float, float], label: int = 8, scores: list[float] | None = None) -> Detections:
    corners = np.array(rows, np.float32).reshape(-1, 4)
    certain = np.array(scores if scores is not None else [1.0] * len(rows), np.float32)
    return Detections(corners, certain, np.full(len(rows), label, np.int64))


NONE = boxes()
ONE, TWO = (0, 0, 10, 10), (50, 50, 90, 90)


def test_all_found_is_one_and_nothing_found_is_nought() -> None:
    truth = [boxes(ONE, TWO), NONE]
    perfect, nothing = (
        compute_average_precision(truth, truth, CLASSES),
        compute_average_precision(truth, [NONE, NONE], CLASSES),
    )
    for name in ("ap", "ap50", "ap:car", "ap50:car", "ap_small", "ap_medium"):
        assert perfect[name] == pytest.approx(1) and nothing[name] == 0, name
    for name in ("ap:pedestrian", "ap50:pedestrian", "ap_large"):
        assert math.isnan(perfect[name]) and math.isnan(nothing[name]), name


def test_no_true_box_is_no_score() -> None:
    assert all(math.isnan(value) for value in compute_average_precision([NONE], [boxes(ONE)], CLASSES).values())


def test_one_of_two_found_covers_the_recalls_up_to_a_half() -> None:
    # Precision is 1 at recalls 0, 0.01, …, 0.50: 51 of the 101 that COCO averages over.
    assert compute_average_precision([boxes(ONE, TWO)], [boxes(ONE)], CLASSES)["ap50"] == pytest.approx(51 / 101)


def test_a_false_box_before_the_true_one_halves_the_precision() -> None:
    found = boxes(TWO, ONE, scores=[0.9, 0.8])
    assert compute_average_precision([boxes(ONE)], [found], CLASSES)["ap50"] == pytest.approx(0.5)
    behind = boxes(TWO, ONE, scores=[0.7, 0.8])
    assert compute_average_precision([boxes(ONE)], [behind], CLASSES)["ap50"] == pytest.approx(1)


def test_ap_counts_the_overlaps_that_a_box_reaches() -> None:
    # IoU 0.72 passes the thresholds 0.50, 0.55, 0.60, 0.65 and 0.70: five of ten.
    scores = compute_average_precision([boxes((0, 0, 100, 100))], [boxes((0, 0, 100, 72))], CLASSES)
    assert scores["ap"] == pytest.approx(0.5) and scores["ap50"] == pytest.approx(1) and scores["ap75"] == 0
    better = compute_average_precision([boxes((0, 0, 100, 100))], [boxes((0, 0, 100, 76))], CLASSES)
    assert better["ap75"] == better["ap75:car"] == pytest.approx(1)


def test_tiny_and_huge_boxes_are_scored_where_most_are_small_or_large() -> None:
    tiny, small, huge = (0, 0, 15, 15), (50, 50, 70, 70), (0, 0, 300, 300)
    found = compute_average_precision([boxes(tiny, small)], [boxes(tiny)], CLASSES)
    assert found["ap_tiny"] == pytest.approx(1) and found["ap_small"] == pytest.approx(51 / 101)
    assert "ap_huge" not in found
    large = compute_average_precision([boxes(huge, (400, 400, 500, 500))], [boxes(huge)], CLASSES)
    assert large["ap_huge"] == pytest.approx(1) and large["ap_large"] == pytest.approx(51 / 101)
    assert "ap_tiny" not in large
    assert {"ap_tiny", "ap_huge"}.isdisjoint(compute_average_precision([boxes(tiny, huge)], [NONE], CLASSES))


def test_another_class_at_the_right_place_is_wrong() -> None:
    scores = compute_average_precision([boxes(ONE)], [boxes(ONE, label=9)], CLASSES)
    assert scores["ap:car"] == 0 and math.isnan(scores["ap:pedestrian"])


def test_classes_that_are_not_asked_for_do_not_count() -> None:
    truth = [boxes(ONE, label=77)]
    assert all(math.isnan(value) for value in compute_average_precision(truth, truth, CLASSES).values())


def test_bad_input_is_refused() -> None:
    with pytest.raises(DataError, match="2 images"):
        compute_average_precision([NONE], [NONE, NONE], CLASSES)
    with pytest.raises(DataError, match="scores"):
        Detections(np.zeros((2, 4), np.float32), np.zeros(1, np.float32), np.zeros(2, np.int64))


def drawn(seed: int, images: int, per_image: int) -> tuple[list[Detections], list[Detections]]:
    """True boxes, and found ones that are near some of them."""
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for _ in range(images):
        corner, size = rng.uniform(0, 200, (per_image, 2)), rng.uniform(5, 120, (per_image, 2))
        labels = rng.choice(list(CLASSES.values()), per_image)
        true = np.concatenate([corner, corner + size], axis=1).astype(np.float32)
        truth.append(Detections.from_true_boxes(true, labels))
        moved = (true + rng.normal(0, 4, true.shape)).astype(np.float32)
        moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)
        found.append(Detections(moved, rng.random(per_image).astype(np.float32), rng.permutation(labels)))
    return truth, found


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(0, 4))
def test_units_have_the_pooled_value_as_their_mean(seed: int, units: int, per_image: int) -> None:
    truth, found = drawn(seed, 8, per_image)
    names = [f"u{i % units}" for i in range(8)]
    rows, pooled = (
        jackknife_average_precision(truth, found, CLASSES, names),
        compute_average_precision(truth, found, CLASSES),
    )
    assert list(rows) == [f"u{i}" for i in range(units)]
    for name, whole in pooled.items():
        values = [row[name] for row in rows.values()]
        known = [value for value in values if not math.isnan(value)]
        if math.isnan(whole):
            assert not known
        else:
            assert len(known) in (1, units) and np.mean(known) == pytest.approx(whole, abs=1e-9)


def test_a_unit_is_left_out_as_if_it_had_not_been_there() -> None:
    truth, found = drawn(3, 6, 5)
    rows = jackknife_average_precision(truth, found, CLASSES, list("aabbcc"))
    without = [
        compute_average_precision([truth[i] for i in kept], [found[i] for i in kept], CLASSES)["ap"]
        for kept in ([2, 3, 4, 5], [0, 1, 4, 5], [0, 1, 2, 3])
    ]
    whole = compute_average_precision(truth, found, CLASSES)["ap"]
    expected = whole - 2 * (np.array(without) - np.mean(without))
    assert [rows[unit]["ap"] for unit in "abc"] == pytest.approx(expected)


def test_one_unit_and_a_class_in_one_unit_alone() -> None:
    truth = [boxes(ONE), boxes(ONE, label=9)]
    assert jackknife_average_precision(truth, truth, CLASSES, ["a", "a"])["a"]["ap"] == pytest.approx(1)
    rows = jackknife_average_precision(truth, truth, CLASSES, ["a", "b"])
    assert rows["a"]["ap:car"] == pytest.approx(1) and math.isnan(rows["b"]["ap:car"])


def test_twenty_units_of_a_hundred_crowded_images_take_no_more_than_matching_once() -> None:
    truth, found = drawn(0, 100, 40)
    started = time.process_time()
    compute_average_precision(truth, found, CLASSES)
    once = time.process_time() - started
    jackknife_average_precision(truth, found, CLASSES, [f"u{i // 5}" for i in range(100)])
    assert time.process_time() - started < max(2.0, 15 * once)
