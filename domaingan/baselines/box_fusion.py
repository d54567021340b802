"""Fuse the boxes that several detectors find in one image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from domaingan.metrics.detections import Detections

MIN_FUSED_OVERLAP = 0.55
"""Boxes of one class with at least this IoU are one object, as in the paper."""

MAX_FUSED_BOXES = 100
"""Boxes that are returned at most, the best ones; COCO scores as many."""


def fuse_detections(found: Sequence[Detections], min_overlap: float = MIN_FUSED_OVERLAP) -> Detections:
    """Fuse the detections of several detectors (weighted boxes fusion, Solovyev et al. 2021).

    Boxes of one class that overlap are one object. Its box is the mean of theirs, weighted by their scores. Its score
    is the sum of the best score of each detector, divided by the number of detectors: one that does not see the object
    counts as 0.

    Args:
        found: what each detector found in the same image or volume, in the same pixels or voxels.
        min_overlap: boxes of one class with at least this IoU are one object.

    Returns:
        The objects, best first.
    """
    from monai.data.box_utils import batched_nms, box_iou  # takes a second to import

    boxes = np.concatenate([each.boxes for each in found])
    scores = np.concatenate([each.scores for each in found])
    labels = np.concatenate([each.labels for each in found])
    detectors = np.repeat(np.arange(len(found)), [len(each.boxes) for each in found])
    if not len(boxes):
        return Detections(boxes, scores, labels)
    chosen = batched_nms(boxes, scores, labels, min_overlap)
    overlaps = box_iou(boxes[chosen], boxes)
    overlaps[labels[chosen][:, None] != labels[None]] = 0
    owners = overlaps.argmax(axis=0)
    is_member = overlaps.max(axis=0) >= min_overlap
    fused_boxes, fused_scores = [], []
    for row in range(len(chosen)):
        members = is_member & (owners == row)
        fused_boxes.append(np.average(boxes[members], axis=0, weights=scores[members]))
        fused_scores.append(_sum_best_scores(scores[members], detectors[members]) / len(found))
    order = np.argsort(-np.array(fused_scores), kind="stable")[:MAX_FUSED_BOXES]
    return Detections(
        np.array(fused_boxes, np.float32)[order], np.array(fused_scores, np.float32)[order], labels[chosen][order]
    )


def _sum_best_scores(scores: NDArray[np.float32], detectors: NDArray[np.int64]) -> float:
    """Sum the best score of each detector."""
    best = [float(scores[detectors == detector].max()) for detector in np.unique(detectors)]
    return sum(best)
