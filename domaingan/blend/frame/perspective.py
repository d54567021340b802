"""How large an object appears where it stands, and where the horizon of a host is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domaingan.banks import Bank
from domaingan.imaging.horizon import MIN_OBJECTS, estimate_horizon_from_ratios, measure_height_ratios
from domaingan.imaging.instances import Objects

BORDER_MARGIN = 0.006
"""Objects nearer than this to the frame's border, as a share of it, are cut by it."""

MAX_HEIGHT_DEVIATION = 0.7
"""Whole crops this much taller or lower than others of their class at their distance (natural logarithm, a factor of 2)
are mostly hidden, or several in one."""

MIN_HORIZON_OBJECTS = 3
"""So many whole objects of its own tell a host's horizon, where its drive is not known."""

MASK_BATCH_SIZE = 1024
"""So many masks are in memory at once while a bank is measured."""

ROW_TOLERANCE = 0.02
"""How far a crop may leave the rows of objects of its size where no horizon is known."""

MAX_SIZE_DIFFERENCE = 0.2
"""Objects of a class whose heights differ by less than this are of one size (natural logarithm)."""


@dataclass(frozen=True)
class Perspective:
    """Where crops stood in their frames; lengths are shares of the frame's height or width.

    Attributes:
        distance: ``(N,)`` how far below the horizon each crop's feet were, 0 where that is not known.
        feet: ``(N,)`` row of each crop's lowest pixel.
        sides: ``(N, 4)`` whether it is cut at the top, the bottom, the left, the right.
        height: ``(N,)`` of what is seen of it.
        kinds: ``(N,)`` host mask value of its class.
        typical: for each class height over distance, see :func:`domaingan.imaging.horizon.constants`.
        aside: for each class how far from the middle column it may stand, over its distance: a way on the ground.
        horizons: row of the horizon of each drive in the bank.
        usual: row of the horizon of a host of which nothing is known; None where crops stay in their own rows.
    """

    distances: NDArray[np.float64]
    contact_rows: NDArray[np.float64]
    cut_sides: NDArray[np.bool_]
    heights: NDArray[np.float64]
    class_values: NDArray[np.int64]
    height_ratios: Mapping[int, float]
    max_offsets: Mapping[int, float]
    horizons: Mapping[str, float]
    default_horizon: float | None

    @classmethod
    def from_bank(cls, bank: Bank, class_table: NDArray[np.int64]) -> Perspective:
        """Measure a bank of frames' crops; ``values`` has a host mask value for each of the bank's."""
        entries = bank.entries
        measured = [
            _measure_masks(bank.masks[start : start + MASK_BATCH_SIZE])
            for start in range(0, len(bank), MASK_BATCH_SIZE)
        ]
        spans, highest = (np.concatenate(parts) for parts in zip(*measured, strict=True))
        share = [entries["spacing"][:, a] / np.maximum(entries["source_size"][:, a], 1) for a in (0, 1)]
        height, width = (spans[:, a] * share[a].astype(float) for a in (0, 1))
        middle = entries["centre"].astype(float)
        top, feet = middle[:, 0] - height / 2, middle[:, 0] + height / 2
        left, right = middle[:, 1] - width / 2, middle[:, 1] + width / 2
        sides = np.stack(
            [top < BORDER_MARGIN, feet > 1 - BORDER_MARGIN, left < BORDER_MARGIN, right > 1 - BORDER_MARGIN], axis=1
        )
        distance = entries["depth"] / np.maximum(entries["source_size"][:, 0], 1).astype(float)
        kinds = class_table[highest]
        known = (distance > 0) & (height > 0)
        whole = known & ~sides.any(axis=1)
        typical = measure_height_ratios(height[whole], distance[whole], kinds[whole])
        rows = feet - distance
        horizons = {
            drive: float(np.median(rows[own & known])) for drive, own in _split_by_drive(bank) if (own & known).any()
        }
        usual = float(np.median(rows[known])) if known.any() else None
        aside = _measure_max_offsets(middle[:, 1], distance, kinds)
        return cls(distance, feet, sides, height, kinds, typical, aside, horizons, usual)

    def select_usable(self, entries: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of a bank's entries whose place and size are understood; all, where that is less than half of them."""
        if self.default_horizon is None:
            return entries
        ratio = self.heights / np.maximum(self.distances, 1e-6)
        usual = np.array([self.height_ratios.get(int(kind), np.nan) for kind in self.class_values])
        off = np.abs(np.log(np.maximum(ratio, 1e-6) / usual))
        understood = (self.distances > 0) & (self.cut_sides.any(axis=1) | (off <= MAX_HEIGHT_DEVIATION))
        understood |= ~np.isin(
            self.class_values, self.class_values[self.distances > 0]
        )  # classes that stand on no ground
        kept = entries[understood[entries]]
        return kept if 2 * len(kept) >= len(entries) else entries

    def find_horizon(self, drive: str, objects: Objects) -> float | None:
        """The row of a host's horizon: its drive's, else what its own objects say, else the usual one."""
        if drive in self.horizons or not len(objects.boxes):
            return self.horizons.get(drive, self.default_horizon)
        rows, columns = objects.instances.shape
        left, top, right, bottom = objects.boxes.astype(float).T
        whole = (left > 0) & (top > 0) & (right < columns) & (bottom < rows) & (bottom > top)
        whole &= np.isin(objects.labels, list(self.height_ratios))
        if self.default_horizon is None or whole.sum() < MIN_HORIZON_OBJECTS:
            return self.default_horizon
        return estimate_horizon_from_ratios(
            (bottom - top)[whole] / rows, bottom[whole] / rows, objects.labels[whole], self.height_ratios
        )

    def compute_scale(self, index: int, contact_row: float, horizon: float | None) -> float:
        """How much larger a crop appears with its feet in row ``foot`` than in its own frame."""
        if horizon is None or not self.distances[index]:
            return 1.0
        return float((contact_row - horizon) / self.distances[index])

    def find_row_range(
        self, index: int, min_scale: float, max_scale: float, horizon: float | None
    ) -> tuple[float, float]:
        """The rows in which a crop's scale lies between two; without a horizon those of objects of its size."""
        distance = float(self.distances[index])
        if horizon is None or not distance:
            low, high = self._find_rows_of_similar(index)
            return low - ROW_TOLERANCE, high + ROW_TOLERANCE
        return horizon + distance * min_scale, horizon + distance * max_scale

    def find_columns(
        self, index: int, contact_rows: NDArray[np.float64], width: int, horizon: float | None
    ) -> NDArray[np.bool_]:
        """``(len(feet), width)`` the columns in which a crop may stand with its feet in rows.

        On the ground it goes about as far aside as its class did: far ones are near the middle column, and close ones
        may be in any. Without a horizon all columns will do.
        """
        aside = self.max_offsets.get(int(self.class_values[index]))
        if horizon is None or not self.distances[index] or aside is None:
            return np.ones((len(contact_rows), width), dtype=bool)
        middles = (np.arange(width) + 0.5) / width
        return np.abs(middles - 0.5) <= aside * np.maximum(contact_rows - horizon, 0)[:, None]

    def _find_rows_of_similar(self, index: int) -> tuple[float, float]:
        """The lowest and the highest row, but for a tenth either way, of the feet of whole objects of a crop's size."""
        own, height = float(self.contact_rows[index]), np.maximum(self.heights, 1e-6)
        alike = (self.class_values == self.class_values[index]) & ~self.cut_sides.any(axis=1)
        alike &= np.abs(np.log(height / height[index])) < MAX_SIZE_DIFFERENCE
        if not alike.any():
            return own, own
        low, high = np.quantile(self.contact_rows[alike], (0.1, 0.9)).tolist()
        return min(low, own), max(high, own)


def _measure_max_offsets(
    centre_columns: NDArray[np.float64], distances: NDArray[np.float64], class_values: NDArray[np.int64]
) -> dict[int, float]:
    """For each class of enough objects the way aside, over distance, up to which an even spread has their median."""
    known = distances > 0
    ways = np.abs(centre_columns - 0.5) / np.maximum(distances, 1e-6)
    counts = {int(kind): known & (class_values == kind) for kind in np.unique(class_values[known])}
    return {kind: 2 * float(np.median(ways[own])) for kind, own in counts.items() if own.sum() >= MIN_OBJECTS}


def _split_by_drive(bank: Bank) -> list[tuple[str, NDArray[np.bool_]]]:
    """Each drive that is known, and which entries are of it; a unit is a drive and a time, see ``Record.unit``."""
    drives = np.array([name.split("@")[0] for name in bank.info.subjects] + [""])[bank.entries["subject"]]
    return [(str(drive), drives == drive) for drive in np.unique(drives) if drive]


def _measure_masks(masks: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Of ``(N, H, W)`` masks how high and how wide their objects are, ``(N, 2)``, and their highest values ``(N,)``."""
    body = np.greater(masks, 0)
    return np.stack([_measure_spans(np.asarray(body.any(axis=axis))) for axis in (2, 1)], axis=1), np.max(
        masks, axis=(1, 2)
    )


def _measure_spans(lines: NDArray[np.bool_]) -> NDArray[np.int64]:
    """From the first to the last that is true in each row, both included; 0 where none is."""
    first, last = lines.argmax(axis=1), lines.shape[1] - lines[:, ::-1].argmax(axis=1)
    return np.where(lines.any(axis=1), last - first, 0)
