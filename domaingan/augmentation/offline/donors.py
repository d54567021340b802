"""Find who may give crops to whom: subjects on one side of a split, or of one of nnU-Net's folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domaingan.augmentation.offline.nnunet_folds import SPLITS_JSON, TEST, TRAIN, VAL, Split, find_splits
from domaingan.banks import Bank
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Record, Sample


@dataclass(frozen=True)
class Sides:
    """The sides that samples are on. Subjects of one side may give crops to one another.

    Attributes:
        side_by_sample: the side of each sample, by the sample's name.
        samples_by_subject: the names of each subject's samples, by every name that a bank may know the subject by.
        chosen_side: the one side that is blended into, where a person chose one; else empty, and all sides are, but
            ``test`` where there are folds.
        is_own_allowed: whether a subject's own crops may go back into its scans.
        splits: the folds of the cases as they are, where there are any.
    """

    side_by_sample: Mapping[str, str]
    samples_by_subject: Mapping[str, frozenset[str]]
    chosen_side: str = ""
    is_own_allowed: bool = False
    splits: tuple[Split, ...] = field(default=())

    def is_blended(self, record: Record) -> bool:
        """Whether something is blended into this sample; otherwise it is written as it is."""
        side = self.side_by_sample.get(record.name, "")
        if self.chosen_side:
            return side == self.chosen_side
        return not (self.splits and side == TEST)

    @cached_property
    def sides_by_subject(self) -> dict[str, frozenset[str]]:
        """The sides that each subject's samples are on."""
        sides = {}
        for subject, names in self.samples_by_subject.items():
            sides[subject] = frozenset(self.side_by_sample[name] for name in names)
        return sides

    def find_sides(self, subject: str) -> frozenset[str]:
        """Find the sides that a subject's samples are on; none where the subject is not in the data."""
        return self.sides_by_subject.get(subject, frozenset())

    def find_donors(self, bank: Bank, sample: Sample | Record) -> NDArray[np.bool_]:
        """Find the entries of a bank that may go into a sample.

        Where sides are folds and nobody in the host's fold has anything, the next fold gives. The copy is then trained
        on in the folds that validate neither of the two.

        Args:
            bank: any bank. Subjects of the bank that are not in the data may give to everyone.
            sample: the host, or a slice of it, or its record.

        Returns:
            ``(len(bank),)`` booleans; entries of no particular subject are allowed.
        """
        side = self.side_by_sample.get(sample.name, "")
        if not side:  # a slice, whose name is no sample's
            side = next(iter(self.find_sides(sample.group)), "")
        allowed = self._find_entries(bank, sample, side)
        if self.chosen_side or not self.splits or side == TEST:
            return allowed
        folds = [f"fold {i}" for i in range(len(self.splits))]
        start = folds.index(side) + 1 if side in folds else 0
        for fold in folds[start:] + folds[:start]:
            if allowed.any():
                break
            allowed = self._find_entries(bank, sample, fold)
        return allowed

    def _find_entries(self, bank: Bank, sample: Sample | Record, side: str) -> NDArray[np.bool_]:
        """Find the entries of the subjects on one side, and of none in particular; of the host only if allowed."""
        allowed = np.ones(len(bank), dtype=bool)
        codes = np.asarray(bank.entries["subject"])
        for code, subject in enumerate(bank.subjects):
            is_host = subject in (sample.group, sample.statistical_unit) and bank.info.domain.has_body
            is_on_other_side = bool(self.find_sides(subject) - {side})
            is_refused = not self.is_own_allowed if is_host else is_on_other_side
            if is_refused:
                allowed[codes == code] = False
        return allowed

    def list_donors(self, bank: Bank) -> list[str] | None:
        """List the bank's subjects that may give to the chosen side; None where no side was chosen.

        Args:
            bank: any bank.
        """
        if not self.chosen_side:
            return None
        return [subject for subject in bank.subjects if not self.find_sides(subject) - {self.chosen_side}]

    def find_mixed_sides(self, bank: Bank) -> list[str]:
        """Find the sides that generated entries were learnt from together; none where it was one side alone.

        Args:
            bank: any bank, such as one that a GAN generated.
        """
        sides: set[str] = set()
        for subject in bank.subjects:
            sides |= self.find_sides(subject)
        has_generated = bool((np.asarray(bank.entries["subject"]) < 0).any())
        return sorted(sides) if has_generated and len(sides) > 1 else []

    def check_bank(self, bank: Bank) -> None:
        """Refuse a bank that has nothing for the side that was chosen, or that knows the other side.

        Raises:
            DataError: no entry is of that side; or entries of no particular subject were made from others, too.
        """
        if not self.chosen_side:
            return
        others = [subject for subject in bank.subjects if self.find_sides(subject) - {self.chosen_side}]
        codes = np.asarray(bank.entries["subject"])
        if others and (codes < 0).any():
            shown = ", ".join(others[:3])
            found = f"made from {len(others)} subjects that are not of the side {self.chosen_side} ({shown})"
            raise DataError(found, path=bank.path, expected=f"a bank of the side {self.chosen_side} alone")
        if np.isin(codes, [bank.subjects.index(subject) for subject in others]).all():
            expected = f"crops of the subjects on the side {self.chosen_side}"
            raise DataError(f"nothing of the side {self.chosen_side}", path=bank.path, expected=expected)

    def extend_splits(self, copies: Sequence[tuple[str, str, Sequence[str]]]) -> list[Split]:
        """Add augmented copies to the training sides of nnU-Net's folds.

        A fold gets the copies of hosts that it trains on, without those that show a subject which it validates.

        Args:
            copies: for each its name, the name of its host, and the subjects whose crops it shows.

        Returns:
            The folds, each with its original samples and these copies. Only originals are validated.
        """
        extended = []
        for split in self.splits:
            trained, validated = set(split[TRAIN]), set(split[VAL])
            held_out = {subject for subject, names in self.samples_by_subject.items() if names & validated}
            added = []
            for name, host, donors in copies:
                if host in trained and held_out.isdisjoint(donors):
                    added.append(name)
            extended.append({TRAIN: [*split[TRAIN], *added], VAL: list(split[VAL])})
        return extended


