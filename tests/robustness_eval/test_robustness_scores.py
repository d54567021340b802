"""Mean IoU, mPC and rPC by hand, and laws of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaingan.robustness_eval.robustness_scores import (
    UNMAPPED_VALUE,
    MaskScorer,
    compute_mean,
    compute_mpc,
    compute_rpc,
)


def test_iou_counts_over_all_pictures_and_ignores_what_is_ignored() -> None:
    masks = MaskScorer({"sky": 0, "car": 8, "bus": 5}, ignore=(11,))
    masks.add(np.array([[0, 8, 11]]), np.array([[0, 8, 8]]))
    masks.add(np.array([[8, 8, 0]]), np.array([[8, UNMAPPED_VALUE, 8]]))
    masks.add(np.array([[8, 8]]), np.array([[5, 8]]))
    scores = masks.compute_scores()
    assert scores["iou:sky"] == 0.5 and scores["iou:car"] == 0.5 and math.isnan(scores["iou:bus"])
    assert scores["miou"] == 0.5


def test_means_over_corruptions() -> None:
    assert compute_mpc({"fog": [0.4, 0.2], "snow": [0.1, None]}) == pytest.approx(0.2)
    assert compute_rpc(0.1, 0.4) == 0.25 and math.isnan(compute_rpc(0.1, 0.0)) and math.isnan(compute_mean([]))


@given(st.lists(st.integers(0, 2), min_size=4, max_size=4))
def test_a_perfect_answer_scores_one(values: list[int]) -> None:
    masks = MaskScorer({"a": 0, "b": 1, "c": 2})
    masks.add(np.array(values), np.array(values))
    assert masks.compute_scores()["miou"] == 1
