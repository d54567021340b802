"""COCO sets written back: nothing is lost that was not pasted over, and pycocotools reads the rest."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as runs
from pycocotools.coco import COCO
from written_sets import write_dataset

from domaingan.adapters import load
from domaingan.adapters.coco.run_lengths import encode_mask, parse_counts
from domaingan.augmentation import AugmentedDataset
from domaingan.blend.occlusion import OccludedObjects, find_objects
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.data import Dataset, Sample

SIDES = (40, 60)
WHOLE = (slice(0, SIDES[0]), slice(0, SIDES[1]))


def region(top: int, left: int, bottom: int, right: int) -> np.ndarray:
    mask = np.zeros(SIDES, np.uint8)
    mask[top:bottom, left:right] = 1
    return mask


def polygon(top: int, left: int, bottom: int, right: int) -> list[list[float]]:
    return [[left, top, right, top, right, bottom, left, bottom]]


def counts(mask: np.ndarray) -> dict[str, Any]:
    return {"size": list(SIDES), "counts": parse_counts(encode_mask(mask)["counts"]).tolist()}


def thing(number: int, corners: tuple[int, int, int, int], **more: Any) -> dict[str, Any]:
    top, left, bottom, right = corners
    box = [left, top, right - left, bottom - top]
    known = {"id": number, "image_id": 30, "category_id": 0, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
    return known | {"segmentation": polygon(*corners)} | more


CROWD = thing(501, (0, 44, 30, 60), iscrowd=1, segmentation=counts(region(0, 44, 30, 60)))
ANNOTATIONS = [
    thing(900, (4, 4, 20, 14), attributes={"occluded": False, "track_id": 7}, score=0.25),
    thing(41, (10, 8, 30, 24), category_id=1, segmentation=encode_mask(region(10, 8, 30, 24))),  # overlaps the first
    thing(12, (22, 30, 38, 40), keypoints=[31, 24, 2, 38, 36, 2, 0, 0, 0], num_keypoints=2),
    CROWD,
    thing(13, (30, 44, 38, 52), category_id=1, segmentation=[], image_id=30),
    thing(77, (5, 5, 12, 12), image_id=8),
    thing(78, (2, 2, 4, 4), category_id=99),  # of no category: nobody can use it, and nobody throws it away
]
DOCUMENT: dict[str, Any] = {
    "info": {"description": "three junctions", "year": 2021, "contributor": "Ä"},
    "licenses": [{"id": 4, "name": "CC BY"}],
    "images": [
        {"id": 30, "file_name": "b.jpg", "height": 40, "width": 60, "license": 4, "weather": "rain"},
        {"id": 8, "file_name": "a.png", "height": 40, "width": 60, "date_captured": "2021-03-01"},
    ],
    "annotations": ANNOTATIONS,
    "categories": [
        {"id": 0, "name": "rider", "supercategory": "human", "keypoints": ["head", "foot"], "skeleton": [[1, 2]]},
        {"id": 1, "name": "tram", "supercategory": "vehicle", "colour": "#00f"},
        {"id": 9, "name": "cone"},
    ],
    "tool": {"version": "2.1"},
}


def put(root: Path, document: dict[str, Any] | None = None, file: str = "instances_train.json") -> Dataset:
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    (root / "images" / "train").mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(4).integers(0, 256, (*SIDES, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(root / "images" / "train" / "a.png")
    Image.fromarray(pixels).save(root / "images" / "train" / "b.jpg")
    (root / "annotations" / file).write_text(json.dumps(DOCUMENT if document is None else document, indent=1))
    return load(root)


def paste(sample: Sample, mask: np.ndarray, label: int) -> Sample:
    """What a paste makes of a sample, without a bank: grey where the mask is."""
    assert sample.mask is not None
    covered = OccludedObjects.from_objects(find_objects(sample, [1, 2, 10]))
    covered.add(WHOLE, mask > 0, label, int(mask.sum()))
    image = np.where(mask > 0, np.float32(0.5), sample.image).astype(np.float32)
    return replace(covered.to_sample(sample), image=image, mask=np.where(mask > 0, label, sample.mask).astype(np.uint8))


def written(out: Path, file: str = "instances_train.json") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "annotations" / file).read_text())
    return found


def by_id(document: dict[str, Any]) -> dict[Any, dict[str, Any]]:
    return {one["id"]: one for one in document["annotations"]}


@pytest.fixture
def blended(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Paste into the first image, write, and give what was written."""

    def blend(mask: np.ndarray, label: int = 1) -> dict[str, Any]:
        data = put(tmp_path / "in")
        write_dataset([paste(data[0], mask, label), data[1]], data, tmp_path / "out")
        return written(tmp_path / "out")

    return blend


