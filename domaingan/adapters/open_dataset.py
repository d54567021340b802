"""Functions take a dataset, or the folder of one in its place."""

from __future__ import annotations

from pathlib import Path

from domaingan.adapters import load
from domaingan.core.errors import DataError
from domaingan.data import Dataset

DatasetSource = Dataset | str | Path
"""A dataset, the folder of one, or ``phantom:NAME``."""


def open_dataset(source: DatasetSource) -> Dataset:
    """Open the dataset in a folder; return a dataset as it is.

    Args:
        source: a dataset, a folder, or ``phantom:NAME``.

    Raises:
        DataError: as :func:`domaingan.adapters.load`, or ``source`` is something else.
    """
    if isinstance(source, Dataset):
        return source
    if not isinstance(source, str | Path):
        raise DataError(f"a {type(source).__name__}", expected="a dataset, or the folder of one")
    return load(source)
