"""Sides of a split: who may give to whom, and folds in which nothing of whom is validated is trained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domaingan.augmentation.offline.donors import Sides, plan_sides
from domaingan.augmentation.offline.nnunet_folds import SPLITS_JSON, make_splits, read_splits
from domaingan.banks import Bank, BankInfo
from domaingan.banks.info import create_entries
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Record, Schema

SCHEMA = Schema("nnunet", "scan", 3, ("t1",), {"lesion": 1})


def people(n: int, *, tested: int = 0, root: Path | str = "", scans: int = 1) -> Dataset:
    """Cases ``p0_a``, ``p0_b``, … of ``n`` subjects, and tested ones."""
    names = [(f"p{i}", f"p{i}_{'abc'[k]}", "train") for i in range(n) for k in range(scans)]
    names += [(f"t{i}", f"t{i}_a", "test") for i in range(tested)]
    records = [Record(name, subject=subject, split=split) for subject, name, split in names]
    return Dataset(records, read=print, schema=SCHEMA, root=root)  # type: ignore[arg-type]


def bank_of(*subjects: str, codes: list[int] | None = None) -> Bank:
    """A bank of one entry a subject, or of these subjects' codes."""
    info = BankInfo(spatial_dims=3, channels=["t1"], classes={"lesion": 1}, subjects=list(subjects))
    codes = list(range(len(subjects))) if codes is None else codes
    entries = create_entries(info, len(codes))
    entries["subject"] = codes
    shape = (len(codes), 2, 2, 2)
    return Bank(info, np.zeros((shape[0], 1, *shape[1:]), np.float16), np.zeros(shape, np.uint8), entries)


def givers(sides: Sides, data: Dataset, bank: Bank, name: str) -> list[str]:
    record = next(record for record in data.records if record.name == name)
    return [bank.subjects[i] for i in np.flatnonzero(sides.find_donors(bank, record))]


def test_folds_are_nnu_nets_own() -> None:
    # Of scikit-learn's KFold(5, shuffle=True, random_state=12345) for 12 names.
    splits = make_splits(people(12).records)
    order = sorted(f"p{i}_a" for i in range(12))
    assert [[order.index(name) for name in split["val"]] for split in splits] == VALIDATED
    for split in splits:
        assert sorted(split["train"] + split["val"]) == order


VALIDATED = [[0, 3, 8], [7, 10, 11], [6, 9], [1, 4], [2, 5]]


def test_a_subjects_scans_stay_together() -> None:
    splits = make_splits(people(7, scans=3).records)
    assert len(splits) == 5
    for split in splits:
        subjects = [{name.split("_")[0] for name in split[side]} for side in ("train", "val")]
        assert not subjects[0] & subjects[1] and len(split["val"]) % 3 == 0
    assert len(make_splits(people(3).records)) == 3 and make_splits(people(1).records) == []


def test_in_folds_the_donors_are_of_the_hosts_own_fold() -> None:
    data, bank = people(10, tested=1), bank_of(*(f"p{i}" for i in range(10)), "t0", "stranger")
    sides = plan_sides(data, has_folds=True)
    for split in sides.splits:
        host, other = split["val"]
        assert givers(sides, data, bank, host) == [other.split("_")[0], "stranger"]
    assert not sides.is_blended(data.records[10]) and sides.is_blended(data.records[0])
    own = plan_sides(data, has_folds=True, is_own_allowed=True)
    assert set(givers(own, data, bank, "p3_a")) > {"p3"}


def test_a_fold_without_donors_is_given_by_the_next() -> None:
    data = people(5)  # each is a fold of its own
    sides = plan_sides(data, has_folds=True)
    order = [split["val"][0].split("_")[0] for split in sides.splits]
    bank = bank_of(*order)
    assert [givers(sides, data, bank, f"{name}_a") for name in order] == [[one] for one in [*order[1:], order[0]]]
    lone = bank_of(order[2])
    assert givers(sides, data, lone, f"{order[3]}_a") == [order[2]]
    assert givers(sides, data, lone, f"{order[2]}_a") == []


def test_a_chosen_fold_takes_and_gives_on_its_training_side_alone() -> None:
    data, bank = people(10, tested=1), bank_of(*(f"p{i}" for i in range(10)), "t0")
    sides = plan_sides(data, fold=2, has_folds=True)
    validated = {name.split("_")[0] for name in sides.splits[2]["val"]}
    for record in data.records:
        assert sides.is_blended(record) == (record.group not in validated | {"t0"})
        if sides.is_blended(record):
            assert set(givers(sides, data, bank, record.name)) == set(bank.subjects) - validated - {"t0", record.group}
    with pytest.raises(DataError, match="fold 5; expected 0 to 4"):
        plan_sides(data, fold=5, has_folds=True)


