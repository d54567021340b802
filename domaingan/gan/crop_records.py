"""Templates: what generated crops borrow from real ones besides what they show."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

MAX_CROP_RECORDS = 2000
RECORDS_OF_EACH_KIND = 20


class CropRecord(BaseModel):
    """What one real crop knows besides its pixels; a generated entry borrows its spacing and place.

    Attributes:
        codes: for each class condition the position of the crop's value (-1: unknown).
        numbers: for each number condition the crop's value (None: unknown).
        spacing: mm a pixel, one number an axis.
        extent: shape of the sample it was cut from.
        centre: where the object lay in its image, relative to the foreground's box.
        radius_mm: radius of a disc or ball as large as the object.
        depth_mm: how far below the body's surface the object lay, of frames how far below the horizon its feet stood.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    codes: tuple[int, ...]
    numbers: tuple[float | None, ...] = ()
    spacing: tuple[float, ...]
    extent: tuple[int, ...]
    centre: tuple[float, ...]
    radius_mm: float
    depth_mm: float = 0.0


def select_crop_records(entries: NDArray[Any], conditions: list[str], numbers: list[str]) -> tuple[CropRecord, ...]:
    """The templates of a bank's entries; of more than 2,000 an even choice, with some of every kind."""
    chosen = np.linspace(0, len(entries) - 1, min(len(entries), MAX_CROP_RECORDS)).round().astype(int)
    if len(entries) > MAX_CROP_RECORDS and conditions:
        codes = np.stack([entries[f"condition:{name}"] for name in conditions], axis=1)
        kinds = np.unique(codes, axis=0, return_inverse=True)[1].reshape(-1)
        rare = [np.flatnonzero(kinds == kind)[:RECORDS_OF_EACH_KIND] for kind in range(kinds.max() + 1)]
        chosen = np.concatenate([chosen, *rare])
    return tuple(
        CropRecord(
            codes=tuple(int(entry[f"condition:{name}"]) for name in conditions),
            numbers=tuple(_round_or_none(float(entry[f"number:{name}"])) for name in numbers),
            spacing=tuple(round(float(s), 6) for s in entry["spacing"]),
            extent=tuple(int(n) for n in entry["source_size"]),
            centre=tuple(round(float(c), 6) for c in entry["centre"]),
            radius_mm=round(float(entry["radius_mm"]), 6),
            depth_mm=round(float(entry["depth"]), 6),
        )
        for entry in entries[np.unique(chosen)]
    )


def _round_or_none(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)
