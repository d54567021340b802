"""Scores of frames: pooled over frames, with the part of each block of time."""

from __future__ import annotations

import math

import numpy as np
import pytest

from domaingan.data import Sample, Schema
from domaingan.metrics.frame_counter import FrameCounter
from domaingan.metrics.mask_counters import make_counter
from domaingan.metrics.measures import MEASURES, split_metric
from domaingan.metrics.ranking import compute_auprc
from domaingan.metrics.scan_counter import ScanCounter

CLASSES = {"sky": 0, "car": 8, "bus": 5}
SCHEMA = Schema("masks", "frame", 2, ("r", "g", "b"), CLASSES, ignore=(11,))


def make_sample(mask: np.ndarray) -> Sample:
    return Sample(np.zeros((3, *mask.shape), np.float32), mask)


def test_a_worked_example() -> None:
    counter = FrameCounter(SCHEMA)
    counter.add("u", make_sample(np.array([[8, 8, 8, 11, 0, 0]])), np.array([[8, 0, 0, 8, 8, 0]]))
    scores = counter.compute_scores()["u"]
    assert scores["iou:car"] == pytest.approx(1 / 4)
    assert scores["pixel_precision:car"] == pytest.approx(1 / 2) and scores["pixel_recall:car"] == pytest.approx(1 / 3)
    assert scores["pixel_recall:sky"] == 0.5 and scores["miou"] == scores["iou:sky"] == 0.25
    assert math.isnan(scores["iou:bus"]) and math.isnan(scores["pixel_precision:bus"])
    assert {split_metric(metric)[0] for metric in scores} <= set(MEASURES)


def test_average_precision_is_pooled_and_of_objects_alone(rng: np.random.Generator) -> None:
    masks = rng.choice([0, 8, 11], (4, 5, 6))
    probabilities = (rng.integers(0, 9, (4, 5, 6)) / 8).astype(np.float32)
    objects = Schema("masks", "frame", 2, ("r", "g", "b"), CLASSES, ignore=(11,), objects=("car",))
    counter = FrameCounter(objects)
    for i in range(4):
        by_value = {0: 1 - probabilities[i], 8: probabilities[i], 5: 0 * probabilities[i]}
        counter.add(f"u{i // 2}", make_sample(masks[i]), 0 * masks[i], by_value)
    rows = counter.compute_scores()
    is_counted = masks != 11
    pooled = compute_auprc(probabilities[is_counted], masks[is_counted] == 8)
    assert np.mean([row["auprc:car"] for row in rows.values()]) == pytest.approx(pooled)
    assert "auprc:sky" not in rows["u0"]


def test_the_domain_chooses_the_counter() -> None:
    assert isinstance(make_counter(SCHEMA), FrameCounter)
    assert isinstance(make_counter(Schema("nifti", "scan", 3, ("t1",), {"a": 1})), ScanCounter)


def test_groups_without_precision_have_no_average_precision() -> None:
    mask = np.array([[8, 0]])
    counter = FrameCounter(SCHEMA, ())
    counter.add("u", make_sample(mask), mask, {0: np.ones((1, 2)), 8: np.ones((1, 2)), 5: np.ones((1, 2))})
    assert "auprc:car" not in counter.compute_scores()["u"]
