"""Scores of masks of frames: pooled over the frames, for each class."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.data import Sample, Schema
from domaingan.metrics.measures import OPTIONAL_GROUPS, MeasureGroup
from domaingan.metrics.overlap import compute_ious, count_overlaps
from domaingan.metrics.ranking import ScoreHistogram
from domaingan.metrics.scan_counter import ClassProbabilities
from domaingan.metrics.statistics import compute_jackknife_pseudovalues

MANTISSA_BITS = 6
"""Of probabilities that are told apart: to one in 64 of themselves, as counts of each block of a drive are kept."""


class FrameCounter:
    """Count masks and predictions of frames, and compute the scores of each class over all of them.

    Scores are pooled over the set as is usual (Everingham et al. 2010), because many frames show nothing of a class.
    What a unit, such as a block of time, contributes is found by leaving it out: see
    :func:`domaingan.metrics.statistics.compute_jackknife_pseudovalues`.

    Args:
        schema: names the classes and what is ignored.
        groups: which measures are computed beside the IoU; of :data:`OPTIONAL_GROUPS` frames have ``precision``.

    >>> from domaingan.data import FRAME
    >>> counter = FrameCounter(Schema("masks", FRAME, 2, ("red", "green", "blue"), {"sky": 0, "car": 8}))
    >>> sample = Sample(np.zeros((3, 2, 2), np.float32), np.array([[0, 8], [8, 8]]))
    >>> counter.add("a@0s", sample, prediction=np.array([[0, 0], [8, 8]]))
    >>> counter.compute_scores()["a@0s"]["iou:car"]
    0.6666666666666666
    """

    def __init__(self, schema: Schema, groups: Sequence[MeasureGroup] = OPTIONAL_GROUPS) -> None:
        self.targets = {name: value for name, value in schema.classes.items() if value not in schema.ignore}
        self.ignore = schema.ignore
        self.groups = frozenset(groups)
        objects = [name for name in schema.objects if name in self.targets]
        self.ranked_classes = objects or list(self.targets)
        self._counts: dict[str, NDArray[np.int64]] = defaultdict(self._make_zeros)
        self._histograms: dict[str, dict[str, ScoreHistogram]] = {}

    def _make_zeros(self) -> NDArray[np.int64]:
        return np.zeros((len(self.targets), 3), dtype=np.int64)

    def add(
        self, unit: str, sample: Sample, prediction: NDArray[Any], probabilities: ClassProbabilities | None = None
    ) -> None:
        """Count a frame.

        Args:
            unit: what the frame belongs to, such as a block of time.
            sample: at the data's own grid; its mask is the truth.
            prediction: ``(H, W)`` the predicted mask.
            probabilities: see :data:`ClassProbabilities`; without them there is no average precision.
        """
        truth = np.asarray(sample.mask)
        self._counts[unit] += count_overlaps(truth, prediction, list(self.targets.values()), self.ignore)
        if probabilities is not None and "precision" in self.groups:
            self._count_probabilities(unit, truth, probabilities)

    def _count_probabilities(self, unit: str, truth: NDArray[Any], probabilities: ClassProbabilities) -> None:
        if unit not in self._histograms:
            self._histograms[unit] = {name: ScoreHistogram(MANTISSA_BITS) for name in self.ranked_classes}
        is_counted = ~np.isin(truth, self.ignore) if self.ignore else None
        for name, histogram in self._histograms[unit].items():
            value = self.targets[name]
            scores, is_true = probabilities[value], truth == value
            if is_counted is not None:
                scores, is_true = scores[is_counted], is_true[is_counted]
            histogram.add(scores, is_true)

    def compute_scores(self) -> dict[str, dict[str, float]]:
        """Compute what each unit contributes to the pooled scores.

        Returns:
            For each unit ``miou``, and ``iou``, ``pixel_precision``, ``pixel_recall`` and ``auprc`` of each class; NaN
            where no frame has the class. Precision is NaN too where nothing of a class was predicted. Average precision
            is that of the classes of objects, or of all classes where the data has no objects.
        """
        return compute_jackknife_pseudovalues(list(self._counts), self._compute_pooled)

    def _compute_pooled(self, units: Sequence[str]) -> dict[str, float]:
        counts = np.sum([self._counts[unit] for unit in units], axis=0)
        scores = compute_ious(counts, list(self.targets))
        for name, (both, either, true) in zip(self.targets, counts.tolist(), strict=True):
            predicted = either - true + both
            scores[f"pixel_precision:{name}"] = both / predicted if predicted and true else float("nan")
            scores[f"pixel_recall:{name}"] = both / true if true else float("nan")
        for name in self.ranked_classes if self._histograms else ():
            pooled = ScoreHistogram(MANTISSA_BITS)
            for unit in units:
                if unit in self._histograms:
                    pooled.merge(self._histograms[unit][name])
            scores[f"auprc:{name}"] = pooled.compute_auprc()
        return scores
