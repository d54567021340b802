"""The schema of ``result.json``: what is written keeps to it, and its page is up to date."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domaingan.core.files import to_json_types
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.headroom import TrainingPeople
from domaingan.evaluation.result_schema import EvaluationResult, find_schema_faults, list_undocumented_keys
from domaingan.evaluation.schema_page import build_schema_page
from domaingan.evaluation.score_tables import Scores, TrainingKey
from domaingan.evaluation.summary import summarise

ARMS = ["classic", "copy-paste+classic", "copy-paste+classic@people=0.5", "copy-paste+classic@repeat=1", "gan+classic"]
REST: dict[str, Any] = {
    "unit": "subject",
    "warnings": [],
    "notes": [],
    "classes": {"a": 1},
    "absent": [],
    "domain": "scan",
    "train_subjects": [["x"]],
    "training": {},
    "seconds": 1.0,
}


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    scores: dict[str, dict[TrainingKey, Scores]] = {arm: {} for arm in ARMS}
    for number, arm in enumerate(ARMS):
        for seed in range(6):
            dice = 0.3 + 0.02 * number + rng.normal(0, 0.02, 8)
            hd95 = rng.normal(5, 1, 8)
            scores[arm][0, seed] = {
                f"s{i}": {"dice:a": float(dice[i]), "hd95:a": float(hd95[i]), "ap": 0.5} for i in range(8)
            }
    config = EvaluationConfig(data="scans", arms=["classic"], steps=10, dims=2, size=16)
    found: dict[str, Any] = to_json_types(summarise(scores, config, "a", training_people=TrainingPeople(20)) | REST)
    return found


def test_a_summary_keeps_to_the_schema(result: dict[str, Any]) -> None:
    assert find_schema_faults(result) == []
    assert list_undocumented_keys(result) == []
    assert EvaluationResult.model_validate(result).learning_curve is not None


def test_faults_name_the_key(result: dict[str, Any]) -> None:
    changed = result | {"verdict": "perhaps", "needed": {"people": 6, "trainings": 5, "luck": 1}}
    faults = find_schema_faults(changed)
    assert len(faults) == 2
    assert any(fault.startswith("verdict: ") for fault in faults)
    assert any(fault.startswith("needed.luck: ") for fault in faults)
    assert list_undocumented_keys(result | {"mood": "good"}) == ["mood"]


def test_the_page_is_made_from_the_schema() -> None:
    page = Path(__file__).parents[2] / "docs" / "result-files.md"
    assert page.read_text(encoding="utf-8") == build_schema_page(), "python -m domaingan.evaluation.schema_page"
