"""Folds of nnU-Net: read from ``splits_final.json``, or made as nnU-Net makes them where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from domaingan.core.errors import DataError
from domaingan.core.reading import read_json
from domaingan.data import Dataset, Record

SPLITS_JSON = "splits_final.json"
"""What nnU-Net calls its folds: a list of ``{"train": [case, …], "val": [case, …]}``."""

FOLD_COUNT = 5
FOLD_SEED = 12345
"""Count and seed of nnU-Net: where no file lists the folds, they are those that it would make."""

TRAIN = "train"
VAL = "val"
TEST = "test"

Split = dict[str, list[str]]


def find_splits(data: Dataset, file: Path | None) -> list[Split]:
    """Find the folds: those of a file, of the one beside the data, or as nnU-Net would make them.

    Args:
        data: the samples; those of the split ``test`` are in no fold.
        file: nnU-Net's file, where one is given.

    Raises:
        DataError: as :func:`read_splits`.
    """
    cases = [record for record in data.records if record.split != TEST]
    file_of_data = Path(data.root) / SPLITS_JSON
    if file is None and file_of_data.is_file():
        file = file_of_data
    if file is None:
        return make_splits(cases)
    return read_splits(file, [record.name for record in cases])


def make_splits(cases: Sequence[Record], n: int = FOLD_COUNT) -> list[Split]:
    """Make nnU-Net's folds (scikit-learn's ``KFold(5, shuffle=True, random_state=12345)``), by subject.

    Args:
        cases: those that are trained on. Where each is of another subject, the folds are those of nnU-Net.
        n: how many, at most as many as there are subjects.
    """
    by_name = sorted(cases, key=lambda record: record.name)
    groups = list(dict.fromkeys(record.group for record in by_name))
    n = min(n, len(groups))
    if n < 2:
        return []
    order = np.arange(len(groups))
    np.random.RandomState(FOLD_SEED).shuffle(order)  # as scikit-learn draws, which nnU-Net calls
    splits = []
    for part in np.array_split(order, n):
        held_out = {groups[i] for i in part}
        train_names = [record.name for record in by_name if record.group not in held_out]
        val_names = [record.name for record in by_name if record.group in held_out]
        splits.append({TRAIN: train_names, VAL: val_names})
    return splits


def read_splits(path: Path, cases: Sequence[str]) -> list[Split]:
    """Read nnU-Net's folds, and leave out of them the cases that the data does not have.

    Args:
        path: the file.
        cases: names of the data's cases.

    Raises:
        DataError: it is no list of ``{"train": […], "val": […]}``, a fold is left without cases, or trains on one that
            it validates.
    """
    stored = read_json(path)
    existing = set(cases)
    if not isinstance(stored, list) or not stored or not all(_is_split(split) for split in stored):
        raise DataError("no list of folds", path=path, expected='[{"train": [case, …], "val": [case, …]}, …]')
    splits = []
    for number, split in enumerate(stored):
        on_both_sides = set(split[TRAIN]) & set(split[VAL])
        if on_both_sides:
            found = f"fold {number} trains on {min(on_both_sides)!r} and validates it"
            raise DataError(found, path=path, expected="a case on one side")
        train_names = [name for name in split[TRAIN] if name in existing]
        val_names = [name for name in split[VAL] if name in existing]
        if not train_names or not val_names:
            raise DataError(f"fold {number} has none of the cases", path=path, expected="cases of the data")
        splits.append({TRAIN: train_names, VAL: val_names})
    return splits


def _is_split(value: Any) -> bool:
    """Return whether a value is ``{"train": [name, …], "val": [name, …]}``."""
    if not isinstance(value, dict):
        return False
    return all(_is_list_of_names(value.get(side)) for side in (TRAIN, VAL))


def _is_list_of_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)
