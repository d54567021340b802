"""Boxes, polygons and what is left of them: worked examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domaingan.adapters.annotations.annotated_objects import AnnotatedObject, clip_box, read_annotation
from domaingan.adapters.annotations.annotation_changes import AnnotationChanges, _remove_covered_part, _update_box
from domaingan.adapters.annotations.made_annotations import describe_geometry
from domaingan.adapters.annotations.object_polygons import (
    MAX_OUTLINE_PIXELS,
    _measure_outline,
    _parse_corners,
    read_mask,
)
from domaingan.adapters.annotations.run_lengths import decode_mask, encode_mask
from domaingan.adapters.coco.annotation_files import parse_split_name
from domaingan.adapters.coco.coco_document import WrittenImage, _describe_image
from domaingan.adapters.coco.coco_units import check_units
from domaingan.adapters.coco.id_allocator import IdAllocator
from domaingan.core.errors import DataError

SHAPE = (12, 16)


def read(annotation: dict[str, Any]) -> tuple[AnnotatedObject, list[str]]:
    reasons: list[str] = []
    return read_annotation(annotation, 5, 3, SHAPE, reasons.append), reasons


def test_a_polygon_thinner_than_a_pixel_has_no_mask_and_keeps_its_box() -> None:
    found, reasons = read({"bbox": [2, 3, 6, 0.2], "segmentation": [[2, 3, 8, 3, 8, 3.2, 2, 3.2]]})
    assert found.run_lengths is None and reasons == []
    assert found.box == (2, 3, 8, 3.2) and found.area == pytest.approx(1.2)


def test_a_polygon_of_one_pixel_has_a_mask() -> None:
    found, _ = read({"segmentation": [[2, 3, 3, 3, 3, 4, 2, 4]]})
    assert found.run_lengths is not None
    assert np.argwhere(decode_mask(found.run_lengths)).tolist() == [[3, 2]]
    assert found.box == (2, 3, 3, 4) and found.area == 1 and found.class_value == 5 and found.annotation_index == 3


def test_the_area_is_as_annotated_else_of_the_mask_else_of_the_box() -> None:
    polygon = [[2, 1, 6, 1, 6, 5, 2, 5]]
    assert read({"bbox": [2, 1, 4, 4], "segmentation": polygon, "area": 7.5})[0].area == 7.5
    assert read({"bbox": [1, 1, 6, 4], "segmentation": polygon, "area": 0})[0].area == 16
    assert read({"bbox": [1, 1, 6, 4]})[0].area == 24


@pytest.mark.parametrize(
    ("bbox", "box"),
    [
        ([-3, 2, 5, 4], (0, 2, 2, 6)),
        ([14, 10, 5, 5], (14, 10, 16, 12)),
        ([15.99, 11.5, 4, 4], (15.99, 11.5, 16, 12)),
    ],
)
def test_boxes_are_clipped_to_the_image(bbox: list[float], box: tuple[float, ...]) -> None:
    assert clip_box(bbox, SHAPE) == box


@pytest.mark.parametrize("bbox", [[16, 2, 5, 4], [2, 12, 5, 4], [-5, 2, 5, 4], [15.996, 2, 5, 4]])
def test_a_box_outside_the_image_is_refused(bbox: list[float]) -> None:
    with pytest.raises(DataError, match=r"outside the image; expected one in 16×12 pixels"):
        clip_box(bbox, SHAPE)


def test_a_mask_may_reach_2_pixels_out_of_its_box_and_with_less_than_half_inside_it_is_dropped() -> None:
    polygon = [[4, 2, 12, 2, 12, 6, 4, 6]]  # 8 × 4 pixels
    inside, reasons = read({"bbox": [6, 4, 4, 1], "segmentation": polygon})
    assert inside.run_lengths is not None and reasons == []  # the margin of 2 covers 8 × 5 pixels
    # A box of 1 × 4 at the left covers columns 4 to 6 of 8 with its margin: 3 of 8 columns.
    dropped, reasons = read({"bbox": [4, 2, 1, 4], "segmentation": polygon})
    assert dropped.run_lengths is None and dropped.box == (4, 2, 5, 6)
    assert reasons == ["a mask within [4.0, 2.0, 8.0, 4.0]; expected it within the box [4, 2, 1, 4]; its box is kept"]
    # One column more makes half of them.
    assert read({"bbox": [4, 2, 2, 4], "segmentation": polygon})[0].run_lengths is not None


def test_an_outline_is_as_long_as_the_way_to_it_and_around_it() -> None:
    reasons: list[str] = []
    far = MAX_OUTLINE_PIXELS / 2

    def draw(width: float) -> list[float]:
        return [far, 0, far + width, 0, far + width, 1, far, 1]

    read_mask([draw(0.4 * far)], SHAPE, reasons.append)  # half of it to the corner, 0.4 of it there and back
    assert reasons == []
    assert read_mask([draw(1.1 * far)], SHAPE, reasons.append) is None
    assert len(reasons) == 1 and "far out of the picture" in reasons[0]


def test_geometry_is_left_top_width_height_and_pixels() -> None:
    mask = np.zeros(SHAPE, bool)
    mask[2:5, 7:12] = True
    mask[3, 8] = False
    made = describe_geometry(mask)
    assert made["bbox"] == [7, 2, 5, 3] and made["area"] == 14
    np.testing.assert_array_equal(decode_mask(made["segmentation"]), mask)


def test_a_box_that_is_covered_keeps_the_share_of_its_area() -> None:
    changes = AnnotationChanges()
    one = AnnotatedObject(1, (2.0, 2.0, 10.0, 6.0), area=16.0, annotation_index=4)  # of 8 × 4 pixels half is the object
    _update_box(changes, one, np.array([2, 2, 6, 6], np.float32))
    assert changes.new_geometries == {4: {"bbox": [2, 2, 4, 4], "area": 8}}
    _update_box(changes, AnnotatedObject(1, (2.0, 2.0, 10.0, 6.0), area=16.0), np.array([2, 2, 10, 6], np.float32))
    assert list(changes.new_geometries) == [4]


@pytest.mark.parametrize(
    ("has_mask", "visible", "is_dropped"), [(True, 2, False), (True, 1, True), (False, 3, False), (False, 1, True)]
)
def test_an_annotation_of_which_less_than_a_fifth_is_visible_is_dropped(
    has_mask: bool, visible: int, is_dropped: bool
) -> None:
    mask = np.zeros(SHAPE, bool)
    mask[0:2, 0:5] = True
    pasted = mask.copy()
    pasted[0, :visible] = False  # so many of 10 pixels stay visible
    box = (0.0, 0.0, 5.0, 2.0)
    one = AnnotatedObject(1, box, encode_mask(mask) if has_mask else None, 10.0, 6)
    changes = AnnotationChanges()
    _remove_covered_part(changes, one, pasted)
    assert changes.dropped_indices == ([6] if is_dropped else [])
    has_new_geometry = has_mask and not is_dropped
    assert list(changes.new_geometries) == ([6] if has_new_geometry else [])


def test_new_ids_follow_the_highest_and_are_texts_where_all_are() -> None:
    ids = IdAllocator([{"id": 7}, {"id": "9"}, {"id": "x"}, "no object"])
    assert [ids.allocate(), ids.allocate()] == [10, 11]
    assert [ids.keep_or_replace(7), ids.keep_or_replace(7.0), ids.keep_or_replace(None)] == [7, 12, 13]
    texts = IdAllocator([{"id": "a"}, {"id": "b"}])
    assert texts.allocate() == "1" and IdAllocator([]).allocate() == 1


def test_boxes_that_reach_out_by_2_pixels_are_in_doubt_of_nothing() -> None:
    """A quarter of the boxes must reach out farther before they are taken for corners."""
    good = ({"bbox": [2, 2, 8, 8]}, SHAPE)
    within = ({"bbox": [10, 2, 8, 8]}, SHAPE)  # to column 18 of 16
    beyond = ({"bbox": [8, 2, 12, 8]}, SHAPE)  # to column 20 of 16; as corners within
    check_units([within] * 4, "a.json")  # type: ignore[arg-type]
    check_units([beyond] + [good] * 4, "a.json")  # type: ignore[arg-type]
    check_units([beyond] * 3, "a.json")  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"boxes that are x1, y1, x2, y2, such as \[8, 2, 12, 8\]"):
        check_units([beyond] + [({"bbox": [2, 2, 8, 8]}, SHAPE)] * 3, "a.json")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("file", "split"),
    [
        ("annotations/instances_train2017.json", "train2017"),
        ("annotations/instances_default.json", ""),
        ("annotations/val-labels.json", "val"),
        ("annotations/coco.test.json", "test"),
        ("annotations/labels.json", ""),
        ("annotations/relabels_x.json", "relabels_x"),
        ("train/_annotations.coco.json", "train"),
        ("result.json", ""),
        ("annotations/person_keypoints_val.json", "val"),
    ],
)
def test_the_split_is_what_is_left_of_a_file_name(tmp_path: Any, file: str, split: str) -> None:
    assert parse_split_name(tmp_path / file, tmp_path) == split


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("instances_train2017", "train2017"),
        ("instances_default", ""),
        ("person_keypoints_val", "val"),
        ("val-labels", "val"),
        ("val_default", "val"),
        ("mydefault", "mydefault"),  # no separator parts the word
        ("defaults", "defaults"),
        ("_annotations.coco", ""),
        ("coco_label test", "test"),
    ],
)
def test_the_split_is_what_is_left_of_a_files_name(stem: str, expected: str) -> None:
    root = Path("set")
    assert parse_split_name(root / "annotations" / f"{stem}.json", root) == expected
    in_folder = parse_split_name(root / "valid" / f"{stem}.json", root)
    assert in_folder == (expected or "valid")


@pytest.mark.parametrize(
    ("stored", "is_polygon"),
    [
        ([0, 0, 4, 0, 4, 4], True),
        ([0, 0, 4, 0], False),
        ([0, 0, 4, 0, 4], False),
        ([0, 0, 4, 0, 4, 4, 1], False),
        ([0, 0, 4, 0, 4, True], False),
        ([0, 0, 4, 0, 4, float("inf")], False),
        ([0, 0, 4, 0, 4, 10**400], False),
        ("polygon", False),
    ],
)
def test_a_polygon_has_three_corners_of_two_finite_numbers(stored: Any, is_polygon: bool) -> None:
    corners = _parse_corners(stored)
    assert (corners is not None) is is_polygon
    assert corners is None or corners.tolist() == [[0, 0], [4, 0], [4, 4]]


def test_an_outline_is_measured_along_its_longer_steps_and_the_way_there() -> None:
    assert _measure_outline(np.array([[10.0, 3.0], [14.0, 4.0], [14.0, 9.0]])) == 10 + 6 + 4 + 5


def test_an_image_is_described_as_its_file_does() -> None:
    image = WrittenImage("train/a.png", (12, 16), AnnotationChanges())
    kept = {"id": 4, "file_name": "train\\a.png", "height": 12, "width": 16, "licence": 2}
    assert _describe_image(image, kept) == kept
    by_address = {"coco_url": "https://host/x/train/a.png", "height": "12", "width": 16.0}
    assert _describe_image(image, by_address) == by_address
    renamed = _describe_image(image, {"file_name": "b.jpg", "height": 12, "width": 99})
    assert renamed == {"file_name": "train/a.png", "height": 12, "width": 16}
    assert _describe_image(image, {})["file_name"] == "train/a.png"
