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
"""Fewest whole objects in a host from which its horizon is estimated, if the bank does not have its drive."""

MASK_BATCH_SIZE = 1024
"""Number of masks that are in memory at once while a bank is measured."""

ROW_TOLERANCE = 0.02
"""How far a crop may leave the rows of objects of its size where no horizon is known."""

MAX_SIZE_DIFFERENCE = 0.2
"""Objects of a class whose heights differ by less than this are of one size (natural logarithm)."""


@dataclass(frozen=True)
class Perspective:
    """Where crops stood in their frames; lengths are shares of the frame's height or width.

    Attributes:
        distances: ``(N,)`` how far each crop's ground contact was below the horizon; 0 where the horizon is unknown.
        contact_rows: ``(N,)`` row of each crop's lowest pixel.
        cut_sides: ``(N, 4)`` whether the frame's border cuts the crop at the top, the bottom, the left, the right.
        heights: ``(N,)`` height of the visible part of each crop.
        class_values: ``(N,)`` host mask value of each crop's class.
        height_ratios: for each class its typical height over distance, see
            :func:`domaingan.imaging.horizon.measure_height_ratios`.
        max_offsets: for each class how far from the middle column it may stand, over its distance.
        horizons: row of the horizon of each drive in the bank.
        default_horizon: row of the horizon of a host without other information; None where crops stay in their rows.
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
        """Measure where the crops of a bank stood in their frames.

        Args:
            bank: crops of frames.
            class_table: host mask value for each mask value of the bank.

        Returns:
            The perspective, with one value for each entry of the bank.
        """
        entries = bank.entries
        spans, class_values = _measure_bank_masks(bank.masks, class_table)
        row_share = entries["spacing"][:, 0] / np.maximum(entries["source_size"][:, 0], 1)
        column_share = entries["spacing"][:, 1] / np.maximum(entries["source_size"][:, 1], 1)
        heights = spans[:, 0] * row_share.astype(float)
        widths = spans[:, 1] * column_share.astype(float)

        centres = entries["centre"].astype(float)
        tops = centres[:, 0] - heights / 2
        contact_rows = centres[:, 0] + heights / 2
        lefts = centres[:, 1] - widths / 2
        rights = centres[:, 1] + widths / 2
        cut_sides = np.stack(
            [
                tops < BORDER_MARGIN,
                contact_rows > 1 - BORDER_MARGIN,
                lefts < BORDER_MARGIN,
                rights > 1 - BORDER_MARGIN,
            ],
            axis=1,
        )

        distances = entries["depth"] / np.maximum(entries["source_size"][:, 0], 1).astype(float)
        has_distance = (distances > 0) & (heights > 0)
        is_whole = has_distance & ~cut_sides.any(axis=1)
        height_ratios = measure_height_ratios(heights[is_whole], distances[is_whole], class_values[is_whole])
        max_offsets = _measure_max_offsets(centres[:, 1], distances, class_values)

        horizon_rows = contact_rows - distances
        horizons = {}
        for drive, is_of_drive in _split_by_drive(bank):
            is_measured = is_of_drive & has_distance
            if is_measured.any():
                horizons[drive] = float(np.median(horizon_rows[is_measured]))
        default_horizon = float(np.median(horizon_rows[has_distance])) if has_distance.any() else None
        return cls(
            distances,
            contact_rows,
            cut_sides,
            heights,
            class_values,
            height_ratios,
            max_offsets,
            horizons,
            default_horizon,
        )

    def select_usable(self, entries: NDArray[np.int64]) -> NDArray[np.int64]:
        """Select the entries whose size agrees with their place.

        Args:
            entries: ``(n,)`` indices of entries of the bank.

        Returns:
            The usable ones; all of them, if fewer than half are usable or no horizon is known.
        """
        if self.default_horizon is None:
            return entries
        ratios = self.heights / np.maximum(self.distances, 1e-6)
        class_ratios = np.array([self.height_ratios.get(int(value), np.nan) for value in self.class_values])
        deviations = np.abs(np.log(np.maximum(ratios, 1e-6) / class_ratios))
        is_cut = self.cut_sides.any(axis=1)
        has_distance = self.distances > 0
        is_usable = has_distance & (is_cut | (deviations <= MAX_HEIGHT_DEVIATION))
        classes_on_ground = self.class_values[has_distance]
        is_usable |= ~np.isin(self.class_values, classes_on_ground)
        usable = entries[is_usable[entries]]
        return usable if 2 * len(usable) >= len(entries) else entries

    def find_horizon(self, drive: str, objects: Objects) -> float | None:
        """Find the row of a host's horizon.

        It is the horizon of the host's drive if the bank has that drive. Otherwise it is estimated from the host's
        own objects. If these are too few, it is the default.

        Args:
            drive: name of the host's drive.
            objects: of the host.

        Returns:
            The row as a share of the frame's height; None where nothing is known.
        """
        if drive in self.horizons or not len(objects.boxes):
            return self.horizons.get(drive, self.default_horizon)
        height, width = objects.instances.shape
        left, top, right, bottom = objects.boxes.astype(float).T
        is_whole = (left > 0) & (top > 0) & (right < width) & (bottom < height) & (bottom > top)
        is_whole &= np.isin(objects.labels, list(self.height_ratios))
        if self.default_horizon is None or is_whole.sum() < MIN_HORIZON_OBJECTS:
            return self.default_horizon
        object_heights = (bottom - top)[is_whole] / height
        contact_rows = bottom[is_whole] / height
        return estimate_horizon_from_ratios(object_heights, contact_rows, objects.labels[is_whole], self.height_ratios)

    def compute_scale(self, index: int, contact_row: float, horizon: float | None) -> float:
        """Compute how much larger a crop appears in another row than in its own frame.

        Args:
            index: of the crop in the bank.
            contact_row: row of its ground contact, a share of the frame's height.
            horizon: row of the host's horizon, a share of its height.

        Returns:
            The scale; 1 where a horizon is unknown.
        """
        if horizon is None or not self.distances[index]:
            return 1.0
        return float((contact_row - horizon) / self.distances[index])

    def find_row_range(
        self, index: int, min_scale: float, max_scale: float, horizon: float | None
    ) -> tuple[float, float]:
        """Find the rows of the ground contact in which a crop's scale is in a range.

        Args:
            index: of the crop in the bank.
            min_scale, max_scale: the range of scales.
            horizon: row of the host's horizon, a share of its height.

        Returns:
            The highest and the lowest row. Without a horizon these are the rows of objects of the crop's size.
        """
        distance = float(self.distances[index])
        if horizon is None or not distance:
            low, high = self._find_rows_of_similar(index)
            return low - ROW_TOLERANCE, high + ROW_TOLERANCE
        return horizon + distance * min_scale, horizon + distance * max_scale

    def find_columns(
        self, index: int, contact_rows: NDArray[np.float64], width: int, horizon: float | None
    ) -> NDArray[np.bool_]:
        """Find the columns in which a crop may stand, for each row of its ground contact.

        On the ground a crop goes about as far aside as its class did: far crops are near the middle column, and close
        crops may be in any column. Without a horizon all columns are allowed.

        Args:
            index: of the crop in the bank.
            contact_rows: ``(R,)`` rows, as shares of the frame's height.
            width: of the host, in pixels.
            horizon: row of the host's horizon, a share of its height.

        Returns:
            ``(R, width)`` true where the crop may stand.
        """
        max_offset = self.max_offsets.get(int(self.class_values[index]))
        if horizon is None or not self.distances[index] or max_offset is None:
            return np.ones((len(contact_rows), width), dtype=bool)
        pixel_centres = (np.arange(width) + 0.5) / width
        distances = np.maximum(contact_rows - horizon, 0)[:, None]
        return np.abs(pixel_centres - 0.5) <= max_offset * distances

    def _find_rows_of_similar(self, index: int) -> tuple[float, float]:
        """Find the 10 % and 90 % quantiles of the contact rows of whole objects of a crop's class and size."""
        contact_row = float(self.contact_rows[index])
        heights = np.maximum(self.heights, 1e-6)
        is_whole = ~self.cut_sides.any(axis=1)
        is_similar = (self.class_values == self.class_values[index]) & is_whole
        is_similar &= np.abs(np.log(heights / heights[index])) < MAX_SIZE_DIFFERENCE
        if not is_similar.any():
            return contact_row, contact_row
        low, high = np.quantile(self.contact_rows[is_similar], (0.1, 0.9)).tolist()
        return min(low, contact_row), max(high, contact_row)


