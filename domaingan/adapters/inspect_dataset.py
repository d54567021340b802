"""Inspecting a dataset: counts, classes, conditions, sizes, and everything that cannot be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.nifti.body_notes import BodyNotes
from domaingan.adapters.nifti.header_notes import HeaderNotes
from domaingan.adapters.problems import make_problem
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Record, Sample, Schema
from domaingan.imaging.near_duplicates import DuplicateFinder, find_alternative_spellings

SPACING_PERCENTILES = {"min": 0, "median": 50, "max": 100}
"""Percentiles of the spacings that are reported, by their keys in the result."""

SPACING_DIGITS = 4


def inspect_dataset(dataset: Dataset, progress: Callable[[int, int], None] | None = None) -> dict[str, Any]:
    """Inspect a dataset. Every sample is read once.

    Args:
        dataset: any dataset.
        progress: called after each sample with the number of samples that are done and the number of all samples.

    Returns:
        A dict of JSON's types:

        - ``layout``, ``spatial_dims`` and ``channels`` of the dataset;
        - ``samples``: the number of samples that can be read, and ``subjects``: of how many subjects they are;
        - ``classes`` {name: samples that hold the class} and ``voxels`` {name: voxels of the class, pixels in 2D};
        - ``regions`` {name: samples that hold any value of the region};
        - ``masks``: samples with a mask, and ``unlabelled``: samples without mask and boxes;
        - ``conditions`` {name: {value: samples}}, ``splits`` and ``sequences`` {name: samples};
        - ``objects`` {class: boxes}, ``dropped``: components that are too small to be objects, and ``crowds``:
          regions of many objects, which are left out;
        - ``shapes`` {"X×Y×Z": samples}, and ``spacings`` {"min" | "median" | "max": a number for each axis, in mm};
        - ``notes`` [{path, files, reason}]: what the headers leave open or contradict, and ``header_text`` {field:
          {path, files, examples}}: free text in headers, which may hold names of people;
        - of scans what :meth:`domaingan.adapters.nifti.body_notes.BodyNotes.summarize` returns;
        - ``leaks`` [{samples, reason}]: the same image, person or drive under two names, which a split may separate;
        - ``problems`` [{path, reason}]: samples that cannot be used.
    """
    problems = list(dataset.problems)
    summary = _DatasetSummary(dataset.schema)
    for number, record in enumerate(dataset.records, start=1):
        try:
            summary.add(record, dataset.read(record))
        except DataError as error:
            problems.append(make_problem(error, Path(dataset.root) / record.name))
        if progress is not None:
            progress(number, len(dataset))
    result = summary.summarize()
    result["problems"] = [{"path": problem.path, "reason": problem.reason} for problem in problems]
    return result


class _DatasetSummary:
    """Counts what samples hold, one sample after the other."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.records: list[Record] = []
        self.duplicate_finder = DuplicateFinder()
        self.samples_holding: Counter[int | str] = Counter()
        self.voxel_counts: Counter[int] = Counter()
        self.shape_counts: Counter[str] = Counter()
        self.spacings: list[Sequence[float]] = []
        self.object_counts: Counter[int] = Counter()
        self.dropped_count = 0
        self.crowd_count = 0
        self.unlabelled_count = 0
        self.mask_count = 0
        self.header_notes = HeaderNotes()
        self.body_notes = BodyNotes(schema)

    def add(self, record: Record, sample: Sample) -> None:
        self.records.append(record)
        self.header_notes.add(sample)
        self.body_notes.add(record, sample)
        self.duplicate_finder.add(record, sample)
        self.shape_counts["×".join(map(str, sample.shape))] += 1
        self.spacings.append(sample.spacing)
        self.dropped_count += sample.dropped
        self.crowd_count += len(sample.crowds)
        if sample.mask is None and sample.boxes is None:
            self.unlabelled_count += 1
        self.mask_count += sample.mask is not None
        self._add_labels(sample)

    def _add_labels(self, sample: Sample) -> None:
        present: set[int] = set()
        if sample.mask is not None:
            counts = _count_values(sample.mask, self.schema.classes.values())
            self.voxel_counts.update(counts)
            present.update(value for value, count in counts.items() if count)
        if sample.labels is not None:
            labels = sample.labels.tolist()
            self.object_counts.update(labels)
            present.update(labels)
        self.samples_holding.update(present)
        for name, values in self.schema.regions.items():
            if present.intersection(values):
                self.samples_holding[name] += 1

    def summarize(self) -> dict[str, Any]:
        schema, records = self.schema, self.records
        return {
            "layout": schema.layout,
            "samples": len(records),
            "subjects": len({record.group for record in records}),
            "spatial_dims": schema.spatial_dims,
            "channels": list(schema.channels),
            "classes": {name: self.samples_holding[value] for name, value in schema.classes.items()},
            "voxels": {name: self.voxel_counts[value] for name, value in schema.classes.items()},
            "regions": {name: self.samples_holding[name] for name in schema.regions},
            "masks": self.mask_count,
            "unlabelled": self.unlabelled_count,
            "conditions": {name: _count_column_values(records, name) for name in schema.conditions},
            "splits": _count_column_values(records, "split"),
            "sequences": _count_column_values(records, "sequence"),
            "objects": {name: self.object_counts[schema.classes[name]] for name in schema.objects},
            "dropped": self.dropped_count,
            "crowds": self.crowd_count,
            "leaks": _find_leaks(self.duplicate_finder),
            "shapes": dict(self.shape_counts.most_common()),
            "spacings": self._summarize_spacings(),
            **self.header_notes.summarize(),
            **self.body_notes.summarize(),
        }

    def _summarize_spacings(self) -> dict[str, list[float]]:
        if not self.spacings:
            return {}
        spacings = np.array(self.spacings).reshape(-1, self.schema.spatial_dims)
        summary = {}
        for name, percent in SPACING_PERCENTILES.items():
            percentiles = np.percentile(spacings, percent, axis=0)
            summary[name] = np.round(percentiles, SPACING_DIGITS).tolist()
        return summary


