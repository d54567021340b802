"""Truth that is left out: detections on crowds, ignored areas and specks do not count, as pycocotools has it."""

from __future__ import annotations

import contextlib
import io
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from domaingan.baselines.true_boxes import collect_truth
from domaingan.core.errors import DataError
from domaingan.data import Crowd, Sample, Schema
from domaingan.imaging.instances import find_mask_objects
from domaingan.metrics.average_precision import (
    compute_average_precision,
    jackknife_average_precision,
    measure_box_shares,
)
from domaingan.metrics.detections import Detections, Truth

CLASSES = {"car": 8, "pedestrian": 9}
SIDE = 200


def drawn_boxes(rng: np.random.Generator, n: int) -> NDArray[np.float32]:
    """Boxes of all three sizes."""
    corner = rng.uniform(0, SIDE - 60, (n, 2))
    size = rng.choice([12.0, 50.0, 120.0], (n, 1)) * rng.uniform(0.8, 1.2, (n, 2))
    return np.concatenate([corner, corner + size], axis=1).astype(np.float32)


def drawn_image(rng: np.random.Generator, with_region: bool) -> tuple[Truth, Detections]:
    """True boxes, crowds and an ignored rectangle; found boxes that lie near any of them, or anywhere."""
    boxes, crowds = drawn_boxes(rng, int(rng.integers(0, 7))), drawn_boxes(rng, int(rng.integers(0, 3)))
    labels, crowd_labels = rng.integers(8, 10, len(boxes)), rng.integers(8, 10, len(crowds))
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) * rng.uniform(0.3, 1, len(boxes))
    ignored = None
    if with_region:
        ignored = np.zeros((SIDE, SIDE), bool)
        ignored[20:100, 60:150] = True
    near = np.concatenate([boxes, crowds, drawn_boxes(rng, 4), np.full((2, 4), 70, np.float32)])
    near[-2:] += rng.uniform([0, 0, 20, 10], [30, 20, 90, 40], (2, 4)).astype(np.float32)
    near += rng.uniform(-4, 4, near.shape).astype(np.float32)
    near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
    found_labels = np.concatenate([labels, crowd_labels, rng.integers(8, 10, 6)])
    found = Detections(near, rng.permutation(len(near)).astype(np.float32) / 50, found_labels.astype(np.int64))
    sure = np.ones(len(boxes), np.float32)
    truth = Truth(boxes, sure, labels.astype(np.int64), areas, crowds, crowd_labels.astype(np.int64), ignored)
    return truth, found


