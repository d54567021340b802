"""The values of masks: the data type that holds them, classes that nothing names, values of no class."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from domaingan.adapters import load
from domaingan.adapters.class_definitions import ClassDefinitions
from domaingan.adapters.frames.frame_samples import make_frame_schema
from domaingan.adapters.mask_values import (
    find_classes_in_masks,
    list_allowed_values,
    make_unknown_values_error,
)
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.data import Record

SHAPE = (6, 8)


def write_frame(root: Path, values: np.ndarray, classes: dict[str, int]) -> None:
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    Image.fromarray(np.full((*SHAPE, 3), 90, np.uint8)).save(root / "images" / "a.png")
    Image.fromarray(values.astype(np.uint16)).save(root / "masks" / "a.png")
    (root / "classes.json").write_text(json.dumps({"classes": classes}))


def write_scan(root: Path, values: np.ndarray, classes: dict[str, int]) -> None:
    folder = root / "pat1"
    folder.mkdir(parents=True)
    nib.save(nib.Nifti1Image(np.full(values.shape, 90.0, np.float32), np.eye(4)), folder / "t1.nii.gz")
    nib.save(nib.Nifti1Image(values.astype(np.int16), np.eye(4)), folder / "seg.nii.gz")
    (root / "classes.json").write_text(json.dumps({"classes": classes}))


def write_coco(root: Path, values: np.ndarray, classes: dict[str, int]) -> None:
    (root / "images").mkdir(parents=True)
    (root / "annotations").mkdir()
    Image.fromarray(np.full((*SHAPE, 3), 90, np.uint8)).save(root / "images" / "a.png")
    rows, columns = np.nonzero(values)
    left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    polygon = [int(n) for n in (left, top, right, top, right, bottom, left, bottom)]
    box = [int(left), int(top), int(right - left), int(bottom - top)]
    highest = max(classes.values())
    annotation = {"id": 1, "image_id": 1, "category_id": highest, "bbox": box, "segmentation": [polygon]}
    document = {
        "images": [{"id": 1, "file_name": "a.png", "height": SHAPE[0], "width": SHAPE[1]}],
        "annotations": [annotation],
        "categories": [{"id": value, "name": name} for name, value in classes.items()],
    }
    (root / "annotations" / "instances_train.json").write_text(json.dumps(document))


@pytest.mark.parametrize("write", [write_frame, write_scan, write_coco])
@pytest.mark.parametrize(("highest", "dtype"), [(255, np.uint8), (256, np.int32)])
def test_masks_are_uint8_up_to_class_value_255_and_int32_from_256_on(
    tmp_path: Path, write: object, highest: int, dtype: type
) -> None:
    values = np.zeros(SHAPE, np.int64)
    values[2:4, 3:6] = highest
    write(tmp_path / "set", values, {"low": 1, "high": highest})  # type: ignore[operator]
    mask = load(tmp_path / "set")[0].mask
    assert mask is not None and mask.dtype == dtype
    np.testing.assert_array_equal(mask, values)


def find_classes(values: list[int], single_class_name: str | None = None) -> dict[str, int]:
    record = Record("a", files={"mask": Path("a.png")})
    _, definitions = find_classes_in_masks([record], [], lambda path: values, single_class_name)
    return definitions.classes


def test_values_that_nothing_names_become_numbered_classes() -> None:
    assert find_classes([0, 4, 2]) == {"label_2": 2, "label_4": 4}
    assert find_classes([0, 4], "lesion") == {"lesion": 4}
    assert find_classes([0, 4, 2], "lesion") == {"label_2": 2, "label_4": 4}
    assert find_classes([-1, 0, 4]) == {"label_4": 4}


def test_64_values_may_be_unnamed_and_65_may_not() -> None:
    assert len(find_classes(list(range(64)))) == 63
    with pytest.raises(DataError, match="65 different mask values"):
        find_classes(list(range(65)))


@pytest.mark.parametrize(
    ("values", "is_doubtful"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 200, 250], True),
        ([1, 2, 3, 4, 5, 6, 7, 19, 250], True),  # nine values, the last but one above 18
        ([1, 2, 3, 4, 5, 6, 7, 18, 250], False),
        ([1, 2, 3, 4, 5, 6, 200, 250], False),  # eight values are never doubtful
    ],
)
def test_more_than_8_values_far_apart_may_be_soft_edges(values: list[int], is_doubtful: bool) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        find_classes([0, *values])
    assert [issubclass(one.category, AssumptionWarning) for one in caught] == [True] * is_doubtful


def test_a_mask_that_cannot_be_read_is_a_problem_and_one_that_is_missing_is_none() -> None:
    def list_values(path: Path) -> list[int]:
        if path.name == "broken.png":
            raise DataError("cannot be read", path=path, expected="a picture")
        return [0, 7]

    records = [
        Record("broken", files={"mask": Path("broken.png")}),
        Record("bare"),
        Record("whole", files={"mask": Path("whole.png")}),
    ]
    problems: list = []
    readable, definitions = find_classes_in_masks(records, problems, list_values)
    assert [record.name for record in readable] == ["bare", "whole"] and definitions.classes == {"label_7": 7}
    assert [(one.path, one.reason) for one in problems] == [("broken.png", "cannot be read; expected a picture")]


def test_a_mask_may_hold_0_the_classes_and_what_is_ignored() -> None:
    schema = make_frame_schema("masks", ClassDefinitions(classes={"road": 3, "car": 1}, ignore=[255, 3]), ())
    assert list_allowed_values(schema) == (0, 1, 3, 255)
    error = make_unknown_values_error([9, 10, 11, 12, 13, 14], Path("a.png"), schema)
    assert str(error) == "a.png: mask value 9, 10, 11, 12, 13; expected 0 background, 3 road, 1 car, 255 ignored"
    schema = make_frame_schema("masks", ClassDefinitions(classes={"sky": 0}), ())
    assert str(make_unknown_values_error([9], Path("a.png"), schema)) == "a.png: mask value 9; expected 0 sky"
