"""What a layout must be able to do to be read and written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from domaingan.core.errors import DataError
from domaingan.data import Dataset, Record, Sample, Schema


class Adapter(ABC):
    """Reads one layout on disk into samples, and writes samples back in that layout.

    A new layout is a subclass in a file of its own, and one line in :data:`domaingan.adapters.ADAPTERS`. Adapters hold
    no state: every method may be called from any process.

    Attributes:
        layout: the layout's name.
        expected_files: what a folder of this layout looks like. The message where no layout fits lists it.
        holds_boxes: whether its labels are boxes, which may stand without a mask.
    """

    layout: ClassVar[str]
    expected_files: ClassVar[str]
    holds_boxes: ClassVar[bool] = False

    @abstractmethod
    def can_open(self, root: Path) -> bool:
        """Whether a folder looks like this layout. Only names of files and folders are looked at.

        Args:
            root: the folder.
        """

    @abstractmethod
    def open(self, root: Path) -> Dataset:
        """Open a folder: find its samples by names and headers. No image is read.

        Args:
            root: the folder.

        Returns:
            The dataset. A sample that cannot be used is one of its problems and none of its records.

        Raises:
            DataError: what describes the whole dataset (``classes.json``, …) is missing or wrong, or no sample can be
                used.
        """

    @abstractmethod
    def write_sample(self, out: Path, sample: Sample, schema: Schema) -> None:
        """Write the files of one sample. Several processes may write samples of one dataset at the same time.

        Args:
            out: the dataset's folder.
            sample: its name makes the names of the files.
            schema: the dataset's.

        Raises:
            DataError: the layout cannot hold the sample.
        """

    @abstractmethod
    def finish_dataset(self, out: Path, schema: Schema, records: Sequence[Record]) -> None:
        """Write what describes the whole dataset, after all samples are written.

        Then ``open(out)`` finds the same samples with the same classes, conditions, splits and subjects.

        Args:
            out: the dataset's folder.
            schema: the dataset's.
            records: of all samples that are written.
        """


def check_sample_name(sample: Sample, *, allow_folders: bool = False) -> str:
    """Check that a sample's name can be the name of a file.

    Args:
        sample: the sample.
        allow_folders: whether the name may be a path of folders and a file.

    Returns:
        The name.

    Raises:
        DataError: the name is empty, hidden or absolute, has a character that no file's name has, or is a path where
            it may not be one.
    """
    parts = sample.name.split("/") if allow_folders else [sample.name]
    for part in parts:
        # An empty part is an absolute path; a part that starts with a dot is hidden, or "..".
        is_forbidden = not part or part.startswith(".") or any(character in part for character in "/\\:\0")
        if is_forbidden:
            raise DataError(f"sample name {sample.name!r}", expected="one that can be a file's name")
    return sample.name


def make_record(sample: Sample) -> Record:
    """Make the record of a sample that was written, for :meth:`Adapter.finish_dataset`.

    Args:
        sample: the sample.
    """
    source = sample.source
    return Record(
        source.name,
        source.subject,
        source.sequence,
        source.split,
        condition=sample.condition,
        shape=sample.shape,
        spacing=sample.spacing,
        time=source.time,
    )
