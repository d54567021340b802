"""Leaks that names hide: an image that is trained on and tested under two names, or that a bank was made from."""

from __future__ import annotations

from collections.abc import Sequence

from domaingan.banks import Bank
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Record
from domaingan.evaluation.split import Fold
from domaingan.imaging.near_duplicates import DuplicateFinder


def refuse_copies(survey: DuplicateFinder, folds: Sequence[Fold], bank: Bank | None) -> list[str]:
    """Refuse images that are both trained on and tested, and describe those that are nearly alike.

    Args:
        survey: of all samples of the folds, as they lie on disk.
        folds: the folds.
        bank: the bank of the user, if any.

    Returns:
        A sentence for each thing that a reader should know: near copies across the split, frames that seem to belong
        to drives that are not named, and a bank that does not record which images it was made from.

    Raises:
        DataError: a test image has the values of a training image, or of an image that the bank was made from.
    """
    notes: dict[str, None] = {}
    for fold in folds:
        train = find_positions(survey, fold.train)
        test = find_positions(survey, fold.test)
        _refuse_exact(survey, train, test, fold)
        if bank is not None:
            _refuse_of_bank(survey, test, bank)
        notes |= dict.fromkeys(_describe_near(survey, train, test))
    if survey.is_from_drives():
        notes[
            "The frames follow one another as those of drives do, but nothing says which belong together: neighbours "
            "may be on both sides of the split. A column `sequence` in samples.csv names their drives."
        ] = None
    if bank is not None and not bank.info.checksums:
        notes["The bank has no checksums of what it was made of: it was compared with the test by names alone."] = None
    return list(notes)


def find_positions(survey: DuplicateFinder, part: Dataset) -> list[int]:
    """Find the positions in the survey of the samples of a part of a split; slices by their volume's group.

    Args:
        survey: of labelled samples alone.
        part: training or test samples.
    """
    is_frame = not part.schema.domain.has_body
    keys = {_make_key(record, is_frame) for record in part.records}
    return [i for i, record in enumerate(survey.records) if _make_key(record, is_frame) in keys]


def _make_key(record: Record, is_frame: bool) -> str:
    return record.name if is_frame else record.group


def _refuse_exact(survey: DuplicateFinder, train: Sequence[int], test: Sequence[int], fold: Fold) -> None:
    """Refuse test images whose values are those of a training image."""
    trained: dict[str, int] = {}
    for position in train:
        trained |= dict.fromkeys(survey.checksums[position], position)
    copies: dict[int, int] = {}
    for position in test:
        for checksum in survey.checksums[position]:
            if checksum in trained:
                copies.setdefault(position, trained[checksum])
    if copies:
        tested_position, trained_position = next(iter(copies.items()))
        tested_name = survey.records[tested_position].name
        trained_name = survey.records[trained_position].name
        found = f"{_describe_count(len(copies))} trained on under another name: {tested_name!r} is {trained_name!r}"
        expected = "each image once, or one `subject` for both in samples.csv"
        raise DataError(found, path=fold.test.root, expected=expected)


def _refuse_of_bank(survey: DuplicateFinder, test: Sequence[int], bank: Bank) -> None:
    """Refuse test images whose values are those of an image that the bank was made from."""
    names_in_bank = bank.info.checksums
    leaked: dict[str, str] = {}
    for position in test:
        for checksum in survey.checksums[position]:
            if checksum in names_in_bank:
                leaked.setdefault(survey.records[position].name, names_in_bank[checksum])
    if leaked:
        tested_name, name_in_bank = next(iter(leaked.items()))
        count = _describe_count(len(leaked))
        found = f"{count} what it was made of, under another name: {tested_name!r} is its {name_in_bank!r}"
        raise DataError(found, path=bank.path, expected="a bank of training subjects alone")


def _describe_count(n: int) -> str:
    return "1 tested image is" if n == 1 else f"{n} tested images are"


def _describe_near(survey: DuplicateFinder, train: Sequence[int], test: Sequence[int]) -> list[str]:
    pairs = survey.find_near_duplicates(test, train)
    if not pairs:
        return []
    tested_name = survey.records[pairs[0].second].name
    trained_name = survey.records[pairs[0].first].name
    return [
        f"{len(pairs)} of {len(test)} tested images look almost as one that is trained on, such as {tested_name} and "
        f"{trained_name}: a score on them measures memory. If they belong together, a column `subject` or `sequence` "
        "in samples.csv says so."
    ]
