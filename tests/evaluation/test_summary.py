"""The summary of an evaluation, on scores small enough to work out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.summary import Scores, find_missed_metrics, summarise, warn_of_missed

SUBJECTS = [f"s{i}" for i in range(6)]


def make_scores(*seeds: list[float], metric: str = "dice:a") -> dict[int, Scores]:
    return {
        seed: {subject: {metric: value} for subject, value in zip(SUBJECTS, values, strict=True)}
        for seed, values in enumerate(seeds)
    }


def summarise_arms(scores: dict[str, dict[int, Scores]], rarest: str | None = "a") -> dict[str, Any]:
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


def test_a_constant_gain_of_six_subjects_helps_with_the_smallest_p() -> None:
    classic = make_scores([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    gan = make_scores([0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
    result = summarise_arms({"none": classic, "classic": classic, "gan+classic": gan, "weather": classic})
    assert result["reference"] == "classic" and "classic" not in result["differences"]
    assert result["primary"]["arm"] == "gan+classic" and result["primary"]["mean"] == 0.1
    assert result["primary"]["p"] == result["smallest_p"] == 1 / 32 and result["verdict"] == "helps"
    assert result["format"] == 2 and result["versus_strong_baseline"] == {}


def test_without_a_gan_the_last_arm_is_the_primary_one_and_without_classic_the_first_is_the_reference() -> None:
    values = make_scores([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    result = summarise_arms({"none": values, "weather": values, "copy-paste": values}, rarest="other")
    assert result["reference"] == "none" and result["primary"]["arm"] == "copy-paste"
    assert result["primary"]["metric"] == "dice:a" and result["verdict"] == "no difference"


def test_arms_that_paste_are_compared_with_pasting_real_crops_per_seed() -> None:
    classic = make_scores([0.1] * 6, [0.1] * 6)
    real = make_scores([0.3, 0.4, 0.3, 0.4, 0.3, 0.4], [0.5, 0.4, 0.5, 0.4, 0.5, 0.4])
    gan = make_scores([0.5, 0.6, 0.5, 0.6, 0.5, 0.6], [0.6, 0.5, 0.6, 0.5, 0.6, 0.5])
    versus = summarise_arms({"classic": classic, "copy-paste+classic": real, "gan+classic": gan})[
        "versus_strong_baseline"
    ]
    assert list(versus) == ["gan+classic"]
    change = versus["gan+classic"]["dice:a"]
    assert change["per_seed"] == [0.2, 0.1] and change["mean"] == 0.15 and change["n"] == 6
    assert change["crossed"][0] < change["ci"][0] and change["crossed"][1] > change["ci"][1]


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
    scores = {0: {subject: {"dice:a": 0.5, "dice:b": math.nan} for subject in SUBJECTS}}
    assert list(summarise_arms({"classic": scores})["arms"]["classic"]) == ["dice:a"]
    assert np.isnan(scores[0]["s0"]["dice:b"]) and pytest.approx(0.5) == scores[0]["s0"]["dice:a"]