# ------------------------------------------------------------------ nothing pasted


def test_what_was_not_changed_is_a_copy(tmp_path: Path) -> None:
    data = put(tmp_path / "in")
    write_dataset(data, data, tmp_path / "out")
    files = [one.relative_to(tmp_path / "in") for one in (tmp_path / "in").rglob("*") if one.is_file()]
    assert len(files) == 3
    for one in files:
        assert (tmp_path / "in" / one).read_bytes() == (tmp_path / "out" / one).read_bytes(), one


def test_a_part_of_the_images(tmp_path: Path) -> None:
    data = put(tmp_path / "in")
    write_dataset([data[1]], data, tmp_path / "out")
    found = written(tmp_path / "out")
    assert found == DOCUMENT | {"images": DOCUMENT["images"][1:], "annotations": [ANNOTATIONS[5]]}
    assert list(found) == list(DOCUMENT)


def test_a_byte_order_mark_is_left_out(tmp_path: Path) -> None:
    put(tmp_path / "in")
    path = tmp_path / "in" / "annotations" / "instances_train.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    data = load(tmp_path / "in")
    write_dataset(data, data, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "annotations" / "instances_train.json").read_bytes()) == DOCUMENT


def test_a_file_that_changed_meanwhile_is_refused(tmp_path: Path) -> None:
    data = put(tmp_path / "in")
    path = tmp_path / "in" / "annotations" / "instances_train.json"
    path.write_text(path.read_text() + " ")
    with pytest.raises(DataError, match=r"instances_train\.json: changed since its samples were read"):
        write_dataset(data, data, tmp_path / "out")
    path.unlink()
    with pytest.raises(DataError, match="no such file"):
        write_dataset(data, data, tmp_path / "other")
    assert not (tmp_path / "out").exists() and not (tmp_path / "other").exists()


def test_a_file_of_key_points_alone_is_read(tmp_path: Path) -> None:
    data = put(tmp_path / "in", file="person_keypoints_train.json")
    assert [record.name for record in data.records] == ["train/b", "train/a"]
    write_dataset(data, data, tmp_path / "out")
    assert written(tmp_path / "out") == DOCUMENT


def test_files_of_other_tasks_are_said_not_to_be_written(tmp_path: Path) -> None:
    data = put(tmp_path / "in")
    for name in ("captions_train.json", "person_keypoints_train.json", "notes.json"):
        (tmp_path / "in" / "annotations" / name).write_text("{}")
    said = "not written, as they are of other tasks: captions_train.json, person_keypoints_train.json"
    with pytest.warns(AssumptionWarning, match=said):
        write_dataset(data, data, tmp_path / "out")


# ---------------------------------------------------------------------- pasted over


def test_a_paste_beside_everything_only_adds(blended: Callable[..., dict[str, Any]]) -> None:
    found = blended(region(30, 0, 36, 6))
    added = found["annotations"].pop()
    assert found == DOCUMENT | {"images": [DOCUMENT["images"][0] | {"file_name": "b.png"}, DOCUMENT["images"][1]]}
    assert added["id"] == 901 and (added["image_id"], added["category_id"], added["iscrowd"]) == (30, 0, 0)
    assert added["bbox"] == [0, 30, 6, 6] and added["area"] == 36
    assert np.array_equal(runs.decode(added["segmentation"]), region(30, 0, 36, 6))


def test_only_what_is_covered_changes(blended: Callable[..., dict[str, Any]]) -> None:
    found = by_id(blended(region(22, 20, 40, 36), label=2))
    whole = by_id(DOCUMENT)
    assert [key for key in whole if found[key] != whole[key]] == [41, 12]
    tram, rider = found[41], found[12]
    left = region(10, 8, 30, 24) & ~region(22, 20, 40, 36)
    assert np.array_equal(runs.decode(tram["segmentation"]), left) and tram["area"] == left.sum()
    assert tram["bbox"] == [8, 10, 16, 20]
    assert rider["bbox"] == [36, 22, 4, 16] and rider["area"] == 4 * 16
    assert rider["keypoints"] == [31, 24, 1, 38, 36, 2, 0, 0, 0] and rider["num_keypoints"] == 2
    kept = {"bbox", "area", "segmentation", "keypoints"}
    for key in (41, 12):
        assert {name: value for name, value in found[key].items() if name not in kept} == {
            name: value for name, value in whole[key].items() if name not in kept
        }
    assert found[901]["category_id"] == 1


