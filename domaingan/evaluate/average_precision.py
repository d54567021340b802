"""Average precision of detections, as COCO defines it, by faster-coco-eval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.errors import DataError
from domaingan.evaluate.statistics import leave_one_out

SIZES = ("small", "medium", "large")
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
    def true(cls, boxes: NDArray[np.float32], labels: NDArray[np.int64]) -> Detections:
        """True boxes, whose score is 1."""
        return cls(boxes, np.ones(len(boxes), np.float32), labels)


def average_precision(
    truth: Sequence[Detections], found: Sequence[Detections], classes: Mapping[str, int]
) -> dict[str, float]:
    """Average precision over IoU 0.50 to 0.95, at most 100 detections an image (Lin et al. 2014).

    Args:
        truth: the true boxes, an entry an image.
        found: the detections, in the same order.
        classes: the class values that count, by name.

    Returns:
        ``ap``, ``ap50``, ``ap:NAME``, ``ap50:NAME`` of each class, and ``ap:small``, ``ap:medium``, ``ap:large``; 0 to
        1, NaN where no true box is of that kind.

    >>> box = Detections.true(np.array([[0, 0, 9, 9]], np.float32), np.array([8]))
    >>> average_precision([box], [box], {"car": 8})["ap"]
    1.0
    """
    if len(truth) != len(found):
        raise DataError(f"detections of {len(found)} images", expected=f"of {len(truth)}")
    precision = _precision(truth, found, classes)
    scores = {"ap": _mean(precision[..., 0]), "ap50": _mean(precision[0, ..., 0])}
    for k, name in enumerate(classes):
        scores[f"ap:{name}"] = _mean(precision[:, :, k, 0])
        scores[f"ap50:{name}"] = _mean(precision[0, :, k, 0])
    return scores | {f"ap:{size}": _mean(precision[..., 1 + i]) for i, size in enumerate(SIZES)}


def jackknife(
    truth: Sequence[Detections], found: Sequence[Detections], classes: Mapping[str, int], units: Sequence[str]
) -> dict[str, dict[str, float]]:
    """The same for each unit (a block of a drive; one name an image), see :func:`leave_one_out`."""

    def pooled(chosen: Sequence[str]) -> dict[str, float]:
        kept = set(chosen)
        which = [i for i, unit in enumerate(units) if unit in kept]
        return average_precision([truth[i] for i in which], [found[i] for i in which], classes)

    return leave_one_out(list(dict.fromkeys(units)), pooled)


def _precision(
    truth: Sequence[Detections], found: Sequence[Detections], classes: Mapping[str, int]
) -> NDArray[np.float64]:
    """``(10 IoUs, 101 recalls, classes, all and three sizes)``, at 100 detections; -1 where nothing is true."""
    from faster_coco_eval import COCO
    from faster_coco_eval.core import COCOeval_faster

    ids = {value: number for number, value in enumerate(classes.values(), start=1)}
    described = {
        "images": [{"id": i} for i in range(1, len(truth) + 1)],
        "annotations": [{"id": n, "iscrowd": 0, **row} for n, row in enumerate(_rows(truth, ids), start=1)],
        "categories": [{"id": number, "name": str(number)} for number in ids.values()],
    }
    rows = _rows(found, ids)
    if not described["annotations"] or not rows:
        empty = np.zeros((10, 101, len(ids), 4))
        for k, value in enumerate(ids):
            for size in range(4):
                empty[:, :, k, size] = 0 if _any(truth, value, size) else -1
        return empty
    coco = COCO(described)
    scorer = COCOeval_faster(coco, coco.loadRes(rows), "bbox", print_function=_silent)
    scorer.evaluate()
    scorer.accumulate()
    precision: NDArray[np.float64] = np.asarray(scorer.eval["precision"])[..., -1]
    return precision


def _rows(images: Sequence[Detections], ids: Mapping[int, int]) -> list[dict[str, Any]]:
    rows = []
    for number, image in enumerate(images, start=1):
        for (x0, y0, x1, y1), score, label in zip(
            image.boxes.tolist(), image.scores.tolist(), image.labels.tolist(), strict=True
        ):
            if label in ids:
                box = [x0, y0, x1 - x0, y1 - y0]
                row = {"image_id": number, "category_id": ids[label], "bbox": box, "area": box[2] * box[3]}
                rows.append({**row, "score": score})
    return rows


def _any(truth: Sequence[Detections], value: int, size: int) -> bool:
    """Whether a true box is of a class, and of a size (0: any; then as in :data:`SIZES`)."""
    low, high = [(0.0, np.inf), (0.0, 32**2), (32**2, 96**2), (96**2, np.inf)][size]
    for image in truth:
        area = np.prod(image.boxes[:, 2:] - image.boxes[:, :2], axis=1)
        if ((image.labels == value) & (area >= low) & (area <= high)).any():
            return True
    return False


def _mean(precision: NDArray[np.float64]) -> float:
    known = precision[precision > -1]
    return float(known.mean()) if known.size else float("nan")


def _silent(*_: Any, **__: Any) -> None:
    """The scorer prints what it does."""
