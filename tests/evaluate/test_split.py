"""Who is trained on and who is tested: never the same person."""

from __future__ import annotations

import numpy as np
import pytest

from domaingan import phantoms
from domaingan.bank import Bank
from domaingan.cropping import crops
from domaingan.errors import DataError
from domaingan.evaluate.split import Fold, folds, refuse_leak
from domaingan.grid import as_slices
from domaingan.sample import Dataset


@pytest.fixture(scope="module")
def people() -> Dataset:
    return as_slices(phantoms.load("medical", subjects=6, shape=(32, 32, 16)))


def test_no_subject_is_on_both_sides(people: Dataset, rng: np.random.Generator) -> None:
    for k in (1, 3):
        for fold in folds(people, rng, k=k):
            assert not set(fold.train.subjects) & set(fold.test.subjects)
            assert len(fold.train) + len(fold.test) == len(people)


def test_the_rest_is_tested_where_only_training_is_named(people: Dataset, rng: np.random.Generator) -> None:
    train = people.where(subject=["phantom_000", "phantom_003"])
    (fold,) = folds(people, rng, train=train)
    assert len(fold.test.subjects) == 4 and not set(fold.test.subjects) & set(train.subjects)


def test_a_shared_subject_is_refused(people: Dataset) -> None:
    with pytest.raises(DataError, match="both trained on and tested"):
        Fold(people.where(subject="phantom_000"), people)


def test_a_bank_that_knows_a_test_subject_is_refused(people: Dataset) -> None:
    bank: Bank = crops(people, size=16)
    someone = bank.subjects[0]
    refuse_leak(bank, people.of_groups(s for s in people.subjects if s not in bank.subjects))
    with pytest.raises(DataError, match=someone):
        refuse_leak(bank, people.where(subject=someone))