def _find_leaks(finder: DuplicateFinder) -> list[dict[str, Any]]:
    """Find samples of different groups that show the same image, person or drive."""
    names = [record.name for record in finder.records]
    leaks: list[dict[str, Any]] = []
    for pair in finder.find_duplicates():
        likeness = "have the same values" if pair.is_exact else "look nearly the same"
        leaks.append({"samples": [names[pair.first], names[pair.second]], "reason": f"{likeness}, under two names"})
    for spellings in find_alternative_spellings(record.group for record in finder.records):
        leaks.append({"samples": list(spellings), "reason": "are one name in two spellings"})
    if finder.is_from_drives():
        reason = "follow one another as the frames of drives do; a column `sequence` in samples.csv names their drives"
        leaks.append({"samples": ["the frames"], "reason": reason})
    return leaks


def _count_values(mask: NDArray[Any], values: Iterable[int]) -> dict[int, int]:
    """Count the voxels of each value."""
    if mask.dtype == np.uint8:
        counts = np.bincount(mask.ravel(), minlength=256)  # one pass for all values
        return {value: int(counts[value]) for value in values}
    return {value: int(np.count_nonzero(mask == value)) for value in values}


def _count_column_values(records: Sequence[Record], column: str) -> dict[str, int]:
    """Count the samples that have each value of a column. The values are sorted; records without one are left out."""
    values = []
    for record in records:
        value = record.get_value(column)
        if value not in (None, ""):
            values.append(value)
    counts = Counter(values)
    is_numeric = all(not isinstance(value, str) for value in values)
    in_order = sorted(counts, key=None if is_numeric else str)
    return {str(value): counts[value] for value in in_order}