def test_a_subject_on_both_sides_gives_to_neither(tmp_path: Path) -> None:
    data, bank = people(4, scans=2), bank_of("p0", "p1", "p2", "p3")
    torn = [{"train": ["p0_a", "p0_b", "p1_a", "p1_b", "p2_a"], "val": ["p2_b", "p3_a", "p3_b"]}]
    path = tmp_path / "own.json"
    path.write_text(json.dumps(torn))
    sides = plan_sides(data, fold=0, split=str(path))
    assert givers(sides, data, bank, "p0_a") == ["p1"]


def test_named_splits_keep_to_themselves_and_one_may_be_chosen() -> None:
    data, bank = people(3, tested=3), bank_of("p0", "p1", "p2", "t0", "t1", "t2")
    sides = plan_sides(data)
    assert givers(sides, data, bank, "p0_a") == ["p1", "p2"] and givers(sides, data, bank, "t0_a") == ["t1", "t2"]
    assert all(sides.is_blended(record) for record in data.records) and not sides.splits
    chosen = plan_sides(data, split="train")
    assert [chosen.is_blended(record) for record in data.records] == [True] * 3 + [False] * 3
    with pytest.raises(DataError, match="no split 'val'; expected one of test, train"):
        plan_sides(data, split="val")
    with pytest.raises(DataError, match="--fold and a named --split"):
        plan_sides(data, split="train", fold=0)


def test_banks_that_know_the_other_side_are_refused() -> None:
    data = people(10)
    sides = plan_sides(data, fold=0)
    validated = sides.splits[0]["val"][0].split("_")[0]
    trained = sides.splits[0]["train"][0].split("_")[0]
    sides.check_bank(bank_of(trained, validated))
    sides.check_bank(bank_of(trained, codes=[-1, -1]))
    with pytest.raises(DataError, match="nothing of the side train"):
        sides.check_bank(bank_of(validated))
    with pytest.raises(DataError, match=f"made from 1 subjects that are not of the side train \\({validated}\\)"):
        sides.check_bank(bank_of(trained, validated, codes=[-1]))
    plan_sides(data).check_bank(bank_of(validated))


def test_copies_are_trained_on_where_nothing_of_them_is_validated() -> None:
    data = people(4)
    splits: tuple[dict[str, list[str]], ...] = (
        {"train": ["p0_a", "p1_a", "p2_a"], "val": ["p3_a"]},
        {"train": ["p0_a", "p2_a", "p3_a"], "val": ["p1_a"]},
    )
    members = {f"p{i}": frozenset([f"p{i}_a"]) for i in range(4)}
    sides = Sides({record.name: "" for record in data.records}, members, splits=splits)
    copies = [("c0", "p0_a", ["p1"]), ("c1", "p0_a", ["p2", "p2"]), ("c2", "p3_a", []), ("c3", "p2_a", ["p1", "p3"])]
    first, second = sides.extend_splits(copies)
    assert first == {"train": ["p0_a", "p1_a", "p2_a", "c0", "c1"], "val": ["p3_a"]}
    assert second == {"train": ["p0_a", "p2_a", "p3_a", "c1", "c2"], "val": ["p1_a"]}


@pytest.mark.parametrize(
    ("stored", "found"),
    [
        ({}, "no list of folds"),
        ([], "no list of folds"),
        ([{"train": ["p0_a"]}], "no list of folds"),
        ([{"train": "p0_a", "val": ["p1_a"]}], "no list of folds"),
        ([{"train": [1], "val": ["p1_a"]}], "no list of folds"),
        ([{"train": ["p0_a"], "val": ["p0_a"]}], "fold 0 trains on 'p0_a' and validates it"),
        ([{"train": ["p0_a"], "val": ["gone"]}], "fold 0 has none of the cases"),
    ],
)
def test_files_that_are_no_folds(tmp_path: Path, stored: Any, found: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps(stored))
    with pytest.raises(DataError, match=found):
        read_splits(path, ["p0_a", "p1_a"])


def test_the_file_beside_the_data_counts(tmp_path: Path) -> None:
    stored = [{"train": ["p0_a", "p2_a"], "val": ["p1_a", "gone"]}]
    (tmp_path / SPLITS_JSON).write_text(json.dumps(stored))
    sides = plan_sides(people(3, root=tmp_path), has_folds=True)
    assert sides.splits == ({"train": ["p0_a", "p2_a"], "val": ["p1_a"]},)
    assert sides.side_by_sample == {"p0_a": "train", "p1_a": "fold 0", "p2_a": "train"}


def test_what_a_gan_drew_from_both_sides_is_reported() -> None:
    sides = plan_sides(people(2, tested=1))
    assert sides.find_mixed_sides(bank_of("p0", "t0", codes=[-1])) == ["test", "train"]
    assert sides.find_mixed_sides(bank_of("p0", "p1", codes=[-1])) == []
    assert sides.find_mixed_sides(bank_of("p0", "t0")) == []
