"""COCO files as tools and people write them: ids, crowds, units, names; and files that mean harm."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from written_sets import write_dataset

from domaingan.adapters import load
from domaingan.adapters.coco.coco_values import normalize_id, parse_whole_number, read_crowd_flag
from domaingan.adapters.coco.run_lengths import encode_mask
from domaingan.core.errors import AssumptionWarning, DataError

SIDES = (24, 32)
Make = Callable[..., Path]


def image(key: Any = 1, name: Any = "a.png", **more: Any) -> dict[str, Any]:
    return {"id": key, "file_name": name, "height": SIDES[0], "width": SIDES[1]} | more


def thing(**more: Any) -> dict[str, Any]:
    return {"id": 1, "image_id": 1, "category_id": 2, "bbox": [4, 6, 10, 8], "area": 77.5, "iscrowd": 0} | more


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write a set of one picture or more; gives its root."""

    def write(
        annotations: list[Any],
        images: list[Any] | None = None,
        categories: list[Any] | None = None,
        pictures: tuple[str, ...] = ("a.png",),
    ) -> Path:
        for name in pictures:
            path = tmp_path / "images" / "val" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", SIDES[::-1], (90, 120, 30)).save(path)
        document = {
            "images": images or [image()],
            "annotations": annotations,
            "categories": categories or [{"id": 2, "name": "cyclist"}, {"id": 5, "name": "van"}],
        }
        path = tmp_path / "annotations" / "instances_val.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(document))
        return tmp_path

    return write


def reasons(root: Path) -> list[str]:
    return [one.reason for one in load(root).problems]


# ---------------------------------------------------------------- ids and flags


@pytest.mark.parametrize(
    ("value", "number", "key"),
    [
        (7, 7, "7"),
        (7.0, 7, "7"),
        ("7", 7, "7"),
        ("07", None, "07"),
        ("e3d4", None, "e3d4"),
        (7.5, None, None),
        (True, None, None),
        (None, None, None),
        ("", None, None),
        (float("nan"), None, None),
        (float("inf"), None, None),
        ([7], None, None),
        (2**70, 2**70, str(2**70)),
    ],
)
def test_ids(value: Any, number: int | None, key: str | None) -> None:
    assert (parse_whole_number(value), normalize_id(value)) == (number, key)


@pytest.mark.parametrize(
    ("listed", "pointed"), [("tok-1", "tok-1"), ("1", 1), (1, "1"), (1.0, 1), (1, 1.0), (0, "0"), ("0", 0.0)]
)
def test_images_are_found_by_ids_of_any_kind(make: Make, listed: Any, pointed: Any) -> None:
    data = load(make([thing(image_id=pointed, category_id="2")], [image(listed)]))
    assert data.problems == () and data[0].boxes is not None and len(data[0].boxes) == 1


@pytest.mark.parametrize("key", [True, None, 1.5, {}])
def test_images_without_an_id(make: Make, key: Any) -> None:
    with pytest.raises(DataError, match="an id that is a whole number or a text"):
        load(make([thing(image_id=key)], [image(key)]))


def test_categories_by_text_are_numbers(make: Make) -> None:
    data = load(make([thing(category_id=3)], categories=[{"id": "3", "name": "van"}]))
    assert data.schema.classes == {"van": 3} and data.problems == ()
    with pytest.raises(DataError, match=r"category .*whole number"):
        load(make([thing()], categories=[{"id": True, "name": "van"}]))


@pytest.mark.parametrize(
    ("flag", "crowd"), [("0", 0), ("1", 1), (False, 0), (True, 1), (None, 0), ("false", 0), ("True", 1), (0.0, 0)]
)
def test_crowds_by_any_word(make: Make, flag: Any, crowd: int) -> None:
    data = load(make([thing(iscrowd=flag, bbox=[1, 1, 5, 5]), thing(id=2)]))
    assert data[0].labels is not None
    assert (len(data[0].labels), len(data[0].crowds)) == (2 - crowd, crowd) and data.problems == ()


@pytest.mark.parametrize("flag", ["maybe", 2, -1, [0]])
def test_a_word_that_is_none_is_told_and_the_object_kept(make: Make, flag: Any) -> None:
    data = load(make([thing(iscrowd=flag)]))
    assert data[0].labels is not None and len(data[0].labels) == 1
    assert read_crowd_flag(flag) is None
    (reason,) = [one.reason for one in data.problems]
    assert "iscrowd" in reason and "expected 0 or 1" in reason


def test_what_crowds_are(make: Make) -> None:
    region = np.zeros(SIDES, np.uint8)
    region[2:20, 20:30] = 1
    crowd = thing(id=9, iscrowd=1, category_id=5, bbox=[20, 2, 10, 18], area=170, segmentation=encode_mask(region))
    sample = load(make([thing(), crowd]))[0]
    (found,) = sample.crowds
    assert (found.label, found.area, found.box.tolist()) == (5, 170, [20, 2, 30, 20])
    assert np.array_equal(found.mask, region) and found.mask.dtype == bool
    assert sample.areas.tolist() == [77.5]


