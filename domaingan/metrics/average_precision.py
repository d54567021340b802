"""Average precision of detections, as COCO defines it, by faster-coco-eval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.metrics.detections import Detections, Truth, compute_box_areas
from domaingan.metrics.statistics import compute_jackknife_pseudovalues

BOX_SIZES = ("small", "medium", "large")
"""Boxes under 32², under 96² and from 96² square pixels on (COCO's)."""

OUTER_SIZES = {"tiny": (0.0, 16.0**2), "huge": (288.0**2, 1e10)}
"""Areas of boxes, in square pixels, that are scored too where most boxes are small or large. Under 16² is tiny (AI-TOD,
Wang et al. 2021); huge begins at three times the edge at which large does, as large does to small."""

MIN_UNUSUAL_SHARE = 0.9
"""From this share of true boxes in one of COCO's outer sizes on, that size is looked at more closely."""

IOU_POSITIONS = {"ap50": 0, "ap75": 5}
"""Where the required IoU stands among COCO's ten."""


def compute_average_precision(
    truth: Sequence[Detections], found: Sequence[Detections], classes: Mapping[str, int]
) -> dict[str, float]:
    """Compute average precision over IoU 0.50 to 0.95 with at most 100 detections an image (Lin et al. 2014).

    A detection that matches no true box, but lies in a crowd of its class or where the image is ignored, does not
    count. As by COCO's rules, the share of it that lies there is compared with the required IoU.

    Args:
        truth: the true boxes, one entry for each image; :class:`Truth` where some of them are left out.
        found: the detections, in the same order.
        classes: the class values that count, by name.

    Returns:
        ``ap``, ``ap50`` and ``ap75``, and each of them for a class, such as ``ap50:NAME``; and ``ap_small``,
        ``ap_medium`` and ``ap_large``. ``ap_tiny`` and ``ap_huge`` join them where nearly all boxes are small or large,
        see :data:`OUTER_SIZES`. All are 0 to 1, or NaN where no true box is of that kind.

    Raises:
        DataError: there are not as many entries of detections as of true boxes.

    >>> box = Detections.from_true_boxes(np.array([[0, 0, 9, 9]], np.float32), np.array([8]))
    >>> compute_average_precision([box], [box], {"car": 8})["ap"]
    1.0
    """
    return MatchedDetections(truth, found, classes).compute_scores(range(len(truth)))


def jackknife_average_precision(
    truth: Sequence[Detections], found: Sequence[Detections], classes: Mapping[str, int], units: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Compute what each unit contributes to the average precision over all images.

    Args:
        truth: see :func:`compute_average_precision`.
        found: see there.
        classes: see there.
        units: for each image the name of its unit, such as a block of a drive.

    Returns:
        For each unit its scores, see :func:`compute_jackknife_pseudovalues`.
    """
    matched = MatchedDetections(truth, found, classes)  # once: images do not depend on one another

    def compute_pooled(chosen: Sequence[str]) -> dict[str, float]:
        chosen_units = set(chosen)
        return matched.compute_scores([i for i, unit in enumerate(units) if unit in chosen_units])

    return compute_jackknife_pseudovalues(list(dict.fromkeys(units)), compute_pooled)


class MatchedDetections:
    """Matches detections to true boxes once, image by image, and then scores any choice of the images.

    Args:
        truth: the true boxes, one entry for each image; :class:`Truth` where some of them are left out.
        found: the detections, in the same order.
        classes: the class values that count, by name.

    Raises:
        DataError: there are not as many entries of detections as of true boxes.
    """

    def __init__(self, truth: Sequence[Detections], found: Sequence[Detections], classes: Mapping[str, int]) -> None:
        from faster_coco_eval.core import COCO

        if len(truth) != len(found):
            raise DataError(f"detections of {len(found)} images", expected=f"of {len(truth)}")
        self.n_images, self.classes = len(truth), classes
        category_ids = {value: number for number, value in enumerate(classes.values(), start=1)}
        header = {
            "images": [{"id": i} for i in range(1, self.n_images + 1)],
            "categories": [{"id": number, "name": str(number)} for number in category_ids.values()],
        }
        true_annotations = _make_annotations(truth, category_ids)
        ignored_annotations = _make_ignored_annotations(truth, category_ids, len(true_annotations))
        true = COCO(header | {"annotations": [*true_annotations, *ignored_annotations]})
        detected = COCO(header | {"annotations": _make_annotations(found, category_ids)})
        scorer = _make_scorer(true, detected, truth)
        self.sizes = list(BOX_SIZES)
        for size in _find_unusual_sizes(true_annotations):
            scorer.params.areaRng.append(list(OUTER_SIZES[size]))
            scorer.params.areaRngLbl.append(size)
            self.sizes.append(size)
        scorer.evaluate()
        self._params = scorer._paramsEval
        self._matches = scorer._evalImgs_cpp  # a list, by class, size and image

    def compute_scores(self, images: Sequence[int]) -> dict[str, float]:
        """Compute the scores over these images, given by their positions; see :func:`compute_average_precision`."""
        from faster_coco_eval.faster_eval_api_cpp import COCOevalAccumulate

        params = copy(self._params)
        params.imgIds = [i + 1 for i in images]
        matches = []
        for start in range(0, len(self._matches), max(1, self.n_images)):
            matches += [self._matches[start + i] for i in images]
        # (10 IoUs, 101 recalls, classes, all sizes and each of them) at 100 detections; -1 where nothing is true
        precision = np.asarray(COCOevalAccumulate(params, matches)["precision"], dtype=float)[..., -1]
        scores = _average_over_ious(precision[..., 0], "")
        for k, name in enumerate(self.classes):
            scores |= _average_over_ious(precision[:, :, k, 0], f":{name}")
        for number, size in enumerate(self.sizes, start=1):
            scores[f"ap_{size}"] = _average_known(precision[..., number])
        return scores


def _average_over_ious(precision: NDArray[np.float64], suffix: str) -> dict[str, float]:
    """Average precision over all IoUs, and at the IoUs that have a name of their own."""
    scores = {f"ap{suffix}": _average_known(precision)}
    for name, position in IOU_POSITIONS.items():
        scores[f"{name}{suffix}"] = _average_known(precision[position])
    return scores


def _find_unusual_sizes(annotations: Sequence[Mapping[str, Any]]) -> list[str]:
    """Find which of :data:`OUTER_SIZES` tell more than COCO's sizes, because nearly all boxes are of one of these."""
    areas = np.array([annotation["area"] for annotation in annotations])
    if not len(areas):
        return []
    unusual = []
    if np.mean(areas < 32**2) >= MIN_UNUSUAL_SHARE:
        unusual.append("tiny")
    if np.mean(areas >= 96**2) >= MIN_UNUSUAL_SHARE:
        unusual.append("huge")
    return unusual


def _make_annotations(images: Sequence[Detections], category_ids: Mapping[int, int]) -> list[dict[str, Any]]:
    annotations: list[dict[str, Any]] = []
    for image_id, image in enumerate(images, start=1):
        areas = image.areas if isinstance(image, Truth) else None
        for i, label in enumerate(image.labels.tolist()):
            if label not in category_ids:
                continue
            annotation = _make_annotation(len(annotations) + 1, image_id, category_ids[label], image.boxes[i].tolist())
            annotation["score"] = float(image.scores[i])
            if areas is not None:
                annotation["area"] = float(areas[i])
            annotations.append(annotation)
    return annotations


def _make_annotation(annotation_id: int, image_id: int, category_id: int, box: list[float]) -> dict[str, Any]:
    width, height = box[2] - box[0], box[3] - box[1]
    return {
        "id": annotation_id,
        "image_id": image_id,
        "category_id": category_id,
        "iscrowd": 0,
        "bbox": [box[0], box[1], width, height],
        "area": width * height,
    }


def _make_ignored_annotations(
    images: Sequence[Detections], category_ids: Mapping[int, int], n_annotations: int
) -> list[dict[str, Any]]:
    """Make COCO's crowds, and for each class a crowd over the whole image that is marked as an ignored region."""
    annotations: list[dict[str, Any]] = []
    for image_id, image in enumerate(images, start=1):
        if not isinstance(image, Truth):
            continue
        for box, label in zip(image.crowds.tolist(), image.crowd_labels.tolist(), strict=True):
            if label in category_ids:
                next_id = n_annotations + len(annotations) + 1
                annotation = _make_annotation(next_id, image_id, category_ids[label], box)
                annotations.append(annotation | {"iscrowd": 1})
        if image.ignored_mask is None or not image.ignored_mask.any():
            continue
        height, width = image.ignored_mask.shape
        whole_image = [0.0, 0.0, float(width), float(height)]
        for category_id in category_ids.values():
            next_id = n_annotations + len(annotations) + 1
            annotation = _make_annotation(next_id, image_id, category_id, whole_image)
            annotations.append(annotation | {"iscrowd": 1, "is_region": True})
    return annotations


def _make_scorer(true: Any, detected: Any, truth: Sequence[Detections]) -> Any:
    """Make COCO's scorer, but one that takes the pixels of an ignored region rather than the box around them."""
    from faster_coco_eval.core import COCOeval_faster

    class BoxEvaluation(COCOeval_faster):  # type: ignore[misc]
        def computeIoU(self, imgId: int, catId: int) -> Any:
            overlaps = super().computeIoU(imgId, catId)
            image = truth[imgId - 1]
            if not len(overlaps) or not isinstance(image, Truth) or image.ignored_mask is None:
                return overlaps
            true_rows = self.gt_dataset.get_instances([imgId], [catId], True)[0][0]
            regions = [i for i, row in enumerate(true_rows) if row.get("is_region")]
            found_rows = self.dt_dataset.get_instances([imgId], [catId], True)[0][0]
            best_first = np.argsort([-row["score"] for row in found_rows], kind="mergesort")[: len(overlaps)]
            corners = np.array([found_rows[i]["bbox"] for i in best_first], dtype=float)
            corners[:, 2:] += corners[:, :2]
            overlaps = np.array(overlaps)
            overlaps[:, regions] = measure_box_shares(image.ignored_mask, corners)[:, None]
            return overlaps

    return BoxEvaluation(true, detected, iouType="bbox", print_function=_print_nothing, separate_eval=True)


def measure_box_shares(region: NDArray[np.bool_], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Measure which share of each box lies in a region; a pixel counts by the part of it that the box covers.

    Args:
        region: ``(H, W)``.
        boxes: ``(N, 4)`` corner boxes, xyxy in pixels.

    Returns:
        ``(N,)`` in [0, 1]; 0 for a box without an area.

    >>> measure_box_shares(np.array([[False, True]]), np.array([[0.5, 0.0, 2.0, 1.0]])).round(3).tolist()
    [0.667]
    """
    height, width = region.shape
    sums = cv2.integral(np.ascontiguousarray(region).view(np.uint8)).astype(np.float64, copy=False)
    x0, x1 = np.clip(boxes[:, 0], 0, width), np.clip(boxes[:, 2], 0, width)
    y0, y1 = np.clip(boxes[:, 1], 0, height), np.clip(boxes[:, 3], 0, height)
    inside = (
        _interpolate_sums(sums, y1, x1)
        - _interpolate_sums(sums, y0, x1)
        - _interpolate_sums(sums, y1, x0)
        + _interpolate_sums(sums, y0, x0)
    )
    areas = compute_box_areas(boxes)
    shares: NDArray[np.float64] = np.divide(inside, areas, out=np.zeros(len(boxes)), where=areas > 0)
    return shares


def _interpolate_sums(sums: NDArray[np.float64], y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Interpolate an integral image at points that may lie between pixels."""
    row = np.minimum(y.astype(int), sums.shape[0] - 2)
    column = np.minimum(x.astype(int), sums.shape[1] - 2)
    down, right = y - row, x - column
    upper = (1 - right) * sums[row, column] + right * sums[row, column + 1]
    lower = (1 - right) * sums[row + 1, column] + right * sums[row + 1, column + 1]
    return (1 - down) * upper + down * lower


def _average_known(precision: NDArray[np.float64]) -> float:
    known = precision[precision > -1]
    return float(known.mean()) if known.size else float("nan")


def _print_nothing(*_: Any, **__: Any) -> None:
    """Take what the scorer would print."""
