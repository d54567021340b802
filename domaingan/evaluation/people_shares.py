"""Shares of the training people of a fold: nested, and the same for every arm and seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from domaingan.data import BLOCK_SECONDS, Dataset
from domaingan.data.source import Source

MIN_GROUPS_TO_SHARE = 4
"""From fewer drives than this no share is drawn: blocks of their time are drawn instead."""

SHARE_STREAM = 17
"""Keeps the order of the people apart from whatever else follows from the seed."""


class HasOwner(Protocol):
    """A sample or its record, which says whom it belongs to."""

    @property
    def source(self) -> Source:
        """The subject, drive and time of it."""


Owned = TypeVar("Owned", bound=HasOwner)


def count_share(n: int, share: float) -> int:
    """Count how many of ``n`` people a share is: at least one, and halves are rounded up.

    >>> count_share(5, 0.5), count_share(5, 0.01)
    (3, 1)
    """
    return max(1, int(np.floor(share * n + 0.5)))


@dataclass(frozen=True)
class PeopleShares:
    """The training people in the order in which a share takes them.

    Attributes:
        people: subjects, or drives, or blocks of drives of which there are few.
        are_blocks: whether they are blocks of drives.
        unit: what each of them is, such as ``subject`` or ``drive``.
    """

    people: tuple[str, ...] = ()
    are_blocks: bool = False
    unit: str = "subject"

    @classmethod
    def draw(cls, records: Sequence[HasOwner], seed: int) -> PeopleShares:
        """Draw the order of the people of a fold.

        Args:
            records: of its training samples.
            seed: draws the order.
        """
        sources = [record.source for record in records]
        groups = dict.fromkeys(source.group for source in sources)
        units = dict.fromkeys(source.statistical_unit for source in sources)
        are_blocks = len(groups) < MIN_GROUPS_TO_SHARE and len(units) > len(groups)
        people = list(units if are_blocks else groups)
        order = np.random.default_rng((seed, SHARE_STREAM)).permutation(len(people))
        unit = f"{BLOCK_SECONDS:g}-second block" if are_blocks else _name_unit(sources)
        return cls(tuple(people[position] for position in order), are_blocks, unit)

    def take(self, share: float) -> frozenset[str]:
        """Take a share of the people, at least one; a smaller share is a part of a larger one.

        >>> PeopleShares(("a", "b", "c", "d")).take(0.5) == {"a", "b"}
        True
        """
        return frozenset(self.people[: count_share(len(self.people), share)])

    def name_owner(self, owned: HasOwner) -> str:
        """Name which of the people a sample, or a record, belongs to."""
        return owned.source.statistical_unit if self.are_blocks else owned.source.group

    def select_owned(self, items: Sequence[Owned], share: float) -> list[Owned]:
        """Select the samples, or records, of a share of the people.

        Args:
            items: samples or records.
            share: in (0, 1]; 1 selects all.
        """
        if share >= 1:
            return list(items)
        people = self.take(share)
        return [item for item in items if self.name_owner(item) in people]

    def select(self, data: Dataset, share: float) -> Dataset:
        """Select the samples of a share of the people from a dataset, see :meth:`select_owned`."""
        if share >= 1:
            return data
        people = self.take(share)
        return data.select(i for i, record in enumerate(data.records) if self.name_owner(record) in people)


def _name_unit(sources: Sequence[Source]) -> str:
    """Name what the groups of samples are."""
    if any(source.subject for source in sources):
        return "subject"
    return "drive" if any(source.sequence for source in sources) else "sample"