@pytest.mark.parametrize(("area", "right"), [(3, 3), (0, 80), (None, 80), ("3", 80), (float("nan"), 80), (True, 80)])
def test_areas(make: Make, area: Any, right: float) -> None:
    assert load(make([thing(area=area)]))[0].areas.tolist() == [right]


def test_a_file_of_crowds_alone_is_told(make: Make) -> None:
    (reason,) = reasons(make([thing(iscrowd=1), thing(id=2, iscrowd=1)]))
    assert reason.startswith("each of 2 annotations that can be used has iscrowd 1")


def test_ids_that_are_there_twice_are_told(make: Make) -> None:
    assert reasons(make([thing(), thing(), thing(id="x")])) == ["1 ids of annotations are there twice: 1"]


# ------------------------------------------------------------------------ units


@pytest.mark.parametrize(
    "annotations",
    [
        [thing(bbox=[0.1, 0.2, 0.5, 0.4])],
        [thing(bbox=[0.1, 0.2, 0.5, 0.4]), thing(bbox=[0, 0, 1, 1])],
        [thing(bbox=[0.1, 0.2, 0.5, 0.4], segmentation=[[0.1, 0.2, 0.6, 0.2, 0.6, 0.6]])],
        [thing(bbox=None, segmentation=[[0.1, 0.2, 0.6, 0.2, 0.6, 0.6]])],
    ],
)
def test_shares_of_the_picture_are_refused(make: Make, annotations: list[Any]) -> None:
    with pytest.raises(DataError, match=r"that are shares of the picture, such as \[0\.1, 0\.2, .*; expected pixels"):
        load(make(annotations))


def test_one_share_among_pixels_is_told(make: Make) -> None:
    root = make([thing(bbox=[0.1, 0.2, 0.5, 0.4]), thing(id=2), thing(id=3, bbox=[0, 0, 1, 1])])
    assert len(load(root)[0].areas) == 2
    (reason,) = reasons(root)
    assert reason.startswith("annotation 1 of a.png: box [0.1, 0.2, 0.5, 0.4], less than a pixel")


def test_polygons_in_shares_beside_boxes_in_pixels_are_told(make: Make) -> None:
    root = make([thing(segmentation=[[0.1, 0.2, 0.6, 0.2, 0.6, 0.6]])])
    assert load(root)[0].mask is None
    (reason,) = reasons(root)
    assert "a polygon [0.1, 0.2" in reason and "in pixels" in reason


def test_boxes_that_are_corners_are_refused(make: Make) -> None:
    corners = [[20, 10, 30, 20], [1, 2, 9, 12], [12, 3, 25, 22], [25, 15, 31, 23]]
    with pytest.raises(DataError, match=r"boxes that are x1, y1, x2, y2, such as \[20, 10, 30, 20\]; expected x, y, w"):
        load(make([thing(id=i, bbox=box) for i, box in enumerate(corners)]))
    inside = [thing(id=i, bbox=[3, 2, 4, 4]) for i in range(12)]  # so that most do not reach out
    assert not load(make([thing(id=i + 20, bbox=box) for i, box in enumerate(corners[:2])] + inside)).problems


def test_polygons_tell_that_boxes_are_corners(make: Make) -> None:
    outline = [[5, 4, 15, 4, 15, 12, 5, 12]]
    with pytest.raises(DataError, match="boxes that are x1, y1, x2, y2"):
        load(make([thing(bbox=[5, 4, 15, 12], segmentation=outline)]))
    assert not load(make([thing(bbox=[5, 4, 10, 8], segmentation=outline)])).problems


def test_a_mask_beside_its_box_is_told_and_the_box_kept(make: Make) -> None:
    region = np.zeros(SIDES, np.uint8)
    region[6:14, 4:14] = 1
    flat = np.ascontiguousarray(region).ravel()  # rows one after the other, where COCO has columns
    edges = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff([0, *edges, flat.size]).tolist()
    turned = thing(segmentation={"size": list(SIDES), "counts": counts})
    data = load(make([turned, thing(id=2, segmentation=encode_mask(region))]))
    assert np.array_equal(data[0].instances == 2, region) and data[0].areas.tolist() == [77.5, 77.5]
    (reason,) = [one.reason for one in data.problems]
    assert reason.startswith("annotation 1 of a.png: a mask within [") and "its box is kept" in reason


def test_a_polygon_without_its_own_list_is_read(make: Make) -> None:
    data = load(make([thing(segmentation=[4, 6, 14, 6, 14, 14, 4, 14])]))
    assert data[0].mask is not None and (data[0].mask > 0).sum() == 80 and data.problems == ()


# ------------------------------------------------------------------------ names


def test_backslashes_of_windows(make: Make) -> None:
    data = load(make([thing()], [image(name="day\\a.png")], pictures=("day/a.png",)))
    assert [record.name for record in data.records] == ["val/day/a"] and data.problems == ()


