"""Boxes of one image: clipped, rescaled, measured."""

from __future__ import annotations

import numpy as np
import pytest

from domaingan.core.errors import DataError
from domaingan.metrics.detections import Detections, clip_boxes, compute_box_areas, rescale_boxes

BOX = np.array([[-5.0, 2.0, 30.0, 50.0]], np.float32)


def test_boxes_are_clipped_to_height_and_width() -> None:
    assert clip_boxes(BOX, (40, 20)).tolist() == [[0, 2, 20, 40]]


def test_boxes_follow_their_image_to_another_size_and_are_clipped_there() -> None:
    assert rescale_boxes(BOX, (40, 20), (80, 10)).tolist() == [[0, 4, 10, 80]]
    assert rescale_boxes(BOX, (100, 100), (50, 200)).dtype == np.float32


def test_an_area_is_width_times_height() -> None:
    assert compute_box_areas(np.array([[1.0, 2.0, 4.0, 8.0], [3, 3, 3, 9]])).tolist() == [18, 0]


def test_true_boxes_have_a_score_of_one_and_shapes_must_agree() -> None:
    assert Detections.from_true_boxes(BOX, np.array([8])).scores.tolist() == [1]
    with pytest.raises(DataError, match=r"boxes \(1, 4\), scores \(1,\), labels \(2,\)"):
        Detections.from_true_boxes(BOX, np.array([8, 9]))
