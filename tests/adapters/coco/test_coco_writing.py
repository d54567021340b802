"""COCO sets written back: nothing is lost that was not pasted over, and pycocotools reads the rest."""

from __future__ import annotations

import copy
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from coco_documents import (
    ANNOTATIONS,
    DOCUMENT,
    SIDES,
    fill_region,
    paste_mask,
    read_written,
    write_document,
)
from PIL import Image
from pycocotools import mask as runs
from pycocotools.coco import COCO
from written_sets import write_dataset

from domaingan.adapters import load
from domaingan.core.errors import AssumptionWarning, DataError


def test_what_was_not_changed_is_a_copy(tmp_path: Path) -> None:
    data = write_document(tmp_path / "in")
    write_dataset(data, data, tmp_path / "out")
    files = [one.relative_to(tmp_path / "in") for one in (tmp_path / "in").rglob("*") if one.is_file()]
    assert len(files) == 3
    for one in files:
        assert (tmp_path / "in" / one).read_bytes() == (tmp_path / "out" / one).read_bytes(), one


def test_a_part_of_the_images(tmp_path: Path) -> None:
    data = write_document(tmp_path / "in")
    write_dataset([data[1]], data, tmp_path / "out")
    found = read_written(tmp_path / "out")
    assert found == DOCUMENT | {"images": DOCUMENT["images"][1:], "annotations": [ANNOTATIONS[5]]}
    assert list(found) == list(DOCUMENT)


def test_a_byte_order_mark_is_left_out(tmp_path: Path) -> None:
    write_document(tmp_path / "in")
    path = tmp_path / "in" / "annotations" / "instances_train.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    data = load(tmp_path / "in")
    write_dataset(data, data, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "annotations" / "instances_train.json").read_bytes()) == DOCUMENT


def test_a_file_that_changed_meanwhile_is_refused(tmp_path: Path) -> None:
    data = write_document(tmp_path / "in")
    path = tmp_path / "in" / "annotations" / "instances_train.json"
    path.write_text(path.read_text() + " ")
    with pytest.raises(DataError, match=r"instances_train\.json: changed since its samples were read"):
        write_dataset(data, data, tmp_path / "out")
    path.unlink()
    with pytest.raises(DataError, match="no such file"):
        write_dataset(data, data, tmp_path / "other")
    assert not (tmp_path / "out").exists() and not (tmp_path / "other").exists()


def test_a_file_of_key_points_alone_is_read(tmp_path: Path) -> None:
    data = write_document(tmp_path / "in", file="person_keypoints_train.json")
    assert [record.name for record in data.records] == ["train/b", "train/a"]
    write_dataset(data, data, tmp_path / "out")
    assert read_written(tmp_path / "out") == DOCUMENT


def test_files_of_other_tasks_are_reported_not_to_be_written(tmp_path: Path) -> None:
    data = write_document(tmp_path / "in")
    for name in ("captions_train.json", "person_keypoints_train.json", "notes.json"):
        (tmp_path / "in" / "annotations" / name).write_text("{}")
    message = "not written, as they are of other tasks: captions_train.json, person_keypoints_train.json"
    with pytest.warns(AssumptionWarning, match=message):
        write_dataset(data, data, tmp_path / "out")


def test_pycocotools_reads_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usable = [one for one in ANNOTATIONS if one["segmentation"] and one["category_id"] != 99]
    bare = [{key: value for key, value in one.items() if key not in ("id", "area", "iscrowd")} for one in usable[:2]]
    data = write_document(tmp_path / "in", DOCUMENT | {"annotations": [*usable, *bare]})
    write_dataset([paste_mask(data[0], fill_region(22, 20, 40, 36), 10), data[1]], data, tmp_path / "out")
    found = COCO(str(tmp_path / "out" / "annotations" / "instances_train.json"))
    back = load(tmp_path / "out")
    assert len(found.anns) == len(usable) + 3 and sorted(found.getCatIds()) == [0, 1, 9]
    for one in found.anns.values():
        mask = found.annToMask(one)
        assert mask.shape == SIDES and mask.sum() > 0
        assert abs(int(mask.sum()) - one["area"]) <= 0.02 * one["area"]
        assert np.allclose(runs.toBbox(found.annToRLE(one)), one["bbox"], atol=1)
    assert len(found.getAnnIds(iscrowd=True)) == 1 and back.problems == ()
    sample = paste_mask(data[0], fill_region(22, 20, 40, 36), 10)
    assert sorted(back[0].labels.tolist()) == sorted(sample.labels.tolist())
    capsys.readouterr()


