"""What a layout has to say to be read and written: one file and one line in ``LAYOUTS`` make a new one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from domaingan.core.errors import DataError
from domaingan.data import Dataset, Record, Sample, Schema


class Adapter(ABC):
    """Reads one on-disk layout into samples and writes samples back in that layout.

    Adapters hold no state: every method may be called from any process.

    Attributes:
        layout: the layout's name.
        expected_files: what a folder of this layout looks like, for the message when none fits.
    """

    layout: ClassVar[str]
    expected_files: ClassVar[str]

    @abstractmethod
    def can_open(self, root: Path) -> bool:
        """Whether the folder looks like this layout; names alone are looked at."""

    @abstractmethod
    def open(self, root: Path) -> Dataset:
        """Find the folder's samples by their names and headers; no image is read.

        Samples that cannot be used become problems of the dataset and are not among its records.

        Raises:
            DataError: what describes the dataset as a whole (``classes.json``, …) is missing or wrong.
        """

    @abstractmethod
    def write_sample(self, out: Path, sample: Sample, schema: Schema) -> None:
        """Write the files of one sample below ``out``, named by ``sample.name``.

        Raises:
            DataError: the sample cannot be held by this layout.
        """

    @abstractmethod
    def finish_dataset(self, out: Path, schema: Schema, records: Sequence[Record]) -> None:
        """Write what describes the dataset as a whole, once all samples of ``records`` are written.

        Then ``open(out)`` finds the same samples with the same classes, conditions, splits and subjects.
        """


def check_sample_name(sample: Sample, *, allow_folders: bool = False) -> str:
    """The sample's name, once it is sure that it makes one file or folder, or with ``folders`` a path below one.

    Raises:
        DataError: it is empty, hidden or leads elsewhere; or it is a path where it should be a name.
    """
    name = sample.name
    parts = name.split("/") if allow_folders else [name]
    # No part may be empty (an absolute path), hidden or "..".
    if any(not part or part.startswith(".") or any(c in part for c in "/\\:\0") for part in parts):
        raise DataError(f"sample name {name!r}", expected="one that can be a file's name")
    return name
