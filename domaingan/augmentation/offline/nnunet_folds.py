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
"""nnU-Net's own: where no file says otherwise, the folds are those that it would make."""

TRAIN, VAL, TEST = "train", "val", "test"

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
    beside = Path(data.root) / SPLITS_JSON
    if file is None and beside.is_file():
        file = beside
    return make_splits(cases) if file is None else read_splits(file, [record.name for record in cases])


def make_splits(cases: Sequence[Record], n: int = FOLD_COUNT) -> list[Split]:
    """Make nnU-Net's folds (scikit-learn's ``KFold(5, shuffle=True, random_state=12345)``), by subject.

    Args:
        cases: those that are trained on; where each is a subject of its own, the folds are nnU-Net's own.
        n: how many, at most as many as there are subjects.
    """
    groups = list(dict.fromkeys(record.group for record in sorted(cases, key=lambda record: record.name)))
    n = min(n, len(groups))
    if n < 2:
        return []
    order = np.arange(len(groups))
    np.random.RandomState(FOLD_SEED).shuffle(order)  # nnU-Net's own numbers
    splits = []
    for part in np.array_split(order, n):
        held_out = {groups[i] for i in part}
        trained = sorted(record.name for record in cases if record.group not in held_out)
        splits.append({TRAIN: trained, VAL: sorted(record.name for record in cases if record.group in held_out)})
    return splits


def read_splits(path: Path, cases: Sequence[str]) -> list[Split]:
    """Read nnU-Net's folds; cases that are not among the given ones are left out of them.

    Args:
        path: the file.
        cases: names of those that there are.

    Raises:
        DataError: it is no list of ``{"train": […], "val": […]}``, a fold is left without cases, or trains on one that
            it validates.
    """
    stored, there = read_json(path), set(cases)
    expected = '[{"train": [case, …], "val": [case, …]}, …]'
    if not isinstance(stored, list) or not stored or not all(_is_split(split) for split in stored):
        raise DataError("no list of folds", path=path, expected=expected)
    splits = []
    for number, split in enumerate(stored):
        if both := set(split[TRAIN]) & set(split[VAL]):
            found = f"fold {number} trains on {sorted(both)[0]!r} and validates it"
            raise DataError(found, path=path, expected="a case on one side")
        kept = {side: [name for name in split[side] if name in there] for side in (TRAIN, VAL)}
        if not (kept[TRAIN] and kept[VAL]):
            raise DataError(f"fold {number} has none of the cases", path=path, expected="cases of the data")
        splits.append(kept)
    return splits


def _is_split(value: Any) -> bool:
    if not isinstance(value, dict) or not {TRAIN, VAL} <= set(value):
        return False
    return all(
        isinstance(value[side], list) and all(isinstance(name, str) for name in value[side]) for side in (TRAIN, VAL)
    )
