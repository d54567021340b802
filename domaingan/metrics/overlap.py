"""Segmentation scores: of scans the Dice of each class and region a subject, of frames the IoU of each class."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.data import Schema
from domaingan.metrics.statistics import compute_jackknife_pseudovalues

MIN_FOUND_DICE = 0.1
"""A subject's object counts as found from this Dice on."""


class DiceCounter:
    """Collects masks and predictions piece by piece and gives every subject's scores.

    Args:
        schema: names the classes, the regions and what is ignored.

    >>> counter = DiceCounter(Schema("nifti", SCAN, 2, ("t1",), {"lesion": 1}))
    >>> counter.add("a", truth=np.array([[1, 1], [0, 0]]), prediction=np.array([[1, 0], [0, 0]]))
    >>> counter.compute_scores()["a"]["dice:lesion"]
    0.6666666666666666
    """

    def __init__(self, schema: Schema) -> None:
        self.targets: dict[str, tuple[int, ...]] = {
            name: (value,) for name, value in schema.classes.items() if value not in schema.ignore
        }
        self.targets |= {name: values for name, values in schema.regions.items() if len(values) > 1}
        self.ignore = schema.ignore
        self._counts: dict[str, dict[str, NDArray[np.int64]]] = defaultdict(
            lambda: {name: np.zeros(3, dtype=np.int64) for name in self.targets}
        )

    def add(self, subject: str, truth: NDArray[Any], prediction: NDArray[Any]) -> None:
        """Count a slice or volume of a subject; both arrays on the data's own grid."""
        counted = ~np.isin(truth, self.ignore) if self.ignore else np.ones(truth.shape, dtype=bool)
        for name, values in self.targets.items():
            t, p = np.isin(truth, values) & counted, np.isin(prediction, values) & counted
            self._counts[subject][name] += (int((t & p).sum()), int(t.sum()), int(p.sum()))

    def compute_scores(self) -> dict[str, dict[str, float]]:
        """For each subject ``dice:NAME`` and ``found:NAME`` where it has the class, else ``false:NAME``.

        ``false`` is 1 where a class was predicted that the subject does not have. What does not apply is NaN.
        """
        result = {}
        for subject, counts in self._counts.items():
            row: dict[str, float] = {}
            for name, (both, truth, predicted) in counts.items():
                dice = 2 * both / (truth + predicted) if truth else np.nan
                row[f"dice:{name}"] = float(dice)
                row[f"found:{name}"] = float(dice >= MIN_FOUND_DICE) if truth else np.nan
                row[f"false:{name}"] = np.nan if truth else float(predicted > 0)
            result[subject] = row
        return result


def count_overlaps(
    truth: NDArray[Any], prediction: NDArray[Any], values: Sequence[int], ignore: Sequence[int] = ()
) -> NDArray[np.int64]:
    """For each class value its pixels in both masks, in either and in the truth, ``(K, 3)``; ignored ones left out."""
    if ignore:
        counted = ~np.isin(truth, list(ignore))
        truth, prediction = truth[counted], prediction[counted]
    counts = np.zeros((len(values), 3), dtype=np.int64)
    for row, value in enumerate(values):
        true, said = truth == value, prediction == value
        both, n = int(np.count_nonzero(true & said)), int(np.count_nonzero(true))
        counts[row] = both, n + int(np.count_nonzero(said)) - both, n
    return counts


def compute_ious(counts: NDArray[np.int64], names: Sequence[str]) -> dict[str, float]:
    """``miou`` and ``iou:NAME`` from the sum of :func:`overlaps`, pooled (Everingham et al. 2010).

    A class that no truth has is NaN and not in the mean: else a single pixel of it would lower the mean.
    """
    both, either, true = counts.T
    iou = np.where(true > 0, both / np.maximum(either, 1), np.nan)
    mean = float(iou[true > 0].mean()) if true.any() else float("nan")
    return {"miou": mean, **{f"iou:{name}": float(value) for name, value in zip(names, iou, strict=True)}}


class IoUCounter:
    """The same for frames: intersection over union of each class, counted over all frames; the unit is a block of time.

    Pooled over a set as the field does (Everingham et al. 2010), since many a frame shows nothing of a class. What each
    unit contributes is found by leaving it out, see
    :func:`domaingan.metrics.statistics.compute_jackknife_pseudovalues`.

    >>> counter = IoUCounter(Schema("masks", FRAME, 2, ("red", "green", "blue"), {"sky": 0, "car": 8}))
    >>> counter.add("a@0s", truth=np.array([[0, 8], [8, 8]]), prediction=np.array([[0, 0], [8, 8]]))
    >>> counter.compute_scores()["a@0s"]["iou:car"]
    0.6666666666666666
    """

    def __init__(self, schema: Schema) -> None:
        self.targets = {name: value for name, value in schema.classes.items() if value not in schema.ignore}
        self.ignore = schema.ignore
        self._counts: dict[str, NDArray[np.int64]] = defaultdict(
            lambda: np.zeros((len(self.targets), 3), dtype=np.int64)
        )

    def add(self, unit: str, truth: NDArray[Any], prediction: NDArray[Any]) -> None:
        """Count a frame; both arrays on the data's own grid."""
        self._counts[unit] += count_overlaps(truth, prediction, list(self.targets.values()), self.ignore)

    def compute_scores(self) -> dict[str, dict[str, float]]:
        """For each unit ``miou`` and ``iou:NAME``; NaN where no frame has the class."""
        return compute_jackknife_pseudovalues(list(self._counts), self._compute_pooled)

    def _compute_pooled(self, units: Sequence[str]) -> dict[str, float]:
        return compute_ious(np.sum([self._counts[unit] for unit in units], axis=0), list(self.targets))


def make_counter(schema: Schema) -> DiceCounter | IoUCounter:
    """What a domain's masks are scored by."""
    return DiceCounter(schema) if schema.domain.has_body else IoUCounter(schema)
