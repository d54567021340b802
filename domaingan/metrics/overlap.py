"""Overlaps of masks: pixels in both, and the IoU of each class from pooled counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
