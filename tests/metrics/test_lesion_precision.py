"""Average precision of boxes of lesions: worked examples at an IoU of 0.1."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from domaingan.metrics.detections import Detections
from domaingan.metrics.lesion_precision import LesionTruth, jackknife_lesion_precision

BOX = [2, 2, 2, 8, 8, 8]
BESIDE = [5, 2, 2, 11, 8, 8]  # an IoU of 1/3
AWAY = [20, 20, 20, 26, 26, 26]


def truth(*boxes: list[int], labels: tuple[int, ...] = (1,), left_out: tuple[bool, ...] = (False,)) -> LesionTruth:
    stacked = np.array(boxes, np.float32).reshape(-1, 6)
    return LesionTruth(stacked, np.array(labels), np.array(left_out))


def found(*boxes: list[int], scores: tuple[float, ...], labels: tuple[int, ...] = (1, 1)) -> Detections:
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 6), np.array(scores, np.float32), np.array(labels[: len(scores)])
    )


def score(true: LesionTruth, detected: Detections) -> dict[str, float]:
    return jackknife_lesion_precision([true], [detected], {"a": 1, "b": 2}, ["p"])["p"]


def test_a_third_of_overlap_is_enough_at_0_1_and_too_little_at_0_5() -> None:
    scores = score(truth(BOX), found(BESIDE, scores=(0.9,)))
    assert scores["ap10"] == scores["ap10:a"] == pytest.approx(1) and scores["ap50"] == 0
    assert scores["ap10to50"] == pytest.approx(5 / 9)  # found at 0.1, 0.15, … 0.3 of nine IoUs
    assert np.isnan(scores["ap10:b"])


def test_a_wrong_box_with_a_better_score_halves_the_precision() -> None:
    assert score(truth(BOX), found(AWAY, BOX, scores=(0.9, 0.5)))["ap10"] == pytest.approx(0.5)
    assert score(truth(BOX), found(AWAY, BOX, scores=(0.4, 0.5)))["ap10"] == pytest.approx(1)
    assert score(truth(BOX), found(BOX, scores=(0.5,), labels=(2,)))["ap10"] == 0


def test_what_is_left_out_is_neither_right_nor_wrong() -> None:
    true = truth(BOX, AWAY, labels=(1, 1), left_out=(False, True))
    assert score(true, found(AWAY, BOX, scores=(0.9, 0.5)))["ap10"] == pytest.approx(1)


def test_units_contribute_and_nothing_is_written_to_the_root_logger(caplog: pytest.LogCaptureFixture) -> None:
    truths = [truth(BOX), truth(BOX), truth(labels=(), left_out=())]
    detections = [found(BOX, scores=(0.9,)), found(scores=()), found(AWAY, scores=(0.2,))]
    with caplog.at_level(logging.WARNING):
        scores = jackknife_lesion_precision(truths, detections, {"a": 1}, ["p", "q", "r"])
    assert list(scores) == ["p", "q", "r"] and scores["p"]["ap10"] > scores["r"]["ap10"] > scores["q"]["ap10"]
    assert np.mean([row["ap10"] for row in scores.values()]) == pytest.approx(0.5, abs=0.01) and not caplog.records
