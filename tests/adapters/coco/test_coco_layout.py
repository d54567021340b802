"""The layout ``coco``: polygons, run lengths, boxes, every arrangement of files; wrong input named and counted."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from coco_sets import SHAPE, SQUARE, SetWriter, make_annotation
from hypothesis import given, settings
from hypothesis import strategies as st
from written_sets import write_dataset

from domaingan.adapters import get_adapter, load
from domaingan.adapters.annotations.run_lengths import decode_mask as decoded
from domaingan.adapters.annotations.run_lengths import encode_mask as encoded
from domaingan.adapters.base import make_record
from domaingan.adapters.coco.annotation_files import parse_split_name
from domaingan.adapters.inspect_dataset import inspect_dataset
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Sample, Schema


def same(one: Sample, other: Sample) -> bool:
    names = ("image", "mask", "boxes", "labels", "instances")
    pairs = [(getattr(one, name), getattr(other, name)) for name in names]
    return one.condition == other.condition and all(
        (a is None and b is None) or (a is not None and b is not None and a.dtype == b.dtype and np.array_equal(a, b))
        for a, b in pairs
    )


def assert_survives(data: Dataset, out: Path) -> Dataset:
    """Law: save then load is identity."""
    write_dataset(data, data, out)
    back = load(out)
    assert back.schema == data.schema and back.problems == ()
    metadata = [[(r.name, r.split, r.sequence, r.time, r.condition) for r in one.records] for one in (data, back)]
    assert sorted(metadata[0], key=str) == sorted(metadata[1], key=str)
    found = {sample.name: sample for sample in back}
    assert all(same(sample, found[sample.name]) for sample in data)
    assert {path.name for path in out.iterdir()} <= {"images", "annotations", "samples.csv"}
    return back


def test_polygons_and_boxes(write_set: SetWriter, tmp_path: Path) -> None:
    root = write_set(
        [
            make_annotation(90, [0, 0, 16, 12], segmentation=[[0, 0, 16, 0, 16, 12, 0, 12]]),
            make_annotation(3, [2, 1, 4, 4], segmentation=[SQUARE], area=16, iscrowd=0, id=5),
            make_annotation(1, [8.25, 2.5, 3.5, 4]),
            make_annotation(3, [0, 0, 9, 9], iscrowd=1, segmentation={"size": [12, 16], "counts": [0, 192]}),
            make_annotation(3, [8, 8, 4, 4], 8),
        ],
        names=("a.jpg", "b.jpg", "c.jpg"),
    )
    (root / "samples.csv").write_text("sample,lighting\ntrain/a,dusk\ntrain/b,day\n")
    data = load(root)
    assert data.schema == Schema(
        "coco",
        "frame",
        2,
        ("red", "green", "blue"),
        {"person": 1, "car": 3, "bus": 90},
        objects=("person", "car", "bus"),
        conditions=("lighting",),
    )
    assert [(r.name, r.split, r.shape) for r in data.records] == [(f"train/{n}", "train", SHAPE) for n in "abc"]
    first, second, third = data
    assert first.labels is not None and first.labels.tolist() == [90, 3, 1] and len(first.crowds) == 1
    assert first.areas.tolist() == [192, 16, 14]
    assert first.boxes is not None and first.boxes.tolist() == [[0, 0, 16, 12], [2, 1, 6, 5], [8.25, 2.5, 11.75, 6.5]]
    assert first.mask is not None and first.instances is not None
    square = np.zeros(SHAPE, bool)
    square[1:5, 2:6] = True
    assert np.array_equal(first.mask, np.where(square, 3, 90)) and first.mask.dtype == np.uint8
    assert np.array_equal(first.instances, np.where(square, 2, 1)) and first.instances.dtype == np.int32
    assert second.mask is None and second.instances is None  # it has a box whose pixels nobody marked
    assert third.mask is not None and not third.mask.any() and third.boxes is not None and third.boxes.shape == (0, 4)
    assert first.condition == {"lighting": "dusk"} and data.problems == ()
    assert same(pickle.loads(pickle.dumps(data))[0], first)
    found = inspect_dataset(data)
    assert found["objects"] == {"person": 1, "car": 2, "bus": 1} and found["crowds"] == 1
    assert_survives(assert_survives(data, tmp_path / "out"), tmp_path / "again")


def test_run_lengths(write_set: SetWriter, tmp_path: Path) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    mask[3:7, 4:9] = 1
    mask[4, 5] = 0  # a hole, and a pixel apart
    mask[10, 15] = 1
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff([0, *edges, flat.size]).tolist()
    root = write_set(
        [
            make_annotation(segmentation={"size": [12, 16], "counts": counts}),
            make_annotation(image=8, segmentation=encoded(mask)),
            make_annotation(image=9, bbox=[], segmentation=encoded(mask)),
        ],
        names=("a.png", "b.png", "c.png"),
    )
    data = load(root)
    for sample in data:
        assert sample.mask is not None and np.array_equal(sample.mask, mask * 3)
    assert data[2].boxes is not None and data[2].boxes.tolist() == [[4, 3, 16, 11]]
    assert_survives(data, tmp_path / "out")
    written = json.loads((tmp_path / "out" / "annotations" / "instances_train.json").read_text())
    assert all(one["iscrowd"] == 0 and one["area"] == mask.sum() for one in written["annotations"])
    assert [(one["id"], one["name"]) for one in written["categories"]] == [(3, "car"), (1, "person"), (90, "bus")]


def test_boxes_alone(write_set: SetWriter, tmp_path: Path) -> None:
    data = load(write_set([make_annotation(), make_annotation(1, [15.5, 3, 4, 2.37])]))
    assert data[0].mask is None and data[0].instances is None and data.problems == ()
    assert data[0].boxes is not None and np.allclose(data[0].boxes[1], [15.5, 3, 16, 5.37])  # clipped
    back = assert_survives(data, tmp_path / "out")
    files = [one.records[0].files["image"] for one in (data, back)]
    assert files[0].read_bytes() == files[1].read_bytes() and files[1].suffix == ".jpg"


@pytest.mark.parametrize(
    ("file", "pictures", "name", "sample", "split"),
    [
        ("annotations/instances_train2017.json", "images/train2017", "a.png", "train2017/a", "train2017"),
        ("annotations/instances_train2017.json", "train2017", "a.png", "train2017/a", "train2017"),
        ("annotations/instances_val.json", "images", "a.tif", "val/a", "val"),
        ("annotations/instances_val.json", "images", "deep/a.png", "val/deep/a", "val"),
        ("annotations/instances_default.json", "images/default", "a.png", "a", ""),
        ("annotations/test.json", "images/test", "a.webp", "test/a", "test"),
        ("train/_annotations.coco.json", "train", "a_png.rf.0a1b.png", "train/a_png.rf.0a1b", "train"),
        ("annotations.json", "images", "a.png", "a", ""),
        ("result_coco.json", ".", "images/a.png", "result/images/a", "result"),
    ],
)
def test_arrangements(
    write_set: SetWriter, tmp_path: Path, file: str, pictures: str, name: str, sample: str, split: str
) -> None:
    data = load(write_set([make_annotation(segmentation=[SQUARE])], file, pictures, (name,)))
    assert data.schema.layout == "coco"
    assert [(one.name, one.split) for one in data.records] == [(sample, split)]
    assert_survives(data, tmp_path / "out")


def test_several_files(write_set: SetWriter, tmp_path: Path) -> None:
    write_set([make_annotation()], "annotations/instances_val.json", "images/val", ("b_00060.png", "a_00030.png"))
    (tmp_path / "coco" / "annotations" / "captions_val.json").write_text("{}")
    root = write_set([make_annotation()], names=("a_00000.png",))
    data = load(root)
    metadata = [(one.name, one.split, one.sequence, one.time) for one in data.records]
    assert metadata == [
        ("train/a_00000", "train", "a", 0.0),
        ("val/b_00060", "val", "b", 2.0),
        ("val/a_00030", "val", "a", 1.0),
    ]
    assert_survives(data, tmp_path / "out")
    write_set([make_annotation()], categories=[{"id": 1, "name": "car"}])
    with pytest.raises(DataError, match=r"instances_val\.json: category 1 is person; expected as in the files before"):
        load(root)


def test_ids_from_zero_are_raised(write_set: SetWriter, tmp_path: Path) -> None:
    categories = [{"id": 0, "name": "car"}, {"id": 1, "name": "bus"}]
    data = load(write_set([make_annotation(0, segmentation=[SQUARE]), make_annotation(1)], categories=categories))
    assert data.schema.classes == {"car": 1, "bus": 2}
    assert data[0].labels is not None and data[0].labels.tolist() == [1, 2]
    assert data[0].mask is not None and data[0].mask.max() == 1
    assert_survives(data, tmp_path / "out")


@pytest.mark.parametrize(
    ("file", "subset"),
    [
        ("instances_my-set_v2.json", "my-set_v2"),
        ("annotations/labels.json", ""),
        ("_annotations.coco.json", ""),
        ("val_annotations.json", "val"),
        ("x/_annotations.coco.json", "x"),
    ],
)
def test_splits_by_the_names_of_files(file: str, subset: str) -> None:
    assert parse_split_name(Path("/root") / file, Path("/root")) == subset


@given(st.data())
@settings(max_examples=20)
def test_masks_survive_run_lengths(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    bits = data.draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width))
    mask = np.array(bits, dtype=bool).reshape(height, width)
    assert np.array_equal(decoded(json.loads(json.dumps(encoded(mask)))), mask)


def test_what_was_pasted_is_written(write_set: SetWriter, tmp_path: Path) -> None:
    data = load(write_set([make_annotation(segmentation=[SQUARE])], names=("a.png", "b.png")))
    sample = data[0]
    assert sample.mask is not None and sample.instances is not None and sample.boxes is not None
    mask, instances = sample.mask.copy(), sample.instances.copy()
    mask[2:9, 4], instances[2:9, 4] = 1, 2  # somebody before the car, who cuts it in two
    boxes = np.vstack([sample.boxes, [[4, 2, 5, 9]]]).astype(np.float32)
    meta = {"name": "train/a-1", "split": "train"}
    made = replace(sample, mask=mask, instances=instances, boxes=boxes, labels=np.array([3, 1]), meta=meta)
    write_dataset([made, data[1]], data, tmp_path / "out")
    back = load(tmp_path / "out")
    assert [record.name for record in back.records] == ["train/a-1", "train/b"]
    assert same(back[0], made) and same(back[1], data[1])


def test_made_samples_need_boxes_or_a_mask(tmp_path: Path) -> None:
    schema = Schema("coco", "frame", 2, ("red", "green", "blue"), {"car": 2}, objects=("car",))
    mask = np.zeros(SHAPE, np.uint8)
    mask[2:4, 3:9] = mask[8, 8] = 2
    sample = Sample(
        np.zeros((3, *SHAPE), np.float32), mask, meta={"name": "clip/0001", "sequence": "clip", "time": 2.0}
    )
    data = Dataset([], lambda record: sample, schema)
    write_dataset([sample], data, tmp_path / "out")
    back = load(tmp_path / "out")
    assert (back.records[0].name, back.records[0].sequence, back.records[0].time) == ("clip/0001", "clip", 2.0)
    assert back[0].boxes is not None and back[0].boxes.tolist() == [[3, 2, 9, 4], [8, 8, 9, 9]]
    with pytest.raises(DataError, match="neither boxes nor a mask"):
        write_dataset([replace(sample, mask=None)], data, tmp_path / "no")
    with pytest.raises(DataError, match="sample name"):
        write_dataset([replace(sample, meta={"name": "../a"})], data, tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_where_another_layout_has_a_class_0_all_ids_are_one_higher(tmp_path: Path) -> None:
    schema = Schema("masks", "frame", 2, ("red", "green", "blue"), {"sky": 0, "car": 2}, objects=("car",), min_area=1)
    mask = np.zeros(SHAPE, np.uint8)
    mask[2:4, 3:9] = 2
    sample = Sample(np.zeros((3, *SHAPE), np.float32), mask, meta={"name": "a"})
    adapter = get_adapter("coco")
    adapter.write_sample(tmp_path, sample, schema)
    adapter.finish_dataset(tmp_path, schema, [make_record(sample)])
    back = load(tmp_path)
    assert back.schema.classes == {"sky": 1, "car": 3}
    assert back[0].mask is not None and (back[0].mask == mask + 1).all()
