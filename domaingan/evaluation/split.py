"""Who is trained on and who is tested: by split, by condition, by fold, by time within a drive, or a drawn third."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from domaingan.banks import Bank
from domaingan.core.errors import DataError
from domaingan.data import BLOCK_SECONDS, ConditionValue, Dataset, Record
from domaingan.imaging.near_duplicates import find_alternative_spellings, normalise_name

HELD_OUT_SHARE = 1 / 3
"""Share of the subjects that is tested where nothing says otherwise."""

Limit = tuple[str, ConditionValue, int]
"""Column, value and how many of those samples may be trained on."""


@dataclass(frozen=True)
class Fold:
    """Training and test samples of one fold; no subject is in both, and no block of a drive or one beside it."""

    train: Dataset
    test: Dataset

    def __post_init__(self) -> None:
        near = _list_units_with_neighbours(self.test)
        shared = [record for record in self.train.records if record.statistical_unit in near]
        if shared:
            found = f"{shared[0].statistical_unit!r} is both trained on and tested"
            raise DataError(found, path=self.train.root, expected="only one, or times that lie apart")
        both = [
            pair for pair in find_alternative_spellings([*self.train.groups, *self.test.groups]) if self._is_apart(pair)
        ]
        if both:
            found = f"{both[0][0]!r} and {both[0][1]!r}, one trained on and one tested, are one name in two spellings"
            raise DataError(
                found, path=self.train.root, expected="one `subject` for both in samples.csv, or other names"
            )
        for part, name in ((self.train, "training"), (self.test, "test")):
            if not len(part):
                raise DataError(f"no {name} samples", path=part.root, expected="at least one")

    def _is_apart(self, pair: tuple[str, str]) -> bool:
        """Whether one of two groups is trained on and the other tested."""
        return any(a in self.train.groups and b in self.test.groups for a, b in (pair, pair[::-1]))


def _list_units_with_neighbours(test: Dataset) -> set[str]:
    """The units that are tested, and of drives the blocks just before and after them."""
    timed = [record for record in test.records if record.time is not None]
    beside = {
        replace(r, time=float(r.time or 0) + step).statistical_unit
        for r in timed
        for step in (-BLOCK_SECONDS, BLOCK_SECONDS)
    }
    return {record.statistical_unit for record in test.records} | beside


def make_folds(
    data: Dataset,
    rng: np.random.Generator,
    *,
    train: Dataset | None = None,
    test: Dataset | None = None,
    k: int = 1,
    limits: Sequence[Limit] = (),
) -> list[Fold]:
    """The folds of an evaluation.

    Args:
        data: all samples.
        rng: draws the subjects where nothing names them, and what a limit keeps.
        train: the training samples, where they are named; the test samples are then all others, unless named.
        test: the test samples, where they are named.
        k: number of folds by subject; 1 for a single split: the samples of split ``test`` where they are there,
            else a third of the subjects.
        limits: only so many of these samples are trained on; the test samples are left as they are.
    """
    pairs = _split_in_pairs(data, rng, train, test, k)
    for name, value, n in limits:
        pairs = [(trained.limit(name, value, n, rng), tested) for trained, tested in pairs]
    return [Fold(*pair) for pair in pairs]


def _split_in_pairs(
    data: Dataset, rng: np.random.Generator, train: Dataset | None, test: Dataset | None, k: int
) -> list[tuple[Dataset, Dataset]]:
    if k > 1:
        if train is not None or test is not None:
            raise DataError("folds and a named split", path=data.root, expected="one of them")
        return data.split_folds(k, rng)
    if train is None and test is None:
        labelled = [record for record in data.records if record.split == "test"]
        if not labelled or len(labelled) == len(data):
            return [data.holdout(HELD_OUT_SHARE, rng)]
        test = data.where(split="test")
    if train is None:
        assert test is not None
        train = _select_others(data, test)
    return [split_shared_drives(train, _select_others(data, train) if test is None else test)]


def _select_others(data: Dataset, chosen: Dataset) -> Dataset:
    groups = set(chosen.groups)
    return data.select_groups(group for group in data.groups if group not in groups)


def split_shared_drives(train: Dataset, test: Dataset) -> tuple[Dataset, Dataset]:
    """Two choices of samples, parted where they meet in drives.

    Of the drives that both name the first half is trained on and the others are tested; of a single one the earlier
    half of its frames is trained on and the later tested. Then every training frame goes that lies in a block of time
    that is tested, or in one beside it: frames that follow one another are near-copies, and a score on them would
    measure memory. Subjects, and frames without a time, are left to :class:`Fold`, which refuses them on both sides.
    """
    both = {_make_key(record) for record in train.records} & {_make_key(record) for record in test.records}
    shared = [record for record in test.records if _make_key(record) in both and _is_timed(record)]
    drives = list(dict.fromkeys(record.sequence for record in shared))
    middle = (
        float(np.median([record.time or 0.0 for record in shared])) // BLOCK_SECONDS * BLOCK_SECONDS if shared else 0.0
    )

    def is_tested(record: Record) -> bool:
        if _make_key(record) not in both or not _is_timed(record):
            return True
        if len(drives) > 1:
            return record.sequence in drives[len(drives) // 2 :]
        return (record.time or 0.0) >= middle

    later = test.select(i for i, record in enumerate(test.records) if is_tested(record))
    near = _list_units_with_neighbours(later)

    def is_trained(record: Record) -> bool:
        if not _is_timed(record):
            return True
        return record.statistical_unit not in near and not (_make_key(record) in both and is_tested(record))

    return train.select(i for i, record in enumerate(train.records) if is_trained(record)), later


def _is_timed(record: Record) -> bool:
    return record.time is not None and not record.subject and bool(record.sequence)


def _make_key(record: Record) -> tuple[str, int | None]:
    return record.name, record.index


def refuse_leak(bank: Bank, test: Dataset) -> None:
    """Refuse a bank that was made from a test subject, or from a block of a drive that is tested or lies beside one.

    Another spelling of a name (``sub-1``, ``SUB_01``) is the same name.

    Raises:
        DataError: one of the bank's subjects is tested.
    """
    tested = {normalise_name(name) for name in _list_units_with_neighbours(test) | set(test.groups)}
    leaked = [subject for subject in bank.subjects if normalise_name(subject) in tested]
    if leaked:
        raise DataError(
            f"made from {len(leaked)} test subjects ({', '.join(leaked[:3])})",
            path=bank.path,
            expected="a bank of training subjects alone",
        )


def select_labelled(data: Dataset) -> Dataset:
    """The samples that have a mask on disk, where the layout records files; all of them otherwise.

    Raises:
        DataError: none has.
    """
    labelled = data.select(i for i, r in enumerate(data.records) if not r.files or "mask" in r.files)
    if len(data) and not len(labelled):
        expected = "masks" + (", or --task detection, which needs boxes alone" if data.schema.objects else "")
        raise DataError(f"no mask for any of {len(data)} samples", path=data.root, expected=expected)
    return labelled
