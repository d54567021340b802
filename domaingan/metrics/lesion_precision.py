"""Average precision of boxes of lesions, in slices and volumes, at a low overlap, by MONAI (after nnDetection)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.metrics.detections import Detections
from domaingan.metrics.statistics import compute_jackknife_pseudovalues

MAX_DETECTIONS = 100
"""Most detections of a class that count in a scan."""

LOW_IOU = 0.1
"""A lesion counts as found from this IoU on: where it is matters, its outline does not (Jaeger et al. 2020)."""

IOU_RANGE = (0.1, 0.5, 0.05)
"""First, last and step of the IoUs that are averaged over (Baumgartner et al. 2021)."""


@dataclass(frozen=True, eq=False)
class LesionTruth:
    """True boxes of one scan.

    Attributes:
        boxes: ``(N, 2 * dims)`` float32 corner boxes.
        labels: ``(N,)`` int64 class values.
        is_left_out: ``(N,)`` whether a detection of the box is neither right nor wrong.
    """

    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    is_left_out: NDArray[np.bool_]


def jackknife_lesion_precision(
    truth: Sequence[LesionTruth], found: Sequence[Detections], classes: Mapping[str, int], units: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Compute what each unit contributes to the average precision of lesions over all scans.

    Args:
        truth: the true boxes, one entry for each scan.
        found: the detections, in the same order.
        classes: class values by name.
        units: for each scan the name of its unit, such as a subject.

    Returns:
        For each unit ``ap10``, the average precision at an IoU of 0.1, ``ap50`` at 0.5, ``ap10to50``, their mean over
        IoUs from 0.1 to 0.5, and ``ap10:NAME`` of each class; see
        :func:`domaingan.metrics.statistics.compute_jackknife_pseudovalues`. All are NaN where there is no true box.
    """
    from monai.apps.detection.metrics.matching import matching_batch
    from monai.data.box_utils import box_iou

    codes = {value: number for number, value in enumerate(classes.values())}
    matches = matching_batch(
        box_iou,
        _make_metric(list(classes)).iou_thresholds,
        [boxes.boxes for boxes in found],
        [_encode_labels(boxes.labels, codes) for boxes in found],
        [boxes.scores for boxes in found],
        [boxes.boxes for boxes in truth],
        [_encode_labels(boxes.labels, codes) for boxes in truth],
        [boxes.is_left_out for boxes in truth],
        MAX_DETECTIONS,
    )

    def compute_pooled(chosen: Sequence[str]) -> dict[str, float]:
        chosen_units = set(chosen)
        subset = [match for match, unit in zip(matches, units, strict=True) if unit in chosen_units]
        return _compute_scores(subset, list(classes))

    return compute_jackknife_pseudovalues(list(dict.fromkeys(units)), compute_pooled)


def _make_metric(names: list[str]) -> Any:
    from monai.apps.detection.metrics.coco import COCOMetric

    return COCOMetric(names, [LOW_IOU, IOU_RANGE[1]], IOU_RANGE, [MAX_DETECTIONS], verbose=False)


def _encode_labels(labels: NDArray[np.int64], codes: Mapping[int, int]) -> NDArray[np.int64]:
    return np.array([codes[value] for value in labels.tolist()], dtype=np.int64)


def _compute_scores(matches: list[Any], names: list[str]) -> dict[str, float]:
    """Compute the scores over some scans, over the classes that have a true box in them."""
    numbers = [number for number in range(len(names)) if _has_truth(matches, number)]
    known = [names[number] for number in numbers]
    computed = _make_metric(known)(_select_classes(matches, numbers))[0] if known else {}
    keys = {"ap10": f"AP_IoU_{LOW_IOU:.2f}", "ap50": f"AP_IoU_{IOU_RANGE[1]:.2f}"}
    keys["ap10to50"] = f"mAP_IoU_{IOU_RANGE[0]:.2f}_{IOU_RANGE[1]:.2f}_{IOU_RANGE[2]:.2f}"
    scores: dict[str, float] = {}
    for measure, key in keys.items():
        by_class = {name: float(computed[f"{name}_{key}_MaxDet_{MAX_DETECTIONS}"]) for name in known}
        scores[measure] = float(np.mean(list(by_class.values()))) if by_class else float("nan")
        if measure == "ap10":
            for name in names:
                scores[f"ap10:{name}"] = by_class.get(name, float("nan"))
    return scores


def _select_classes(matches: list[Any], numbers: list[int]) -> list[dict[int, Any]]:
    """Select and renumber classes; MONAI would warn of those that are not there, through the root logger."""
    selected = []
    for match in matches:
        selected.append({new: match[old] for new, old in enumerate(numbers) if old in match})
    return selected


def _has_truth(matches: list[Any], number: int) -> bool:
    """Return whether any scan has a true box of a class that counts."""
    counting = [match for match in matches if number in match and not np.all(match[number]["gtIgnore"])]
    return bool(counting)
