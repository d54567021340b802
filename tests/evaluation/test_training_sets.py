"""Disjoint training sets: who is in which, who is tested, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from domaingan import phantoms
from domaingan.core.errors import DataError
from domaingan.data import Dataset
from domaingan.evaluation import evaluate
from domaingan.evaluation.result_schema import find_schema_faults, list_undocumented_keys
from domaingan.evaluation.split import make_folds
from domaingan.evaluation.training_sets import SetSizes


@pytest.fixture(scope="module")
def people() -> Dataset:
    return phantoms.load_phantom("medical", subjects=11, shape=(32, 32, 16))


def test_sets_share_nobody_and_each_tests_everybody_else(people: Dataset) -> None:
    folds = make_folds(people, np.random.default_rng(0), sets=SetSizes(3))
    trained = [set(fold.train.subjects) for fold in folds]
    assert [len(members) for members in trained] == [3, 3, 3]
    assert len(set.union(*trained)) == 9
    for fold, members in zip(folds, trained, strict=True):
        assert set(fold.test.subjects) == set(people.subjects) - members


def test_the_seed_draws_the_sets(people: Dataset) -> None:
    def draw(seed: int) -> list[tuple[str, ...]]:
        folds = make_folds(people, np.random.default_rng(seed), sets=SetSizes(2, 2))
        return [fold.train.subjects for fold in folds]

    assert draw(1) == draw(1) != draw(2)
    assert [len(members) for members in draw(1)] == [2, 2]


def test_sets_come_from_the_named_samples_and_are_tested_on_the_named_ones(people: Dataset) -> None:
    train, test = people[:4], people[2:8]
    folds = make_folds(people, np.random.default_rng(0), train=train, test=test, sets=SetSizes(2))
    for fold in folds:
        assert set(fold.train.subjects) <= set(train.subjects)
        assert set(fold.test.subjects) == set(test.subjects) - set(fold.train.subjects)


def test_a_limit_holds_in_each_set(people: Dataset) -> None:
    data = people.select_groups(people.subjects)
    folds = make_folds(data, np.random.default_rng(0), sets=SetSizes(2), limits=[("subject", data.subjects[0], 0)])
    sizes = sorted(len(fold.train) for fold in folds)
    assert sizes in ([4, 5], [5, 5])


@pytest.mark.parametrize(
    ("sets", "k", "message"),
    [
        (SetSizes(4, 3), 1, "11 subjects for 4 sets of 3"),
        (SetSizes(12), 1, "11 subjects for 12 sets of 1"),
        (SetSizes(1, 11), 1, "nobody is left to test"),
        (SetSizes(2), 3, "3 folds and 2 training sets"),
    ],
)
def test_what_is_refused(people: Dataset, sets: SetSizes, k: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        make_folds(people, np.random.default_rng(0), k=k, sets=sets)


def test_an_evaluation_of_two_sets_stores_who_was_tested_by_whom(tmp_path: Path) -> None:
    scans = phantoms.load_phantom("medical", subjects=4, shape=(32, 32, 16))
    result = evaluate(scans, arms=["none"], seeds=1, sets=2, out=tmp_path / "run", dims=2, steps=2, width=4, size=16)
    assert result["trainings"] == [{"fold": 0, "seed": 0}, {"fold": 1, "seed": 0}]
    assert len(result["subjects"]) == 4 and len(result["train_subjects"]) == 2
    for members, row in zip(result["train_subjects"], result["scores"]["none"]["dice:oedema"], strict=True):
        assert len(members) == 2
        for subject, value in zip(result["subjects"], row, strict=True):
            assert (value is None) == (subject in members)
    assert any("training sets counts as one training" in note for note in result["notes"])
    assert result["verdict"] == "cannot be shown"
    written = json.loads((tmp_path / "run" / "result.json").read_text())
    assert find_schema_faults(written) == [] and list_undocumented_keys(written) == []
