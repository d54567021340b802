"""Disjoint training sets: several groups of people to train on, each tested on everybody else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from domaingan.core.errors import DataError
from domaingan.data import Dataset


@dataclass(frozen=True)
class SetSizes:
    """How many training sets there are, and how large each is.

    Attributes:
        number: of sets; 1 for a single split.
        size: subjects or drives in each; by default all are shared out equally.
    """

    number: int = 1
    size: int | None = None

    @property
    def are_asked_for(self) -> bool:
        """Whether there is anything else than a single split."""
        return self.number > 1 or self.size is not None


SINGLE_SPLIT = SetSizes()


def split_in_sets(
    data: Dataset,
    rng: np.random.Generator,
    sets: SetSizes,
    *,
    train: Dataset | None = None,
    test: Dataset | None = None,
) -> list[tuple[Dataset, Dataset]]:
    """Split into training sets of equal size that share no subject or drive, each with everybody else as its test.

    Subjects that are left over when all are shared out are tested by every set and trained on by none.

    Args:
        data: all samples.
        rng: draws the sets.
        sets: how many there are, and how large they are.
        train: the samples whose subjects the sets are drawn from; all of them by default.
        test: the samples that are tested, less those of the set itself; all of them by default. Those of another
            dataset are all tested: a name that it shares with this one is refused when the fold is made.

    Returns:
        A pair (training, test) for each set.

    Raises:
        DataError: there are too few subjects, or nobody is left to test.
    """
    candidates = data if train is None else train
    groups = candidates.groups
    size = sets.size or len(groups) // sets.number
    if size < 1 or size * sets.number > len(groups):
        wanted = f"{sets.number} sets of {max(size, 1)}"
        raise DataError(f"{len(groups)} subjects for {wanted}", path=data.root, expected=f"at least {wanted}")
    order = [groups[i] for i in rng.permutation(len(groups))]
    tested = data if test is None else test
    pairs = []
    for number in range(sets.number):
        members = set(order[number * size : (number + 1) * size])
        others = [group for group in tested.groups if group not in members or tested.root != data.root]
        if not others:
            found = f"nobody is left to test beside training set {number + 1} of {sets.number}"
            raise DataError(found, path=tested.root, expected="smaller sets, or other test samples")
        pairs.append((candidates.select_groups(members), tested.select_groups(others)))
    return pairs