def plan_sides(
    data: Dataset,
    *,
    fold: int | None = None,
    split: str | None = None,
    is_own_allowed: bool = False,
    has_folds: bool = False,
) -> Sides:
    """Plan the sides of a dataset's samples.

    Args:
        data: the samples; their column ``split`` names their sides unless folds do.
        fold: the fold whose training side is blended into, and gives the crops.
        split: the side that is blended into, and gives the crops; or a file of nnU-Net's folds.
        is_own_allowed: whether a subject's own crops may go back into its scans.
        has_folds: whether the data is to be trained on in folds, as nnU-Net does. Unless a fold is chosen, a sample's
            side is the fold that validates it; no fold then trains on crops of subjects that it validates.

    Raises:
        DataError: there is no such fold or side, or the file is not as nnU-Net has it.
    """
    members = _group_samples(data)
    file = Path(split) if split is not None and split.endswith(".json") else None
    named = split if file is None else None
    samples = {record.name: record.split for record in data.records}
    if named is not None and fold is not None:
        raise DataError("--fold and a named --split", path=data.root, expected="one of them")
    if named is not None and named not in samples.values():
        sides = ", ".join(sorted({side for side in samples.values() if side})) or "none"
        raise DataError(f"no split {named!r}", path=data.root, expected=f"one of {sides}, or a {SPLITS_JSON}")
    if not has_folds and file is None and fold is None:
        return Sides(samples, members, named or "", is_own_allowed)
    splits = tuple(find_splits(data, file))
    if named is not None:
        return Sides(samples, members, named, is_own_allowed, splits)
    if fold is not None and not 0 <= fold < len(splits):
        raise DataError(f"fold {fold}", path=data.root, expected=f"0 to {len(splits) - 1}")
    trained = {name for name, side in samples.items() if side != TEST}
    samples |= {name: _find_side(splits, name, fold) for name in trained}
    return Sides(samples, members, "" if fold is None else TRAIN, is_own_allowed, splits)


def _find_side(splits: Sequence[Split], name: str, fold: int | None) -> str:
    """Find a case's side in a fold; or, where no fold is chosen, the fold that validates it."""
    if fold is not None:
        return TRAIN if name in splits[fold][TRAIN] else VAL
    for number, split in enumerate(splits):
        if name in split[VAL]:
            return f"fold {number}"
    return TRAIN


def _group_samples(data: Dataset) -> dict[str, frozenset[str]]:
    """Group the names of samples by every name that a bank may know their subject by."""
    members: dict[str, set[str]] = {}
    for record in data.records:
        for subject in {record.group, record.statistical_unit}:
            members.setdefault(subject, set()).add(record.name)
    return {subject: frozenset(names) for subject, names in members.items()}