def row(number: int, image: int, box: Any, label: int, **more: Any) -> dict[str, Any]:
    x0, y0, x1, y1 = (float(edge) for edge in box)
    sizes = {"bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0), "iscrowd": 0}
    return {"id": number, "image_id": image, "category_id": int(label)} | sizes | more


def by_pycocotools(truth: list[Truth], found: list[Detections]) -> list[float]:
    """AP, AP50, AP75, then AP of small, medium and large objects."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    true, detected = [], []
    for image, (one, other) in enumerate(zip(truth, found, strict=True), start=1):
        assert one.areas is not None
        for box, label, area in zip(one.boxes, one.labels, one.areas, strict=True):
            true.append(row(len(true) + 1, image, box, label, area=float(area)))
        for box, label in zip(one.crowds, one.crowd_labels, strict=True):
            true.append(row(len(true) + 1, image, box, label, iscrowd=1))
        if one.ignored_mask is not None:  # a rectangle: a crowd of each class says the same
            for label in CLASSES.values():
                true.append(row(len(true) + 1, image, (60, 20, 150, 100), label, iscrowd=1))
        for box, label, score in zip(other.boxes, other.labels, other.scores, strict=True):
            detected.append(row(len(detected) + 1, image, box, label, score=float(score)))
    with contextlib.redirect_stdout(io.StringIO()):
        tables = []
        for rows in (true, detected):
            coco = COCO()
            coco.dataset = {
                "images": [{"id": i} for i in range(1, len(truth) + 1)],
                "categories": [{"id": value, "name": name} for name, value in CLASSES.items()],
                "annotations": rows,
            }
            coco.createIndex()
            tables.append(coco)
        scorer = COCOeval(*tables, iouType="bbox")
        scorer.evaluate()
        scorer.accumulate()
        scorer.summarize()
    return [float(scorer.stats[i]) for i in range(6)]


@pytest.mark.parametrize("with_region", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_scores_are_those_of_pycocotools(seed: int, with_region: bool) -> None:
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for _ in range(6):
        one, other = drawn_image(rng, with_region)
        truth.append(one)
        found.append(other)
    ours = compute_average_precision(truth, found, CLASSES)
    mine = [ours[name] for name in ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")]
    assert mine == pytest.approx(by_pycocotools(truth, found), abs=1e-9)
    plain = [Detections.from_true_boxes(one.boxes, one.labels) for one in truth]
    assert compute_average_precision(plain, found, CLASSES)["ap"] < ours["ap"]
    units = jackknife_average_precision(truth, found, CLASSES, [str(i // 2) for i in range(6)])
    assert np.mean([unit["ap"] for unit in units.values()]) == pytest.approx(ours["ap"])


def true_at(*rows: tuple[float, float, float, float], **more: Any) -> Truth:
    boxes = np.array(rows, np.float32).reshape(-1, 4)
    return Truth(boxes, np.ones(len(boxes), np.float32), np.full(len(boxes), 8, np.int64), **more)


def found_at(*rows: tuple[float, float, float, float]) -> Detections:
    """Boxes, the surest first."""
    boxes = np.array(rows, np.float32).reshape(-1, 4)
    scores = np.linspace(0.9, 0.5, len(boxes), dtype=np.float32)
    return Detections(boxes, scores, np.full(len(boxes), 8, np.int64))


def test_a_box_that_lies_half_in_an_l_shaped_region_counts_from_the_next_overlap_on() -> None:
    region = np.zeros((100, 100), bool)
    region[:, :20] = region[80:] = True  # the box around it is the whole frame
    truth = true_at((50, 10, 70, 30), ignored_mask=region)
    assert compute_average_precision([truth], [found_at((0, 0, 20, 60), (50, 10, 70, 30))], CLASSES)["ap"] == 1
    assert compute_average_precision([truth], [found_at((30, 40, 60, 70), (50, 10, 70, 30))], CLASSES)["ap"] == 0.5
    # 12 of 20 columns in it: ignored up to an overlap of 0.60, three of ten thresholds; else precision is a half.
    half = compute_average_precision([truth], [found_at((8, 0, 28, 60), (50, 10, 70, 30))], CLASSES)["ap"]
    assert half == pytest.approx((3 + 7 / 2) / 10)


def test_a_region_hides_no_true_box() -> None:
    truth = true_at((10, 10, 30, 30), ignored_mask=np.ones((100, 100), bool))
    assert compute_average_precision([truth], [found_at((10, 10, 30, 30))], CLASSES)["ap"] == 1
    assert compute_average_precision([truth], [found_at()], CLASSES)["ap"] == 0


def test_sizes_go_by_annotated_areas() -> None:
    box = (0.0, 0.0, 40.0, 40.0)  # 1600 square pixels; of a thin thing, 700
    scores = compute_average_precision([true_at(box, areas=np.array([700.0]))], [found_at(box)], CLASSES)
    assert scores["ap_small"] == 1 and math.isnan(scores["ap_medium"])
    assert compute_average_precision([true_at(box)], [found_at(box)], CLASSES)["ap_medium"] == 1


def test_shares_of_boxes_count_parts_of_pixels() -> None:
    rng = np.random.default_rng(3)
    region = rng.random((9, 12)) < 0.5
    boxes = np.array([[1.25, 2.5, 7.75, 8.0], [-4, -4, 2, 2], [3, 3, 3, 5], [0, 0, 12, 9], [11.5, 8.5, 12, 9]])
    fine = region.repeat(4, axis=0).repeat(4, axis=1)
    for box, share in zip(boxes, measure_box_shares(region, boxes), strict=True):
        x0, y0, x1, y1 = (int(edge * 4) for edge in box.clip(0))
        area = (box[2] - box[0]) * (box[3] - box[1])
        assert share == pytest.approx(fine[y0:y1, x0:x1].sum() / 16 / area if area else 0)


def schema(**more: Any) -> Schema:
    classes = {"road": 1, "car": 8, "pedestrian": 9, "void": 11}
    return Schema("masks", "frame", 2, ("r", "g", "b"), classes, objects=("car", "pedestrian"), **more)


def street() -> NDArray[np.uint8]:
    mask = np.ones((60, 80), np.uint8)
    mask[10:30, 10:40] = 8
    mask[40:44, 10:15] = 8  # 20 pixels
    mask[40:43, 60:66] = 9  # 18
    mask[:, 78:] = 11
    return mask


def test_the_truth_of_a_mask_leaves_out_what_is_too_small_or_ignored() -> None:
    mask = street()
    objects = find_mask_objects(mask, (8, 9), 30)
    sample = Sample(np.zeros((3, 60, 80), np.float32), mask, objects.boxes, objects.labels, instances=objects.instances)
    truth = collect_truth(sample, schema(ignore=(11,), min_area=30), CLASSES)
    assert truth.boxes.tolist() == [[10, 10, 40, 30]] and truth.areas is not None and truth.areas.tolist() == [600]
    assert truth.crowds.tolist() == [[10, 40, 15, 44], [60, 40, 66, 43]] and truth.crowd_labels.tolist() == [8, 9]
    assert truth.ignored_mask is not None and truth.ignored_mask.sum() == 120
    every = find_mask_objects(mask, (8, 9))
    perfect = Detections(every.boxes, np.linspace(0.5, 0.9, 3, dtype=np.float32), every.labels)
    assert compute_average_precision([truth], [perfect], CLASSES)["ap"] == 1
    all_count = collect_truth(sample, schema(), CLASSES)
    assert not len(all_count.crowds) and all_count.ignored_mask is None


def test_the_truth_of_annotations_has_their_areas_and_crowds() -> None:
    boxes = np.array([[0, 0, 9, 9], [10, 10, 30, 30], [5, 5, 9, 9]], np.float32)
    crowds = (Crowd(9, np.array([40, 0, 60, 20], np.float32), 300.0), Crowd(1, np.zeros(4, np.float32), 0.0))
    meta = {"areas": np.array([11.0, 22.0, 33.0]), "crowds": crowds}
    sample = Sample(np.zeros((3, 60, 80), np.float32), None, boxes, np.array([8, 1, 9]), meta=meta)
    truth = collect_truth(sample, schema(min_area=30), CLASSES)
    assert truth.labels.tolist() == [8, 9] and truth.areas is not None and truth.areas.tolist() == [11, 33]
    assert truth.crowds.tolist() == [[40, 0, 60, 20]] and truth.crowd_labels.tolist() == [9]


def test_truths_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(DataError, match="2 areas; expected one for each of 1 boxes"):
        true_at((0, 0, 9, 9), areas=np.zeros(2))
    with pytest.raises(DataError, match="0 labels; expected one for each of 1 crowds"):
        true_at((0, 0, 9, 9), crowds=np.zeros((1, 4), np.float32))
