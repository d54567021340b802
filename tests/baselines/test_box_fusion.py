"""Fused boxes of several detectors: their mean, weighted by score; who does not see an object counts as 0."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from domaingan.baselines.box_fusion import fuse_detections
from domaingan.metrics.detections import Detections


def detections(*rows: tuple[Sequence[float], float, int]) -> Detections:
    boxes = np.array([row[0] for row in rows], np.float32).reshape(-1, 4)
    scores = np.array([row[1] for row in rows], np.float32)
    return Detections(boxes, scores, np.array([row[2] for row in rows], np.int64))


def test_boxes_of_one_object_are_averaged_by_their_scores() -> None:
    first = detections(((0, 0, 10, 10), 0.9, 8), ((50, 50, 60, 60), 0.4, 8))
    second = detections(((0, 0, 10, 12), 0.3, 8))
    fused = fuse_detections([first, second])
    assert fused.labels.tolist() == [8, 8]
    assert fused.boxes[0].tolist() == pytest.approx([0, 0, 10, 10.5]) and fused.boxes[1].tolist() == [50, 50, 60, 60]
    assert fused.scores.tolist() == pytest.approx([0.6, 0.2])


def test_a_detector_counts_once_and_other_classes_stay_apart() -> None:
    twice = detections(((0, 0, 10, 10), 0.8, 8), ((0, 0, 10, 9), 0.6, 8), ((0, 0, 10, 10), 0.7, 9))
    fused = fuse_detections([twice, detections()])
    assert fused.labels.tolist() == [8, 9] and fused.scores.tolist() == pytest.approx([0.4, 0.35])


def test_nothing_found_is_nothing_fused_and_one_detector_stays_as_it_is() -> None:
    assert len(fuse_detections([detections(), detections()]).boxes) == 0
    alone = detections(((0, 0, 10, 10), 0.8, 8), ((5, 0, 15, 10), 0.6, 8))
    fused = fuse_detections([alone])
    assert np.allclose(fused.boxes, alone.boxes) and np.allclose(fused.scores, alone.scores)


def test_boxes_in_volumes_are_fused_from_a_smaller_overlap_on() -> None:
    """Two boxes that overlap by half of each have an IoU of a third."""
    first = Detections(np.array([[0, 0, 0, 4, 4, 4]], np.float32), np.array([0.8], np.float32), np.array([2]))
    second = Detections(np.array([[0, 0, 2, 4, 4, 6]], np.float32), np.array([0.8], np.float32), np.array([2]))
    assert len(fuse_detections([first, second]).boxes) == 2
    fused = fuse_detections([first, second], min_overlap=0.22)
    assert fused.boxes.tolist() == [[0, 0, 1, 4, 4, 5]] and fused.scores.tolist() == pytest.approx([0.8])
