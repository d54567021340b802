"""The layout ``masks``: found in every arrangement of folders, written back as it was, wrong input named."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from street_folders import PictureWriter, draw_street_mask, write_descriptions
from written_sets import write_dataset

from domaingan.adapters import load
from domaingan.data import FRAME, Dataset, Record, Sample, Schema


def are_same_samples(one: Sample, other: Sample) -> bool:
    arrays = ((getattr(one, name), getattr(other, name)) for name in ("image", "mask", "boxes", "labels", "instances"))
    return one.condition == other.condition and all(
        (a is None and b is None) or (a is not None and b is not None and a.dtype == b.dtype and np.array_equal(a, b))
        for a, b in arrays
    )


def list_fields(record: Record) -> tuple[Any, ...]:
    return (record.name, record.sequence, record.split, record.time, dict(record.condition), record.shape)


def assert_survives(data: Dataset, out: Path) -> Dataset:
    """Law: save then load is identity."""
    write_dataset(data, data, out)
    back = load(out)
    assert back.schema == data.schema and back.problems == ()
    assert sorted(map(list_fields, back.records)) == sorted(map(list_fields, data.records))
    found = {sample.name: sample for sample in back}
    assert all(are_same_samples(sample, found[sample.name]) for sample in data)
    return back


def test_as_camvid_has_it(drive: Path) -> None:
    data = load(drive)
    assert data.schema.layout == "masks" and data.schema.domain == FRAME and data.problems == ()
    assert [list_fields(record) for record in data.records] == [
        ("train/0001TP_000300", "0001TP", "train", 10.0, {"lighting": "dusk"}, (12, 16)),
        ("train/0006R0_f00330", "0006R0", "train", 11.0, {"lighting": "day"}, (12, 16)),
        ("train/0006R0_f00360", "0006R0", "train", 12.0, {}, (12, 16)),
        ("val/0001TP_000330", "0001TP", "val", 11.0, {"lighting": "dusk"}, (12, 16)),
    ]
    assert data.records[0].statistical_unit == "0001TP@10s"
    sample = data[0]
    assert sample.mask is not None and sample.boxes is not None and sample.labels is not None
    assert np.array_equal(sample.mask, draw_street_mask()) and sample.mask.dtype == np.uint8
    assert sample.boxes.tolist() == [[2, 5, 6, 8], [10, 6, 12, 9]] and sample.boxes.dtype == np.float32
    assert sample.labels.tolist() == [8, 10] and sample.labels.dtype == np.int64
    assert sample.instances is not None and sample.instances.dtype == np.int32
    assert np.array_equal(sample.instances == 2, draw_street_mask() == 10) and sample.dropped == 1
    assert sample.source.time == 10.0 and sample.spacing == (1.0, 1.0)
    unlabelled = data[2]
    assert (unlabelled.mask, unlabelled.boxes, unlabelled.labels, unlabelled.instances) == (None,) * 4
    assert are_same_samples(pickle.loads(pickle.dumps(data))[3], data[3])


@pytest.mark.parametrize(
    ("frame", "mask", "name", "split", "sequence"),
    [
        ("images/a.b.png", "masks/a.b.PNG", "a.b", "", ""),
        ("images/a.webp", "masks/a.tif", "a", "", ""),
        ("images/train/a.JPG", "masks/train/a.png", "train/a", "train", ""),
        ("images/val/bern/a.tiff", "masks/val/bern/a.png", "val/bern/a", "val", "bern"),
        ("images/clip7/a.png", "masks/clip7/a.png", "clip7/a", "", "clip7"),
        ("test/images/a.png", "test/masks/a.png", "test/a", "test", ""),
        ("clip7/images/a.png", "clip7/masks/a.png", "clip7/a", "", "clip7"),
        ("dusk/a.png", "duskannot/a.png", "dusk/a", "dusk", ""),
    ],
)
def test_arrangements(
    write_pictures: PictureWriter, tmp_path: Path, frame: str, mask: str, name: str, split: str, sequence: str
) -> None:
    data = load(write_descriptions(write_pictures(frame, mask)))
    assert [(one.name, one.split, one.sequence) for one in data.records] == [(name, split, sequence)]
    assert_survives(data, tmp_path / "out")
    written = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*")}
    assert written == {frame, mask, "classes.json", "samples.csv"}
    root = Path(data.root)
    assert all((root / one).read_bytes() == (tmp_path / "out" / one).read_bytes() for one in (frame, mask))


@pytest.mark.parametrize("frame", ["images/a.jpg", "images/a.webp", "images/a.bmp"])
def test_changed_pictures_are_written_without_loss(write_pictures: PictureWriter, tmp_path: Path, frame: str) -> None:
    data = load(write_descriptions(write_pictures(frame, "masks/a.tif")))
    sample = data[0]
    assert sample.mask is not None
    sample.image[:, 3, 4] = 1 - sample.image[:, 3, 4]
    sample.mask = sample.mask.copy()
    sample.mask[0, 0] = 8
    write_dataset([sample], data, tmp_path / "out")
    back = load(tmp_path / "out")[0]
    assert np.abs(back.image - sample.image).max() < 1e-6 and np.array_equal(back.mask, sample.mask)
    kept = "a.webp" if frame.endswith("webp") else "a.png"
    assert [path.name for path in (tmp_path / "out" / "images").iterdir()] == [kept]


def test_values_without_names_are_numbered(write_pictures: PictureWriter) -> None:
    data = load(write_pictures("images/a.png", "masks/a.png"))
    assert data.schema.classes == {"label_3": 3, "label_8": 8, "label_10": 10, "label_11": 11}
    assert data.schema.objects == () and data[0].boxes is None and data[0].instances is None


def test_masks_of_sixteen_bits(write_pictures: PictureWriter, tmp_path: Path) -> None:
    root = write_pictures("images/a.png", "masks/a.png", draw_street_mask().astype(np.uint16) * 100)
    classes = {"sky": 0, "road": 300, "car": 800, "cyclist": 1000}
    data = load(write_descriptions(root, classes=classes, ignore=[1100]))
    assert data[0].mask is not None and data[0].mask.dtype == np.int32 and data[0].mask.max() == 1100
    assert_survives(data, tmp_path / "out")


@pytest.mark.parametrize(
    ("names", "sequences"),
    [
        (["0001TP_006690", "0016E5_00390"], ["0001TP", "0016E5"]),
        (["Seq05VD_f00000", "Seq06R0_f00000"], ["Seq05VD", "Seq06R0"]),
        (["a-1_00001", "a-2_00002"], ["a-1", "a-2"]),
        (["0001TP_006690", "0001TP_006720"], ["", ""]),  # one prefix tells nothing apart
        (["0001TP_006690", "0016E5_00390", "spare"], ["", "", ""]),
        (["a_001", "b_002"], ["", ""]),
    ],
)
def test_drives_by_name(write_pictures: PictureWriter, names: list[str], sequences: list[str]) -> None:
    for name in names:
        root = write_pictures(f"images/{name}.png", f"masks/{name}.png")
    data = load(write_descriptions(root))
    assert [record.sequence for record in data.records] == sequences
    assert all((record.time is not None) == bool(record.sequence) for record in data.records)


def test_the_table_knows_better(write_pictures: PictureWriter) -> None:
    for name in ("a_0060", "b_0060"):
        root = write_pictures(f"images/{name}.png", f"masks/{name}.png")
    table = "sample,sequence,time,split\na_0060,one,7.5,val\nb_0060,,,\n"
    data = load(write_descriptions(root, table, frame_rate=15))
    assert [(record.sequence, record.time, record.split) for record in data.records] == [
        ("one", 7.5, "val"),
        ("b", 4.0, ""),
    ]


def test_save_then_load_is_identity(drive: Path, tmp_path: Path) -> None:
    data = load(drive)
    back = assert_survives(data, tmp_path / "out")
    assert Image.open(tmp_path / "out" / "valannot" / "0001TP_000330.png").mode == "P"
    assert Image.open(tmp_path / "out" / "trainannot" / "0001TP_000300.png").mode == "L"
    assert not (tmp_path / "out" / "traininstances").exists()
    assert_survives(back, tmp_path / "again")
    for path in (tmp_path / "out").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "again" / path.relative_to(tmp_path / "out")).read_bytes()


def test_objects_that_touch_or_hide_stay_apart(drive: Path, tmp_path: Path) -> None:
    data = load(drive)
    sample = data[0]
    assert sample.mask is not None and sample.instances is not None
    mask, instances = sample.mask.copy(), sample.instances.copy()
    mask[5:8, 6:8] = 8  # a second car right behind the first
    mask[5:8, 4] = 10  # somebody before it, who cuts it in two
    instances[mask != 8] = 0
    instances[5:8, 6:8], instances[6:9, 10:12], instances[5:8, 4] = 2, 3, 4
    boxes = np.array([[2, 5, 6, 8], [6, 5, 8, 8], [10, 6, 12, 9], [4, 5, 5, 8]], np.float32)
    made = replace(sample, mask=mask, instances=instances, boxes=boxes, labels=np.array([8, 8, 10, 10]))
    write_dataset([made], data, tmp_path / "out")
    assert (tmp_path / "out" / "traininstances" / "0001TP_000300.png").exists()
    assert are_same_samples(load(tmp_path / "out")[0], made)


def test_samples_that_were_made(tmp_path: Path, rng: np.random.Generator) -> None:
    schema = Schema("masks", "frame", 2, ("red", "green", "blue"), {"sky": 0, "car": 8}, objects=("car",))
    mask = np.zeros((6, 8), np.uint8)
    mask[0, 0] = 8
    image = np.rint(rng.random((3, 6, 8)) * 255).astype(np.float32) / np.float32(255)
    meta = {"name": "seq1_0003", "sequence": "seq1", "time": 1.5, "split": "train"}
    sample = Sample(image, mask, condition={"lighting": "night", "speed": 3}, meta=meta)
    schema = replace(schema, conditions=("lighting", "speed"))
    data = Dataset([], lambda record: sample, schema)
    write_dataset([sample], data, tmp_path / "out")
    back = load(tmp_path / "out")
    assert back.schema == schema and back.schema.min_area == 0
    assert list_fields(back.records[0]) == ("seq1_0003", "seq1", "train", 1.5, sample.condition, (6, 8))
    assert np.array_equal(back[0].image, image) and back[0].boxes is not None and len(back[0].boxes) == 1


@pytest.mark.real
def test_camvid(real_data: Path, tmp_path: Path) -> None:
    if not (real_data / "camvid").is_dir():
        pytest.skip("no CamVid beside the checkout")
    data = load(real_data / "camvid")
    assert len(data) == 468 and data.problems == () and len({record.sequence for record in data.records}) == 3
    assert len(data.where(lighting="dusk")) == 62 and all(record.time is not None for record in data.records)
    assert_survives(data[::60], tmp_path / "out")


def test_frames_alone_are_not_labelled(write_pictures: PictureWriter) -> None:
    write_pictures("images/a/1.png", None)
    data = load(write_pictures("images/a/2.png", None))
    assert [record.name for record in data.records] == ["a/1", "a/2"] and data.records[0].sequence == "a"
    assert data.schema.domain is FRAME and data.schema.classes == {} and data[0].mask is None
