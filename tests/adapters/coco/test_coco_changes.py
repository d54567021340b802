"""COCO files written after pasting or augmentation: what changed is written, and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coco_documents import (
    ANNOTATIONS,
    DOCUMENT,
    WHOLE,
    count_runs,
    fill_region,
    make_annotation,
    paste_mask,
    read_written,
    write_document,
)
from pycocotools import mask as runs
from written_sets import write_dataset

from domaingan.adapters import load
from domaingan.augmentation import AugmentedDataset
from domaingan.blend.occlusion import OccludedObjects, find_objects
from domaingan.data import Dataset


def index_by_id(document: dict[str, Any]) -> dict[Any, dict[str, Any]]:
    return {one["id"]: one for one in document["annotations"]}


@pytest.fixture
def paste_and_write(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Paste into the first image, write, and give what was written."""

    def blend(mask: np.ndarray, label: int = 1) -> dict[str, Any]:
        data = write_document(tmp_path / "in")
        write_dataset([paste_mask(data[0], mask, label), data[1]], data, tmp_path / "out")
        return read_written(tmp_path / "out")

    return blend


def test_a_paste_beside_everything_only_adds(paste_and_write: Callable[..., dict[str, Any]]) -> None:
    found = paste_and_write(fill_region(30, 0, 36, 6))
    added = found["annotations"].pop()
    assert found == DOCUMENT | {"images": [DOCUMENT["images"][0] | {"file_name": "b.png"}, DOCUMENT["images"][1]]}
    assert added["id"] == 901 and (added["image_id"], added["category_id"], added["iscrowd"]) == (30, 0, 0)
    assert added["bbox"] == [0, 30, 6, 6] and added["area"] == 36
    assert np.array_equal(runs.decode(added["segmentation"]), fill_region(30, 0, 36, 6))


def test_only_what_is_covered_changes(paste_and_write: Callable[..., dict[str, Any]]) -> None:
    found = index_by_id(paste_and_write(fill_region(22, 20, 40, 36), label=2))
    whole = index_by_id(DOCUMENT)
    assert [key for key in whole if found[key] != whole[key]] == [41, 12]
    tram, rider = found[41], found[12]
    left = fill_region(10, 8, 30, 24) & ~fill_region(22, 20, 40, 36)
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


def test_what_is_nearly_hidden_goes(paste_and_write: Callable[..., dict[str, Any]]) -> None:
    found = index_by_id(paste_and_write(fill_region(22, 30, 38, 39)))  # nine of the rider's ten columns
    assert 12 not in found and {900, 41, 501, 13, 77, 78, 901} == set(found)


@pytest.mark.parametrize(("last_row", "stays"), [(38, True), (39, False)])
def test_a_crowd_without_a_mask_stays_while_a_fifth_is_visible(tmp_path: Path, last_row: int, stays: bool) -> None:
    crowd = make_annotation(501, (30, 44, 40, 54), iscrowd=1, segmentation=[])
    data = write_document(tmp_path / "in", DOCUMENT | {"annotations": [*ANNOTATIONS[:3], crowd]})
    after = paste_mask(data[0], fill_region(30, 44, last_row, 54), label=1)
    write_dataset([after, data[1]], data, tmp_path / "out")
    assert (501 in index_by_id(read_written(tmp_path / "out"))) == stays


def test_a_crowd_is_cut_in_its_own_kind_of_run_lengths(paste_and_write: Callable[..., dict[str, Any]]) -> None:
    crowd = index_by_id(paste_and_write(fill_region(0, 40, 15, 60)))[501]
    left = fill_region(15, 44, 30, 60)
    assert crowd["segmentation"] == count_runs(left) and crowd["area"] == 240 and crowd["bbox"] == [44, 15, 16, 15]
    assert crowd["iscrowd"] == 1 and crowd["image_id"] == 30


def test_a_hidden_crowd_goes(paste_and_write: Callable[..., dict[str, Any]]) -> None:
    assert 501 not in index_by_id(paste_and_write(fill_region(0, 40, 28, 60)))


