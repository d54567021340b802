"""Dice by subject, counted over its slices."""

from __future__ import annotations

import numpy as np
import pytest

from domaingan.data import Schema
from domaingan.metrics.overlap import DiceCounter

SCHEMA = Schema("nifti", "scan", 2, ("t1",), {"a": 1, "b": 2, "void": 9}, ignore=(9,), regions={"whole": (1, 2)})


def test_slices_of_a_subject_are_counted_together_as_one_volume(rng: np.random.Generator) -> None:
    truth, predicted = rng.integers(0, 3, (2, 5, 8, 8))
    pieces, whole = DiceCounter(SCHEMA), DiceCounter(SCHEMA)
    for t, p in zip(truth, predicted, strict=True):
        pieces.add("s", t, p)
    whole.add("s", truth, predicted)
    assert pieces.compute_scores()["s"] == pytest.approx(whole.compute_scores()["s"], nan_ok=True)
    both = ((truth == 1) & (predicted == 1)).sum()
    assert whole.compute_scores()["s"]["dice:a"] == 2 * both / ((truth == 1).sum() + (predicted == 1).sum())


def test_perfect_absent_and_invented() -> None:
    counter = DiceCounter(SCHEMA)
    mask = np.array([[1, 1], [0, 0]])
    counter.add("perfect", mask, mask)
    counter.add("invented", mask, np.array([[1, 1], [2, 0]]))
    scores = counter.compute_scores()
    assert scores["perfect"]["dice:a"] == 1 and scores["perfect"]["found:a"] == 1
    assert np.isnan(scores["perfect"]["dice:b"]) and scores["perfect"]["false:b"] == 0
    assert np.isnan(scores["invented"]["dice:b"]) and scores["invented"]["false:b"] == 1


def test_ignored_pixels_do_not_count_and_regions_do() -> None:
    counter = DiceCounter(SCHEMA)
    counter.add("s", np.array([[1, 2, 9, 9]]), np.array([[2, 1, 1, 2]]))
    scores = counter.compute_scores()["s"]
    assert scores["dice:a"] == 0 and scores["dice:whole"] == 1 and "dice:void" not in scores