def test_addresses_of_lvis(make: Make) -> None:
    one = {"id": 1, "coco_url": "http://images.org/train2017/0001.png", "height": 24, "width": 32}
    data = load(make([thing()], [one], pictures=("train2017/0001.png",)))
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
def test_names_that_lead_elsewhere(make: Make, name: Any) -> None:
    data = load(make([thing(), thing(id=2, image_id=2)], [image(name=name), image(2)]))
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
def test_places_on_another_disk_are_looked_for_by_name_alone(make: Make, name: str) -> None:
    root = make([thing()], [image(name=name)])
    with pytest.warns(AssumptionWarning, match="1 pictures are found by their names alone, such as "):
        data = load(root)
    assert [record.name for record in data.records] == ["val/a"] and data.problems == ()
    write_dataset(data, data, root / "out")
    stored = json.loads((root / "out" / "annotations" / "instances_val.json").read_text())
    assert stored["images"] == [image()] and load(root / "out").problems == ()


def test_two_images_that_could_be_one_picture_are_none(make: Make) -> None:
    data = load(
        make(
            [thing(image_id=3)],
            [image(1, "x/a.png"), image(2, "y/a.png"), image(3, "b.png")],
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
    document = {"images": [image(name=name)], "annotations": [thing()], "categories": [{"id": 2, "name": "van"}]}
    (tmp_path / file).write_text(json.dumps(document))
    data = load(tmp_path)
    assert [record.name for record in data.records] == [sample] and data.problems == ()
    assert data.records[0].split == ("train" if "train" in file else "")


def test_crowds_of_a_brush_are_told(make: Make) -> None:
    said = {"attributes": {"occluded": False}}
    told = reasons(make([thing(iscrowd=1) | said, thing(id=2) | said]))
    assert len(told) == 1 and told[0].startswith("1 annotations are left out as crowds by iscrowd 1, which CVAT writes")


# ---------------------------------------------------------------- means harm


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
def test_polygons_out_of_reach_are_told_at_once(make: Make, polygon: list[float]) -> None:
    root, begun = make([thing(segmentation=[polygon])]), time.monotonic()
    data = load(root)
    assert data[0].mask is None and data[0].boxes is not None and len(data[0].boxes) == 1
    assert len(data.problems) == 1 and len(data.problems[0].reason) < 300 and time.monotonic() - begun < 5


def test_polygons_a_little_out_of_the_picture_are_cut(make: Make) -> None:
    data = load(make([thing(bbox=[20, 10, 40, 40], segmentation=[[20, 10, 60, 10, 60, 50, 20, 50]])]))
    right = np.zeros(SIDES, bool)
    right[10:, 20:] = True
    assert np.array_equal(data[0].mask > 0, right) and data.problems == ()


@pytest.mark.parametrize(
    "box",
    [[1e308, 1, 1e308, 5], [1, 1, 10**400, 5], [True, 1, 4, 4], [float("inf"), 1, 2, 2], {"x": 1}, "1,2,3,4", 4],
)
def test_boxes_that_are_none(make: Make, box: Any) -> None:
    data = load(make([thing(bbox=box), thing(id=2)]))
    assert data[0].boxes is not None and data[0].boxes.tolist() == [[4, 6, 14, 14]] and len(data.problems) == 1


def test_many_letters_of_a_name(make: Make) -> None:
    data = load(make([], [image(name="x/" * 3000 + "b.png"), image(2)]))
    assert len(data) == 1 and len(data.problems) == 1


@pytest.mark.parametrize("sides", [(1e12, 5), (10**9, 10**9), (25, 32)])
def test_sizes_that_the_picture_has_not(make: Make, sides: Any) -> None:
    with pytest.raises(DataError, match=r"no sample that can be used; first problem: .*shape"):
        load(make([thing()], [image(height=sides[0], width=sides[1])]))


@pytest.mark.parametrize("sides", [(24.0, "32"), (None, None), (True, True), (-1, 0), ("x", [])])
def test_sizes_that_are_left_out_or_oddly_written(make: Make, sides: Any) -> None:
    assert load(make([thing()], [image(height=sides[0], width=sides[1])]))[0].shape == SIDES


def test_many_problems_of_one_kind_are_counted(make: Make) -> None:
    wrong = [thing(id=i + 9, bbox=[40 + i, 1, 2, 2]) for i in range(500)]
    found = reasons(make([thing(), *wrong, thing(id=900, category_id=3)]))
    assert len(found) == 12 and found[10].startswith("490 more like annotation 18 of a.png: box [49, 1, 2, 2] outside")


def test_detections_are_no_annotations(make: Make) -> None:
    root = make([])
    found = [{"image_id": 1, "category_id": 2, "bbox": [1, 2, 3, 4], "score": 0.5}]
    (root / "annotations" / "instances_val.json").write_text(json.dumps(found))
    with pytest.raises(DataError, match="a list of detections with scores; expected COCO"):
        load(root)
