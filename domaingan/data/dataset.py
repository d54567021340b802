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


@dataclass(frozen=True)
class _MappedReader:
    """A reader followed by a function of the sample; a class, so that it can be pickled."""

    read: Reader
    function: Callable[[Sample], Sample]

    def __call__(self, record: Record) -> Sample:
        return self.function(self.read(record))


class Dataset(Sequence[Sample]):
    """Samples that are read when asked for; cheap to slice, to split and to send to a worker.

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
        """The samples at these positions, in this order."""
        return self._with_records(self.records[int(index)] for index in indices)

    def where(self, **conditions: ConditionValue | Sequence[ConditionValue]) -> Dataset:
        """The samples whose columns have one of the given values; of numbers also ``"LOW..HIGH"``, ends included.

        Raises:
            DataError: no sample has that column, none has one of the values, or none meets all conditions.

        >>> records = [Record("a", subject="1"), Record("b", subject="2")]
        >>> data = Dataset(records, read=print, schema=Schema("nifti", SCAN, 3, ("t1",), {}))
        >>> [record.name for record in data.where(subject="2").records]
        ['b']
        """
        records: Sequence[Record] = self.records
        for name, wanted in conditions.items():
            values = [wanted] if isinstance(wanted, str) or not isinstance(wanted, Iterable) else list(wanted)
            seen = {value for record in self.records if (value := record.get_value(name)) not in (None, "")}
            missing = [str(value) for value in values if not any(_is_match(other, value) for other in seen)]
            if missing:
                raise DataError(
                    f"no sample with {name}={','.join(missing)}",
                    path=self.root,
                    expected=f"one of {', '.join(sorted(map(str, seen))[:20])}" if seen else f"a column {name!r}",
                )
            kept = {other for other in seen if any(_is_match(other, value) for value in values)}
            records = [record for record in records if record.get_value(name) in kept]
        if not records and self.records:
            wish = " and ".join(f"{name}={wanted}" for name, wanted in conditions.items())
            raise DataError(f"no sample with {wish}", path=self.root)
        return self._with_records(records)

    def limit(self, name: str, value: ConditionValue, n: int, rng: RngOrSeed) -> Dataset:
        """Keep only ``n`` of the samples whose column ``name`` is ``value``, drawn by ``rng`` or a seed.

        Raises:
            DataError: there are not so many.
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
        """The samples of these subjects or sequences."""
        wanted = set(groups)
        return self._with_records(record for record in self.records if record.group in wanted)

    def select_split(self, name: str) -> Dataset:
        """The samples of a named split (``train``, ``val``, ``test``, …)."""
        return self.where(split=name)

    def holdout(self, fraction: float, rng: RngOrSeed) -> tuple[Dataset, Dataset]:
        """Split into two parts by subject or sequence; the second gets about ``fraction`` of the groups.

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
        """``k`` pairs (training, test); every subject or sequence is tested exactly once.

        Raises:
            DataError: ``k`` is below 2 or above the number of groups.
        """
        groups = self.groups
        if not isinstance(k, int) or not 2 <= k <= len(groups):
            raise DataError(f"{k} folds", path=self.root, expected=f"2 to {len(groups)} (the number of subjects)")
        order = [groups[i] for i in read_generator(rng).permutation(len(groups))]
        folds = [order[i::k] for i in range(k)]
        return [(self.select_groups(set(order) - set(fold)), self.select_groups(fold)) for fold in folds]

    # ---------------------------------------------------------------- changing

    def map(self, function: Callable[[Sample], Sample], schema: Schema | None = None) -> Dataset:
        """The same samples with ``function`` (picklable) applied after reading."""
        return Dataset(
            self.records, _MappedReader(self.read, function), schema or self.schema, self.root, self.problems
        )

    def load_into_memory(self) -> Dataset:
        """The same samples, read once and kept."""
        return Dataset(self.records, _InMemoryReader(list(self), self.records), self.schema, self.root, self.problems)

    # ---------------------------------------------------------------- showing

    def summarise(self) -> dict[str, str]:
        """What is in the dataset, as short texts (no image is read)."""
        shapes = sorted({record.shape for record in self.records if record.shape})
        sizes = [("×".join(map(str, shape))) for shape in (shapes[:1] + shapes[1:][-1:])]
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
        rows = "".join(
            f"<tr><th>{name}</th><td>{html.escape(text)}</td></tr>" for name, text in self.summarise().items()
        )
        return f"<table><caption>{html.escape(self.root)}</caption>{rows}</table>"


def _is_match(value: ConditionValue | None, requested: ConditionValue) -> bool:
    """Whether a column's value is the one asked for; a number may be asked for as text (``3`` for 3.0, ``2..4``)."""
    if value is None or isinstance(value, str):
        return value == str(requested)
    try:
        low, _, high = str(requested).partition("..")
        return float(low) <= float(value) <= float(high or low)
    except ValueError:
        return False


class _InMemoryReader:
    """A reader that gives samples already in memory; callers get a shallow copy, so that ``meta`` stays theirs."""

    def __init__(self, samples: list[Sample], records: tuple[Record, ...]) -> None:
        self.samples = {(record.name, record.index): sample for record, sample in zip(records, samples, strict=True)}

    def __call__(self, record: Record) -> Sample:
        sample = self.samples[(record.name, record.index)]
        return replace(sample, condition=dict(sample.condition), meta=dict(sample.meta))
