"""How good the answers are: average precision of boxes, mean IoU of masks; and both over corruptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from domaingan.metrics.average_precision import MatchedDetections
from domaingan.metrics.detections import Detections
from domaingan.metrics.overlap import compute_ious, count_overlaps

PRIMARY_METRICS = {"detection": "ap", "segmentation": "miou"}
CLASS_METRICS = {"detection": "ap", "segmentation": "iou"}

UNMAPPED_VALUE = -1
"""The value of a predicted pixel whose class the data does not have."""


class Scorer(Protocol):
    """Collects answers picture by picture."""

    def add(self, truth: Any, answer: Any) -> None:
        """Count a picture; both in the data's class values, on the data's own grid."""

    def compute_scores(self, pictures: Sequence[int] | None = None) -> dict[str, float]:
        """Every metric by name over some pictures, 0 to 1; NaN where nothing true is of that kind."""


class BoxScorer:
    """Average precision, see :func:`domaingan.metrics.average_precision.average_precision`.

    Args:
        classes: the classes that count, values by name.
    """

    def __init__(self, classes: Mapping[str, int]) -> None:
        self.classes = classes
        self.truths: list[Detections] = []
        self.detections: list[Detections] = []
        self._matched: MatchedDetections | None = None

    def add(self, truth: Detections, answer: Detections) -> None:
        """See :class:`Scorer`."""
        self.truths.append(truth)
        self.detections.append(answer)
        self._matched = None

    def compute_scores(self, pictures: Sequence[int] | None = None) -> dict[str, float]:
        """See :class:`Scorer`."""
        if self._matched is None:
            self._matched = MatchedDetections(self.truths, self.detections, self.classes)
        return self._matched.compute_scores(range(len(self.truths)) if pictures is None else pictures)


class MaskScorer:
    """Intersection over union of each class over all pictures, see :func:`domaingan.metrics.overlap.ious`.

    Args:
        classes: the classes that count, values by name.
        ignore: pixels of these values do not count.

    >>> masks = MaskScorer({"sky": 0, "car": 8})
    >>> masks.add(np.array([[0, 8], [8, 8]]), np.array([[0, 0], [8, 8]]))
    >>> round(masks.compute_scores()["iou:car"], 3), round(masks.compute_scores()["miou"], 3)
    (0.667, 0.583)
    """

    def __init__(self, classes: Mapping[str, int], ignore: Sequence[int] = ()) -> None:
        self.classes, self.ignore = classes, tuple(ignore)
        self.counts: list[NDArray[np.int64]] = []

    def add(self, truth: NDArray[Any], answer: NDArray[Any]) -> None:
        """See :class:`Scorer`."""
        self.counts.append(count_overlaps(truth, answer, list(self.classes.values()), self.ignore))

    def add_pairs(self, truth: NDArray[Any], answer: NDArray[Any], pixels: NDArray[np.int64]) -> None:
        """Count a picture by how many pixels have each pair of a true and an answered value, ``(N,)`` each."""
        counted = ~np.isin(truth, self.ignore)
        counts = np.zeros((len(self.classes), 3), dtype=np.int64)
        for row, value in enumerate(self.classes.values()):
            true, said = counted & (truth == value), counted & (answer == value)
            counts[row] = pixels[true & said].sum(), pixels[true | said].sum(), pixels[true].sum()
        self.counts.append(counts)

    def compute_scores(self, pictures: Sequence[int] | None = None) -> dict[str, float]:
        """See :class:`Scorer`."""
        chosen = self.counts if pictures is None else [self.counts[i] for i in pictures]
        total = np.zeros((len(self.classes), 3), dtype=np.int64)
        for counts in chosen:
            total += counts
        return compute_ious(total, list(self.classes))


def compute_mean(values: Sequence[float | None]) -> float:
    """Their mean, those that are no number left out; NaN where none is left."""
    known = [value for value in values if value is not None and not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def compute_mpc(table: Mapping[str, Sequence[float | None]]) -> float:
    """mPC: the mean over corruptions of the mean over severities (Michaelis et al. 2019, arXiv:1907.07484).

    >>> compute_mpc({"fog": [0.4, 0.2], "snow": [0.1, 0.1]})
    0.2
    """
    return compute_mean([compute_mean(row) for row in table.values()])


def compute_rpc(corrupted: float, clean: float) -> float:
    """rPC: mPC as a share of the score on clean pictures (the same); NaN where that is 0."""
    return corrupted / clean if clean > 0 else float("nan")
