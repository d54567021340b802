"""Average precision of detections, as COCO defines it, by faster-coco-eval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
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
    return _Matched(truth, found, classes).scores(range(len(truth)))


def jackknife(
    truth: Sequence[Detections], found: Sequence[Detections], classes: Mapping[str, int], units: Sequence[str]
) -> dict[str, dict[str, float]]:
    """The same for each unit (a block of a drive; one name an image), see :func:`leave_one_out`."""
    matched = _Matched(truth, found, classes)  # once: images do not depend on one another

    def pooled(chosen: Sequence[str]) -> dict[str, float]:
        kept = set(chosen)
        return matched.scores([i for i, unit in enumerate(units) if unit in kept])

    return leave_one_out(list(dict.fromkeys(units)), pooled)


class _Matched:
    """Detections matched to true boxes, image by image; scored over any of the images."""

    def __init__(self, truth: Sequence[Detections], found: Sequence[Detections], classes: Mapping[str, int]) -> None:
        from faster_coco_eval.core import COCO, COCOeval_faster

        if len(truth) != len(found):
            raise DataError(f"detections of {len(found)} images", expected=f"of {len(truth)}")
        self.n, self.classes = len(truth), classes
        ids = {value: number for number, value in enumerate(classes.values(), start=1)}
        described = {
            "images": [{"id": i} for i in range(1, self.n + 1)],
            "categories": [{"id": number, "name": str(number)} for number in ids.values()],
        }
        tables = (COCO(described | {"annotations": _rows(images, ids)}) for images in (truth, found))
        scorer = COCOeval_faster(*tables, iouType="bbox", print_function=_silent, separate_eval=True)
        scorer.evaluate()
        self._params, self._matches = scorer._paramsEval, scorer._evalImgs_cpp  # a list, by class, size and image

    def scores(self, images: Sequence[int]) -> dict[str, float]:
        """The scores over these images."""
        from faster_coco_eval.faster_eval_api_cpp import COCOevalAccumulate

        params = copy(self._params)
        params.imgIds = [i + 1 for i in images]
        starts = range(0, len(self._matches), max(1, self.n))
        matches = [self._matches[start + i] for start in starts for i in images]
        # (10 IoUs, 101 recalls, classes, all and three sizes) at 100 detections; -1 where nothing is true
        precision = np.asarray(COCOevalAccumulate(params, matches)["precision"], dtype=float)[..., -1]
        scores = {"ap": _mean(precision[..., 0]), "ap50": _mean(precision[0, ..., 0])}
        for k, name in enumerate(self.classes):
            scores[f"ap:{name}"] = _mean(precision[:, :, k, 0])
            scores[f"ap50:{name}"] = _mean(precision[0, :, k, 0])
        return scores | {f"ap:{size}": _mean(precision[..., 1 + i]) for i, size in enumerate(SIZES)}


def _rows(images: Sequence[Detections], ids: Mapping[int, int]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for number, image in enumerate(images, start=1):
        for (x0, y0, x1, y1), score, label in zip(
            image.boxes.tolist(), image.scores.tolist(), image.labels.tolist(), strict=True
        ):
            if label in ids:
                w, h = x1 - x0, y1 - y0
                row = {"id": len(rows) + 1, "image_id": number, "category_id": ids[label], "iscrowd": 0}
                rows.append(row | {"bbox": [x0, y0, w, h], "area": w * h, "score": score})
    return rows


def _mean(precision: NDArray[np.float64]) -> float:
    known = precision[precision > -1]
    return float(known.mean()) if known.size else float("nan")


def _silent(*_: Any, **__: Any) -> None:
    """The scorer prints what it does."""
