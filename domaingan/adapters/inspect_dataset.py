"""What an adapter sees in a dataset: counts, classes, conditions, sizes, and everything that cannot be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.nifti.body_notes import BodyNotes
from domaingan.adapters.nifti.header_notes import HeaderNotes
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Problem, Record, Sample, Schema
from domaingan.imaging.near_duplicates import DuplicateFinder, find_alternative_spellings


def inspect_dataset(dataset: Dataset, progress: Callable[[int, int], None] | None = None) -> dict[str, Any]:
    """Read every sample once and say what is there.

    Args:
        dataset: any dataset.
        progress: called after each sample with how many are done and how many there are.

    Returns:
        In JSON's types: ``layout``, ``samples`` (that can be read), ``subjects``, ``spatial_dims``, ``channels``,
        ``classes`` {name: samples that hold it}, ``voxels`` {name: number, pixels in 2D}, ``regions`` {name: samples
        that hold any of it}, ``unlabelled`` (samples without mask and boxes), ``conditions`` {name: {value: samples}},
        ``splits`` {name: samples}, ``sequences`` {name: samples}, ``objects`` {class: boxes}, ``dropped`` (components
        too small to be objects), ``crowds`` (regions of many objects that nothing tells apart, left out), ``shapes``
        {"X×Y×Z": samples}, ``spacings`` {min, median, max: one number an axis, in mm}, ``notes``
        [{path, files, reason}] (what was guessed or left aside in headers), ``header_text`` {field: {path, files,
        examples}} (free text in headers, which may name people), of scans what
        :mod:`domaingan.adapters.nifti.body_notes` finds, ``leaks`` [{samples, reason}] (what names of their own may
        put on both sides of a split though it is the
        same), and ``problems`` [{path, reason}].
    """
    problems = list(dataset.problems)
    tally = _DatasetSummary(dataset.schema)
    for number, record in enumerate(dataset.records, start=1):
        try:
            tally.add(record, dataset.read(record))
        except DataError as error:
            reason = error.found + (f"; expected {error.expected}" if error.expected else "")
            problems.append(Problem(error.path or str(Path(dataset.root) / record.name), reason))
        if progress is not None:
            progress(number, len(dataset))
    return tally.summarize() | {"problems": [{"path": one.path, "reason": one.reason} for one in problems]}


class _DatasetSummary:
    """Counts samples as they go by."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.records: list[Record] = []
        self.survey = DuplicateFinder()
        self.samples_holding: Counter[int | str] = Counter()
        self.voxel_counts: Counter[int] = Counter()
        self.shape_counts: Counter[str] = Counter()
        self.spacings: list[Sequence[float]] = []
        self.object_counts: Counter[int] = Counter()
        self.left_out_counts: Counter[str] = Counter()
        self.unlabelled_count = 0
        self.header_notes = HeaderNotes()
        self.body_notes = BodyNotes(schema)

    def add(self, record: Record, sample: Sample) -> None:
        self.records.append(record)
        self.header_notes.add(sample)
        self.body_notes.add(record, sample)
        self.survey.add(record, sample)
        self.shape_counts["×".join(map(str, sample.shape))] += 1
        self.spacings.append(sample.spacing)
        present: set[int] = set()
        if sample.mask is not None:
            counts = _count_values(sample.mask, self.schema.classes.values())
            self.voxel_counts.update(counts)
            present.update(value for value, n in counts.items() if n)
        if sample.labels is not None:
            self.object_counts.update(sample.labels.tolist())
            present.update(sample.labels.tolist())
        self.left_out_counts.update({"dropped": sample.dropped, "crowds": len(sample.crowds)})
        self.unlabelled_count += sample.mask is None and sample.boxes is None
        self.samples_holding.update(present)
        self.samples_holding.update(
            name for name, values in self.schema.regions.items() if present.intersection(values)
        )

    def summarize(self) -> dict[str, Any]:
        schema, records = self.schema, self.records
        spacings = np.array(self.spacings).reshape(-1, schema.spatial_dims)
        measures = {"min": 0, "median": 50, "max": 100}
        return {
            "layout": schema.layout,
            "samples": len(records),
            "subjects": len({record.group for record in records}),
            "spatial_dims": schema.spatial_dims,
            "channels": list(schema.channels),
            "classes": {name: self.samples_holding[value] for name, value in schema.classes.items()},
            "voxels": {name: self.voxel_counts[value] for name, value in schema.classes.items()},
            "regions": {name: self.samples_holding[name] for name in schema.regions},
            "unlabelled": self.unlabelled_count,
            "conditions": {name: _values(records, name) for name in schema.conditions},
            "splits": _values(records, "split"),
            "sequences": _values(records, "sequence"),
            "objects": {name: self.object_counts[schema.classes[name]] for name in schema.objects},
            "dropped": self.left_out_counts["dropped"],
            "crowds": self.left_out_counts["crowds"],
            "leaks": _find_leaks(self.survey),
            "shapes": dict(self.shape_counts.most_common()),
            "spacings": {
                name: np.round(np.percentile(spacings, percent, axis=0), 4).tolist()
                for name, percent in measures.items()
                if len(spacings)
            },
            **self.header_notes.summarize(),
            **self.body_notes.summarize(),
        }


def _find_leaks(survey: DuplicateFinder) -> list[dict[str, Any]]:
    """Samples of groups of their own that are the same person, drive or image."""
    names = [record.name for record in survey.records]
    leaks: list[dict[str, Any]] = []
    for copy in survey.find_duplicates():
        reason = "have the same values" if copy.is_exact else "look nearly the same"
        leaks.append({"samples": [names[copy.first], names[copy.second]], "reason": f"{reason}, under two names"})
    for pair in find_alternative_spellings(record.group for record in survey.records):
        leaks.append({"samples": list(pair), "reason": "are one name in two spellings"})
    if survey.is_from_drives():
        reason = "follow one another as the frames of drives do; a column `sequence` in samples.csv names their drives"
        leaks.append({"samples": ["the frames"], "reason": reason})
    return leaks


def _count_values(mask: NDArray[Any], values: Iterable[int]) -> dict[int, int]:
    if mask.dtype == np.uint8:
        all_counts = np.bincount(mask.ravel(), minlength=256)
        return {value: int(all_counts[value]) for value in values}
    return {value: int(np.count_nonzero(mask == value)) for value in values}


def _values(records: Sequence[Record], column: str) -> dict[str, int]:
    """How many samples have each value of a column, in order of the values."""
    found = [value for value in (record.get_value(column) for record in records) if value not in (None, "")]
    counts = Counter(found)
    numeric = all(not isinstance(value, str) for value in found)
    return {str(value): counts[value] for value in sorted(counts, key=None if numeric else str)}
