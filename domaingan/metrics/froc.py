"""How many lesions a detector finds at a number of false positives an image: the FROC curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from domaingan.metrics.measures import FROC_MEASURES

ImageMatches = Mapping[int, Mapping[str, NDArray[np.float64]]]
"""For each class of an image the matches of its detections with its true boxes, as MONAI gives them."""


def compute_froc(
    scores: NDArray[np.floating], is_hit: NDArray[np.bool_], n_lesions: int, n_images: int
) -> dict[str, float]:
    """Compute the sensitivity at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false positives an image, and their mean.

    Between thresholds the sensitivity is interpolated linearly; beyond the lowest one it stays.

    Args:
        scores: ``(N,)`` of all detections that count, in all images.
        is_hit: ``(N,)`` whether a detection was matched with a lesion.
        n_lesions: number of true lesions in all images.
        n_images: number of images, those without any detection among them.

    Returns:
        The measures of :data:`FROC_MEASURES`, and their mean ``cpm``, the competition performance metric. All are 0 to
        1; NaN where there is no lesion.

    Source: LUNA16 (Setio et al. 2017); CPM by Niemeijer et al. 2011.

    >>> froc = compute_froc(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]), n_lesions=2, n_images=1)
    >>> froc["froc_half"], froc["froc_1"], froc["cpm"]
    (0.5, 1.0, 0.7857142857142857)
    """
    names = {number: name for number, (name, _) in FROC_MEASURES.items()}
    if not n_lesions or not n_images:
        return {**dict.fromkeys(names.values(), float("nan")), "cpm": float("nan")}
    false_positives, sensitivities = trace_froc_curve(scores, is_hit, n_lesions, n_images)
    values = np.interp(list(names), false_positives, sensitivities)
    found = dict(zip(names.values(), values.tolist(), strict=True))
    return {**found, "cpm": float(values.mean())}


def trace_froc_curve(
    scores: NDArray[np.floating], is_hit: NDArray[np.bool_], n_lesions: int, n_images: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Trace the FROC curve, from the strictest threshold to the lowest score.

    Args:
        scores: see :func:`compute_froc`.
        is_hit: see there.
        n_lesions: see there.
        n_images: see there.

    Returns:
        False positives an image, and sensitivity, at every threshold; both begin with 0.
    """
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(is_hit[order])
    misses = np.cumsum(~is_hit[order])
    is_last_of_score = np.diff(scores[order], append=-np.inf) != 0  # detections of one score are taken together
    false_positives = np.concatenate([[0.0], misses[is_last_of_score] / n_images])
    sensitivities = np.concatenate([[0.0], hits[is_last_of_score] / n_lesions])
    return false_positives, sensitivities


def collect_froc(matches: Sequence[ImageMatches], numbers: Sequence[int]) -> dict[str, float]:
    """Compute the FROC of some classes from MONAI's matches, at the first of their IoUs.

    Args:
        matches: for each image what ``monai.apps.detection.metrics.matching.matching_batch`` returns.
        numbers: numbers of the classes that are taken together.

    Returns:
        See :func:`compute_froc`.
    """
    scores: list[NDArray[np.float64]] = [np.zeros(0)]
    is_hit: list[NDArray[np.bool_]] = [np.zeros(0, bool)]
    n_lesions = 0
    for match in matches:
        for number in numbers:
            if number not in match:
                continue
            found = match[number]
            counts = found["dtIgnore"][0] == 0
            scores.append(found["dtScores"][counts])
            is_hit.append(found["dtMatches"][0][counts] > 0)
            n_lesions += int(np.count_nonzero(found["gtIgnore"] == 0))
    return compute_froc(np.concatenate(scores), np.concatenate(is_hit), n_lesions, len(matches))
