"""The Dataset: samples that are read when asked for."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import overload

from domaingan.core.arguments import RngOrSeed, read_generator
from domaingan.core.errors import DataError
from domaingan.data.record import Problem, Reader, Record
from domaingan.data.sample import ConditionValue, Sample
from domaingan.data.schema import Schema

MAX_LISTED_VALUES = 20
"""An error message lists at most this many values of a column."""


@dataclass(frozen=True)
class _MappedReader:
    """A reader followed by a function of the sample; a class, so that it can be pickled."""

    read: Reader
    function: Callable[[Sample], Sample]

    def __call__(self, record: Record) -> Sample:
        return self.function(self.read(record))


class Dataset(Sequence[Sample]):
    """Hold samples that are read when they are needed; cheap to slice, to split and to send to a worker.

    Args:
        records: one entry a sample.
        read: turns a record into a sample; must be picklable.
        schema: what all samples share.
        root: where the data lies, for messages.
        problems: samples that were left out when the folder was scanned.
    """

    def __init__(
        self,
        records: Iterable[Record],
        read: Reader,
        schema: Schema,
        root: str | Path = "",
        problems: Iterable[Problem] = (),
    ) -> None:
        self.records = tuple(records)
        self.read = read
        self.schema = schema
        self.root = str(root)
        self.problems = tuple(problems)

    def __len__(self) -> int:
        return len(self.records)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> Dataset: ...
    def __getitem__(self, index: int | slice) -> Sample | Dataset:
        if isinstance(index, slice):
            return self._with_records(self.records[index])
        return self.read(self.records[index])

    def __iter__(self) -> Iterator[Sample]:
        return (self.read(record) for record in self.records)

    def _with_records(self, records: Iterable[Record]) -> Dataset:
        return Dataset(records, self.read, self.schema, self.root, self.problems)

    # ---------------------------------------------------------------- choosing

    def select(self, indices: Iterable[int]) -> Dataset:
        """Select the samples at these positions, in this order.

        Args:
            indices: positions, 0 for the first sample.
        """
        return self._with_records(self.records[int(index)] for index in indices)

    def where(self, **conditions: ConditionValue | Sequence[ConditionValue]) -> Dataset:
        """Select the samples whose columns have one of the requested values.

        Args:
            conditions: by column, one value or several. A column of numbers also takes ``"LOW..HIGH"``, ends included.

        Returns:
            The samples that meet all conditions, in their order.

        Raises:
            DataError: no sample has that column, none has one of the values, or none meets all conditions.

        >>> records = [Record("a", subject="1"), Record("b", subject="2")]
        >>> data = Dataset(records, read=print, schema=Schema("nifti", "scan", 3, ("t1",), {}))
        >>> [record.name for record in data.where(subject="2").records]
        ['b']
        """
        records: Sequence[Record] = self.records
        for column, requested in conditions.items():
            if isinstance(requested, str) or not isinstance(requested, Iterable):
                values = [requested]
            else:
                values = list(requested)
            matching = self._find_matching_values(column, values)
            records = [record for record in records if record.get_value(column) in matching]
        if not records and self.records:
            described = " and ".join(f"{column}={requested}" for column, requested in conditions.items())
            raise DataError(f"no sample with {described}", path=self.root)
        return self._with_records(records)

    def _find_matching_values(self, column: str, requested: Sequence[ConditionValue]) -> set[ConditionValue]:
        """Find the values of a column that are requested.

        Raises:
            DataError: one of the requested values does not occur.
        """
        present: set[ConditionValue] = set()
        for record in self.records:
            value = record.get_value(column)
            if value is not None and value != "":
                present.add(value)
        matching: set[ConditionValue] = set()
        missing: list[str] = []
        for value in requested:
            found = {other for other in present if _is_match(other, value)}
            matching |= found
            if not found:
                missing.append(str(value))
        if missing:
            listed = ", ".join(sorted(str(value) for value in present)[:MAX_LISTED_VALUES])
            expected = f"one of {listed}" if present else f"a column {column!r}"
            raise DataError(f"no sample with {column}={','.join(missing)}", path=self.root, expected=expected)
        return matching

    def limit(self, name: str, value: ConditionValue, n: int, rng: RngOrSeed) -> Dataset:
        """Keep only some of the samples that have a value in a column, and all samples that do not.

        Args:
            name: of the column.
            value: of the samples of which some are kept.
            n: how many of them are kept.
            rng: chooses them; a generator or a seed.

        Raises:
            DataError: fewer than ``n`` samples have the value.
        """
        matching = [i for i, record in enumerate(self.records) if _is_match(record.get_value(name), value)]
        if not 0 <= n <= len(matching):
            found = f"{len(matching)} samples with {name}={value}"
            raise DataError(found, path=self.root, expected=f"at least {max(n, 0)}")
        kept = set(read_generator(rng).choice(matching, n, replace=False).tolist())
        dropped = set(matching) - kept
        return self.select(i for i in range(len(self)) if i not in dropped)

    # ---------------------------------------------------------------- splitting

    @property
    def groups(self) -> tuple[str, ...]:
        """The subjects or sequences, in order of first appearance."""
        return tuple(dict.fromkeys(record.group for record in self.records))

    @property
    def subjects(self) -> tuple[str, ...]:
        """The subjects (a sequence or a sample's name where there is none), in order of first appearance."""
        return self.groups

    def select_groups(self, groups: Iterable[str]) -> Dataset:
        """Select the samples of these subjects or sequences.

        Args:
            groups: see :attr:`Record.group`.
        """
        selected = set(groups)
        return self._with_records(record for record in self.records if record.group in selected)

    def select_split(self, name: str) -> Dataset:
        """Select the samples of a named split.

        Args:
            name: such as ``train``, ``val`` or ``test``.

        Raises:
            DataError: no sample is in that split.
        """
        return self.where(split=name)

    def holdout(self, fraction: float, rng: RngOrSeed) -> tuple[Dataset, Dataset]:
        """Split into two parts so that no subject or sequence is in both.

        Args:
            fraction: share of the subjects or sequences that the second part gets, from 0 to 1. Each part gets one.
            rng: chooses them; a generator or a seed.

        Returns:
            The larger part for training, and the part that is held out.

        Raises:
            DataError: there are fewer than two groups, or ``fraction`` is no share.
        """
        groups = self.groups
        if isinstance(fraction, bool) or not isinstance(fraction, int | float) or not 0 <= fraction <= 1:
            raise DataError(f"a share of {fraction!r}", path=self.root, expected="a number from 0 to 1")
        n = min(max(round(fraction * len(groups)), 1), len(groups) - 1)
        if n < 1:
            raise DataError(f"{len(groups)} subject", path=self.root, expected="at least 2 to split")
        order = [groups[i] for i in read_generator(rng).permutation(len(groups))]
        return self.select_groups(order[n:]), self.select_groups(order[:n])

    def split_folds(self, k: int, rng: RngOrSeed) -> list[tuple[Dataset, Dataset]]:
        """Split into folds of subjects or sequences, each of which is tested exactly once.

        Args:
            k: number of folds, at least 2.
            rng: chooses them; a generator or a seed.

        Returns:
            ``k`` pairs (training, test).

        Raises:
            DataError: ``k`` is below 2 or above the number of groups.
        """
        groups = self.groups
        if not isinstance(k, int) or not 2 <= k <= len(groups):
            raise DataError(f"{k} folds", path=self.root, expected=f"2 to {len(groups)} (the number of subjects)")
        order = [groups[i] for i in read_generator(rng).permutation(len(groups))]
        pairs = []
        for i in range(k):
            tested = order[i::k]
            trained = set(order) - set(tested)
            pairs.append((self.select_groups(trained), self.select_groups(tested)))
        return pairs

    # ---------------------------------------------------------------- changing

    def map(self, function: Callable[[Sample], Sample], schema: Schema | None = None) -> Dataset:
        """Apply a function to every sample after it is read.

        Args:
            function: makes a sample of a sample; must be picklable.
            schema: of what it makes; this dataset's by default.
        """
        read = _MappedReader(self.read, function)
        return Dataset(self.records, read, schema or self.schema, self.root, self.problems)

    def load_into_memory(self) -> Dataset:
        """Read all samples once and keep them in memory."""
        read = _InMemoryReader(list(self), self.records)
        return Dataset(self.records, read, self.schema, self.root, self.problems)

    # ---------------------------------------------------------------- showing

    def summarise(self) -> dict[str, str]:
        """Describe the dataset in short texts. No image is read."""
        shapes = sorted({record.shape for record in self.records if record.shape})
        extremes = shapes[:1] + shapes[1:][-1:]
        sizes = ["×".join(map(str, shape)) for shape in extremes]
        return {
            "layout": self.schema.layout,
            "samples": str(len(self)),
            "subjects": str(len(self.subjects)),
            "spatial dims": str(self.schema.spatial_dims),
            "channels": ", ".join(self.schema.channels),
            "classes": ", ".join(self.schema.classes) or "(none)",
            "shapes": " … ".join(sizes) or "(not read yet)",
            "left out": str(len(self.problems)),
        }

    def __repr__(self) -> str:
        facts = ", ".join(f"{name}: {text}" for name, text in self.summarise().items())
        return f"Dataset({self.root} | {facts})"

    def _repr_html_(self) -> str:
        rows = ""
        for name, text in self.summarise().items():
            rows += f"<tr><th>{name}</th><td>{html.escape(text)}</td></tr>"
        return f"<table><caption>{html.escape(self.root)}</caption>{rows}</table>"


def _is_match(value: ConditionValue | None, requested: ConditionValue) -> bool:
    """Whether a column's value is the requested one. Text may request a number: ``3`` for 3.0, or ``2..4``."""
    if value is None or isinstance(value, str):
        return value == str(requested)
    try:
        low, _, high = str(requested).partition("..")
        return float(low) <= float(value) <= float(high or low)
    except ValueError:
        return False


class _InMemoryReader:
    """Gives samples that are in memory; callers get a shallow copy, so that they may add to ``meta``."""

    def __init__(self, samples: list[Sample], records: tuple[Record, ...]) -> None:
        self.samples: dict[tuple[str, int | None], Sample] = {}
        for record, sample in zip(records, samples, strict=True):
            self.samples[record.name, record.index] = sample

    def __call__(self, record: Record) -> Sample:
        sample = self.samples[(record.name, record.index)]
        return replace(sample, condition=dict(sample.condition), meta=dict(sample.meta))
