"""COCO sets that cannot be read as they are: each problem is listed with its file, and the rest is read."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coco_sets import SQUARE, SetWriter, make_annotation
from PIL import Image

from domaingan.adapters import load
from domaingan.core.errors import DataError

NAN = float("nan")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (make_annotation(bbox=[NAN, 1, 2, 2]), r"box \[nan, 1, 2, 2\]; expected \[x, y, width, height\]"),
        (make_annotation(bbox=[1, 1, 0, 2]), "an empty box"),
        (make_annotation(bbox=[1, 1, 4, -2]), "an empty box"),
        (make_annotation(bbox=[16, 1, 4, 4]), r"box \[16, 1, 4, 4\] outside the image; expected one in 16×12 pixels"),
        (make_annotation(bbox=[-9, 1, 4, 4]), "outside the image"),
        (make_annotation(bbox=[1, 1, 4]), "expected"),
        (make_annotation(bbox=["1", 1, 4, 4]), "expected"),
        (make_annotation(bbox=[]), "expected"),
        (make_annotation(category=2), "category 2; expected one of 1 person, 3 car, 90 bus"),
        (make_annotation(category="car"), "category car"),  # type: ignore[arg-type]
        (make_annotation(image=99), "1 annotations of images that are not listed: 99"),
        ("nonsense", "1 annotations of images that are not listed: None"),
    ],
)
def test_annotations_that_cannot_be_used(write_set: SetWriter, wrong: Any, reason: str) -> None:
    data = load(write_set([make_annotation(1), wrong, make_annotation(3)]))
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
def test_shapes_that_cannot_be_used_leave_their_box(write_set: SetWriter, segments: Any) -> None:
    data = load(write_set([make_annotation(segmentation=segments), make_annotation(1, segmentation=[SQUARE])]))
    assert data[0].labels is not None and data[0].labels.tolist() == [3, 1]
    assert data[0].mask is not None and set(np.unique(data[0].mask)) == {0, 1} and len(data.problems) == 1


def test_images_that_cannot_be_used(write_set: SetWriter) -> None:
    root = write_set([make_annotation()], names=("a.png", "b.png", "c.png", "d.png"))
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
    messages = "\n".join(f"{Path(problem.path).name}: {problem.reason}" for problem in data.problems)
    for reason in (
        "b.png: no such file; expected it, as instances_train.json lists it",
        "c.png: shape (4, 4); expected (12, 16), as in instances_train.json",
        "file_name '../../secret.png'",
        "a second image called 'train/a'",
        "image 7 is there twice: a.png and e.png",
        "expected an id that is a whole number or a text, and a file_name",
    ):
        assert reason in messages
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
def test_files_that_cannot_be_used(write_set: SetWriter, text: str, found: str) -> None:
    root = write_set([])
    (root / "annotations" / "instances_train.json").write_text(text)
    with pytest.raises(DataError, match=found):
        load(root)


def test_the_command_line_tells(write_set: SetWriter) -> None:
    root = write_set([make_annotation(), make_annotation(bbox=[40, 40, 2, 2])], names=("a.png", "b.png"))
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
