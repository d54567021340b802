"""How good the answers are: average precision of boxes, mean IoU of masks, and means over corruptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from domaingan.metrics.average_precision import MatchedDetections
from domaingan.metrics.detections import Detections
from domaingan.metrics.overlap import compute_ious, count_overlaps

PRIMARY_METRICS = {"detection": "ap", "segmentation": "miou"}
"""The metric over all classes, by task."""

CLASS_METRICS = {"detection": "ap", "segmentation": "iou"}
"""The metric of one class, by task; its full name ends with ``:CLASS``."""

UNMAPPED_VALUE = -1
"""The value of a predicted pixel whose class the data does not have."""


class FrameScorer(Protocol):
    """Collects answers picture by picture, and scores them."""

    def add(self, truth: Any, answer: Any) -> None:
        """Add a picture; truth and answer are in the data's class values, on the data's own grid."""

    def compute_scores(self, pictures: Sequence[int] | None = None) -> dict[str, float]:
        """Compute every metric.

        Args:
            pictures: numbers of the pictures that count, all if None.

        Returns:
            Values from 0 to 1 by the metric's name; NaN where the truth holds nothing of a class.
        """


class BoxScorer:
    """Average precision, see :func:`domaingan.metrics.average_precision.compute_average_precision`.

    Args:
        classes: the classes that count: the data's values by name.
    """

    def __init__(self, classes: Mapping[str, int]) -> None:
        self.classes = classes
        self.truths: list[Detections] = []
        self.detections: list[Detections] = []
        self._matched: MatchedDetections | None = None

    def add(self, truth: Detections, answer: Detections) -> None:
        """See :class:`FrameScorer`."""
        self.truths.append(truth)
        self.detections.append(answer)
        self._matched = None

    def compute_scores(self, pictures: Sequence[int] | None = None) -> dict[str, float]:
        """See :class:`FrameScorer`."""
        if self._matched is None:
            self._matched = MatchedDetections(self.truths, self.detections, self.classes)
        if pictures is None:
            pictures = range(len(self.truths))
        return self._matched.compute_scores(pictures)


class MaskScorer:
    """Intersection over union of each class over all pictures, see :func:`domaingan.metrics.overlap.compute_ious`.

    Args:
        classes: the classes that count: the data's values by name.
        ignore: pixels with these true values do not count.

    >>> masks = MaskScorer({"sky": 0, "car": 8})
    >>> masks.add(np.array([[0, 8], [8, 8]]), np.array([[0, 0], [8, 8]]))
    >>> scores = masks.compute_scores()
    >>> round(scores["iou:car"], 3), round(scores["miou"], 3)
    (0.667, 0.583)
    """

    def __init__(self, classes: Mapping[str, int], ignore: Sequence[int] = ()) -> None:
        self.classes = classes
        self.ignore = tuple(ignore)
        self.counts: list[NDArray[np.int64]] = []

    def add(self, truth: NDArray[Any], answer: NDArray[Any]) -> None:
        """See :class:`FrameScorer`."""
        self.counts.append(count_overlaps(truth, answer, list(self.classes.values()), self.ignore))

    def add_pairs(self, truth: NDArray[Any], answer: NDArray[Any], pixels: NDArray[np.int64]) -> None:
        """Add a picture by its numbers of pixels with each pair of a true and an answered value.

        Args:
            truth: ``(N,)`` true values.
            answer: ``(N,)`` answered values.
            pixels: ``(N,)`` numbers of pixels.
        """
        is_counted = ~np.isin(truth, self.ignore)
        counts = np.zeros((len(self.classes), 3), dtype=np.int64)
        for row, value in enumerate(self.classes.values()):
            is_true = is_counted & (truth == value)
            is_answered = is_counted & (answer == value)
            intersection = pixels[is_true & is_answered].sum()
            union = pixels[is_true | is_answered].sum()
            counts[row] = intersection, union, pixels[is_true].sum()
        self.counts.append(counts)

    def compute_scores(self, pictures: Sequence[int] | None = None) -> dict[str, float]:
        """See :class:`FrameScorer`."""
        if pictures is None:
            pictures = range(len(self.counts))
        total = np.zeros((len(self.classes), 3), dtype=np.int64)
        for number in pictures:
            total += self.counts[number]
        return compute_ious(total, list(self.classes))


def compute_mean(values: Sequence[float | None]) -> float:
    """Compute the mean of the values that are numbers; NaN if there are none."""
    numbers = [value for value in values if value is not None and not np.isnan(value)]
    return float(np.mean(numbers)) if numbers else float("nan")


def compute_mpc(table: Mapping[str, Sequence[float | None]]) -> float:
    """Compute mPC: the mean over corruptions of the mean over severities (Michaelis et al. 2019, arXiv:1907.07484).

    Args:
        table: for each corruption the score at each severity.

    >>> compute_mpc({"fog": [0.4, 0.2], "snow": [0.1, 0.1]})
    0.2
    """
    return compute_mean([compute_mean(row) for row in table.values()])


def compute_rpc(corrupted: float, clean: float) -> float:
    """Compute rPC: mPC as a share of the score on clean pictures (Michaelis et al. 2019); NaN where that is 0."""
    return corrupted / clean if clean > 0 else float("nan")
