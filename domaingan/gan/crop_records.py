"""What the config of a model stores of single training crops: generated crops get their spacing and place from it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

MAX_CROP_RECORDS = 2000
"""At most this many records are stored, besides those of rare kinds."""

RECORDS_OF_EACH_KIND = 20
"""At least this many records of each combination of classes are stored, if there are so many."""


class TrainingCropRecord(BaseModel):
    """Hold what the config of a model stores of one training crop.

    It is no :class:`domaingan.data.Record`, which describes a sample on disk.

    Attributes:
        codes: for each class condition the position of the crop's value in the list of values (-1: unknown).
        numbers: for each number condition the crop's value (None: unknown).
        spacing: size of a pixel in mm, one number for each axis.
        source_size: shape in pixels of the sample that the crop was cut from.
        centre: position of the object in its image, relative to the box around the foreground.
        radius_mm: radius of a disc or ball of the object's size.
        depth: in scans, depth of the object below the body's surface in mm; in frames, distance of its ground contact
            below the horizon in pixels.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    codes: tuple[int, ...]
    numbers: tuple[float | None, ...] = ()
    spacing: tuple[float, ...]
    source_size: tuple[int, ...]
    centre: tuple[float, ...]
    radius_mm: float
    depth: float = 0.0


def select_crop_records(
    entries: NDArray[Any], conditions: list[str], numbers: list[str]
) -> tuple[TrainingCropRecord, ...]:
    """Make the records of a bank's entries; of many entries an even selection, with some of every kind.

    Args:
        entries: the bank's table.
        conditions: names of the class conditions.
        numbers: names of the number conditions.
    """
    chosen = np.linspace(0, len(entries) - 1, min(len(entries), MAX_CROP_RECORDS)).round().astype(int)
    if len(entries) > MAX_CROP_RECORDS and conditions:
        chosen = np.concatenate([chosen, *_select_of_each_kind(entries, conditions)])
    return tuple(_make_record(entry, conditions, numbers) for entry in entries[np.unique(chosen)])


def _select_of_each_kind(entries: NDArray[Any], conditions: list[str]) -> list[NDArray[np.int64]]:
    codes = np.stack([entries[f"condition:{name}"] for name in conditions], axis=1)
    kinds = np.unique(codes, axis=0, return_inverse=True)[1].reshape(-1)
    return [np.flatnonzero(kinds == kind)[:RECORDS_OF_EACH_KIND] for kind in range(kinds.max() + 1)]


def _make_record(entry: Any, conditions: list[str], numbers: list[str]) -> TrainingCropRecord:
    return TrainingCropRecord(
        codes=tuple(int(entry[f"condition:{name}"]) for name in conditions),
        numbers=tuple(_round_or_none(float(entry[f"number:{name}"])) for name in numbers),
        spacing=tuple(round(float(edge), 6) for edge in entry["spacing"]),
        source_size=tuple(int(edge) for edge in entry["source_size"]),
        centre=tuple(round(float(position), 6) for position in entry["centre"]),
        radius_mm=round(float(entry["radius_mm"]), 6),
        depth=round(float(entry["depth"]), 6),
    )


def _round_or_none(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)
