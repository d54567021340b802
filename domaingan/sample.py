"""The Sample and the Dataset of samples: the one currency of the package."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from domaingan.errors import DataError

Value = str | float

BLOCK = 5.0
"""Seconds of a drive that count as one in statistics, and that must lie between what is trained on and what is tested:
at the speed of town traffic the view has changed by then."""


@dataclass(eq=False)  # arrays have no one truth value
class Sample:
    """One labelled image or volume in memory.

    Attributes:
        image: ``(C, *spatial)`` float32; spatial is ``(H, W)`` or ``(X, Y, Z)``. Frames are RGB in [0, 1],
            scans are in their stored units.
        mask: ``(*spatial)`` integers, or None where the sample is not labelled.
        boxes: ``(N, 2 * dims)`` float32 corner boxes in pixels (xyxy) or voxels (xyzxyz).
        labels: ``(N,)`` integers, the class value of each box.
        condition: what is known about the whole sample, such as ``{"lighting": "dusk"}``.
        meta: what travels along: ``name``, ``subject``, ``sequence``, ``time``, ``split``, ``spacing`` (one number a
            spatial axis, in mm; 1 for frames), for scans ``affine`` and ``header``, and where known
            ``foreground`` (a boolean mask of the body) and ``range`` (see :mod:`domaingan.tissue`).
        instances: ``(*spatial)`` int32, where objects are told apart: ``i + 1`` where ``boxes[i]`` can be seen, else 0.
    """

    image: NDArray[np.float32]
    mask: NDArray[Any] | None = None
    boxes: NDArray[np.float32] | None = None
    labels: NDArray[np.int64] | None = None
    condition: dict[str, Value] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
    instances: NDArray[np.int32] | None = None

    @property
    def spatial_dims(self) -> int:
        """2 for a frame or a slice, 3 for a volume."""
        return self.image.ndim - 1

    @property
    def shape(self) -> tuple[int, ...]:
        """The spatial shape, without channels."""
        return self.image.shape[1:]

    @property
    def spacing(self) -> tuple[float, ...]:
        """Size of one pixel or voxel along each spatial axis, in mm (1 where nothing is known)."""
        return tuple(self.meta.get("spacing") or (1.0,) * self.spatial_dims)

    @property
    def name(self) -> str:
        """The sample's name, unique in its dataset."""
        return str(self.meta.get("name", ""))

    @property
    def group(self) -> str:
        """Whom the sample belongs to, as :attr:`Record.group`: the subject, else the sequence, else its own name."""
        return str(self.meta.get("subject") or self.meta.get("sequence") or self.name)

    @property
    def unit(self) -> str:
        """What it counts with in statistics, and what a bank knows it by, as :attr:`Record.unit`."""
        return _unit(self.group, str(self.meta.get("subject", "")), self.meta.get("time"))


@dataclass(frozen=True)
class Schema:
    """What all samples of a dataset share.

    Attributes:
        layout: name of the on-disk layout, such as ``nifti``.
        domain: ``scan`` (stored units, millimetres) or ``frame`` (RGB in [0, 1]).
        spatial_dims: 2 or 3.
        channels: a name for each image channel.
        classes: the mask's values by name, without background; frames in which everything is labelled have no
            background, and may have a class of value 0.
        ignore: mask values that no score counts.
        objects: classes whose connected components are instances.
        regions: unions of classes that are scored together, such as ``{"tumour_core": (1, 3, 4)}``.
        conditions: names of the per-sample conditions.
        min_area: components of fewer pixels are no instances.
    """

    layout: str
    domain: Literal["scan", "frame"]
    spatial_dims: int
    channels: tuple[str, ...]
    classes: dict[str, int]
    ignore: tuple[int, ...] = ()
    objects: tuple[str, ...] = ()
    regions: dict[str, tuple[int, ...]] = field(default_factory=dict)
    conditions: tuple[str, ...] = ()
    min_area: int = 0

    def class_value(self, name: str) -> int:
        """The mask value of a class.

        Raises:
            DataError: there is no class of that name.
        """
        if name not in self.classes:
            raise DataError(f"no class {name!r}", expected=f"one of {', '.join(self.classes) or '(none)'}")
        return self.classes[name]


