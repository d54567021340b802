"""Segmentation scores: the Dice of each class and region for scans, the IoU of each class for frames."""

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
    """Count masks and predictions piece by piece, and compute every subject's scores.

    Args:
        schema: names the classes, the regions and what is ignored.

    >>> from domaingan.data import SCAN
    >>> counter = DiceCounter(Schema("nifti", SCAN, 2, ("t1",), {"lesion": 1}))
    >>> counter.add("a", truth=np.array([[1, 1], [0, 0]]), prediction=np.array([[1, 0], [0, 0]]))
    >>> counter.compute_scores()["a"]["dice:lesion"]
    0.6666666666666666
    """

    def __init__(self, schema: Schema) -> None:
        self.targets: dict[str, tuple[int, ...]] = {}
        for name, value in schema.classes.items():
            if value not in schema.ignore:
                self.targets[name] = (value,)
        for name, values in schema.regions.items():
            if len(values) > 1:
                self.targets[name] = values
        self.ignore = schema.ignore
        self._counts: dict[str, dict[str, NDArray[np.int64]]] = defaultdict(self._make_zeros)

    def _make_zeros(self) -> dict[str, NDArray[np.int64]]:
        return {name: np.zeros(3, dtype=np.int64) for name in self.targets}

    def add(self, subject: str, truth: NDArray[Any], prediction: NDArray[Any]) -> None:
        """Count a slice or volume of a subject.

        Args:
            subject: whose it is; the pieces of a subject are counted together.
            truth: ``(*spatial)`` mask on the data's own grid.
            prediction: the predicted mask, of the same shape.
        """
        is_counted = ~np.isin(truth, self.ignore) if self.ignore else np.ones(truth.shape, dtype=bool)
        for name, values in self.targets.items():
            is_true = np.isin(truth, values) & is_counted
            is_predicted = np.isin(prediction, values) & is_counted
            both = int((is_true & is_predicted).sum())
            self._counts[subject][name] += (both, int(is_true.sum()), int(is_predicted.sum()))

    def compute_scores(self) -> dict[str, dict[str, float]]:
        """Compute the scores of each subject.

        Returns:
            For each subject ``dice:NAME``, ``found:NAME`` and ``false:NAME``. The first two are NaN where the subject
            does not have the class, and ``false`` is NaN where it has. ``found`` is 1 from a Dice of
            :data:`MIN_FOUND_DICE` on; ``false`` is 1 where a class was predicted that the subject does not have.
        """
        scores: dict[str, dict[str, float]] = {}
        for subject, counts in self._counts.items():
            row: dict[str, float] = {}
            for name, (both, truth, predicted) in counts.items():
                dice = 2 * both / (truth + predicted) if truth else np.nan
                row[f"dice:{name}"] = float(dice)
                row[f"found:{name}"] = float(dice >= MIN_FOUND_DICE) if truth else np.nan
                row[f"false:{name}"] = np.nan if truth else float(predicted > 0)
            scores[subject] = row
        return scores


def count_overlaps(
    truth: NDArray[Any], prediction: NDArray[Any], values: Sequence[int], ignore: Sequence[int] = ()
) -> NDArray[np.int64]:
    """Count each class's pixels in both masks, in either, and in the truth.

    Args:
        truth: mask.
        prediction: mask of the same shape.
        values: the K class values.
        ignore: values of the truth whose pixels do not count.

    Returns:
        ``(K, 3)``: pixels in both, in either, and in the truth.
    """
    if ignore:
        is_counted = ~np.isin(truth, list(ignore))
        truth, prediction = truth[is_counted], prediction[is_counted]
    counts = np.zeros((len(values), 3), dtype=np.int64)
    for row, value in enumerate(values):
        is_true = truth == value
        is_predicted = prediction == value
        both = int(np.count_nonzero(is_true & is_predicted))
        true_pixels = int(np.count_nonzero(is_true))
        predicted_pixels = int(np.count_nonzero(is_predicted))
        counts[row] = both, true_pixels + predicted_pixels - both, true_pixels
    return counts


def compute_ious(counts: NDArray[np.int64], names: Sequence[str]) -> dict[str, float]:
    """Compute the IoU of each class from pooled counts (Everingham et al. 2010).

    Args:
        counts: ``(K, 3)``, the sum of what :func:`count_overlaps` returns over the images.
        names: of the K classes.

    Returns:
        ``iou:NAME`` of each class, and their mean ``miou``. A class that is in no truth is NaN and not in the mean,
        as else a single predicted pixel of it would lower the mean.
    """
    both, either, true = counts.T
    ious = np.where(true > 0, both / np.maximum(either, 1), np.nan)
    mean = float(ious[true > 0].mean()) if true.any() else float("nan")
    scores = {"miou": mean}
    for name, iou in zip(names, ious, strict=True):
        scores[f"iou:{name}"] = float(iou)
    return scores


class IoUCounter:
    """Count masks and predictions of frames, and compute the IoU of each class over all of them.

    The IoU is pooled over the set as is usual (Everingham et al. 2010), because many frames show nothing of a class.
    What a unit, such as a block of time, contributes is found by leaving it out: see
    :func:`domaingan.metrics.statistics.compute_jackknife_pseudovalues`.

    Args:
        schema: names the classes and what is ignored.

    >>> from domaingan.data import FRAME
    >>> counter = IoUCounter(Schema("masks", FRAME, 2, ("red", "green", "blue"), {"sky": 0, "car": 8}))
    >>> counter.add("a@0s", truth=np.array([[0, 8], [8, 8]]), prediction=np.array([[0, 0], [8, 8]]))
    >>> counter.compute_scores()["a@0s"]["iou:car"]
    0.6666666666666666
    """

    def __init__(self, schema: Schema) -> None:
        self.targets = {name: value for name, value in schema.classes.items() if value not in schema.ignore}
        self.ignore = schema.ignore
        self._counts: dict[str, NDArray[np.int64]] = defaultdict(self._make_zeros)

    def _make_zeros(self) -> NDArray[np.int64]:
        return np.zeros((len(self.targets), 3), dtype=np.int64)

    def add(self, unit: str, truth: NDArray[Any], prediction: NDArray[Any]) -> None:
        """Count a frame.

        Args:
            unit: what the frame belongs to, such as a block of time.
            truth: ``(H, W)`` mask on the data's own grid.
            prediction: the predicted mask, of the same shape.
        """
        self._counts[unit] += count_overlaps(truth, prediction, list(self.targets.values()), self.ignore)

    def compute_scores(self) -> dict[str, dict[str, float]]:
        """Compute what each unit contributes to ``miou`` and ``iou:NAME``; NaN where no frame has the class."""
        return compute_jackknife_pseudovalues(list(self._counts), self._compute_pooled)

    def _compute_pooled(self, units: Sequence[str]) -> dict[str, float]:
        counts = np.sum([self._counts[unit] for unit in units], axis=0)
        return compute_ious(counts, list(self.targets))


def make_counter(schema: Schema) -> DiceCounter | IoUCounter:
    """Make the counter that scores a domain's masks."""
    return DiceCounter(schema) if schema.domain.has_body else IoUCounter(schema)
