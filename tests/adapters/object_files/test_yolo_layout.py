"""YOLO's text files, read and written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from object_file_sets import save_picture, write_text, write_yolo
from written_sets import write_dataset

from domaingan.adapters import get_adapter, load
from domaingan.adapters.base import make_record
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.phantoms import load_phantom

pytestmark = pytest.mark.filterwarnings("ignore::domaingan.core.errors.AssumptionWarning")


def test_boxes_are_shares_of_the_picture(tmp_path: Path) -> None:
    data = load(write_yolo(tmp_path))
    assert data.schema.layout == "yolo" and data.schema.classes == {"car": 1, "person": 2}
    assert [(record.name, record.split) for record in data.records] == [
        ("train/a", "train"),
        ("train/empty", "train"),
        ("val/a", "val"),
    ]
    sample, empty, _ = data
    assert sample.boxes is not None
    np.testing.assert_allclose(sample.boxes, [[22.5, 10, 37.5, 30], [9, 6, 15, 14]], atol=1e-4)
    assert empty.boxes is not None and len(empty.boxes) == 0
    assert data.problems == ()


def test_a_picture_without_a_file_is_taken_as_empty_and_that_is_said(tmp_path: Path) -> None:
    with pytest.warns(AssumptionWarning, match="1 of 3 frames have no file of objects; they are taken as without any"):
        load(write_yolo(tmp_path))


def test_a_split_without_any_file_is_not_labelled(tmp_path: Path) -> None:
    write_yolo(tmp_path)
    (tmp_path / "labels/val/a.txt").unlink()
    assert load(tmp_path)[2].boxes is None


def test_outlines_become_masks(tmp_path: Path) -> None:
    sample = load(write_yolo(tmp_path, "0 0.1 0.1 0.5 0.1 0.5 0.5 0.1 0.5\n"))[0]
    assert sample.mask is not None and sample.boxes is not None
    assert sample.boxes.tolist() == [[6, 4, 30, 20]] and int((sample.mask == 1).sum()) == 24 * 16


def test_roboflow_folders_and_lists_of_pictures(tmp_path: Path) -> None:
    save_picture(tmp_path / "train/images/a.b.jpg")
    write_text(tmp_path / "train/labels/a.b.txt", "0 0.5 0.5 0.5 0.5\n")
    save_picture(tmp_path / "images/c.jpg")
    write_text(tmp_path / "val.txt", "./images/c.jpg\n\n./images/missing.jpg\n/etc/hostname\n")
    write_text(tmp_path / "data.yaml", "train: ../train/images\nval: val.txt\nnc: 1\nnames: {0: car}\n")
    data = load(tmp_path)
    assert [(record.name, record.split) for record in data.records] == [("train/a.b", "train"), ("c", "val")]
    reasons = [problem.reason for problem in data.problems]
    assert "'./images/missing.jpg' is not there" in reasons[0] and "leads out of the folder" in reasons[1]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2 0.5 0.5 0.1 0.1", "class 2; expected a number from 0 to 1"),
        ("0.5 0.5 0.5 0.1 0.1", "class 0.5"),
        ("-1 0.5 0.5 0.1 0.1", "class -1"),
        ("car 0.5 0.5 0.1 0.1", "expected numbers"),
        ("0 nan 0.5 0.1 0.1", "expected finite numbers"),
        ("0 30 20 10 10", "expected shares of the picture"),
        ("0 0.5 0.5 0 0.1", "an empty box"),
        ("0 0.5 0.5 0.1", "4 numbers"),
        ("0 0.1 0.1 0.5 0.5 0.9", "6 numbers; expected 5, or a class and at least 3 corners"),
        ("0 0.9 0.5 0.5 0.1", "a box that reaches out of the picture"),
    ],
)
def test_a_line_that_cannot_be_used_is_a_problem(tmp_path: Path, line: str, reason: str) -> None:
    data = load(write_yolo(tmp_path, f"1 0.5 0.5 0.1 0.1\n{line}\n"))
    found = data.problems[0].reason
    assert found.startswith("line 2: ") and reason in found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: images/train\nnames: {1: car}\n", "names .*expected a list, or names by number from 0 on"),
        ("train: images/train\nnames: [car, car]\n", "a name of its own for each class"),
        ("train: images/train\nnc: 3\nnames: [car]\n", "nc 3 and 1 names"),
        ("train: images/nowhere\nnames: [car]\n", "no 'images/nowhere'; expected a folder of pictures"),
        ("train: images/train\nkpt_shape: [17, 3]\nnames: [car]\n", "key points; expected boxes or outlines"),
        ("path: ..\ntrain: images/train\nnames: [car]\n", "expected a folder inside the dataset's"),
        ("train: [{a: b}]\nnames: [car]\n", "a split"),
    ],
)
def test_a_wrong_yaml_file_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    write_yolo(tmp_path / "yolo")
    write_text(tmp_path / "yolo/data.yaml", text)
    with pytest.raises(DataError, match=message):
        load(tmp_path / "yolo")


def test_without_a_yaml_file_the_names_are_numbers_or_those_of_classes_txt(tmp_path: Path) -> None:
    write_yolo(tmp_path)
    (tmp_path / "data.yaml").unlink()
    assert load(tmp_path).schema.classes == {"class_0": 1, "class_1": 2}
    write_text(tmp_path / "classes.txt", "car\nperson\nbus\n")
    data = load(tmp_path)
    assert data.schema.classes == {"car": 1, "person": 2, "bus": 3}
    assert {record.split for record in data.records} == {"train", "val"}


@pytest.mark.parametrize("lines", ["0 0.5 0.5 0.25 0.5\n", "0 0.1 0.1 0.5 0.1 0.5 0.5 0.1 0.5\n"])
def test_an_unchanged_set_keeps_its_files(tmp_path: Path, lines: str) -> None:
    root = write_yolo(tmp_path / "yolo", lines)
    data = load(root)
    write_dataset(data, data, tmp_path / "out")
    for path in sorted((*root.rglob("*.txt"), *root.rglob("*.jpg"))):
        assert (tmp_path / "out" / path.relative_to(root)).read_bytes() == path.read_bytes()
    back = load(tmp_path / "out")
    assert back.schema == data.schema and [one.name for one in back.records] == [one.name for one in data.records]


def test_another_layout_is_written_with_outlines_that_keep_every_pixel(tmp_path: Path) -> None:
    data = load_phantom("driving").select(range(4))
    adapter = get_adapter("yolo")
    for sample in data:
        adapter.write_sample(tmp_path, sample, data.schema)
    adapter.finish_dataset(tmp_path, data.schema, [make_record(sample) for sample in data])
    back = load(tmp_path)
    assert back.schema.classes == {"car": 1, "pedestrian": 2, "cyclist": 3} and not back.problems
    for before, after in zip(data, back, strict=True):
        assert before.boxes is not None and after.boxes is not None and before.instances is not None
        np.testing.assert_allclose(before.boxes, after.boxes, atol=1)
        assert after.instances is not None
        different = (before.instances > 0) != (after.instances > 0)
        assert different.sum() <= 0.02 * (before.instances > 0).sum()
