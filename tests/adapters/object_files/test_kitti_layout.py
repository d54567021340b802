"""KITTI's object detection, read and written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from inprocess import run
from object_file_sets import CAR, CYCLIST, DONT_CARE, write_kitti, write_text
from torchvision.datasets import Kitti
from written_sets import write_dataset

from domaingan.adapters import load
from domaingan.core.errors import AssumptionWarning, DataError

pytestmark = pytest.mark.filterwarnings("ignore::domaingan.core.errors.AssumptionWarning")


def test_boxes_classes_and_ignored_regions(tmp_path: Path) -> None:
    data = load(write_kitti(tmp_path))
    assert data.schema.layout == "kitti" and data.schema.classes == {"Car": 1, "Cyclist": 2}
    assert [record.name for record in data.records] == ["000000", "000001", "000002", "testing/000000"]
    first, _, empty, unlabelled = data
    assert first.boxes is not None and first.boxes.tolist() == [[10, 5, 30, 25], [40, 8, 50, 30]]
    assert first.labels is not None and first.labels.tolist() == [1, 2]
    assert [(crowd.label, crowd.box.tolist()) for crowd in first.crowds] == [(1, [0, 0, 9, 9]), (2, [0, 0, 9, 9])]
    assert empty.boxes is not None and len(empty.boxes) == 0
    assert unlabelled.boxes is None and unlabelled.source.split == "test"
    assert data.problems == ()


def test_inspect_counts_objects_alone_where_there_are_only_boxes(tmp_path: Path) -> None:
    _, stdout, stderr = run("inspect", write_kitti(tmp_path))
    shown = stdout + stderr
    assert "objects have boxes but no masks" in shown and "│ pixels" not in shown and "┃ pixels" not in shown


def test_what_is_guessed_is_said(tmp_path: Path) -> None:
    write_kitti(tmp_path)
    with pytest.warns(AssumptionWarning, match="nothing says which drive") as caught:
        load(tmp_path)
    assert "1 of 4 frames have no file of objects; they are taken as not labelled" in str(caught[0].message)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Car 0 0", "line 2: 'Car 0 0'; expected a class and at least 7 numbers"),
        ("Car 0 0 0 nan 1 2 3", "expected a class and at least 7 numbers"),
        ("Car 0 0 0 30 5 10 25", "line 2: an empty box"),
        ("Car 0 0 0 100 100 120 120", "outside the image"),
        ("Car 0 0 0 50 5 90 25", "line 2: a box that reaches out of the picture; expected one inside; it is clipped"),
    ],
)
def test_a_line_that_cannot_be_used_is_a_problem(tmp_path: Path, line: str, reason: str) -> None:
    write_kitti(tmp_path)
    path = write_text(tmp_path / "training/label_2/000001.txt", f"{CAR}\n{line}\n")
    data = load(tmp_path)
    assert len(data.problems) == 1
    assert data.problems[0].path == str(path) and reason in data.problems[0].reason
    boxes = data[1].boxes
    assert boxes is not None and boxes[0].tolist() == [10, 5, 30, 25]


def test_splits_and_labels_without_a_frame(tmp_path: Path) -> None:
    write_kitti(tmp_path)
    write_text(tmp_path / "ImageSets/train.txt", "000000\n000001\n")
    write_text(tmp_path / "ImageSets/val.txt", "000002\n000001\n")
    write_text(tmp_path / "training/label_2/000007.txt", CAR)
    data = load(tmp_path)
    assert [record.split for record in data.records] == ["train", "train", "val", "test"]
    reasons = [problem.reason for problem in data.problems]
    assert reasons == [
        "000001 is in train.txt too; it stays there",
        "a file without a frame; expected image_2/000007.png",
    ]


def test_samples_csv_may_list_a_frame_that_cannot_be_used(tmp_path: Path) -> None:
    write_kitti(tmp_path)
    write_text(tmp_path / "training/image_2/000001.png", "no picture")
    write_text(tmp_path / "samples.csv", "sample,sequence\n000000,a\n000001,b\n")
    data = load(tmp_path)
    assert [record.sequence for record in data.records] == ["a", "", ""]
    assert "no picture" in data.problems[0].reason


def test_an_unchanged_set_is_written_byte_for_byte(tmp_path: Path) -> None:
    root = write_kitti(tmp_path / "kitti")
    data = load(root)
    write_dataset(data, data, tmp_path / "out")
    for path in sorted(root.rglob("*.*")):
        assert (tmp_path / "out" / path.relative_to(root)).read_bytes() == path.read_bytes()
    assert load(tmp_path / "out").schema == data.schema
    assert len(Kitti(_put_as_torchvision_has_it(tmp_path))) == 3


def _put_as_torchvision_has_it(tmp_path: Path) -> str:
    (tmp_path / "Kitti").mkdir()
    (tmp_path / "out").rename(tmp_path / "Kitti/raw")
    return str(tmp_path)


def test_a_pasted_object_is_a_new_line_and_what_it_covers_loses_its_part(tmp_path: Path) -> None:
    data = load(write_kitti(tmp_path / "kitti"))
    sample = data[0]
    assert sample.boxes is not None and sample.labels is not None
    sample.boxes = np.array([[10, 5, 20, 25], [20, 5, 40, 25]], np.float32)  # the cyclist is covered
    sample.labels = np.array([1, 2])
    sample.origins = np.array([0, -1])
    write_dataset([sample], data, tmp_path / "out")
    lines = (tmp_path / "out/training/label_2/000000.txt").read_text().splitlines()
    assert lines == [
        "Car 0.00 0 -1.58 10.00 5.00 20.00 25.00 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59",
        DONT_CARE,
        "Cyclist 0.00 0 -10 20.00 5.00 40.00 25.00 -1 -1 -1 -1000 -1000 -1000 -10",
    ]


def test_a_changed_file_is_not_merged(tmp_path: Path) -> None:
    data = load(write_kitti(tmp_path / "kitti"))
    sample = data[0]
    write_text(tmp_path / "kitti/training/label_2/000000.txt", f"{CYCLIST}\n{CAR} \n")
    with pytest.raises(DataError, match="changed since its samples were read"):
        write_dataset([sample], data, tmp_path / "out")


def test_classes_keep_their_numbers_where_a_class_is_gone(tmp_path: Path) -> None:
    data = load(write_kitti(tmp_path / "kitti"))
    write_dataset([data[1]], data, tmp_path / "out")
    assert load(tmp_path / "out").schema.classes == {"Car": 1, "Cyclist": 2}


def test_a_class_that_is_not_listed_is_a_problem(tmp_path: Path) -> None:
    write_text(write_kitti(tmp_path) / "classes.json", '{"classes": {"Car": 3}}')
    data = load(tmp_path)
    assert data.schema.classes == {"Car": 3}
    assert data.problems[0].reason == "line 2: class 'Cyclist'; expected one of Car"