def test_overlapping_masks_are_not_cut_into_each_other(paste_and_write: Callable[..., dict[str, Any]]) -> None:
    found = index_by_id(
        paste_and_write(fill_region(4, 4, 8, 14))
    )  # a quarter of the first, nothing of the second that overlaps it
    first = runs.decode(found[900]["segmentation"])
    assert np.array_equal(first, fill_region(8, 4, 20, 14)) and found[41] == ANNOTATIONS[1]


def test_two_pastes_one_before_the_other(tmp_path: Path) -> None:
    data = write_document(tmp_path / "in")
    once = paste_mask(data[0], fill_region(30, 0, 38, 10), 1)
    covered = OccludedObjects.from_objects(find_objects(once, [1, 2, 10]))
    covered.origins = np.asarray(once.origins)
    second = fill_region(30, 4, 38, 14)
    covered.add(WHOLE, second > 0, 2, int(second.sum()))
    write_dataset([covered.to_sample(once)], data, tmp_path / "out")
    found = read_written(tmp_path / "out")["annotations"]
    assert found[:-2] == [one for one in ANNOTATIONS if one["image_id"] == 30]
    assert [one["bbox"] for one in found[-2:]] == [[0, 30, 4, 8], [4, 30, 10, 8]]


def test_boxes_alone_lose_what_is_covered(tmp_path: Path) -> None:
    boxes = [make_annotation(1, (4, 4, 20, 24), segmentation=[]), make_annotation(2, (22, 30, 38, 40), segmentation=[])]
    document = DOCUMENT | {"annotations": [*boxes, make_annotation(3, (24, 2, 30, 8))]}
    data = write_document(tmp_path / "in", document)
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
    first, third, new = read_written(tmp_path / "out")["annotations"]
    assert first == boxes[0] | {"bbox": [4, 4, 10, 16], "area": 160}
    assert third == document["annotations"][2]
    assert (new["bbox"], new["segmentation"], new["id"], new["category_id"]) == ([14, 4, 10, 16], [], 4, 1)


@pytest.mark.parametrize("masks", [True, False])
def test_classic_augmentation_moves_objects_and_crowds_and_keeps_what_is_reported(tmp_path: Path, masks: bool) -> None:
    document = copy.deepcopy(DOCUMENT)
    for one in document["annotations"]:
        one["segmentation"] = one["segmentation"] if masks else []
    data = write_document(tmp_path / "in", document)
    made = AugmentedDataset(data, None, "strong", seed=4)
    samples = [made[i] for i in range(2)]
    assert samples[0].is_moved and samples[0].areas is None
    write_dataset(samples, data, tmp_path / "out")
    found = read_written(tmp_path / "out")
    assert {key: found[key] for key in ("info", "licenses", "categories", "tool")} == {
        key: DOCUMENT[key] for key in ("info", "licenses", "categories", "tool")
    }
    assert [one["id"] for one in found["images"]] == [30, 8]
    first = index_by_id(found)[900]
    assert index_by_id(found)[13]["category_id"] == 1  # which has a box alone
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
    data = write_document(tmp_path / "in")
    light = replace(data[0], image=np.stack([fill_region(0, 44, 30, 60).astype(np.float32)] * 3))
    kept = Dataset(data.records[:1], lambda record: light, data.schema, data.root)
    for seed in range(3):
        moved = AugmentedDataset(kept, None, "light", seed=seed)[0]
        (crowd,) = moved.crowds
        shown = moved.image[0] > 0.5 * moved.image[0].max()
        assert (shown != crowd.mask).mean() < 0.02 and crowd.area == crowd.mask.sum()
        rows, columns = np.nonzero(crowd.mask)
        assert crowd.box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_samples_changed_by_somebody_else_are_written_as_they_are(tmp_path: Path) -> None:
    data = write_document(tmp_path / "in")
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
    found = read_written(tmp_path / "out")
    assert found["images"][0]["weather"] == "rain"
    assert all(one["id"] > 900 for one in found["annotations"])
    assert sorted(one["bbox"] for one in found["annotations"] if not one["iscrowd"]) == sorted(
        [x1, y1, x2 - x1, y2 - y1] for x1, y1, x2, y2 in flipped.boxes.tolist()
    )