def test_copies_beside_their_original_have_ids_of_their_own(tmp_path: Path) -> None:
    data = write_document(tmp_path / "in")
    copied = data[0]
    copied.source = replace(copied.source, name="train/b-2")
    write_dataset([copied, data[0], data[1]], data, tmp_path / "out")
    found = read_written(tmp_path / "out")
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
    data = write_document(tmp_path / "in", document)
    write_dataset([paste_mask(data[0], fill_region(30, 0, 36, 6), 1), data[1]], data, tmp_path / "out")
    *kept, added = read_written(tmp_path / "out")["annotations"]
    assert kept == document["annotations"] and (added["id"], added["image_id"]) == ("1", "token-30")


def test_two_files_of_one_split_become_one(tmp_path: Path) -> None:
    write_document(tmp_path / "in")
    second = {"info": {}, "images": [DOCUMENT["images"][0] | {"file_name": "c.png"}]}
    second |= {"annotations": ANNOTATIONS[:2], "categories": DOCUMENT["categories"][:2]}
    (tmp_path / "in" / "train").mkdir()
    Image.new("RGB", SIDES[::-1]).save(tmp_path / "in" / "train" / "c.png")
    (tmp_path / "in" / "train" / "_annotations.coco.json").write_text(json.dumps(second))
    (tmp_path / "in" / "annotations" / "instances_train.json").rename(tmp_path / "in" / "annotations" / "train.json")
    data = load(tmp_path / "in")
    assert len(data) == 3 and data.problems[0].reason.startswith("annotation 78")
    write_dataset(data, data, tmp_path / "out")
    found = read_written(tmp_path / "out")
    assert found["annotations"][:-2] == ANNOTATIONS and found["info"] == DOCUMENT["info"]
    assert [one["id"] for one in found["images"]] == [30, 8, 31]
    assert [(one["id"], one["image_id"]) for one in found["annotations"][-2:]] == [(901, 31), (902, 31)]
    assert len(load(tmp_path / "out")) == 3


def test_a_class_that_a_file_has_not_is_added(tmp_path: Path) -> None:
    write_document(tmp_path / "in", DOCUMENT | {"categories": DOCUMENT["categories"][:2]})
    other = {"images": [DOCUMENT["images"][1]], "annotations": [], "categories": DOCUMENT["categories"]}
    (tmp_path / "in" / "annotations" / "instances_val.json").write_text(json.dumps(other))
    (tmp_path / "in" / "images" / "val").symlink_to(tmp_path / "in" / "images" / "train")
    data = load(tmp_path / "in")
    assert data.schema.classes == {"rider": 1, "tram": 2, "cone": 10}
    write_dataset([paste_mask(data[0], fill_region(30, 0, 36, 6), 10), data[2]], data, tmp_path / "out")
    found = read_written(tmp_path / "out")
    assert found["categories"] == [*DOCUMENT["categories"][:2], {"id": 9, "name": "cone", "supercategory": ""}]
    assert found["annotations"][-1]["category_id"] == 9
    assert load(tmp_path / "out").schema.classes == data.schema.classes


def test_times_of_files_are_compared(tmp_path: Path) -> None:
    data = write_document(tmp_path / "in")
    os.utime(tmp_path / "in" / "annotations" / "instances_train.json", ns=(0, 0))
    with pytest.raises(DataError, match="changed since"):
        write_dataset([data[0]], data, tmp_path / "out")
