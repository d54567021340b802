"""How large an object appears where it stands, and where the horizon of a host is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domaingan.banks import Bank
from domaingan.imaging.horizon import MIN_OBJECTS, estimate_horizon_from_ratios, measure_height_ratios
from domaingan.imaging.instances import Objects

CUT = 0.006
"""Objects nearer than this to the frame's border, as a share of it, are cut by it."""

UNTYPICAL = 0.7
"""Whole crops this much taller or lower than others of their class at their distance (natural logarithm, a factor of 2)
are mostly hidden, or several in one."""

ENOUGH = 3
"""So many whole objects of its own tell a host's horizon, where its drive is not known."""

AT_ONCE = 1024
"""So many masks are in memory at once while a bank is measured."""

OWN_ROW = 0.02
"""How far a crop may leave the rows of objects of its size where no horizon is known."""

ALIKE = 0.2
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

    distance: NDArray[np.float64]
    feet: NDArray[np.float64]
    sides: NDArray[np.bool_]
    height: NDArray[np.float64]
    kinds: NDArray[np.int64]
    typical: Mapping[int, float]
    aside: Mapping[int, float]
    horizons: Mapping[str, float]
    usual: float | None

    @classmethod
    def of(cls, bank: Bank, values: NDArray[np.int64]) -> Perspective:
        """Measure a bank of frames' crops; ``values`` has a host mask value for each of the bank's."""
        entries = bank.entries
        measured = [_measured(bank.masks[start : start + AT_ONCE]) for start in range(0, len(bank), AT_ONCE)]
        spans, highest = (np.concatenate(parts) for parts in zip(*measured, strict=True))
        share = [entries["spacing"][:, a] / np.maximum(entries["extent"][:, a], 1) for a in (0, 1)]
        height, width = (spans[:, a] * share[a].astype(float) for a in (0, 1))
        middle = entries["centre"].astype(float)
        top, feet = middle[:, 0] - height / 2, middle[:, 0] + height / 2
        left, right = middle[:, 1] - width / 2, middle[:, 1] + width / 2
        sides = np.stack([top < CUT, feet > 1 - CUT, left < CUT, right > 1 - CUT], axis=1)
        distance = entries["depth_mm"] / np.maximum(entries["extent"][:, 0], 1).astype(float)
        kinds = values[highest]
        known = (distance > 0) & (height > 0)
        whole = known & ~sides.any(axis=1)
        typical = measure_height_ratios(height[whole], distance[whole], kinds[whole])
        rows = feet - distance
        horizons = {drive: float(np.median(rows[own & known])) for drive, own in _drives(bank) if (own & known).any()}
        usual = float(np.median(rows[known])) if known.any() else None
        aside = _ways_aside(middle[:, 1], distance, kinds)
        return cls(distance, feet, sides, height, kinds, typical, aside, horizons, usual)

    def usable(self, entries: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of a bank's entries whose place and size are understood; all, where that is less than half of them."""
        if self.usual is None:
            return entries
        ratio = self.height / np.maximum(self.distance, 1e-6)
        usual = np.array([self.typical.get(int(kind), np.nan) for kind in self.kinds])
        off = np.abs(np.log(np.maximum(ratio, 1e-6) / usual))
        understood = (self.distance > 0) & (self.sides.any(axis=1) | (off <= UNTYPICAL))
        understood |= ~np.isin(self.kinds, self.kinds[self.distance > 0])  # classes that stand on no ground
        kept = entries[understood[entries]]
        return kept if 2 * len(kept) >= len(entries) else entries

    def horizon_of(self, drive: str, objects: Objects) -> float | None:
        """The row of a host's horizon: its drive's, else what its own objects say, else the usual one."""
        if drive in self.horizons or not len(objects.boxes):
            return self.horizons.get(drive, self.usual)
        rows, columns = objects.instances.shape
        left, top, right, bottom = objects.boxes.astype(float).T
        whole = (left > 0) & (top > 0) & (right < columns) & (bottom < rows) & (bottom > top)
        whole &= np.isin(objects.labels, list(self.typical))
        if self.usual is None or whole.sum() < ENOUGH:
            return self.usual
        return estimate_horizon_from_ratios(
            (bottom - top)[whole] / rows, bottom[whole] / rows, objects.labels[whole], self.typical
        )

    def scale(self, index: int, foot: float, horizon: float | None) -> float:
        """How much larger a crop appears with its feet in row ``foot`` than in its own frame."""
        if horizon is None or not self.distance[index]:
            return 1.0
        return float((foot - horizon) / self.distance[index])

    def rows(self, index: int, smallest: float, largest: float, horizon: float | None) -> tuple[float, float]:
        """The rows in which a crop's scale lies between two; without a horizon those of objects of its size."""
        distance = float(self.distance[index])
        if horizon is None or not distance:
            low, high = self._rows_of_alike(index)
            return low - OWN_ROW, high + OWN_ROW
        return horizon + distance * smallest, horizon + distance * largest

    def columns(self, index: int, feet: NDArray[np.float64], width: int, horizon: float | None) -> NDArray[np.bool_]:
        """``(len(feet), width)`` the columns in which a crop may stand with its feet in rows.

        On the ground it goes about as far aside as its class did: far ones are near the middle column, and close ones
        may be in any. Without a horizon all columns will do.
        """
        aside = self.aside.get(int(self.kinds[index]))
        if horizon is None or not self.distance[index] or aside is None:
            return np.ones((len(feet), width), dtype=bool)
        middles = (np.arange(width) + 0.5) / width
        return np.abs(middles - 0.5) <= aside * np.maximum(feet - horizon, 0)[:, None]

    def _rows_of_alike(self, index: int) -> tuple[float, float]:
        """The lowest and the highest row, but for a tenth either way, of the feet of whole objects of a crop's size."""
        own, height = float(self.feet[index]), np.maximum(self.height, 1e-6)
        alike = (self.kinds == self.kinds[index]) & ~self.sides.any(axis=1)
        alike &= np.abs(np.log(height / height[index])) < ALIKE
        if not alike.any():
            return own, own
        low, high = np.quantile(self.feet[alike], (0.1, 0.9)).tolist()
        return min(low, own), max(high, own)


def _ways_aside(
    middles: NDArray[np.float64], distance: NDArray[np.float64], kinds: NDArray[np.int64]
) -> dict[int, float]:
    """For each class of enough objects the way aside, over distance, up to which an even spread has their median."""
    known = distance > 0
    ways = np.abs(middles - 0.5) / np.maximum(distance, 1e-6)
    counts = {int(kind): known & (kinds == kind) for kind in np.unique(kinds[known])}
    return {kind: 2 * float(np.median(ways[own])) for kind, own in counts.items() if own.sum() >= MIN_OBJECTS}


def _drives(bank: Bank) -> list[tuple[str, NDArray[np.bool_]]]:
    """Each drive that is known, and which entries are of it; a unit is a drive and a time, see ``Record.unit``."""
    drives = np.array([name.split("@")[0] for name in bank.info.subjects] + [""])[bank.entries["subject"]]
    return [(str(drive), drives == drive) for drive in np.unique(drives) if drive]


def _measured(masks: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Of ``(N, H, W)`` masks how high and how wide their objects are, ``(N, 2)``, and their highest values ``(N,)``."""
    body = np.greater(masks, 0)
    return np.stack([_spans(np.asarray(body.any(axis=axis))) for axis in (2, 1)], axis=1), np.max(masks, axis=(1, 2))


def _spans(lines: NDArray[np.bool_]) -> NDArray[np.int64]:
    """From the first to the last that is true in each row, both included; 0 where none is."""
    first, last = lines.argmax(axis=1), lines.shape[1] - lines[:, ::-1].argmax(axis=1)
    return np.where(lines.any(axis=1), last - first, 0)