def test_what_is_nearly_hidden_goes(blended: Callable[..., dict[str, Any]]) -> None:
    found = by_id(blended(region(22, 30, 38, 39)))  # nine of the rider's ten columns
    assert 12 not in found and {900, 41, 501, 13, 77, 78, 901} == set(found)


@pytest.mark.parametrize(("last_row", "stays"), [(38, True), (39, False)])
def test_a_crowd_without_a_mask_stays_while_a_fifth_is_visible(tmp_path: Path, last_row: int, stays: bool) -> None:
    crowd = thing(501, (30, 44, 40, 54), iscrowd=1, segmentation=[])
    data = put(tmp_path / "in", DOCUMENT | {"annotations": [*ANNOTATIONS[:3], crowd]})
    after = paste(data[0], region(30, 44, last_row, 54), label=1)
    write_dataset([after, data[1]], data, tmp_path / "out")
    assert (501 in by_id(written(tmp_path / "out"))) == stays


def test_a_crowd_is_cut_in_its_own_kind_of_run_lengths(blended: Callable[..., dict[str, Any]]) -> None:
    crowd = by_id(blended(region(0, 40, 15, 60)))[501]
    left = region(15, 44, 30, 60)
    assert crowd["segmentation"] == counts(left) and crowd["area"] == 240 and crowd["bbox"] == [44, 15, 16, 15]
    assert crowd["iscrowd"] == 1 and crowd["image_id"] == 30


def test_a_hidden_crowd_goes(blended: Callable[..., dict[str, Any]]) -> None:
    assert 501 not in by_id(blended(region(0, 40, 28, 60)))


def test_overlapping_masks_are_not_cut_into_each_other(blended: Callable[..., dict[str, Any]]) -> None:
    found = by_id(blended(region(4, 4, 8, 14)))  # a quarter of the first, nothing of the second that overlaps it
    first = runs.decode(found[900]["segmentation"])
    assert np.array_equal(first, region(8, 4, 20, 14)) and found[41] == ANNOTATIONS[1]


def test_two_pastes_one_before_the_other(tmp_path: Path) -> None:
    data = put(tmp_path / "in")
    once = paste(data[0], region(30, 0, 38, 10), 1)
    covered = OccludedObjects.from_objects(find_objects(once, [1, 2, 10]))
    covered.origins = np.asarray(once.origins)
    second = region(30, 4, 38, 14)
    covered.add(WHOLE, second > 0, 2, int(second.sum()))
    write_dataset([covered.to_sample(once)], data, tmp_path / "out")
    found = written(tmp_path / "out")["annotations"]
    assert found[:-2] == [one for one in ANNOTATIONS if one["image_id"] == 30]
    assert [one["bbox"] for one in found[-2:]] == [[0, 30, 4, 8], [4, 30, 10, 8]]


def test_boxes_alone_lose_what_is_covered(tmp_path: Path) -> None:
    boxes = [thing(1, (4, 4, 20, 24), segmentation=[]), thing(2, (22, 30, 38, 40), segmentation=[])]
    document = DOCUMENT | {"annotations": [*boxes, thing(3, (24, 2, 30, 8))]}
    data = put(tmp_path / "in", document)
    sample = data[0]
    assert sample.boxes is not None and sample.labels is not None
    made = replace(
        sample,
        boxes=np.array([[4, 4, 14, 20], [2, 24, 8, 30], [14, 4, 24, 20]], np.float32),
        labels=np.array([1, 1, 2]),
        instances=None,
        mask=None,
        origins=np.array([0, 2, -1]),
    )
    write_dataset([made], data, tmp_path / "out")
    first, third, new = written(tmp_path / "out")["annotations"]
    assert first == boxes[0] | {"bbox": [4, 4, 10, 16], "area": 160}
    assert third == document["annotations"][2]
    assert (new["bbox"], new["segmentation"], new["id"], new["category_id"]) == ([14, 4, 10, 16], [], 4, 1)


# --------------------------------------------------------------------- pycocotools