@dataclass(frozen=True)
class Record:
    """What is known of a sample without reading it: enough to split, filter and read it."""

    name: str
    subject: str = ""
    sequence: str = ""
    split: str = ""
    condition: Mapping[str, Value] = field(default_factory=dict)
    shape: tuple[int, ...] = ()
    spacing: tuple[float, ...] = ()
    affine: tuple[tuple[float, ...], ...] = ()
    files: Mapping[str, Path] = field(default_factory=dict)
    time: float | None = None
    """Seconds since its sequence began (or any other moment, the same for the whole sequence)."""
    index: int | None = None
    """Which slice of its parent volume this is, for the samples of :func:`domaingan.grid.as_slices`."""

    @property
    def group(self) -> str:
        """What must never be torn apart by a split: the subject, else the sequence, else the sample."""
        return self.subject or self.sequence or self.name

    @property
    def unit(self) -> str:
        """What counts as one in statistics: the subject; of a drive a block of :data:`BLOCK` seconds; else the sample.

        >>> Record("b7", sequence="b", time=7.0).unit
        'b@5s'
        """
        return _unit(self.group, self.subject, self.time if self.sequence else None)

    def value(self, column: str) -> Value | None:
        """The record's value in a column of ``samples.csv``: a condition, or one of its own fields."""
        if column in self.condition:
            return self.condition[column]
        return getattr(self, column) if column in ("name", "subject", "sequence", "split", "time") else None

    def facts(self) -> dict[str, Any]:
        """The entries that a reader puts into ``Sample.meta``."""
        facts: dict[str, Any] = {
            "name": self.name,
            "subject": self.subject,
            "sequence": self.sequence,
            "split": self.split,
        }
        facts |= {} if self.time is None else {"time": self.time}
        return facts | {"spacing": self.spacing or (1.0,) * len(self.shape)}


def _unit(group: str, subject: str, time: float | None) -> str:
    return group if subject or time is None else f"{group}@{time // BLOCK * BLOCK:g}s"


@dataclass(frozen=True)
class Problem:
    """A file that could not be used, and why."""

    path: str
    reason: str


Reader = Callable[[Record], Sample]


