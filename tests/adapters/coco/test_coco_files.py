"""COCO files as tools and people write them: ids, crowds, areas and units."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from coco_annotations import SIDES, CocoWriter, list_reasons, make_annotation, make_image

from domaingan.adapters import load
from domaingan.adapters.annotations.run_lengths import encode_mask
from domaingan.adapters.annotations.stored_values import normalize_id, parse_whole_number, read_crowd_flag
from domaingan.core.errors import DataError


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
def test_images_are_found_by_ids_of_any_kind(write_coco: CocoWriter, listed: Any, pointed: Any) -> None:
    data = load(write_coco([make_annotation(image_id=pointed, category_id="2")], [make_image(listed)]))
    assert data.problems == () and data[0].boxes is not None and len(data[0].boxes) == 1


@pytest.mark.parametrize("key", [True, None, 1.5, {}])
def test_images_without_an_id(write_coco: CocoWriter, key: Any) -> None:
    with pytest.raises(DataError, match="an id that is a whole number or a text"):
        load(write_coco([make_annotation(image_id=key)], [make_image(key)]))


def test_categories_by_text_are_numbers(write_coco: CocoWriter) -> None:
    data = load(write_coco([make_annotation(category_id=3)], categories=[{"id": "3", "name": "van"}]))
    assert data.schema.classes == {"van": 3} and data.problems == ()
    with pytest.raises(DataError, match=r"category .*whole number"):
        load(write_coco([make_annotation()], categories=[{"id": True, "name": "van"}]))


@pytest.mark.parametrize(
    ("flag", "crowd"), [("0", 0), ("1", 1), (False, 0), (True, 1), (None, 0), ("false", 0), ("True", 1), (0.0, 0)]
)
def test_crowds_by_any_word(write_coco: CocoWriter, flag: Any, crowd: int) -> None:
    data = load(write_coco([make_annotation(iscrowd=flag, bbox=[1, 1, 5, 5]), make_annotation(id=2)]))
    assert data[0].labels is not None
    assert (len(data[0].labels), len(data[0].crowds)) == (2 - crowd, crowd) and data.problems == ()


@pytest.mark.parametrize("flag", ["maybe", 2, -1, [0]])
def test_a_word_that_is_none_is_reported_and_the_object_kept(write_coco: CocoWriter, flag: Any) -> None:
    data = load(write_coco([make_annotation(iscrowd=flag)]))
    assert data[0].labels is not None and len(data[0].labels) == 1
    assert read_crowd_flag(flag) is None
    (reason,) = [one.reason for one in data.problems]
    assert "iscrowd" in reason and "expected 0 or 1" in reason


def test_what_crowds_are(write_coco: CocoWriter) -> None:
    region = np.zeros(SIDES, np.uint8)
    region[2:20, 20:30] = 1
    crowd = make_annotation(
        id=9, iscrowd=1, category_id=5, bbox=[20, 2, 10, 18], area=170, segmentation=encode_mask(region)
    )
    sample = load(write_coco([make_annotation(), crowd]))[0]
    (found,) = sample.crowds
    assert (found.label, found.area, found.box.tolist()) == (5, 170, [20, 2, 30, 20])
    assert np.array_equal(found.mask, region) and found.mask.dtype == bool
    assert sample.areas.tolist() == [77.5]


@pytest.mark.parametrize(("area", "right"), [(3, 3), (0, 80), (None, 80), ("3", 80), (float("nan"), 80), (True, 80)])
def test_areas(write_coco: CocoWriter, area: Any, right: float) -> None:
    assert load(write_coco([make_annotation(area=area)]))[0].areas.tolist() == [right]


def test_a_file_of_crowds_alone_is_reported(write_coco: CocoWriter) -> None:
    (reason,) = list_reasons(write_coco([make_annotation(iscrowd=1), make_annotation(id=2, iscrowd=1)]))
    assert reason.startswith("each of 2 annotations that can be used has iscrowd 1")


def test_ids_that_are_there_twice_are_reported(write_coco: CocoWriter) -> None:
    assert list_reasons(write_coco([make_annotation(), make_annotation(), make_annotation(id="x")])) == [
        "1 ids of annotations are there twice: 1"
    ]


@pytest.mark.parametrize(
    "annotations",
    [
        [make_annotation(bbox=[0.1, 0.2, 0.5, 0.4])],
        [make_annotation(bbox=[0.1, 0.2, 0.5, 0.4]), make_annotation(bbox=[0, 0, 1, 1])],
        [make_annotation(bbox=[0.1, 0.2, 0.5, 0.4], segmentation=[[0.1, 0.2, 0.6, 0.2, 0.6, 0.6]])],
        [make_annotation(bbox=None, segmentation=[[0.1, 0.2, 0.6, 0.2, 0.6, 0.6]])],
    ],
)
def test_shares_of_the_picture_are_refused(write_coco: CocoWriter, annotations: list[Any]) -> None:
    with pytest.raises(DataError, match=r"that are shares of the picture, such as \[0\.1, 0\.2, .*; expected pixels"):
        load(write_coco(annotations))


def test_one_share_among_pixels_is_reported(write_coco: CocoWriter) -> None:
    root = write_coco(
        [make_annotation(bbox=[0.1, 0.2, 0.5, 0.4]), make_annotation(id=2), make_annotation(id=3, bbox=[0, 0, 1, 1])]
    )
    assert len(load(root)[0].areas) == 2
    (reason,) = list_reasons(root)
    assert reason.startswith("annotation 1 of a.png: box [0.1, 0.2, 0.5, 0.4], less than a pixel")


def test_polygons_in_shares_beside_boxes_in_pixels_are_reported(write_coco: CocoWriter) -> None:
    root = write_coco([make_annotation(segmentation=[[0.1, 0.2, 0.6, 0.2, 0.6, 0.6]])])
    assert load(root)[0].mask is None
    (reason,) = list_reasons(root)
    assert "a polygon [0.1, 0.2" in reason and "in pixels" in reason


def test_boxes_that_are_corners_are_refused(write_coco: CocoWriter) -> None:
    corners = [[20, 10, 30, 20], [1, 2, 9, 12], [12, 3, 25, 22], [25, 15, 31, 23]]
    with pytest.raises(DataError, match=r"boxes that are x1, y1, x2, y2, such as \[20, 10, 30, 20\]; expected x, y, w"):
        load(write_coco([make_annotation(id=i, bbox=box) for i, box in enumerate(corners)]))
    inside = [make_annotation(id=i, bbox=[3, 2, 4, 4]) for i in range(12)]  # so that most do not reach out
    assert not load(
        write_coco([make_annotation(id=i + 20, bbox=box) for i, box in enumerate(corners[:2])] + inside)
    ).problems


def test_polygons_tell_that_boxes_are_corners(write_coco: CocoWriter) -> None:
    outline = [[5, 4, 15, 4, 15, 12, 5, 12]]
    with pytest.raises(DataError, match="boxes that are x1, y1, x2, y2"):
        load(write_coco([make_annotation(bbox=[5, 4, 15, 12], segmentation=outline)]))
    assert not load(write_coco([make_annotation(bbox=[5, 4, 10, 8], segmentation=outline)])).problems


def test_a_mask_beside_its_box_is_reported_and_the_box_kept(write_coco: CocoWriter) -> None:
    region = np.zeros(SIDES, np.uint8)
    region[6:14, 4:14] = 1
    flat = np.ascontiguousarray(region).ravel()  # rows one after the other, where COCO has columns
    edges = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff([0, *edges, flat.size]).tolist()
    turned = make_annotation(segmentation={"size": list(SIDES), "counts": counts})
    data = load(write_coco([turned, make_annotation(id=2, segmentation=encode_mask(region))]))
    assert np.array_equal(data[0].instances == 2, region) and data[0].areas.tolist() == [77.5, 77.5]
    (reason,) = [one.reason for one in data.problems]
    assert reason.startswith("annotation 1 of a.png: a mask within [") and "its box is kept" in reason


def test_a_polygon_without_its_own_list_is_read(write_coco: CocoWriter) -> None:
    data = load(write_coco([make_annotation(segmentation=[4, 6, 14, 6, 14, 14, 4, 14])]))
    assert data[0].mask is not None and (data[0].mask > 0).sum() == 80 and data.problems == ()


def test_crowds_of_a_brush_are_reported(write_coco: CocoWriter) -> None:
    attributes = {"attributes": {"occluded": False}}
    messages = list_reasons(write_coco([make_annotation(iscrowd=1) | attributes, make_annotation(id=2) | attributes]))
    assert len(messages) == 1 and messages[0].startswith(
        "1 annotations are left out as crowds by iscrowd 1, which CVAT writes"
    )