def test_pycocotools_reads_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usable = [one for one in ANNOTATIONS if one["segmentation"] and one["category_id"] != 99]
    bare = [{key: value for key, value in one.items() if key not in ("id", "area", "iscrowd")} for one in usable[:2]]
    data = put(tmp_path / "in", DOCUMENT | {"annotations": [*usable, *bare]})
    write_dataset([paste(data[0], region(22, 20, 40, 36), 10), data[1]], data, tmp_path / "out")
    found = COCO(str(tmp_path / "out" / "annotations" / "instances_train.json"))
    back = load(tmp_path / "out")
    assert len(found.anns) == len(usable) + 3 and sorted(found.getCatIds()) == [0, 1, 9]
    for one in found.anns.values():
        mask = found.annToMask(one)
        assert mask.shape == SIDES and mask.sum() > 0
        assert abs(int(mask.sum()) - one["area"]) <= 0.02 * one["area"]
        assert np.allclose(runs.toBbox(found.annToRLE(one)), one["bbox"], atol=1)
    assert len(found.getAnnIds(iscrowd=True)) == 1 and back.problems == ()
    sample = paste(data[0], region(22, 20, 40, 36), 10)
    assert sorted(back[0].labels.tolist()) == sorted(sample.labels.tolist())
    capsys.readouterr()


# ------------------------------------------------------------------- other sources


def test_copies_beside_their_original_have_ids_of_their_own(tmp_path: Path) -> None:
    data = put(tmp_path / "in")
    copied = data[0]
    copied.source = replace(copied.source, name="train/b-2")
    write_dataset([copied, data[0], data[1]], data, tmp_path / "out")
    found = written(tmp_path / "out")
    assert [(one["id"], one["file_name"]) for one in found["images"]] == [(30, "b.jpg"), (31, "b-2.jpg"), (8, "a.png")]
    assert found["images"][1]["weather"] == "rain"
    assert found["annotations"][: len(ANNOTATIONS)] == ANNOTATIONS
    more = found["annotations"][len(ANNOTATIONS) :]
    assert [one["id"] for one in more] == [901, 902, 903, 904, 905, 906] and {one["image_id"] for one in more} == {31}
    whole = [one for one in ANNOTATIONS if one["image_id"] == 30]
    assert [one | {"id": 0, "image_id": 0} for one in more] == [one | {"id": 0, "image_id": 0} for one in whole]


def test_ids_that_are_texts(tmp_path: Path) -> None:
    document = copy.deepcopy(DOCUMENT)
    for one in document["images"]:
        one["id"] = f"token-{one['id']}"
    for one in document["annotations"]:
        one |= {"id": f"n{one['id']}", "image_id": f"token-{one['image_id']}"}
    data = put(tmp_path / "in", document)
    write_dataset([paste(data[0], region(30, 0, 36, 6), 1), data[1]], data, tmp_path / "out")
    *kept, added = written(tmp_path / "out")["annotations"]
    assert kept == document["annotations"] and (added["id"], added["image_id"]) == ("1", "token-30")


def test_two_files_of_one_split_become_one(tmp_path: Path) -> None:
    put(tmp_path / "in")
    second = {"info": {}, "images": [DOCUMENT["images"][0] | {"file_name": "c.png"}]}
    second |= {"annotations": ANNOTATIONS[:2], "categories": DOCUMENT["categories"][:2]}
    (tmp_path / "in" / "train").mkdir()
    Image.new("RGB", SIDES[::-1]).save(tmp_path / "in" / "train" / "c.png")
    (tmp_path / "in" / "train" / "_annotations.coco.json").write_text(json.dumps(second))
    (tmp_path / "in" / "annotations" / "instances_train.json").rename(tmp_path / "in" / "annotations" / "train.json")
    data = load(tmp_path / "in")
    assert len(data) == 3 and data.problems[0].reason.startswith("annotation 78")
    write_dataset(data, data, tmp_path / "out")
    found = written(tmp_path / "out")
    assert found["annotations"][:-2] == ANNOTATIONS and found["info"] == DOCUMENT["info"]
    assert [one["id"] for one in found["images"]] == [30, 8, 31]
    assert [(one["id"], one["image_id"]) for one in found["annotations"][-2:]] == [(901, 31), (902, 31)]
    assert len(load(tmp_path / "out")) == 3


