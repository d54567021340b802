"""The layout ``coco``: polygons, run lengths, boxes, every arrangement of files; wrong input named and counted."""

from __future__ import annotations

import json
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from written_sets import write_dataset

from domaingan.adapters import load
from domaingan.adapters.coco.annotation_files import parse_split_name
from domaingan.adapters.coco.run_lengths import decode_mask as decoded
from domaingan.adapters.coco.run_lengths import encode_mask as encoded
from domaingan.adapters.inspect_dataset import inspect_dataset
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Sample, Schema

SHAPE = (12, 16)
CATEGORIES = [{"id": 3, "name": "car"}, {"id": 1, "name": "person"}, {"id": 90, "name": "bus", "supercategory": "all"}]
SQUARE = [2, 1, 6, 1, 6, 5, 2, 5]
Put = Callable[..., Path]


def annotation(category: int = 3, bbox: Any = None, image: int = 7, **more: Any) -> dict[str, Any]:
    return {"image_id": image, "category_id": category, "bbox": [2, 1, 4, 4] if bbox is None else bbox} | more


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Write pictures and an annotation file; gives the dataset's root."""

    def save(
        annotations: list[Any],
        file: str = "annotations/instances_train.json",
        pictures: str = "images/train",
        names: tuple[str, ...] = ("a.jpg",),
        **more: Any,
    ) -> Path:
        root = tmp_path / "coco"
        for name in names:
            path = root / pictures / name
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(len(name)).integers(0, 256, (*SHAPE, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path)
        images = [{"id": 7 + i, "file_name": name, "height": 12, "width": 16} for i, name in enumerate(names)]
        document = {"images": images, "annotations": annotations, "categories": CATEGORIES} | more
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(json.dumps(document))
        return root

    return save


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
    facts = [[(r.name, r.split, r.sequence, r.time, r.condition) for r in one.records] for one in (data, back)]
    assert sorted(facts[0], key=str) == sorted(facts[1], key=str)
    found = {sample.name: sample for sample in back}
    assert all(same(sample, found[sample.name]) for sample in data)
    assert {path.name for path in out.iterdir()} <= {"images", "annotations", "samples.csv"}
    return back


# ---------------------------------------------------------------------- reading


def test_polygons_and_boxes(put: Put, tmp_path: Path) -> None:
    root = put(
        [
            annotation(90, [0, 0, 16, 12], segmentation=[[0, 0, 16, 0, 16, 12, 0, 12]]),
            annotation(3, [2, 1, 4, 4], segmentation=[SQUARE], area=16, iscrowd=0, id=5),
            annotation(1, [8.25, 2.5, 3.5, 4]),
            annotation(3, [0, 0, 9, 9], iscrowd=1, segmentation={"size": [12, 16], "counts": [0, 192]}),
            annotation(3, [8, 8, 4, 4], 8),
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


def test_run_lengths(put: Put, tmp_path: Path) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    mask[3:7, 4:9] = 1
    mask[4, 5] = 0  # a hole, and a pixel apart
    mask[10, 15] = 1
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff([0, *edges, flat.size]).tolist()
    root = put(
        [
            annotation(segmentation={"size": [12, 16], "counts": counts}),
            annotation(image=8, segmentation=encoded(mask)),
            annotation(image=9, bbox=[], segmentation=encoded(mask)),
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


def test_boxes_alone(put: Put, tmp_path: Path) -> None:
    data = load(put([annotation(), annotation(1, [15.5, 3, 4, 2.37])]))
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
def test_arrangements(put: Put, tmp_path: Path, file: str, pictures: str, name: str, sample: str, split: str) -> None:
    data = load(put([annotation(segmentation=[SQUARE])], file, pictures, (name,)))
    assert data.schema.layout == "coco"
    assert [(one.name, one.split) for one in data.records] == [(sample, split)]
    assert_survives(data, tmp_path / "out")


def test_several_files(put: Put, tmp_path: Path) -> None:
    put([annotation()], "annotations/instances_val.json", "images/val", ("b_00060.png", "a_00030.png"))
    (tmp_path / "coco" / "annotations" / "captions_val.json").write_text("{}")
    root = put([annotation()], names=("a_00000.png",))
    data = load(root)
    facts = [(one.name, one.split, one.sequence, one.time) for one in data.records]
    assert facts == [
        ("train/a_00000", "train", "a", 0.0),
        ("val/b_00060", "val", "b", 2.0),
        ("val/a_00030", "val", "a", 1.0),
    ]
    assert_survives(data, tmp_path / "out")
    put([annotation()], categories=[{"id": 1, "name": "car"}])
    with pytest.raises(DataError, match=r"instances_val\.json: category 1 is person; expected as in the files before"):
        load(root)


def test_ids_from_zero_are_raised(put: Put, tmp_path: Path) -> None:
    categories = [{"id": 0, "name": "car"}, {"id": 1, "name": "bus"}]
    data = load(put([annotation(0, segmentation=[SQUARE]), annotation(1)], categories=categories))
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


# ---------------------------------------------------------------------- writing


@given(st.data())
@settings(max_examples=20)
def test_masks_survive_run_lengths(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    bits = data.draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width))
    mask = np.array(bits, dtype=bool).reshape(height, width)
    assert np.array_equal(decoded(json.loads(json.dumps(encoded(mask)))), mask)


def test_what_was_pasted_is_written(put: Put, tmp_path: Path) -> None:
    data = load(put([annotation(segmentation=[SQUARE])], names=("a.png", "b.png")))
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
    with pytest.raises(DataError, match="ids from 1 on"):
        write_dataset([sample], Dataset([], data.read, replace(schema, classes={"car": 0})), tmp_path / "no")
    assert not (tmp_path / "no").exists()


# -------------------------------------------------------------------- bad input

NAN = float("nan")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (annotation(bbox=[NAN, 1, 2, 2]), r"box \[nan, 1, 2, 2\]; expected \[x, y, width, height\]"),
        (annotation(bbox=[1, 1, 0, 2]), "an empty box"),
        (annotation(bbox=[1, 1, 4, -2]), "an empty box"),
        (annotation(bbox=[16, 1, 4, 4]), r"box \[16, 1, 4, 4\] outside the image; expected one in 16×12 pixels"),
        (annotation(bbox=[-9, 1, 4, 4]), "outside the image"),
        (annotation(bbox=[1, 1, 4]), "expected"),
        (annotation(bbox=["1", 1, 4, 4]), "expected"),
        (annotation(bbox=[]), "expected"),
        (annotation(category=2), "category 2; expected one of 1 person, 3 car, 90 bus"),
        (annotation(category="car"), "category car"),  # type: ignore[arg-type]
        (annotation(image=99), "1 annotations of images that are not listed: 99"),
        ("nonsense", "1 annotations of images that are not listed: None"),
    ],
)
def test_annotations_that_cannot_be_used(put: Put, wrong: Any, reason: str) -> None:
    data = load(put([annotation(1), wrong, annotation(3)]))
    assert data[0].labels is not None and data[0].labels.tolist() == [1, 3]
    assert len(data.problems) == 1 and Path(data.problems[0].path).name == "instances_train.json"
    assert re.search(reason, data.problems[0].reason), data.problems[0].reason


@pytest.mark.parametrize(
    "segments",
    [
        [[1, 2, 3, 4]],
        [[1, 2, 3, NAN, 4, 5]],
        [[1, 2, 3, 4, 5, 6, 7]],
        {"size": [16, 12], "counts": [0, 192]},
        {"size": [12, 16], "counts": [0, 191]},
        {"size": [12, 16]},
        "polygon",
    ],
)
def test_shapes_that_cannot_be_used_leave_their_box(put: Put, segments: Any) -> None:
    data = load(put([annotation(segmentation=segments), annotation(1, segmentation=[SQUARE])]))
    assert data[0].labels is not None and data[0].labels.tolist() == [3, 1]
    assert data[0].mask is not None and set(np.unique(data[0].mask)) == {0, 1} and len(data.problems) == 1


def test_images_that_cannot_be_used(put: Put) -> None:
    root = put([annotation()], names=("a.png", "b.png", "c.png", "d.png"))
    (root / "images" / "train" / "b.png").unlink()
    Image.new("RGB", (4, 4)).save(root / "images" / "train" / "c.png")
    path = root / "annotations" / "instances_train.json"
    stored = json.loads(path.read_text())
    stored["images"] += [
        {"id": 90, "file_name": "../../secret.png"},
        {"id": 91, "file_name": "./a.png"},
        {"id": 7, "file_name": "e.png"},
        {"file_name": "f.png"},
    ]
    path.write_text(json.dumps(stored))
    data = load(root)
    assert [record.name for record in data.records] == ["train/a", "train/d"]
    told = "\n".join(f"{Path(problem.path).name}: {problem.reason}" for problem in data.problems)
    for reason in (
        "b.png: no such file; expected it, as instances_train.json lists it",
        "c.png: shape (4, 4); expected (12, 16), as in instances_train.json",
        "file_name '../../secret.png'",
        "a second image called 'train/a'",
        "image 7 is there twice: a.png and e.png",
        "expected an id that is a whole number or a text, and a file_name",
    ):
        assert reason in told
    assert len(data.problems) == 6


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"images": [', "cannot be read as JSON"),
        ("[]", "no JSON object; expected COCO"),
        ('{"images": [], "info": {}}', "keys images, info; expected COCO: lists of images"),
        ('{"images": [], "annotations": [], "categories": []}', "no categories"),
        (
            '{"images": [], "annotations": [], "categories": [{"id": "one", "name": "car"}]}',
            "category .*an id from 0 on",
        ),
        (
            '{"images": [], "annotations": [], "categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}',
            "no two the same",
        ),
        ('{"images": [], "annotations": [], "categories": [{"id": 1, "name": "car"}]}', "no sample that can be used"),
    ],
)
def test_files_that_cannot_be_used(put: Put, text: str, found: str) -> None:
    root = put([])
    (root / "annotations" / "instances_train.json").write_text(text)
    with pytest.raises(DataError, match=found):
        load(root)


def test_the_command_line_tells(put: Put) -> None:
    root = put([annotation(), annotation(bbox=[40, 40, 2, 2])], names=("a.png", "b.png"))
    (root / "images" / "train" / "b.png").unlink()
    done = subprocess.run(
        [sys.executable, "-m", "domaingan", "inspect", str(root), "--json"], capture_output=True, text=True, check=False
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 0 and found["layout"] == "coco" and found["objects"]["car"] == 1
    assert sorted(Path(one["path"]).name for one in found["problems"]) == ["b.png", "instances_train.json"]
    (root / "annotations" / "instances_train.json").write_text('{"images": [')
    done = subprocess.run(
        [sys.executable, "-m", "domaingan", "inspect", str(root)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1 and "as JSON" in done.stderr
