"""Leaks that names hide: images that are trained on and tested under two names, or that a bank was made of."""

from __future__ import annotations

from collections.abc import Sequence

from domaingan.banks import Bank
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Record
from domaingan.evaluation.split import Fold
from domaingan.imaging.near_duplicates import DuplicateFinder


def refuse_copies(survey: DuplicateFinder, folds: Sequence[Fold], bank: Bank | None) -> list[str]:
    """Refuse images that are on both sides, and tell those that are nearly alike.

    Args:
        survey: of all samples of the folds, as they lie on disk.
        chosen: the folds.
        bank: a bank that was given, if any.

    Returns:
        A sentence for each thing that a reader should know: near copies across the split, frames that seem to be of
        drives that nothing names, and a bank that does not say which images it was made of.

    Raises:
        DataError: the values of a test image are those of a training image, or of one that the bank was made of.
    """
    notes: dict[str, None] = {}
    for fold in folds:
        train, test = _find_positions(survey, fold.train), _find_positions(survey, fold.test)
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


def _find_positions(survey: DuplicateFinder, part: Dataset) -> list[int]:
    """Where the samples of a part of a split stand in the survey; slices by their volume's group."""
    is_frame = not part.schema.domain.has_body
    wanted = {_make_key(record, is_frame) for record in part.records}
    return [i for i, record in enumerate(survey.records) if _make_key(record, is_frame) in wanted]


def _make_key(record: Record, is_frame: bool) -> str:
    return record.name if is_frame else record.group


def _refuse_exact(survey: DuplicateFinder, train: Sequence[int], test: Sequence[int], fold: Fold) -> None:
    trained = {one: i for i in train for one in survey.checksums[i]}
    both = [(i, trained[one]) for i in test for one in survey.checksums[i] if one in trained]
    if both:
        names = [survey.records[i].name for i in both[0]]
        n = len({i for i, _ in both})
        found = f"{_describe_count(n)} trained on under another name: {names[0]!r} is {names[1]!r}"
        raise DataError(
            found, path=fold.test.root, expected="each image once, or one `subject` for both in samples.csv"
        )


def _refuse_of_bank(survey: DuplicateFinder, test: Sequence[int], bank: Bank) -> None:
    sums = bank.info.checksums
    leaked = [(survey.records[i].name, sums[one]) for i in test for one in survey.checksums[i] if one in sums]
    if leaked:
        n, (name, known) = len({name for name, _ in leaked}), leaked[0]
        found = f"{_describe_count(n)} what it was made of, under another name: {name!r} is its {known!r}"
        raise DataError(found, path=bank.path, expected="a bank of training subjects alone")


def _describe_count(n: int) -> str:
    return "1 tested image is" if n == 1 else f"{n} tested images are"


def _describe_near(survey: DuplicateFinder, train: Sequence[int], test: Sequence[int]) -> list[str]:
    pairs = survey.find_near_duplicates(test, train)
    if not pairs:
        return []
    first, second = (survey.records[i].name for i in (pairs[0].second, pairs[0].first))
    return [
        f"{len(pairs)} of {len(test)} tested images look almost as one that is trained on, such as {first} and "
        f"{second}: a score on them measures memory. If they belong together, a column `subject` or `sequence` in "
        "samples.csv says so."
    ]
