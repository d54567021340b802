"""What an evaluation tells before it starts, and while it goes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from domaingan import phantoms
from domaingan.evaluation import evaluate, plan
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.plan import Plan, TrainingCounter
from domaingan.evaluation.summary import find_missed_metrics, warn_of_missed


class Listener:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.started: list[str] = []

    def start(self, what: str) -> None:
        self.started.append(what)

    def update(self, step: int, total: int, metrics: Mapping[str, float]) -> None:
        pass

    def say(self, message: str) -> None:
        self.said.append(message)


def config(arms: list[str], **fields: object) -> EvaluationConfig:
    return EvaluationConfig.model_validate({"data": "", "arms": arms, "steps": 600, "dims": 2, "size": 16, **fields})


def test_plan_counts_trainings_and_generators() -> None:
    arms = ["classic", "gan+classic", "refine+copy-paste+classic"]
    made = Plan(config(arms, seeds=3, folds=2), 2, 40)
    assert made.describe() == (
        "plan: 3 arms × 3 seeds × 2 folds = 18 trainings of 600 steps, each tested on 20 samples; "
        "before them 4 generators (gan, refine) of 2,000 steps"
    )
    assert Plan(config(arms, bank="bank"), 2, 40).generators_to_fit == {}


def test_what_is_kept_is_not_counted_again(tmp_path: Path) -> None:
    (tmp_path / "fold-0").mkdir()
    (tmp_path / "fold-0" / "classic-seed5.json").write_text("{}")
    arms = ["classic", "none"]
    people = phantoms.load_phantom("medical", subjects=2, shape=(16, 16, 16))
    from domaingan.evaluation.split import Fold

    fold = Fold(people[:1], people[1:])
    made = Plan.from_folds(config(arms, seed=5, seeds=2), [fold], tmp_path)
    assert made.n_finished == 1 and made.n_trainings == 4
    assert made.describe().endswith("; 1 trainings are kept from before")


def test_counter_tells_what_is_left() -> None:
    listener = Listener()
    arms = ["classic", "none"]
    counter = TrainingCounter(Plan(config(arms, seeds=2), 1, 4), listener)
    counter.count_reused()
    counter.start("none, seed 0")
    counter.count_done(30.0)
    assert listener.started == ["2 of 4: none, seed 0"]
    assert listener.said == ["2 of 4 trainings are done and kept; about 1 min left"]


def test_evaluation_tells_plan_and_time_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "MIN_STEPS_PER_TRIAL_STEP", 0)
    listener = Listener()
    people = phantoms.load_phantom("medical", subjects=6, shape=(32, 32, 16))
    result = evaluate(
        people, arms=["none", "gan"], seeds=1, out=tmp_path / "run", dims=2, steps=4, width=4, size=16, gan_steps=3,
        gan_samples=4, progress=listener,
    )  # fmt: skip
    assert listener.said[0].startswith("plan: 2 arms × 1 seed = 2 trainings of 4 steps")
    assert listener.said[1].startswith("about ") and listener.said[1].endswith(" in all on this machine")
    assert isinstance(result["warnings"], list)


def test_a_class_that_no_arm_finds_is_warned_of() -> None:
    none, some = {"mean": 0.0}, {"mean": 0.2}
    arms = {"none": {"dice:a": none, "dice:b": none}, "classic": {"dice:a": none, "dice:b": some}}
    result = {"arms": arms, "primary": {"metric": "dice:a"}, "verdict": "no difference"}
    assert find_missed_metrics(result) == ["dice:a"]
    warn_of_missed(result, 600)
    assert result["verdict"] == "cannot be shown"
    assert result["warnings"] == [
        "dice:a is 0 with every arm: the networks were trained too little, or nothing can be found; try --steps 1200"
    ]
    warn_of_missed(result, None)  # the user's own trainer has no --steps
    assert result["warnings"] == [
        "dice:a is 0 with every arm: the networks were trained too little, or nothing can be found"
    ]
    result["arms"] = {"none": {"dice:a": some}}
    warn_of_missed(result, 600)
    assert result["warnings"] == []
