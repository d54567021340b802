"""Whom an arm helps: worked examples of who loses, of chance, and of the remainder without the best."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from domaingan.evaluation.person_effects import describe_person_effects

FOLDS = np.zeros(2, dtype=int)
SUBJECTS = ["a", "b", "c", "d"]


def test_a_worked_example() -> None:
    """Means -0.05, -0.02, 0.01 and 0.30: one of four loses more than three points."""
    table = np.array([[-0.04, -0.01, 0.02, 0.31], [-0.06, -0.03, 0.00, 0.29]])
    found = describe_person_effects(table, FOLDS, SUBJECTS, is_lower_better=False)
    assert found is not None
    assert found["losing"] == 0.25 and found["threshold"] == 0.03
    assert found["worst"] == {"subject": "a", "mean": -0.05} and found["best"] == {"subject": "d", "mean": 0.3}
    assert found["without_best"]["mean"] == -0.02
    assert found["losing_by_chance"] == 0  # trainings shift everybody alike: nothing is left unexplained


def test_what_chance_alone_would_take_from_people() -> None:
    """With a rest of variance v and two trainings a person's mean has the variance v / 2."""
    table = np.array([[0.1, -0.1, 0.1, -0.1], [-0.1, 0.1, -0.1, 0.1]])
    found = describe_person_effects(table, FOLDS, SUBJECTS, is_lower_better=False)
    rest = (table**2).sum() / 3  # degrees of freedom (2 - 1) · (4 - 1)
    assert found is not None
    assert found["losing_by_chance"] == pytest.approx(stats.norm.cdf(-0.03 / (rest / 2) ** 0.5), abs=0.06)


def test_more_of_what_is_bad_is_a_loss() -> None:
    found = describe_person_effects(np.array([[0.1, 0.0], [0.1, 0.0]]), FOLDS, SUBJECTS, is_lower_better=True)
    assert found is not None
    assert found["losing"] == 0.5 and found["worst"]["subject"] == "a" and found["best"]["subject"] == "b"


def test_one_person_is_no_distribution() -> None:
    table = np.array([[0.1, np.nan], [0.2, np.nan]])
    assert describe_person_effects(table, FOLDS, SUBJECTS, is_lower_better=False) is None
