"""Detections of the user's own trainer are read from one JSON file, in COCO's words or ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domaingan.core.errors import DataError
from domaingan.data import Sample
from domaingan.data.source import Source
from domaingan.evaluation.external_trainer.predicted_boxes import PredictedBoxes

CLASSES = {"car": 4, "person": 2}
NAMES = ["test/a", "b"]
DOCUMENT = {
    "images": [{"id": 7, "file_name": "a.png"}, {"id": 9, "file_name": "b.png"}],
    "categories": [{"id": 3, "name": "car"}, {"id": 1, "name": "person"}],
}
GOOD = {"sample": "b", "category": "car", "bbox": [1, 2, 3, 4], "score": 0.5}


def read(folder: Path, entries: Any, *, is_coco: bool = False) -> PredictedBoxes:
    (folder / "annotations").mkdir(exist_ok=True)
    if is_coco:
        (folder / "annotations" / "instances_test.json").write_text(json.dumps(DOCUMENT))
    (folder / "detections.json").write_text(json.dumps(entries))
    return PredictedBoxes(folder, NAMES, CLASSES, folder)


def make_sample(name: str) -> Sample:
    return Sample(np.zeros((3, 8, 8), np.float32), source=Source(name))


def test_boxes_become_corners_and_the_best_comes_first(tmp_path: Path) -> None:
    found = read(tmp_path, [GOOD, GOOD | {"score": 0.9, "category": "person"}]).predict(make_sample("b"))
    np.testing.assert_array_equal(found.boxes, [[1, 2, 4, 6], [1, 2, 4, 6]])
    np.testing.assert_allclose(found.scores, [0.9, 0.5])
    assert found.labels.tolist() == [2, 4]


def test_a_sample_without_detections_has_none(tmp_path: Path) -> None:
    found = read(tmp_path, [GOOD]).predict(make_sample("test/a"))
    assert found.boxes.shape == (0, 4) and len(found.scores) == 0


def test_coco_results_are_understood(tmp_path: Path) -> None:
    entry = {"image_id": 7, "category_id": 1, "bbox": [0, 0, 2, 2], "score": 1}
    found = read(tmp_path, [entry], is_coco=True).predict(make_sample("test/a"))
    assert found.labels.tolist() == [2]  # the id 1 is a person, whose class value is 2


def test_ids_of_classes_are_class_values_where_there_is_no_coco_file(tmp_path: Path) -> None:
    found = read(tmp_path, [{"sample": "b", "category_id": 4, "bbox": [0, 0, 2, 2], "score": 1}])
    assert found.predict(make_sample("b")).labels.tolist() == [4]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"boxes": []}, "no list"),
        (["x"], "entry 0: 'x'"),
        ([{**GOOD, "sample": "c"}], "entry 0: sample 'c' is of no test sample"),
        ([GOOD, {"category": "car"}], "entry 1 names no sample"),
        ([{**GOOD, "category": "bus"}], "category 'bus'; expected one of car, person"),
        ([{**GOOD, "bbox": [1, 2, -3, 4]}], "bbox"),
        ([{**GOOD, "bbox": [1, 2, 3]}], "bbox"),
        ([{**GOOD, "bbox": [1, 2, 3, True]}], "bbox"),
        ([{**GOOD, "score": 1.5}], "score 1.5; expected a number from 0 to 1"),
        ([{**GOOD, "score": None}], "score None"),
    ],
)
def test_what_is_no_detection_is_refused(tmp_path: Path, entries: Any, message: str) -> None:
    with pytest.raises(DataError, match=message.replace("(", r"\(")):
        read(tmp_path, entries)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"detections\.json"):
        PredictedBoxes(tmp_path, NAMES, CLASSES, tmp_path)