def test_a_class_that_a_file_has_not_is_added(tmp_path: Path) -> None:
    put(tmp_path / "in", DOCUMENT | {"categories": DOCUMENT["categories"][:2]})
    other = {"images": [DOCUMENT["images"][1]], "annotations": [], "categories": DOCUMENT["categories"]}
    (tmp_path / "in" / "annotations" / "instances_val.json").write_text(json.dumps(other))
    (tmp_path / "in" / "images" / "val").symlink_to(tmp_path / "in" / "images" / "train")
    data = load(tmp_path / "in")
    assert data.schema.classes == {"rider": 1, "tram": 2, "cone": 10}
    write_dataset([paste(data[0], region(30, 0, 36, 6), 10), data[2]], data, tmp_path / "out")
    found = written(tmp_path / "out")
    assert found["categories"] == [*DOCUMENT["categories"][:2], {"id": 9, "name": "cone", "supercategory": ""}]
    assert found["annotations"][-1]["category_id"] == 9
    assert load(tmp_path / "out").schema.classes == data.schema.classes


# ------------------------------------------------------------------------ moved


@pytest.mark.parametrize("masks", [True, False])
def test_classic_augmentation_moves_objects_and_crowds_and_keeps_what_is_said(tmp_path: Path, masks: bool) -> None:
    document = copy.deepcopy(DOCUMENT)
    for one in document["annotations"]:
        one["segmentation"] = one["segmentation"] if masks else []
    data = put(tmp_path / "in", document)
    made = AugmentedDataset(data, None, "strong", seed=4)
    samples = [made[i] for i in range(2)]
    assert samples[0].is_moved and samples[0].areas is None
    write_dataset(samples, data, tmp_path / "out")
    found = written(tmp_path / "out")
    assert {key: found[key] for key in ("info", "licenses", "categories", "tool")} == {
        key: DOCUMENT[key] for key in ("info", "licenses", "categories", "tool")
    }
    assert [one["id"] for one in found["images"]] == [30, 8]
    first = by_id(found)[900]
    assert by_id(found)[13]["category_id"] == 1  # which has a box alone
    assert first["attributes"] == {"occluded": False, "track_id": 7} and first["bbox"] != ANNOTATIONS[0]["bbox"]
    assert not any("keypoints" in one for one in found["annotations"])
    (crowd,) = [one for one in found["annotations"] if one["iscrowd"]]
    assert crowd["category_id"] == 0 and crowd["id"] > 900
    back = load(tmp_path / "out")
    for sample, again in zip(samples, back, strict=True):
        assert sample.boxes is not None and np.allclose(again.boxes, sample.boxes, atol=1e-3)
        assert np.array_equal(again.labels, sample.labels)
        if masks and sample.mask is not None:
            assert np.array_equal(again.mask > 0, sample.mask > 0)


def test_a_crowd_moves_as_the_picture_does(tmp_path: Path) -> None:
    data = put(tmp_path / "in")
    light = replace(data[0], image=np.stack([region(0, 44, 30, 60).astype(np.float32)] * 3))
    kept = Dataset(data.records[:1], lambda record: light, data.schema, data.root)
    for seed in range(3):
        moved = AugmentedDataset(kept, None, "light", seed=seed)[0]
        (crowd,) = moved.crowds
        shown = moved.image[0] > 0.5 * moved.image[0].max()
        assert (shown != crowd.mask).mean() < 0.02 and crowd.area == crowd.mask.sum()
        rows, columns = np.nonzero(crowd.mask)
        assert crowd.box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_samples_changed_by_somebody_else_are_written_as_they_are(tmp_path: Path) -> None:
    data = put(tmp_path / "in")
    sample = data[0]
    assert sample.mask is not None and sample.boxes is not None and sample.instances is not None
    flipped = replace(
        sample,
        image=sample.image[:, :, ::-1],
        mask=sample.mask[:, ::-1],
        instances=sample.instances[:, ::-1],
        boxes=np.stack([60 - sample.boxes[:, 2], sample.boxes[:, 1], 60 - sample.boxes[:, 0], sample.boxes[:, 3]], 1),
    )
    write_dataset([flipped], data, tmp_path / "out")
    found = written(tmp_path / "out")
    assert found["images"][0]["weather"] == "rain"
    assert all(one["id"] > 900 for one in found["annotations"])
    assert sorted(one["bbox"] for one in found["annotations"] if not one["iscrowd"]) == sorted(
        [x1, y1, x2 - x1, y2 - y1] for x1, y1, x2, y2 in flipped.boxes.tolist()
    )


def test_times_of_files_are_compared(tmp_path: Path) -> None:
    data = put(tmp_path / "in")
    os.utime(tmp_path / "in" / "annotations" / "instances_train.json", ns=(0, 0))
    with pytest.raises(DataError, match="changed since"):
        write_dataset([data[0]], data, tmp_path / "out")
