"""Names and sizes in COCO files, and files made to do harm: pictures are found, or the problem is listed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coco_annotations import SIDES, CocoWriter, list_reasons, make_annotation, make_image
from PIL import Image
from written_sets import write_dataset

from domaingan.adapters import load
from domaingan.core.errors import AssumptionWarning, DataError


def test_backslashes_of_windows(write_coco: CocoWriter) -> None:
    data = load(write_coco([make_annotation()], [make_image(name="day\\a.png")], pictures=("day/a.png",)))
    assert [record.name for record in data.records] == ["val/day/a"] and data.problems == ()


def test_addresses_of_lvis(write_coco: CocoWriter) -> None:
    one = {"id": 1, "coco_url": "http://images.org/train2017/0001.png", "height": 24, "width": 32}
    data = load(write_coco([make_annotation()], [one], pictures=("train2017/0001.png",)))
    assert [record.name for record in data.records] == ["val/train2017/0001"]


ODD_NAMES = ["a\0.png", "x" * 5000, "", 7, None, ["a.png"]]


@pytest.mark.parametrize(
    "name",
    [
        *ODD_NAMES,
        ".",
        "..",
        "/",
        "../a.png",
        "x/../../a.png",
        "/etc/passwd",
        "C:\\a.png",
        "\\\\host\\a.png",
        ".hidden.png",
    ],
)
def test_names_that_lead_elsewhere(write_coco: CocoWriter, name: Any) -> None:
    data = load(
        write_coco([make_annotation(), make_annotation(id=2, image_id=2)], [make_image(name=name), make_image(2)])
    )
    assert [record.name for record in data.records] == ["val/a"]
    assert "expected" in data.problems[0].reason and len(data.problems[0].reason) < 400
    data.problems[0].reason.encode()


@pytest.mark.parametrize(
    "name",
    [
        "..\\..\\label-studio\\media\\upload\\4\\a.png",
        "images\\1/a.png",
        "/data/local-files/?d=x/a.png",
        "C:\\me\\a.png",
    ],
)
def test_places_on_another_disk_are_looked_for_by_name_alone(write_coco: CocoWriter, name: str) -> None:
    root = write_coco([make_annotation()], [make_image(name=name)])
    with pytest.warns(AssumptionWarning, match="1 pictures are found by their names alone, such as "):
        data = load(root)
    assert [record.name for record in data.records] == ["val/a"] and data.problems == ()
    write_dataset(data, data, root / "out")
    stored = json.loads((root / "out" / "annotations" / "instances_val.json").read_text())
    assert stored["images"] == [make_image()] and load(root / "out").problems == ()


def test_two_images_that_could_be_one_picture_are_none(write_coco: CocoWriter) -> None:
    data = load(
        write_coco(
            [make_annotation(image_id=3)],
            [make_image(1, "x/a.png"), make_image(2, "y/a.png"), make_image(3, "b.png")],
            pictures=("a.png", "b.png"),
        )
    )
    assert [record.name for record in data.records] == ["val/b"]
    assert [one.reason.partition(";")[0] for one in data.problems] == ["no such file", "no such file"]


@pytest.mark.parametrize(
    ("file", "folder", "name", "sample"),
    [
        ("result.json", "images", "images/a.png", "images/a"),
        ("labels.json", "data", "a.png", "a"),
        ("annotations/instances_train.json", "data/train", "a.png", "train/a"),
    ],
)
def test_arrangements_of_label_tools(tmp_path: Path, file: str, folder: str, name: str, sample: str) -> None:
    for part in (folder, "annotations"):
        (tmp_path / part).mkdir(parents=True, exist_ok=True)
    Image.new("RGB", SIDES[::-1]).save(tmp_path / folder / "a.png")
    document = {
        "images": [make_image(name=name)],
        "annotations": [make_annotation()],
        "categories": [{"id": 2, "name": "van"}],
    }
    (tmp_path / file).write_text(json.dumps(document))
    data = load(tmp_path)
    assert [record.name for record in data.records] == [sample] and data.problems == ()
    assert data.records[0].split == ("train" if "train" in file else "")


@pytest.mark.parametrize(
    "polygon",
    [
        [1e300, 2, 3e300, 4, 5, 6],
        [-1e300, 2, 3, -4e300, 5, 6],
        [-1e9, 2, 30, 2, 30, 20],
        [2, 2, 1e7, 2, 30, 20],
        [10**400, 2, 3, 4, 5, 6],
        [0, 0, 31, 23] * 50_000,
    ],
)
def test_polygons_out_of_reach_are_reported_at_once(write_coco: CocoWriter, polygon: list[float]) -> None:
    root, begun = write_coco([make_annotation(segmentation=[polygon])]), time.monotonic()
    data = load(root)
    assert data[0].mask is None and data[0].boxes is not None and len(data[0].boxes) == 1
    assert len(data.problems) == 1 and len(data.problems[0].reason) < 300 and time.monotonic() - begun < 5


def test_polygons_a_little_out_of_the_picture_are_cut(write_coco: CocoWriter) -> None:
    data = load(write_coco([make_annotation(bbox=[20, 10, 40, 40], segmentation=[[20, 10, 60, 10, 60, 50, 20, 50]])]))
    right = np.zeros(SIDES, bool)
    right[10:, 20:] = True
    assert np.array_equal(data[0].mask > 0, right) and data.problems == ()


@pytest.mark.parametrize(
    "box",
    [[1e308, 1, 1e308, 5], [1, 1, 10**400, 5], [True, 1, 4, 4], [float("inf"), 1, 2, 2], {"x": 1}, "1,2,3,4", 4],
)
def test_boxes_that_are_none(write_coco: CocoWriter, box: Any) -> None:
    data = load(write_coco([make_annotation(bbox=box), make_annotation(id=2)]))
    assert data[0].boxes is not None and data[0].boxes.tolist() == [[4, 6, 14, 14]] and len(data.problems) == 1


def test_many_letters_of_a_name(write_coco: CocoWriter) -> None:
    data = load(write_coco([], [make_image(name="x/" * 3000 + "b.png"), make_image(2)]))
    assert len(data) == 1 and len(data.problems) == 1


@pytest.mark.parametrize("sides", [(1e12, 5), (10**9, 10**9), (25, 32)])
def test_sizes_that_the_picture_has_not(write_coco: CocoWriter, sides: Any) -> None:
    with pytest.raises(DataError, match=r"no sample that can be used; first problem: .*shape"):
        load(write_coco([make_annotation()], [make_image(height=sides[0], width=sides[1])]))


@pytest.mark.parametrize("sides", [(24.0, "32"), (None, None), (True, True), (-1, 0), ("x", [])])
def test_sizes_that_are_left_out_or_oddly_written(write_coco: CocoWriter, sides: Any) -> None:
    assert load(write_coco([make_annotation()], [make_image(height=sides[0], width=sides[1])]))[0].shape == SIDES


def test_many_problems_of_one_kind_are_counted(write_coco: CocoWriter) -> None:
    wrong = [make_annotation(id=i + 9, bbox=[40 + i, 1, 2, 2]) for i in range(500)]
    found = list_reasons(write_coco([make_annotation(), *wrong, make_annotation(id=900, category_id=3)]))
    assert len(found) == 12 and found[10].startswith("490 more like annotation 18 of a.png: box [49, 1, 2, 2] outside")


def test_detections_are_no_annotations(write_coco: CocoWriter) -> None:
    root = write_coco([])
    found = [{"image_id": 1, "category_id": 2, "bbox": [1, 2, 3, 4], "score": 0.5}]
    (root / "annotations" / "instances_val.json").write_text(json.dumps(found))
    with pytest.raises(DataError, match="a list of detections with scores; expected COCO"):
        load(root)
