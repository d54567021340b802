"""Average precision of detections, as COCO defines it, by faster-coco-eval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.metrics.statistics import compute_jackknife_pseudovalues

BOX_SIZES = ("small", "medium", "large")
"""Boxes under 32², under 96² and from 96² pixels on (COCO's)."""


@dataclass(frozen=True, eq=False)
class Detections:
    """Boxes of one image, true or found.

    Attributes:
        boxes: ``(N, 4)`` float32 corner boxes, xyxy in pixels.
        scores: ``(N,)`` float32, 0 to 1; of true boxes they do not count.
        labels: ``(N,)`` int64 class values.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        if not len(self.boxes) == len(self.scores) == len(self.labels) or self.boxes.shape[1:] != (4,):
            found = f"boxes {self.boxes.shape}, scores {self.scores.shape}, labels {self.labels.shape}"
            raise DataError(found, expected="(N, 4), (N,) and (N,)")

    @classmethod
    def from_true_boxes(cls, boxes: NDArray[np.float32], labels: NDArray[np.int64]) -> Detections:
        """True boxes, whose score is 1."""
        return cls(boxes, np.ones(len(boxes), np.float32), labels)


@dataclass(frozen=True, eq=False)
class Truth(Detections):
    """True boxes of one image, with what is left out of them: detections on that are neither right nor wrong.

    Attributes:
        areas: ``(N,)`` annotated areas in square pixels, by which scores by size go; None takes those of the boxes.
        crowds: ``(M, 4)`` float32 boxes of regions of many objects, or of objects too small to count.
        crowd_labels: ``(M,)`` int64 class value of each.
        ignored: ``(H, W)`` bool, where nobody knows what is there, whatever the class; None where all is known.
    """

    areas: NDArray[np.float64] | None = None
    crowds: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    crowd_labels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    ignored_mask: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.areas is not None and len(self.areas) != len(self.boxes):
            raise DataError(f"{len(self.areas)} areas", expected=f"one for each of {len(self.boxes)} boxes")
        if len(self.crowds) != len(self.crowd_labels):
            raise DataError(f"{len(self.crowd_labels)} labels", expected=f"one for each of {len(self.crowds)} crowds")


def compute_average_precision(
    truth: Sequence[Detections], found: Sequence[Detections], classes: Mapping[str, int]
) -> dict[str, float]:
    """Average precision over IoU 0.50 to 0.95, at most 100 detections an image (Lin et al. 2014).

    A detection that matches no true box but lies in a crowd of its class, or where the image is ignored, does not
    count: as by COCO's rules its share that lies there is what is compared with the IoU asked for.

    Args:
        truth: the true boxes, an entry an image; :class:`Truth` where some of them are left out.
        found: the detections, in the same order.
        classes: the class values that count, by name.

    Returns:
        ``ap``, ``ap50``, ``ap:NAME``, ``ap50:NAME`` of each class, and ``ap:small``, ``ap:medium``, ``ap:large``; 0 to
        1, NaN where no true box is of that kind.

    >>> box = Detections.from_true_boxes(np.array([[0, 0, 9, 9]], np.float32), np.array([8]))
    >>> compute_average_precision([box], [box], {"car": 8})["ap"]
    1.0
    """
    return MatchedDetections(truth, found, classes).compute_scores(range(len(truth)))


def jackknife_average_precision(
    truth: Sequence[Detections], found: Sequence[Detections], classes: Mapping[str, int], units: Sequence[str]
) -> dict[str, dict[str, float]]:
    """The same for each unit (a block of a drive; one name an image), see :func:`compute_jackknife_pseudovalues`."""
    matched = MatchedDetections(truth, found, classes)  # once: images do not depend on one another

    def compute_pooled(chosen: Sequence[str]) -> dict[str, float]:
        kept = set(chosen)
        return matched.compute_scores([i for i, unit in enumerate(units) if unit in kept])

    return compute_jackknife_pseudovalues(list(dict.fromkeys(units)), compute_pooled)


class MatchedDetections:
    """Detections matched to true boxes, image by image; scored over any of the images."""

    def __init__(self, truth: Sequence[Detections], found: Sequence[Detections], classes: Mapping[str, int]) -> None:
        from faster_coco_eval.core import COCO

        if len(truth) != len(found):
            raise DataError(f"detections of {len(found)} images", expected=f"of {len(truth)}")
        self.n, self.classes = len(truth), classes
        ids = {value: number for number, value in enumerate(classes.values(), start=1)}
        described = {
            "images": [{"id": i} for i in range(1, self.n + 1)],
            "categories": [{"id": number, "name": str(number)} for number in ids.values()],
        }
        rows = _make_annotations(truth, ids)
        left_out = _make_ignored_annotations(truth, ids, len(rows))
        true = COCO(described | {"annotations": [*rows, *left_out]})
        detected = COCO(described | {"annotations": _make_annotations(found, ids)})
        scorer = _make_scorer(true, detected, truth)
        scorer.evaluate()
        self._params, self._matches = scorer._paramsEval, scorer._evalImgs_cpp  # a list, by class, size and image

    def compute_scores(self, images: Sequence[int]) -> dict[str, float]:
        """The scores over these images, by their numbers; see :func:`average_precision`."""
        from faster_coco_eval.faster_eval_api_cpp import COCOevalAccumulate

        params = copy(self._params)
        params.imgIds = [i + 1 for i in images]
        starts = range(0, len(self._matches), max(1, self.n))
        matches = [self._matches[start + i] for start in starts for i in images]
        # (10 IoUs, 101 recalls, classes, all and three sizes) at 100 detections; -1 where nothing is true
        precision = np.asarray(COCOevalAccumulate(params, matches)["precision"], dtype=float)[..., -1]
        scores = {"ap": _average_known(precision[..., 0]), "ap50": _average_known(precision[0, ..., 0])}
        for k, name in enumerate(self.classes):
            scores[f"ap:{name}"] = _average_known(precision[:, :, k, 0])
            scores[f"ap50:{name}"] = _average_known(precision[0, :, k, 0])
        return scores | {f"ap:{size}": _average_known(precision[..., 1 + i]) for i, size in enumerate(BOX_SIZES)}


def _make_annotations(images: Sequence[Detections], ids: Mapping[int, int]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for number, image in enumerate(images, start=1):
        areas = getattr(image, "areas", None)
        for i, label in enumerate(image.labels.tolist()):
            if label in ids:
                row = _make_annotation(len(rows) + 1, number, ids[label], image.boxes[i].tolist())
                row["score"] = float(image.scores[i])
                if areas is not None:
                    row["area"] = float(areas[i])
                rows.append(row)
    return rows


def _make_annotation(identity: int, image: int, category: int, box: list[float]) -> dict[str, Any]:
    width, height = box[2] - box[0], box[3] - box[1]
    row = {"id": identity, "image_id": image, "category_id": category, "iscrowd": 0}
    return row | {"bbox": [box[0], box[1], width, height], "area": width * height}


def _make_ignored_annotations(images: Sequence[Detections], ids: Mapping[int, int], rows: int) -> list[dict[str, Any]]:
    """Crowds as COCO has them, and for each class the extent of what is ignored, as a crowd that is marked."""
    found: list[dict[str, Any]] = []
    for number, image in enumerate(images, start=1):
        if not isinstance(image, Truth):
            continue
        for box, label in zip(image.crowds.tolist(), image.crowd_labels.tolist(), strict=True):
            if label in ids:
                found.append(_make_annotation(rows + len(found) + 1, number, ids[label], box) | {"iscrowd": 1})
        if image.ignored_mask is not None and image.ignored_mask.any():
            height, width = image.ignored_mask.shape
            for category in ids.values():
                row = _make_annotation(rows + len(found) + 1, number, category, [0.0, 0.0, float(width), float(height)])
                found.append(row | {"iscrowd": 1, "is_region": True})
    return found


def _make_scorer(true: Any, detected: Any, truth: Sequence[Detections]) -> Any:
    """COCO's scorer, which takes of an ignored region its pixels rather than the box around them."""
    from faster_coco_eval.core import COCOeval_faster

    class Scorer(COCOeval_faster):  # type: ignore[misc]
        def computeIoU(self, imgId: int, catId: int) -> Any:
            overlaps = super().computeIoU(imgId, catId)
            image = truth[imgId - 1]
            if not len(overlaps) or not isinstance(image, Truth) or image.ignored_mask is None:
                return overlaps
            rows = self.gt_dataset.get_instances([imgId], [catId], True)[0][0]
            regions = [i for i, row in enumerate(rows) if row.get("is_region")]
            boxes = self.dt_dataset.get_instances([imgId], [catId], True)[0][0]
            order = np.argsort([-row["score"] for row in boxes], kind="mergesort")[: len(overlaps)]
            corners = np.array([boxes[i]["bbox"] for i in order], dtype=float)
            corners[:, 2:] += corners[:, :2]
            overlaps = np.array(overlaps)
            overlaps[:, regions] = measure_box_shares(image.ignored_mask, corners)[:, None]
            return overlaps

    return Scorer(true, detected, iouType="bbox", print_function=_print_nothing, separate_eval=True)


def measure_box_shares(region: NDArray[np.bool_], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute which share of each ``(N, 4)`` corner box lies in a ``(H, W)`` region; pixels count by their part.

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
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    shares: NDArray[np.float64] = np.divide(inside, areas, out=np.zeros(len(boxes)), where=areas > 0)
    return shares


def _interpolate_sums(sums: NDArray[np.float64], y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum over all above and left of points, which may lie between pixels."""
    row, column = np.minimum(y.astype(int), sums.shape[0] - 2), np.minimum(x.astype(int), sums.shape[1] - 2)
    down, right = y - row, x - column
    upper = (1 - right) * sums[row, column] + right * sums[row, column + 1]
    lower = (1 - right) * sums[row + 1, column] + right * sums[row + 1, column + 1]
    return (1 - down) * upper + down * lower


def _average_known(precision: NDArray[np.float64]) -> float:
    known = precision[precision > -1]
    return float(known.mean()) if known.size else float("nan")


def _print_nothing(*_: Any, **__: Any) -> None:
    """The scorer prints what it does."""
