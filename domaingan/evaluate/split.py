"""Who is trained on and who is tested: by named split, by condition, by fold or by a drawn third."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from domaingan.bank import Bank
from domaingan.errors import DataError
from domaingan.sample import Dataset

HELD_OUT = 1 / 3
"""Share of the subjects that is tested where nothing says otherwise."""


@dataclass(frozen=True)
class Fold:
    """Training and test samples of one fold; no subject or sequence is in both."""

    train: Dataset
    test: Dataset

    def __post_init__(self) -> None:
        shared = sorted(set(self.train.groups) & set(self.test.groups))
        if shared:
            raise DataError(f"{shared[0]!r} is both trained on and tested", path=self.train.root, expected="only one")
        for part, name in ((self.train, "training"), (self.test, "test")):
            if not len(part):
                raise DataError(f"no {name} samples", path=part.root, expected="at least one")


def folds(
    data: Dataset,
    rng: np.random.Generator,
    *,
    train: Dataset | None = None,
    test: Dataset | None = None,
    k: int = 1,
) -> list[Fold]:
    """The folds of an evaluation.

    Args:
        data: all samples.
        rng: draws the subjects where nothing names them.
        train: the training samples, where they are named; the test samples are then all others, unless named.
        test: the test samples, where they are named.
        k: number of folds by subject; 1 for a single split: the samples of split ``test`` where they are there,
            else a third of the subjects.
    """
    if k > 1:
        if train is not None or test is not None:
            raise DataError("folds and a named split", path=data.root, expected="one of them")
        return [Fold(*pair) for pair in data.kfold(k, rng)]
    if train is None and test is None:
        labelled = [record for record in data.records if record.split == "test"]
        if labelled and len(labelled) < len(data):
            test = data.where(split="test")
        else:
            return [Fold(*data.holdout(HELD_OUT, rng))]
    if train is None:
        assert test is not None
        train = _others(data, test)
    return [Fold(train, _others(data, train) if test is None else test)]


def _others(data: Dataset, chosen: Dataset) -> Dataset:
    groups = set(chosen.groups)
    return data.of_groups(group for group in data.groups if group not in groups)


def refuse_leak(bank: Bank, test: Dataset) -> None:
    """Refuse a bank that was made from a test subject.

    Raises:
        DataError: one of the bank's subjects is tested.
    """
    tested = set(test.subjects) | set(test.groups)
    leaked = [subject for subject in bank.subjects if subject in tested]
    if leaked:
        raise DataError(
            f"made from {len(leaked)} test subjects ({', '.join(leaked[:3])})",
            path=bank.path,
            expected="a bank of training subjects alone",
        )


def only_labelled(data: Dataset) -> Dataset:
    """The samples that have a mask on disk, where the layout records files; all of them otherwise."""
    return data.select(i for i, r in enumerate(data.records) if not r.files or "mask" in r.files)
