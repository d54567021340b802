"""The summary of an evaluation, on scores small enough to work out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from domaingan.evaluation.comparisons import declare_comparisons
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.score_tables import Scores, TrainingKey
from domaingan.evaluation.summary import find_missed_metrics, summarise, warn_of_missed

SUBJECTS = [f"s{i}" for i in range(6)]


def make_scores(*seeds: list[float], metric: str = "dice:a") -> dict[TrainingKey, Scores]:
    return {
        (0, seed): {subject: {metric: value} for subject, value in zip(SUBJECTS, values, strict=True)}
        for seed, values in enumerate(seeds)
    }


def summarise_arms(scores: dict[str, dict[TrainingKey, Scores]], rarest: str | None = "a") -> dict[str, Any]:
    config = EvaluationConfig(data="scans", arms=list(scores), steps=600, dims=2, size=16)
    return summarise(scores, config, rarest)


def test_seeds_are_averaged_before_subjects() -> None:
    classic = make_scores([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
    arm = summarise_arms({"classic": classic})["arms"]["classic"]["dice:a"]
    assert arm["values"] == [0.2, 0.3, 0.4, 0.5, 0.6, 0.7] and arm["mean"] == 0.45


def test_a_seed_without_a_value_is_left_out_of_the_average() -> None:
    classic = make_scores([math.nan] * 6, [0.3, 0.4, 0.5, 0.6, 0.7, math.nan])
    result = summarise_arms({"classic": classic})
    assert result["arms"]["classic"]["dice:a"]["values"] == [0.3, 0.4, 0.5, 0.6, 0.7, None]
    assert result["per_seed"]["classic"]["dice:a"] == [None, 0.5]


RAMP = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]


def make_trainings(gain: float, spread: float = 0.0, n: int = 5) -> dict[TrainingKey, Scores]:
    """Make the scores of ``n`` trainings, which are ``gain`` above the ramp and differ by ``spread``."""
    return make_scores(*[[value + gain + spread * (seed - (n - 1) / 2) for value in RAMP] for seed in range(n)])


def test_a_gain_in_five_trainings_of_six_people_helps() -> None:
    classic, gan = make_trainings(0.0), make_trainings(0.1, 0.01)
    result = summarise_arms({"none": classic, "classic": classic, "gan+classic": gan, "weather": classic})
    assert result["reference"] == "classic" and "classic" not in result["differences"]
    primary = result["primary"]
    assert primary["arm"] == "gan+classic" and primary["mean"] == 0.1 and result["verdict"] == "helps"
    half = 2.776445 * 0.01 * (2.5 / 5) ** 0.5  # trainings alone: gains of 0.08 to 0.12, t of 4 degrees of freedom
    assert primary["ci"] == pytest.approx([0.1 - half, 0.1 + half], abs=1e-5)
    assert primary["ci_people"] == pytest.approx([0.1, 0.1], abs=1e-6)
    assert (primary["n"], primary["n_trainings"]) == (6, 5)
    assert primary["p_holm"] == pytest.approx(3 * primary["p"]) and result["smallest_p"] == 1 / 32
    assert result["format"] == 3 and result["versus_strong_baseline"] == {}
    assert result["needed"] == {"people": 6, "trainings": 5}


def test_four_trainings_show_nothing_however_large_the_gain() -> None:
    result = summarise_arms({"classic": make_trainings(0.0, n=4), "gan+classic": make_trainings(0.3, 0.001, n=4)})
    assert result["verdict"] == "cannot be shown" and result["primary"]["p"] < 0.001


def test_every_score_of_every_training_is_stored() -> None:
    scores = make_scores(RAMP, [*RAMP[:5], math.nan])
    result = summarise_arms({"classic": scores})
    assert result["trainings"] == [{"fold": 0, "seed": 0}, {"fold": 0, "seed": 1}]
    assert result["scores"]["classic"]["dice:a"] == [RAMP, [*RAMP[:5], None]]


def test_people_of_a_training_set_are_tested_by_the_other_sets_alone() -> None:
    scores: dict[TrainingKey, Scores] = {}
    for number in range(3):
        tested = [subject for position, subject in enumerate(SUBJECTS) if position // 2 != number]
        scores[number, 0] = {subject: {"dice:a": 0.1 * (number + 1)} for subject in tested}
    result = summarise_arms({"classic": scores})
    assert result["trainings"][2] == {"fold": 2, "seed": 0}
    assert result["scores"]["classic"]["dice:a"][0] == [None, None, 0.1, 0.1, 0.1, 0.1]
    assert result["arms"]["classic"]["dice:a"]["values"] == pytest.approx([0.25, 0.25, 0.2, 0.2, 0.15, 0.15])
    assert result["per_seed"]["classic"]["dice:a"] == [0.2]


def test_without_a_gan_the_last_arm_is_the_primary_one_and_without_classic_the_first_is_the_reference() -> None:
    values = make_trainings(0.0, 0.01)
    result = summarise_arms({"none": values, "weather": values, "copy-paste": values}, rarest="other")
    assert result["reference"] == "none" and result["primary"]["arm"] == "copy-paste"
    assert result["primary"]["metric"] == "dice:a" and result["verdict"] == "no difference"


def test_declared_comparisons_are_corrected_together() -> None:
    arms = ["classic", "copy-paste+classic", "gan+classic", "copy-paste+classic@repeat=1", "blur-paste+classic"]
    assert declare_comparisons(arms, "classic") == [
        ("copy-paste+classic", "classic"),
        ("gan+classic", "classic"),
        ("gan+classic", "copy-paste+classic"),
    ]
    scores = {arm: make_trainings(0.01 * number, 0.01 * number) for number, arm in enumerate(arms[:4])}
    result = summarise_arms(scores)
    assert [(row["arm"], row["against"]) for row in result["declared"]] == declare_comparisons(arms, "classic")
    for row in result["declared"]:
        assert row["p"] <= row["p_holm"] <= 3 * row["p"] + 1e-12
    assert "p_holm" in result["versus_strong_baseline"]["gan+classic"]["dice:a"]
    assert "p_holm" not in result["differences"]["copy-paste+classic@repeat=1"]["dice:a"]


def test_an_arm_against_itself_measures_chance() -> None:
    scores = {"classic": make_trainings(0.0), "classic@repeat=1": make_trainings(0.1, 0.001)}
    result = summarise_arms(scores)
    assert result["primary"] is None and result["verdict"] == "cannot be shown" and result["declared"] == []
    repeat = result["repeats"]["classic@repeat=1"]["dice:a"]
    assert repeat["is_repeat"] and repeat["mean"] == 0.1
    assert repeat.items() <= result["differences"]["classic@repeat=1"]["dice:a"].items()


def test_an_ensemble_counts_as_one_training_a_fold() -> None:
    scores = {"classic": make_trainings(0.0, 0.01), "weather": make_trainings(0.02, 0.01)}
    scores["weather@ensemble"] = make_trainings(0.05, n=1)
    result = summarise_arms(scores)
    difference = result["differences"]["weather@ensemble"]["dice:a"]
    assert difference["mean"] == 0.05 and difference["n_trainings"] == 1 and difference["ci"] == [None, None]
    assert difference["ci_people"] == pytest.approx([0.05, 0.05], abs=1e-6)
    assert result["primary"]["arm"] == "weather"


def test_the_ensemble_of_the_reference_is_compared_with_its_single_trainings() -> None:
    scores = {"classic": make_trainings(0.0, 0.01), "classic@ensemble": make_trainings(0.05, n=1)}
    assert summarise_arms(scores)["differences"]["classic@ensemble"]["dice:a"]["mean"] == 0.05


def test_arms_that_paste_are_compared_with_pasting_real_crops_in_each_training() -> None:
    classic = make_scores([0.1] * 6, [0.1] * 6)
    real = make_scores([0.3, 0.4, 0.3, 0.4, 0.3, 0.4], [0.5, 0.4, 0.5, 0.4, 0.5, 0.4])
    gan = make_scores([0.5, 0.6, 0.5, 0.6, 0.5, 0.6], [0.6, 0.5, 0.6, 0.5, 0.6, 0.5])
    versus = summarise_arms({"classic": classic, "copy-paste+classic": real, "gan+classic": gan})[
        "versus_strong_baseline"
    ]
    assert list(versus) == ["gan+classic"]
    change = versus["gan+classic"]["dice:a"]
    assert change["per_training"] == [0.2, 0.1] and change["mean"] == 0.15 and change["n"] == 6
    assert change["ci"][0] < change["ci_people"][0] and change["ci"][1] > change["ci_people"][1]


def test_what_no_network_finds_cannot_be_shown() -> None:
    nothing, little = make_scores([0.0004] * 6), make_scores([0.0] * 5 + [0.0004])
    result = summarise_arms({"classic": nothing, "gan+classic": little})
    assert find_missed_metrics(result) == ["dice:a"]
    warn_of_missed(result, 50)
    assert result["verdict"] == "cannot be shown" and "try --steps 100" in result["warnings"][0]
    found = summarise_arms({"classic": nothing, "gan+classic": make_scores([0.001] * 6)})
    assert find_missed_metrics(found) == []
    alarms = summarise_arms({"classic": make_scores([0.0] * 6, metric="false:a")})
    assert find_missed_metrics(alarms) == []


def test_a_metric_that_no_subject_has_is_left_out() -> None:
    scores = {(0, 0): {subject: {"dice:a": 0.5, "dice:b": math.nan} for subject in SUBJECTS}}
    assert list(summarise_arms({"classic": scores})["arms"]["classic"]) == ["dice:a"]
    assert np.isnan(scores[0, 0]["s0"]["dice:b"]) and pytest.approx(0.5) == scores[0, 0]["s0"]["dice:a"]
