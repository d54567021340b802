"""Simulated studies: a verdict is rarely wrong, and finds what theory says. The full numbers are a benchmark."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from domaingan.metrics.crossed_intervals import estimate_mean
from domaingan.metrics.study_simulation import (
    StudyDesign,
    StudyVariances,
    compute_design_effect,
    compute_theoretical_power,
    simulate_study,
)

N_STUDIES = 200
MAX_CLAIMS = int(stats.binom.ppf(0.99, N_STUDIES, 0.05))

DESIGNS = [
    StudyDesign("split", 30, 1, 5),
    StudyDesign("split", 10, 1, 12),
    StudyDesign("folds", 30, 5, 2),
    StudyDesign("sets", 40, 4, 3, people_per_set=10),
]


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("person", [2.5, 8.0])
def test_claims_without_an_effect_are_rare_and_with_one_as_frequent_as_theory_says(
    design: StudyDesign, person: float
) -> None:
    variances = StudyVariances(person=person, group=0.0 if design.groups == 1 else 1.5)
    effect = compute_design_effect(design, variances)
    rng = np.random.default_rng(5)
    claims = shown = 0
    for _ in range(N_STUDIES):
        estimate = estimate_mean(simulate_study(design, variances, 0.0, rng), design.training_groups)
        p = estimate.compute_p()
        low, high = estimate.compute_interval()
        assert p is not None and low is not None and high is not None
        claims += p < 0.05
        shown += low + effect > 0 or high + effect < 0
    assert claims <= MAX_CLAIMS
    assert compute_theoretical_power(design, variances, effect) == pytest.approx(0.8, abs=0.01)
    assert 0.7 <= shown / N_STUDIES <= 0.92


def test_who_is_tested() -> None:
    assert StudyDesign("split", 3, 1, 2).is_tested.tolist() == [[True, True, True]]
    folds = StudyDesign("folds", 4, 2, 1)
    assert folds.is_tested.tolist() == [[True, False, True, False], [False, True, False, True]]
    sets = StudyDesign("sets", 5, 2, 3, people_per_set=2)
    assert sets.is_tested.tolist() == [[False, False, True, True, True], [True, True, False, False, True]]
    assert sets.n_trainings == 6 and sets.training_groups.tolist() == [0, 0, 0, 1, 1, 1]


def test_the_true_error_of_a_split() -> None:
    """Two arms: 2 · (person² / n + training² / s + rest² / (n · s)), and the power of no effect is the level."""
    variances = StudyVariances(person=3.0, rest=12.0, training=2.0, group=0.0)
    design = StudyDesign("split", 20, 1, 6)
    error = (2 * (9 / 20 + 4 / 6 + 144 / 120)) ** 0.5
    table = np.array([simulate_study(design, variances, 1.0, np.random.default_rng(i)).mean() for i in range(800)])
    assert table.std() == pytest.approx(error, rel=0.08) and table.mean() == pytest.approx(1, abs=0.25)
    assert compute_theoretical_power(design, variances, 0.0) == pytest.approx(0.05, abs=1e-6)


def test_heavy_tails_have_the_same_variance() -> None:
    design = StudyDesign("split", 400, 1, 50)
    heavy = simulate_study(design, StudyVariances(0.0, 10.0, 0.0, 0.0, True), 0.0, np.random.default_rng(0))
    assert heavy.std() == pytest.approx(10 * 2**0.5, rel=0.1)
    assert stats.kurtosis(heavy.ravel()) > 3
