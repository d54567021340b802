"""Datasets where a person may name their folder instead."""

from __future__ import annotations

from pathlib import Path

from domaingan.adapters import load
from domaingan.core.errors import DataError
from domaingan.data import Dataset

Data = Dataset | str | Path
"""A dataset, the folder of one, or ``phantom:NAME``."""


def dataset_of(data: Data) -> Dataset:
    """A dataset as it is, or what :func:`domaingan.adapters.load` finds in a folder.

    Raises:
        DataError: as :func:`domaingan.adapters.load`, or it is something else.
    """
    if isinstance(data, Dataset):
        return data
    if not isinstance(data, str | Path):
        raise DataError(f"a {type(data).__name__}", expected="a dataset, or the folder of one")
    return load(data)
