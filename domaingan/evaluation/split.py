"""Which samples are trained on and which are tested: by split, condition, fold, time in a drive, or a drawn third."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from domaingan.banks import Bank
from domaingan.core.errors import DataError
from domaingan.data import BLOCK_SECONDS, ConditionValue, Dataset, Record
from domaingan.evaluation.training_sets import SINGLE_SPLIT, SetSizes, split_in_sets
from domaingan.imaging.near_duplicates import find_alternative_spellings, normalise_name

HELD_OUT_SHARE = 1 / 3
"""Share of the subjects that is tested where nothing names a split."""

Limit = tuple[str, ConditionValue, int]
"""Column, value and how many of those samples may be trained on."""


@dataclass(frozen=True)
class Fold:
    """Training and test samples of one fold.

    No subject is in both. Of drives, no block of time is in both, nor one beside a tested block.

    Attributes:
        train: the training samples.
        test: the test samples.
        hosts: unlabelled samples that arms with a paste are trained on, too; None where there are none.
        hosts_left_out: how many images were left out of them, by reason.

    Raises:
        DataError: a subject or block is in both, the same name in two spellings is in both, or one of them is empty.
    """

    train: Dataset
    test: Dataset
    hosts: Dataset | None = None
    hosts_left_out: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        near_test = list_units_with_neighbours(self.test)
        for record in self.train.records:
            if record.statistical_unit in near_test:
                found = f"{record.statistical_unit!r} is both trained on and tested"
                raise DataError(found, path=self.train.root, expected="only one, or times that lie apart")
        for one, other in find_alternative_spellings([*self.train.groups, *self.test.groups]):
            if self._is_split_pair(one, other) or self._is_split_pair(other, one):
                found = f"{one!r} and {other!r}, one trained on and one tested, are one name in two spellings"
                expected = "one `subject` for both in samples.csv, or other names"
                raise DataError(found, path=self.train.root, expected=expected)
        for part, name in ((self.train, "training"), (self.test, "test")):
            if not len(part):
                raise DataError(f"no {name} samples", path=part.root, expected="at least one")

    def _is_split_pair(self, train_group: str, test_group: str) -> bool:
        return train_group in self.train.groups and test_group in self.test.groups


def list_units_with_neighbours(test: Dataset) -> set[str]:
    """List the units that are tested, and for drives the blocks just before and after them.

    Args:
        test: the test samples.
    """
    units = {record.statistical_unit for record in test.records}
    for record in test.records:
        if record.time is None:
            continue
        for step in (-BLOCK_SECONDS, BLOCK_SECONDS):
            neighbour = replace(record, time=float(record.time or 0) + step)
            units.add(neighbour.statistical_unit)
    return units


def make_folds(
    data: Dataset,
    rng: np.random.Generator,
    *,
    train: Dataset | None = None,
    test: Dataset | None = None,
    k: int = 1,
    sets: SetSizes = SINGLE_SPLIT,
    limits: Sequence[Limit] = (),
) -> list[Fold]:
    """Make the folds of an evaluation.

    Args:
        data: all samples.
        rng: draws the subjects where nothing names them, and the samples that a limit keeps.
        train: the training samples, where they are named; the test samples are then all others, unless named too.
        test: the test samples, where they are named.
        k: number of folds by subject; 1 for a single split: the samples of split ``test`` where there are any, else a
            third of the subjects.
        sets: how many disjoint training sets there are, and how large they are, see
            :func:`domaingan.evaluation.training_sets.split_in_sets`.
        limits: only this many of these samples are trained on; the test samples stay.

    Raises:
        DataError: a fold would share subjects or lack samples, folds are asked for beside a named split or beside
            sets, or there are too few subjects for the sets.
    """
    if sets.are_asked_for:
        if k > 1:
            raise DataError(f"{k} folds and {sets.number} training sets", path=data.root, expected="one of them")
        pairs = split_in_sets(data, rng, sets, train=train, test=test)
    else:
        pairs = _split_in_pairs(data, rng, train, test, k)
    for name, value, n in limits:
        limited = []
        for train_part, test_part in pairs:
            limited.append((train_part.limit(name, value, n, rng), test_part))
        pairs = limited
    return [Fold(train_part, test_part) for train_part, test_part in pairs]


def _split_in_pairs(
    data: Dataset, rng: np.random.Generator, train: Dataset | None, test: Dataset | None, k: int
) -> list[tuple[Dataset, Dataset]]:
    if k > 1:
        if train is not None or test is not None:
            raise DataError("folds and a named split", path=data.root, expected="one of them")
        return data.split_folds(k, rng)
    if train is None and test is None:
        n_named = sum(record.split == "test" for record in data.records)
        if n_named == 0 or n_named == len(data):
            return [data.holdout(HELD_OUT_SHARE, rng)]
        test = data.where(split="test")
    if train is None:
        assert test is not None
        train = _select_others(data, test)
    if test is None:
        test = _select_others(data, train)
    return [split_shared_drives(train, test)]


def _select_others(data: Dataset, chosen: Dataset) -> Dataset:
    """Select the samples of all groups that are not among the chosen samples."""
    chosen_groups = set(chosen.groups)
    return data.select_groups(group for group in data.groups if group not in chosen_groups)


def split_shared_drives(train: Dataset, test: Dataset) -> tuple[Dataset, Dataset]:
    """Split the drives that both a choice of training samples and one of test samples name.

    Of these drives the first half is trained on and the others are tested. A single one is split by time: the earlier
    half of its frames is trained on and the later half tested. Then every training frame is dropped that lies in a
    block of time that is tested, or in one beside it: frames that follow one another are nearly copies, and a score on
    them would measure memory. Subjects, and frames without a time, are left to :class:`Fold`, which refuses them in
    both.

    Args:
        train: the chosen training samples.
        test: the chosen test samples.

    Returns:
        The training samples and the test samples that remain.
    """
    shared_keys = {_make_key(record) for record in train.records} & {_make_key(record) for record in test.records}
    shared = [record for record in test.records if _make_key(record) in shared_keys and _is_timed(record)]
    drives = list(dict.fromkeys(record.sequence for record in shared))
    middle = 0.0
    if shared:
        median = float(np.median([record.time or 0.0 for record in shared]))
        middle = median // BLOCK_SECONDS * BLOCK_SECONDS

    def is_tested(record: Record) -> bool:
        if _make_key(record) not in shared_keys or not _is_timed(record):
            return True
        if len(drives) > 1:
            return record.sequence in drives[len(drives) // 2 :]
        return (record.time or 0.0) >= middle

    tested = test.select(i for i, record in enumerate(test.records) if is_tested(record))
    near_test = list_units_with_neighbours(tested)

    def is_trained(record: Record) -> bool:
        if not _is_timed(record):
            return True
        if record.statistical_unit in near_test:
            return False
        return _make_key(record) not in shared_keys or not is_tested(record)

    return train.select(i for i, record in enumerate(train.records) if is_trained(record)), tested


def _is_timed(record: Record) -> bool:
    return record.time is not None and not record.subject and bool(record.sequence)


def _make_key(record: Record) -> tuple[str, int | None]:
    return record.name, record.index


def refuse_leak(bank: Bank, test: Dataset) -> None:
    """Refuse a bank that was made from a test subject, or from a block of a drive that is tested or beside one.

    Another spelling of a name (``sub-1``, ``SUB_01``) is the same name.

    Args:
        bank: knows the subjects that it was made from.
        test: the test samples.

    Raises:
        DataError: one of the bank's subjects is tested.
    """
    tested = {normalise_name(name) for name in list_units_with_neighbours(test) | set(test.groups)}
    leaked = [subject for subject in bank.subjects if normalise_name(subject) in tested]
    if leaked:
        raise DataError(
            f"made from {len(leaked)} test subjects ({', '.join(leaked[:3])})",
            path=bank.path,
            expected="a bank of training subjects alone",
        )


def select_labelled(data: Dataset) -> Dataset:
    """Select the samples that have a mask on disk, where the layout records files; all of them otherwise.

    Raises:
        DataError: no sample has a mask.
    """
    labelled = data.select(i for i, r in enumerate(data.records) if not r.files or "mask" in r.files)
    if len(data) and not len(labelled):
        expected = "masks" + (", or --task detection, which needs boxes alone" if data.schema.objects else "")
        raise DataError(f"no mask for any of {len(data)} samples", path=data.root, expected=expected)
    return labelled
