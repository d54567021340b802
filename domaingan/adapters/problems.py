"""Problems of a dataset: samples that cannot be used, and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from domaingan.core.errors import DataError
from domaingan.data import Problem


def make_problem(error: DataError, path: Path) -> Problem:
    """Make a dataset's problem of an error.

    Args:
        error: what was found and expected.
        path: the file or folder, where the error names none.
    """
    reason = error.found
    if error.expected:
        reason += f"; expected {error.expected}"
    return Problem(error.path or str(path), reason)


def make_no_sample_error(root: Path, problems: Sequence[Problem]) -> DataError:
    """Make the error about a dataset in which no sample can be used.

    Args:
        root: the dataset's folder.
        problems: of its samples. The message has the first one.
    """
    found = "no sample that can be used"
    if problems:
        found += f"; first problem: {problems[0].path}: {problems[0].reason}"
    return DataError(found, path=root)
