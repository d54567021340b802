"""Names, masks and metadata of hosts as other libraries have them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from domaingan.core.errors import DataError
from domaingan.data import Schema
from domaingan.integrations.class_masks import convert_mask
from domaingan.integrations.host_info import find_host_name, read_spacing

SCANS = Schema("arrays", "scan", 3, ("t1",), {"core": 1, "rim": 4})
FRAMES = Schema("arrays", "frame", 2, ("r", "g", "b"), {"sky": 0, "car": 7}, ignore=(255,))


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("/data/p1/t1.nii.gz", "p1"),
        ("/data/p12/t1.nii.gz", "p12"),
        ("p1/anat/p1_T1w.nii", "p1"),
        ("imagesTr/BRATS_004_0000.nii.gz", "BRATS_004"),
        ("/d/sub-01/ses-2/anat/sub-01_ses-2_flair.nii.gz", "sub-01/ses-2"),
        ("/d/sub-01/ses-3/anat/sub-01_ses-3_flair.nii.gz", ""),
        ("/set/train/images/0007.png", "train/0007"),
        ("/set/val/images/0007.png", ""),
        ("/data/p3/t1.nii.gz", ""),
        ("scan.v2.nii.gz", "scan.v2"),
        ("/data/a/b/t1.nii", ""),
        ("", ""),
    ],
)
def test_a_file_names_its_host(file: str, expected: str) -> None:
    hosts = ["p1", "p12", "BRATS_004", "BRATS_005", "sub-01/ses-2", "train/0007", "scan.v2", "a", "b"]
    assert find_host_name(file, hosts) == expected


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize(("schema", "values"), [(SCANS, [0, 1, 4]), (FRAMES, [0, 7, 255])])
def test_values_of_classes_pass(schema: Schema, values: list[int], dtype: type) -> None:
    mask = np.array(values * 2, dtype=dtype).reshape(2, -1)
    assert np.array_equal(convert_mask(mask, schema), mask)
    assert convert_mask(mask, schema).dtype == (np.uint8 if np.dtype(dtype).kind == "f" else dtype)


def test_floats_that_bytes_do_not_hold() -> None:
    many = Schema("arrays", "scan", 3, ("t1",), {"core": 1, "rim": 400})
    for values in ([0, 1, 400.0], [0, 1, 1.0], [0, 1.0 + 1e-9, 400]):
        read = convert_mask(np.array(values), many)
        assert read.dtype == np.int32 and read.tolist() == np.rint(values).tolist()


@pytest.mark.parametrize("dtype", [np.int16, np.int64, np.float32])
@pytest.mark.parametrize(
    ("wrong", "said"), [(3, "mask value 3"), (9, "mask value 9"), (-2, "mask value -2"), (30000, "mask value 30000")]
)
def test_values_of_no_class_are_named(wrong: int, said: str, dtype: type) -> None:
    mask: Any = np.array([0, 1, 4, wrong], dtype=dtype)
    with pytest.raises(DataError, match=f"{said}; expected 0 background, 1 core, 4 rim, or classes= that name it"):
        convert_mask(mask, SCANS)


@pytest.mark.parametrize("off", [1e-15, 9e-4, -9e-4])
def test_whole_numbers_may_be_a_little_off(off: float) -> None:
    assert convert_mask(np.array([0, 1, 4.0]) + off, SCANS).tolist() == [0, 1, 4]


@pytest.mark.parametrize("wrong", [[0.5], [1.002], [np.nan], [np.inf], [1e20]])
def test_fractions_and_no_numbers_are_refused(wrong: list[float]) -> None:
    with pytest.raises(DataError, match="expected class values"):
        convert_mask(np.array(wrong), SCANS)


def test_one_number_is_the_spacing_of_every_axis() -> None:
    assert read_spacing(2, 3) == (2, 2, 2) and read_spacing([1, 2], 2) == (1, 2)
    with pytest.raises(DataError, match=r"spacing \[1, 2\]; expected 3 positive numbers, in mm"):
        read_spacing([1, 2], 3)
