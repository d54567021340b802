"""Who is trained on and who is tested: never the same person."""

from __future__ import annotations

import numpy as np
import pytest

from domaingan import phantoms
from domaingan.banks import Bank
from domaingan.banks.crops import crops
from domaingan.core.errors import DataError
from domaingan.data import BLOCK_SECONDS, Dataset, Record, Schema
from domaingan.evaluation.split import Fold, make_folds, refuse_leak, split_shared_drives
from domaingan.views.slices import slice_volumes


@pytest.fixture(scope="module")
def people() -> Dataset:
    return slice_volumes(phantoms.load_phantom("medical", subjects=6, shape=(32, 32, 16)))


def test_no_subject_is_on_both_sides(people: Dataset, rng: np.random.Generator) -> None:
    for k in (1, 3):
        for fold in make_folds(people, rng, k=k):
            assert not set(fold.train.subjects) & set(fold.test.subjects)
            assert len(fold.train) + len(fold.test) == len(people)


def test_the_rest_is_tested_where_only_training_is_named(people: Dataset, rng: np.random.Generator) -> None:
    train = people.where(subject=["phantom_000", "phantom_003"])
    (fold,) = make_folds(people, rng, train=train)
    assert len(fold.test.subjects) == 4 and not set(fold.test.subjects) & set(train.subjects)


def test_a_shared_subject_is_refused(people: Dataset) -> None:
    with pytest.raises(DataError, match="both trained on and tested"):
        Fold(people.where(subject="phantom_000"), people)


def test_a_bank_that_knows_a_test_subject_is_refused(people: Dataset) -> None:
    bank: Bank = crops(people, size=16)
    someone = bank.subjects[0]
    refuse_leak(bank, people.select_groups(s for s in people.subjects if s not in bank.subjects))
    with pytest.raises(DataError, match=someone):
        refuse_leak(bank, people.where(subject=someone))


def drive(lighting: str, sequence: str, n: int, step: float = 1.0) -> list[Record]:
    return [
        Record(f"{sequence}_{i:03d}", sequence=sequence, time=i * step, condition={"lighting": lighting})
        for i in range(n)
    ]


@pytest.fixture
def drives() -> Dataset:
    schema = Schema("masks", "frame", 2, ("red", "green", "blue"), {"car": 1}, conditions=("lighting",))
    return Dataset([*drive("day", "a", 20), *drive("dusk", "b", 60)], print, schema)  # type: ignore[arg-type]


def times(data: Dataset, sequence: str) -> list[float]:
    return [float(r.time or 0) for r in data.records if r.sequence == sequence]


def test_a_drive_that_both_name_is_parted_by_time_with_a_gap(drives: Dataset) -> None:
    train, test = split_shared_drives(drives, drives.where(lighting="dusk"))
    assert len(times(train, "a")) == 20 and not times(test, "a")
    assert min(times(test, "b")) - max(times(train, "b")) > BLOCK_SECONDS
    assert len(times(test, "b")) >= 30 and len(times(train, "b")) >= 20
    Fold(train, test)


def test_several_drives_are_parted_whole(drives: Dataset) -> None:
    train, test = split_shared_drives(drives, drives)
    assert {r.sequence for r in train.records} == {"a"} and {r.sequence for r in test.records} == {"b"}
    assert len(train) == 20 and len(test) == 60


def test_day_and_a_few_dusk_frames_tested_on_later_dusk(drives: Dataset, rng: np.random.Generator) -> None:
    (fold,) = make_folds(
        drives, rng, train=drives, test=drives.where(lighting="dusk"), limits=[("lighting", "dusk", 4)]
    )
    assert len(times(fold.train, "b")) == 4 and len(times(fold.test, "b")) >= 30
    assert min(times(fold.test, "b")) - max(times(fold.train, "b")) > BLOCK_SECONDS


def test_named_stretches_keep_their_gap(drives: Dataset, rng: np.random.Generator) -> None:
    early, late = drives.where(sequence="b", time="0..29"), drives.where(sequence="b", time="30..59")
    (fold,) = make_folds(drives, rng, train=early, test=late)
    assert times(fold.test, "b") == list(range(30, 60))
    assert max(times(fold.train, "b")) < 30 - BLOCK_SECONDS


def test_interleaved_frames_of_one_drive_are_refused(drives: Dataset) -> None:
    with pytest.raises(DataError, match="both trained on and tested"):
        Fold(drives.select(range(20, 80, 2)), drives.select(range(21, 80, 2)))


def test_without_times_a_drive_stays_whole(drives: Dataset, rng: np.random.Generator) -> None:
    untimed = Dataset(
        [Record(r.name, sequence=r.sequence, condition=r.condition) for r in drives.records], print, drives.schema
    )  # type: ignore[arg-type]
    with pytest.raises(DataError, match="'b' is both trained on and tested"):
        make_folds(untimed, rng, train=untimed, test=untimed.where(lighting="dusk"))


def test_a_bank_made_beside_a_tested_block_is_refused(drives: Dataset) -> None:
    from domaingan.banks import BankInfo, create_entries

    info = BankInfo(
        kind="scenes", domain="frame", spatial_dims=2, channels=["red", "green", "blue"], classes={}, subjects=["b@25s"]
    )
    bank = Bank(info, np.zeros((1, 3, 8, 8), np.float16), np.zeros((1, 8, 8), np.uint8), create_entries(info, 1))
    refuse_leak(bank, drives.where(sequence="b", time="35..59"))
    with pytest.raises(DataError, match="b@25s"):
        refuse_leak(bank, drives.where(sequence="b", time="30..59"))


def test_a_drive_is_cut_at_the_border_of_a_block() -> None:
    """Of frames each second for 27 seconds the median is at 13 s: the cut is at 10 s, and 5 to 10 s is the gap."""
    seconds = np.arange(27.0)
    records = [Record(f"a{i}", sequence="a", time=float(second)) for i, second in enumerate(seconds)]
    frames = Dataset(records, phantoms.load_phantom("driving", sequences=1, frames=1).read, people_schema())
    train, test = split_shared_drives(frames, frames)
    assert times(test, "a") == list(seconds[10:]) and times(train, "a") == list(seconds[:5])


def people_schema() -> Schema:
    return phantoms.load_phantom("driving", sequences=1, frames=1).schema