@dataclass(frozen=True)
class _Mapped:
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
            return self._with(self.records[index])
        return self.read(self.records[index])

    def __iter__(self) -> Iterator[Sample]:
        return (self.read(record) for record in self.records)

    def _with(self, records: Iterable[Record]) -> Dataset:
        return Dataset(records, self.read, self.schema, self.root, self.problems)

    # ---------------------------------------------------------------- choosing

    def select(self, indices: Iterable[int]) -> Dataset:
        """The samples at these positions, in this order."""
        return self._with(self.records[int(index)] for index in indices)

    def where(self, **conditions: Value | Sequence[Value]) -> Dataset:
        """The samples whose columns have one of the given values; of numbers also ``"LOW..HIGH"``, ends included.

        Raises:
            DataError: no sample has that column, none has one of the values, or none meets all conditions.

        >>> records = [Record("a", subject="1"), Record("b", subject="2")]
        >>> data = Dataset(records, read=print, schema=Schema("nifti", "scan", 3, ("t1",), {}))
        >>> [record.name for record in data.where(subject="2").records]
        ['b']
        """
        records: Sequence[Record] = self.records
        for name, wanted in conditions.items():
            values = [wanted] if isinstance(wanted, str) or not isinstance(wanted, Iterable) else list(wanted)
            seen = {value for record in self.records if (value := record.value(name)) not in (None, "")}
            missing = [str(value) for value in values if not any(_same(other, value) for other in seen)]
            if missing:
                raise DataError(
                    f"no sample with {name}={','.join(missing)}",
                    path=self.root,
                    expected=f"one of {', '.join(sorted(map(str, seen))[:20])}" if seen else f"a column {name!r}",
                )
            kept = {other for other in seen if any(_same(other, value) for value in values)}
            records = [record for record in records if record.value(name) in kept]
        if not records and self.records:
            wish = " and ".join(f"{name}={wanted}" for name, wanted in conditions.items())
            raise DataError(f"no sample with {wish}", path=self.root)
        return self._with(records)

    def limit(self, name: str, value: Value, n: int, rng: np.random.Generator) -> Dataset:
        """Keep only ``n`` of the samples whose column ``name`` is ``value``, drawn by ``rng``; the others stay.

        Raises:
            DataError: there are not so many.
        """
        matching = [i for i, record in enumerate(self.records) if _same(record.value(name), value)]
        if not 0 <= n <= len(matching):
            found = f"{len(matching)} samples with {name}={value}"
            raise DataError(found, path=self.root, expected=f"at least {max(n, 0)}")
        kept = set(rng.choice(matching, n, replace=False).tolist())
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

    def of_groups(self, groups: Iterable[str]) -> Dataset:
        """The samples of these subjects or sequences."""
        wanted = set(groups)
        return self._with(record for record in self.records if record.group in wanted)

    def split(self, name: str) -> Dataset:
        """The samples of a named split (``train``, ``val``, ``test``, …)."""
        return self.where(split=name)

    def holdout(self, fraction: float, rng: np.random.Generator) -> tuple[Dataset, Dataset]:
        """Split into two parts by subject or sequence; the second gets about ``fraction`` of the groups.

        Raises:
            DataError: there are fewer than two groups.
        """
        groups = self.groups
        n = min(max(round(fraction * len(groups)), 1), len(groups) - 1)
        if n < 1:
            raise DataError(f"{len(groups)} subject", path=self.root, expected="at least 2 to split")
        order = [groups[i] for i in rng.permutation(len(groups))]
        return self.of_groups(order[n:]), self.of_groups(order[:n])

    def kfold(self, k: int, rng: np.random.Generator) -> list[tuple[Dataset, Dataset]]:
        """``k`` pairs (training, test); every subject or sequence is tested exactly once.

        Raises:
            DataError: ``k`` is below 2 or above the number of groups.
        """
        groups = self.groups
        if not 2 <= k <= len(groups):
            raise DataError(f"{k} folds", path=self.root, expected=f"2 to {len(groups)} (the number of subjects)")
        order = [groups[i] for i in rng.permutation(len(groups))]
        folds = [order[i::k] for i in range(k)]
        return [(self.of_groups(set(order) - set(fold)), self.of_groups(fold)) for fold in folds]

    # ---------------------------------------------------------------- changing

    def map(self, function: Callable[[Sample], Sample], schema: Schema | None = None) -> Dataset:
        """The same samples with ``function`` (picklable) applied after reading."""
        return Dataset(self.records, _Mapped(self.read, function), schema or self.schema, self.root, self.problems)

    def in_memory(self) -> Dataset:
        """The same samples, read once and kept."""
        return Dataset(self.records, _Kept(list(self), self.records), self.schema, self.root, self.problems)

    # ---------------------------------------------------------------- showing

    def facts(self) -> dict[str, str]:
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
        facts = ", ".join(f"{name}: {text}" for name, text in self.facts().items())
        return f"Dataset({self.root} | {facts})"

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><th>{name}</th><td>{html.escape(text)}</td></tr>" for name, text in self.facts().items())
        return f"<table><caption>{html.escape(self.root)}</caption>{rows}</table>"


def _same(value: Value | None, wanted: Value) -> bool:
    """Whether a column's value is the one asked for; a number may be asked for as text (``3`` for 3.0, ``2..4``)."""
    if value is None or isinstance(value, str):
        return value == str(wanted)
    try:
        low, _, high = str(wanted).partition("..")
        return float(low) <= float(value) <= float(high or low)
    except ValueError:
        return False


class _Kept:
    """A reader that gives samples already in memory; callers get a shallow copy, so that ``meta`` stays theirs."""

    def __init__(self, samples: list[Sample], records: tuple[Record, ...]) -> None:
        self.samples = {(record.name, record.index): sample for record, sample in zip(records, samples, strict=True)}

    def __call__(self, record: Record) -> Sample:
        sample = self.samples[(record.name, record.index)]
        return replace(sample, condition=dict(sample.condition), meta=dict(sample.meta))
