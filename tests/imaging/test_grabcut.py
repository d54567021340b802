"""Masks guessed out of boxes: where they may lie, that they are the same every time, and that nothing known changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from inprocess import answer, refused, run
from PIL import Image

import domaingan as dg
from domaingan.adapters.coco.coco_layout import CocoFolders
from domaingan.banks.find_objects import BOX_WITHOUT_MASK
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.data import Dataset, Record, Sample, Schema
from domaingan.imaging.grabcut import (
    _is_large_enough,
    _mark_window,
    _remove_specks,
    cut_masks_from_boxes,
    cut_object,
)

SCHEMA = Schema("coco", "frame", 2, ("red", "green", "blue"), {"ball": 1, "post": 2}, objects=("ball", "post"))


def a_frame(seed: int = 0) -> tuple[Sample, np.ndarray]:
    """A red disc and a blue bar on grey, with their boxes; and what is truly theirs, 1 and 2."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:80, :120]
    true = np.zeros((80, 120), np.int32)
    true[(rows - 40) ** 2 + (columns - 30) ** 2 < 14**2] = 1
    true[20:70, 80:92] = 2
    colours = np.array([[0.5, 0.5, 0.5], [0.9, 0.1, 0.1], [0.1, 0.2, 0.9]])
    image = np.moveaxis(colours[true], -1, 0) + rng.normal(0, 0.03, (3, 80, 120))
    boxes = np.array([[16, 26, 45, 55], [80, 20, 92, 70]], np.float32)
    sample = Sample(image.astype(np.float32).clip(0, 1), None, boxes, np.array([1, 2]), meta={"name": f"f{seed}"})
    return sample, true


def a_set(n: int = 3, frames: list[Sample] | None = None) -> Dataset:
    kept = frames or [a_frame(seed)[0] for seed in range(n)]
    records = [Record(sample.name, shape=sample.shape) for sample in kept]
    return Dataset(records, lambda record: kept[[r.name for r in records].index(record.name)], SCHEMA, "balls")


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_objects_are_found_in_their_boxes() -> None:
    sample, true = a_frame()
    masked, n = cut_masks_from_boxes(sample, np.random.default_rng(0))
    assert n == 2 and masked.instances is not None and masked.mask is not None
    for number, value in ((1, 1), (2, 2)):
        own = masked.instances == number
        assert iou(own, true == number) > 0.9
        assert (masked.mask[own] == value).all()
        x1, y1, x2, y2 = sample.boxes[number - 1].astype(int)  # type: ignore[index]
        assert not own[:y1].any() and not own[y2:].any() and not own[:, :x1].any() and not own[:, x2:].any()
    assert np.array_equal(masked.boxes, sample.boxes) and not masked.mask[masked.instances == 0].any()


def test_the_same_seed_cuts_the_same_masks_whatever_opencv_drew_before() -> None:
    import cv2

    sample = a_frame(4)[0]
    first = cut_masks_from_boxes(sample, np.random.default_rng(7))[0]
    cv2.setRNGSeed(123)
    again = cut_masks_from_boxes(sample, np.random.default_rng(7))[0]
    assert np.array_equal(first.instances, again.instances)


def test_masks_that_are_known_stay_and_lie_in_front() -> None:
    sample, true = a_frame()
    square = np.zeros((80, 120), np.int32)
    square[50:60, 40:50] = 1  # a corner of the first object's box is another's
    boxes = np.concatenate([[[40, 50, 50, 60]], sample.boxes]).astype(np.float32)
    known = replace(sample, boxes=boxes, labels=np.array([2, 1, 2]), mask=square * 2, instances=square)
    masked, n = cut_masks_from_boxes(known, np.random.default_rng(0))
    assert n == 2 and masked.instances is not None and masked.mask is not None
    assert (masked.instances[square == 1] == 1).all() and (masked.mask[square == 1] == 2).all()
    assert iou(masked.instances == 2, (true == 1) & (square == 0)) > 0.85
    assert not known.instances[true == 1].any() or (known.instances == square).all()  # what was given is not changed