def _measure_max_offsets(
    centre_columns: NDArray[np.float64], distances: NDArray[np.float64], class_values: NDArray[np.int64]
) -> dict[int, float]:
    """Measure for each class with enough objects twice the median of its offset from the middle over its distance.

    An even spread up to this value has the same median.
    """
    has_distance = distances > 0
    offsets = np.abs(centre_columns - 0.5) / np.maximum(distances, 1e-6)
    max_offsets = {}
    for value in np.unique(class_values[has_distance]):
        is_of_class = has_distance & (class_values == value)
        if is_of_class.sum() >= MIN_OBJECTS:
            max_offsets[int(value)] = 2 * float(np.median(offsets[is_of_class]))
    return max_offsets


def _split_by_drive(bank: Bank) -> list[tuple[str, NDArray[np.bool_]]]:
    """List each known drive and which entries are of it.

    A subject of frames is named by its drive and a time, see ``Record.unit``.
    """
    names = [subject.split("@")[0] for subject in bank.info.subjects]
    names.append("")  # entries of an unknown subject have the index -1
    drives = np.array(names)[bank.entries["subject"]]
    return [(str(drive), drives == drive) for drive in np.unique(drives) if drive]


def _measure_bank_masks(
    masks: NDArray[np.uint8], class_table: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Measure heights and widths ``(N, 2)`` and class values ``(N,)`` of all masks, a batch at a time."""
    spans = []
    max_values = []
    for start in range(0, len(masks), MASK_BATCH_SIZE):
        batch_spans, batch_values = _measure_masks(masks[start : start + MASK_BATCH_SIZE])
        spans.append(batch_spans)
        max_values.append(batch_values)
    return np.concatenate(spans), class_table[np.concatenate(max_values)]


def _measure_masks(masks: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Measure how high and wide the objects of ``(N, H, W)`` masks are, ``(N, 2)``, and their highest values."""
    body = np.greater(masks, 0)
    heights = _measure_spans(np.asarray(body.any(axis=2)))
    widths = _measure_spans(np.asarray(body.any(axis=1)))
    return np.stack([heights, widths], axis=1), np.max(masks, axis=(1, 2))


def _measure_spans(lines: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Measure the length from the first to the last true value of each row, both included; 0 where none is true."""
    first = lines.argmax(axis=1)
    stop = lines.shape[1] - lines[:, ::-1].argmax(axis=1)
    return np.where(lines.any(axis=1), stop - first, 0)
