"""From a dataset to a bank of its scenes: whole frames, small, for their look under each condition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from domaingan.bank import Bank, BankInfo, new_entries
from domaingan.errors import DataError
from domaingan.grid import resize
from domaingan.sample import Dataset, Schema, Value

CENTRE = 0.5
"""Where a scene lies in its frame: it is all of it."""


def scenes(dataset: Dataset, size: int = 64, conditions: Sequence[str] | None = None) -> Bank:
    """The frames of a dataset as a bank of scenes: squeezed to a square, without masks, told apart by conditions.

    Args:
        dataset: frames; they need not be labelled.
        size: edge of a scene in pixels.
        conditions: names of the dataset's conditions, such as ``("lighting", "weather")``; all it has unless given.

    Returns:
        A bank in memory. A condition's values come rarest first; a frame without a value has code -1. ``spacing`` is
        the size of a scene's pixel in the frame's own, ``extent`` the frame's shape.

    Raises:
        DataError: the size is not a power of two of at least 8, the dataset is not of frames, is empty or has no such
            condition, or a frame holds NaN or infinity.
    """
    if size < 8 or size & (size - 1):
        raise DataError(f"size {size}", expected="a power of two, at least 8")
    if dataset.schema.domain != "frame" or dataset.schema.spatial_dims != 2:
        raise DataError(
            f"a dataset of {dataset.schema.domain}s", path=dataset.root, expected="frames: scans have no look"
        )
    names = _known(conditions, dataset.schema)
    if not len(dataset):
        raise DataError("no frame", path=dataset.root, expected="at least one")
    images = np.zeros((len(dataset), len(dataset.schema.channels), size, size), dtype=np.float16)
    extents = np.zeros((len(dataset), 2), dtype=np.int32)
    subjects, labels = [], []
    for i, sample in enumerate(dataset):
        if not np.isfinite(sample.image).all():
            raise DataError("NaN or infinite values", path=sample.name, expected="RGB in [0, 1]")
        images[i], extents[i] = np.clip(resize(sample.image, (size, size)), 0, 1), sample.shape
        subjects.append(sample.unit)
        labels.append([_named(sample.condition.get(name, "")) for name in names])
    info = BankInfo(
        kind="scenes",
        domain="frame",
        spatial_dims=2,
        channels=list(dataset.schema.channels),
        classes={},
        conditions={name: _rarest_first(column) for name, column in zip(names, zip(*labels, strict=True), strict=True)},
        subjects=list(dict.fromkeys(subjects)),
        source=dataset.root,
    )
    entries = _entries(info, subjects, labels, extents, size)
    return Bank(info, images, np.zeros((len(images), size, size), np.uint8), entries)


def _entries(
    info: BankInfo, subjects: Sequence[str], labels: Sequence[Sequence[str]], extents: NDArray[np.int32], size: int
) -> NDArray[np.void]:
    entries = new_entries(info, len(subjects))
    entries["subject"] = [info.subjects.index(subject) for subject in subjects]
    entries["extent"], entries["spacing"], entries["centre"] = extents, extents / size, CENTRE
    for k, (name, values) in enumerate(info.conditions.items()):
        entries[f"condition:{name}"] = [values.index(row[k]) if row[k] else -1 for row in labels]
    return entries


def _known(conditions: Sequence[str] | None, schema: Schema) -> tuple[str, ...]:
    names = schema.conditions if conditions is None else tuple(dict.fromkeys(conditions))
    unknown = [name for name in names if name not in schema.conditions]
    if unknown:
        known = f"one of {', '.join(schema.conditions)}" if schema.conditions else "none: the dataset has no conditions"
        raise DataError(f"no condition {unknown[0]!r}", expected=known)
    return names


def _named(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _rarest_first(column: Sequence[str]) -> list[str]:
    counts = Counter(value for value in column if value)
    return sorted(counts, key=lambda value: (counts[value], value))