@pytest.mark.parametrize("box", [[10, 10, 12, 40], [0, 0, 120, 80]])
def test_what_cannot_be_cut_is_left(box: list[float]) -> None:
    sample, _ = a_frame()
    pixels = (np.moveaxis(sample.image, 0, -1) * 255).astype(np.uint8)
    assert cut_object(pixels, np.array(box, np.float32), 0) is None
    masked, n = cut_masks_from_boxes(
        replace(sample, boxes=np.array([box], np.float32), labels=np.array([1])), np.random.default_rng(0)
    )
    assert n == 0 and masked.instances is not None and not masked.instances.any()


def test_frames_without_boxes_are_left_alone() -> None:
    sample = replace(a_frame()[0], boxes=None, labels=None)
    assert cut_masks_from_boxes(sample, np.random.default_rng(0)) == (sample, 0)


def test_crops_are_cut_where_asked_and_counted_where_not() -> None:
    with pytest.raises(DataError, match="6 objects with a box but no mask; expected masks; or --masks grabcut"):
        dg.crops(a_set(), size=32)
    with pytest.warns(AssumptionWarning, match="6 masks were cut out of boxes by GrabCut"):
        bank = dg.crops(a_set(), size=32, masks="grabcut")
    assert (
        len(bank) == 6
        and bank.count_conditions() == {"object": {"ball": 3, "post": 3}}
        and BOX_WITHOUT_MASK not in bank.info.left_out
    )
    sample, true = a_frame()
    mixed = replace(sample, mask=np.where(true == 1, 1, 0), instances=np.where(true == 1, 1, 0).astype(np.int32))
    some = dg.crops(a_set(frames=[mixed]), size=32)
    assert len(some) == 1 and some.info.left_out == {BOX_WITHOUT_MASK: 1}


@pytest.mark.parametrize("masks", ["sam", ""])
def test_other_ways_to_masks_are_refused(masks: str) -> None:
    with pytest.raises(DataError, match=f"masks {masks!r}; expected grabcut"):
        dg.crops(a_set(), size=32, masks=masks)


def write_boxes(root: Path, crowd: bool = False) -> Path:
    """A COCO set of boxes alone."""
    import json

    images, annotations = [], []
    for seed in range(4):
        sample, _ = a_frame(seed)
        (root / "images").mkdir(parents=True, exist_ok=True)
        pixels = (np.moveaxis(sample.image, 0, -1) * 255).astype(np.uint8)
        Image.fromarray(pixels).save(root / "images" / f"f{seed}.png")
        images.append({"id": seed, "file_name": f"f{seed}.png", "height": 80, "width": 120})
        for (x1, y1, x2, y2), value in zip(sample.boxes.tolist(), (1, 2), strict=True):  # type: ignore[union-attr]
            one = {"id": len(annotations), "image_id": seed, "category_id": value, "bbox": [x1, y1, x2 - x1, y2 - y1]}
            annotations.append(one | {"iscrowd": int(crowd and value == 2)})
    categories = [{"id": 1, "name": "ball"}, {"id": 2, "name": "post"}]
    (root / "annotations").mkdir()
    document = {"images": images, "annotations": annotations, "categories": categories}
    (root / "annotations" / "instances.json").write_text(json.dumps(document))
    return root


def test_the_command_shows_the_masks_beside_the_bank(tmp_path: Path) -> None:
    data = write_boxes(tmp_path / "set")
    message = refused("crops", data, "--out", tmp_path / "bank", "--size", "32")
    assert "8 objects with a box but no mask" in message and "--masks grabcut" in message
    assert not (tmp_path / "bank").exists()
    result = answer("crops", data, "--out", tmp_path / "bank", "--size", "32", "--masks", "grabcut")
    assert result["n"] == 8 and result["grid"] == str(tmp_path / "bank-masks.png")
    with Image.open(result["grid"]) as sheet:
        assert min(sheet.size) > 100
    assert "no ground is labelled" in result["notes"][0]


def test_crowds_are_never_cut(tmp_path: Path) -> None:
    data = CocoFolders().open(write_boxes(tmp_path / "set", crowd=True))
    with pytest.warns(AssumptionWarning, match="4 masks"):
        bank = dg.crops(data, size=32, masks="grabcut")
    assert bank.count_conditions() == {"object": {"ball": 4}}


def test_a_set_with_some_masks_says_how_many_boxes_were_left(tmp_path: Path) -> None:
    import json

    data = write_boxes(tmp_path / "set")
    file = data / "annotations" / "instances.json"
    document = json.loads(file.read_text())
    for one in document["annotations"][:2]:
        x, y, w, h = one["bbox"]
        one["segmentation"] = [[x, y, x + w, y, x + w, y + h, x, y + h]]
    file.write_text(json.dumps(document))
    code, out, _ = run("crops", data, "--out", tmp_path / "bank", "--size", "32")
    assert code == 0 and "left out: 6 objects with a box but no mask (--masks grabcut" in out


def test_a_generator_may_learn_from_masks_cut_out_of_boxes(tmp_path: Path) -> None:
    data = write_boxes(tmp_path / "set")
    arguments = (
        "--out",
        tmp_path / "model",
        "--target",
        "crops",
        "--condition",
        "object",
        "--size",
        "16",
        "--steps",
        "1",
    )
    assert "--masks grabcut" in refused("train", data, *arguments)
    assert answer("train", data, *arguments, "--masks", "grabcut", "--device", "cpu")["crops"] == 8


@pytest.mark.parametrize(("side", "margin"), [(40, 12), (20, 8)])
def test_a_window_has_a_margin_of_three_tenths_or_eight_pixels(side: int, margin: int) -> None:
    pixels = np.full((120, 140, 3), 100, np.uint8)
    pixels[50 : 50 + side, 60 : 60 + side] = (220, 30, 30)
    pixels[::2, ::3] += 5  # GrabCut needs some variance
    found = cut_object(pixels, np.array([60, 50, 60 + side, 50 + side], np.float32), 0)
    assert found is not None
    body, corner = found
    assert corner == (50 - margin, 60 - margin)
    assert body.shape == (side + 2 * margin, side + 2 * margin)
    assert body[margin:-margin, margin:-margin].mean() > 0.95 and body.sum() <= side**2


def test_boxes_of_three_pixels_and_of_a_whole_frame_are_not_cut() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    assert cut_object(pixels, np.array([10, 10, 30, 13], np.float32), 0) is None
    assert cut_object(pixels, np.array([0, 0, 40, 40], np.float32), 0) is None


def test_the_middle_of_a_box_is_marked_as_the_object() -> None:
    import cv2

    inside = np.zeros((40, 60), dtype=bool)
    inside[10:30, 10:50] = True
    marks = _mark_window(inside, (60, 40))
    assert (marks[~inside] == cv2.GC_BGD).all()
    is_sure = marks == cv2.GC_FGD
    # An ellipse with 0.7 of the box's axes: 14 pixels high, 28 wide.
    assert is_sure.sum() == pytest.approx(np.pi * 7 * 14, rel=0.03)
    assert is_sure[:, 30].sum() == 14 and is_sure[20].sum() == 28
    assert (marks[inside & ~is_sure] == cv2.GC_PR_FGD).all()


def test_specks_are_pieces_below_a_tenth_of_the_largest() -> None:
    body = np.zeros((6, 12), dtype=bool)
    body[0, :10] = body[2, 0] = True
    assert _remove_specks(body).sum() == 11
    body[1, 10] = True  # touches the piece's corner
    assert _remove_specks(body).sum() == 11 and not _remove_specks(body)[2, 0]


def test_a_mask_spans_half_of_its_box_both_ways() -> None:
    body = np.zeros((20, 20), dtype=bool)
    assert not _is_large_enough(body, (10, 10))
    body[3, 3:8] = body[3:8, 3] = True
    assert _is_large_enough(body, (10, 10))
    assert not _is_large_enough(body, (11, 10)) and not _is_large_enough(body, (10, 11))
