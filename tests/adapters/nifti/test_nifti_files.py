"""NIfTI files written and read again: values, bits, headers and types."""

from __future__ import annotations

import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nifti_files import read_stored_bytes, write_raw_nifti
from numpy.testing import assert_array_equal

from domaingan.adapters.nifti.nifti_reading import (
    read_nifti_image,
    read_nifti_mask,
    read_stored_numbers,
)
from domaingan.adapters.nifti.nifti_scaling import is_rereading_needed
from domaingan.adapters.nifti.nifti_writing import write_nifti
from domaingan.core.errors import DataError

DTYPES = ("uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "float32", "float64", ">i2", ">f4")

NUMBERS = st.floats(-500, 500, allow_nan=False, width=32)

STEPS = st.floats(2**-13, 128, allow_nan=False, width=32)


@st.composite
def niftis(draw: st.DrawFn) -> tuple[np.ndarray, float, float, np.ndarray, str]:
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = draw(st.sampled_from([(4, 3), (4, 3, 1), (3, 4, 2), (3, 2, 2, 1)]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    if dtype.kind == "f":
        raw = (rng.normal(size=shape) * 10.0 ** rng.integers(-3, 6)).astype(dtype)
    else:
        limits = np.iinfo(dtype)
        raw = rng.integers(limits.min, limits.max, shape, dtype=dtype.newbyteorder("="), endpoint=True).astype(dtype)
        raw.flat[0], raw.flat[1] = limits.min, limits.max
    slope, inter = draw(st.sampled_from([(0.0, 0.0), (1.0, 0.0)]) | st.tuples(STEPS, NUMBERS))
    affine = np.eye(4)
    angle = draw(st.floats(-3, 3))
    affine[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    affine[:3, :3] *= [draw(st.floats(0.1, 8)) for _ in range(3)]
    affine[:3, 3] = [draw(NUMBERS) for _ in range(3)]
    return raw, slope, inter, affine, draw(st.sampled_from(["a.nii", "a.nii.gz"]))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(niftis())
def test_save_then_load_is_identity(made: tuple[np.ndarray, float, float, np.ndarray, str]) -> None:
    raw, slope, inter, affine, name = made
    with tempfile.TemporaryDirectory() as folder:
        path = write_raw_nifti(Path(folder) / name, raw, slope, inter, affine)
        image, header = read_nifti_image(path)
        assert image.dtype == np.float32 and image.shape == raw.shape
        expected = nib.load(path).get_fdata().astype(np.float32)
        np.testing.assert_allclose(image, expected, rtol=1e-6, atol=1e-6 * max(abs(inter), 1))
        again = Path(folder) / f"again-{name}"
        write_nifti(again, image, header)
        back, header_back = read_nifti_image(again)
        assert_array_equal(back, image)
        assert header_back == header  # every byte before the data
        if raw.dtype.itemsize <= 2 and slope in (0, 1):
            assert read_stored_bytes(again) == read_stored_bytes(path)
        assert nib.load(again).header["descrip"] == nib.load(path).header["descrip"]


def test_the_whole_file_comes_back_byte_for_byte(tmp_path: Path) -> None:
    raw = np.arange(-12, 12, dtype=np.int16).reshape(2, 3, 4)
    path = write_raw_nifti(tmp_path / "a.nii", raw, slope=0.25, inter=-3)
    image, header = read_nifti_image(path)
    assert image[0, 0, 0] == -12 * 0.25 - 3
    write_nifti(tmp_path / "b.nii", image, header)
    assert (tmp_path / "b.nii").read_bytes() == path.read_bytes()


def test_changed_values_are_rounded_and_clipped_to_the_stored_type(tmp_path: Path) -> None:
    path = write_raw_nifti(tmp_path / "a.nii", np.zeros((2, 2), np.uint8), slope=2, inter=10)
    _, header = read_nifti_image(path)
    write_nifti(tmp_path / "b.nii", np.float32([[-5, 12.9], [13.1, 1e6]]), header)
    assert_array_equal(read_nifti_image(tmp_path / "b.nii")[0], [[10, 12], [14, 520]])


def test_same_image_same_bytes_and_no_name_or_time_in_them(tmp_path: Path) -> None:
    image = np.random.default_rng(0).normal(size=(5, 4, 3)).astype(np.float32)
    write_nifti(tmp_path / "a.nii.gz", image)
    write_nifti(tmp_path / "other name.nii.gz", image)
    packed = (tmp_path / "a.nii.gz").read_bytes()
    assert packed == (tmp_path / "other name.nii.gz").read_bytes()
    assert packed[3] == 0 and packed[4:8] == bytes(4)  # gzip's flags (a name would be one) and time


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64, np.int64])
def test_masks_keep_their_stored_type(tmp_path: Path, dtype: type) -> None:
    raw = np.array([[0, 1, 4], [4, 0, 2]]).astype(dtype)
    mask, header = read_nifti_mask(write_raw_nifti(tmp_path / "m.nii.gz", raw))
    assert mask.dtype == np.int32
    assert_array_equal(mask, raw)
    write_nifti(tmp_path / "n.nii.gz", mask.astype(np.uint8), header)
    assert nib.load(tmp_path / "n.nii.gz").get_data_dtype() == dtype
    assert_array_equal(read_nifti_mask(tmp_path / "n.nii.gz")[0], raw)


def test_a_mask_stored_with_an_odd_scaling_is_whole(tmp_path: Path) -> None:
    limits = np.iinfo(np.int32)
    raw = np.array([[limits.min, limits.max]], np.int32)  # as some tools store 0 and 1
    mask, header = read_nifti_mask(write_raw_nifti(tmp_path / "m.nii.gz", raw, slope=2.0**-32, inter=0.5))
    assert_array_equal(mask, [[0, 1]])
    write_nifti(tmp_path / "n.nii.gz", mask, header)
    assert_array_equal(read_nifti_mask(tmp_path / "n.nii.gz")[0], mask)


def test_mask_values_are_never_rounded_or_clipped(tmp_path: Path) -> None:
    _, header = read_nifti_mask(write_raw_nifti(tmp_path / "m.nii", np.zeros((2, 2), np.uint8)))
    with pytest.raises(DataError, match=r"300.*uint8"):
        write_nifti(tmp_path / "n.nii", np.full((2, 2), 300), header)
    assert not (tmp_path / "n.nii").exists()
    with pytest.raises(DataError, match=r"mask value 0\.5.*whole"):
        read_nifti_mask(write_raw_nifti(tmp_path / "f.nii", np.float32([[0, 0.5]])))
    with pytest.raises(DataError, match="mask value nan"):
        read_nifti_mask(write_raw_nifti(tmp_path / "f.nii", np.float32([[0, np.nan]])))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_images_are_finite_read_and_written(tmp_path: Path, bad: float) -> None:
    image = np.float32([[0, bad]])
    with pytest.raises(DataError, match="1 values that are NaN"):
        read_nifti_image(write_raw_nifti(tmp_path / "a.nii", image))
    with pytest.raises(DataError, match="NaN"):
        write_nifti(tmp_path / "b.nii", image)
    assert not (tmp_path / "b.nii").exists()


def test_values_beyond_float32_are_reported(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="beyond float32"):
        read_nifti_image(write_raw_nifti(tmp_path / "a.nii", np.array([[0, 1e300]])))


def test_a_new_affine_replaces_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    image, header = read_nifti_image(write_raw_nifti(tmp_path / "a.nii", np.ones((4, 4, 4), np.int16)))
    affine = np.diag([2, 2, 3, 1.0])
    affine[:3, 3] = 7
    write_nifti(tmp_path / "b.nii", image[:2, :2, :2], header, affine)
    found = nib.load(tmp_path / "b.nii")
    assert_array_equal(found.affine, affine)
    np.testing.assert_allclose(found.header.get_qform(), affine, atol=1e-6)
    assert found.header.get_zooms() == (2, 2, 3) and found.shape == (2, 2, 2)
    assert int(found.header["sform_code"]) == 2 and int(found.header["qform_code"]) == 1
    assert found.header.extensions[0].get_content() == b"a remark"


def test_nifti_2_is_read_and_written(tmp_path: Path) -> None:
    nib.save(nib.Nifti2Image(np.arange(24, dtype=np.int16).reshape(2, 3, 4), np.eye(4)), tmp_path / "a.nii.gz")
    image, header = read_nifti_image(tmp_path / "a.nii.gz")
    write_nifti(tmp_path / "b.nii.gz", image, header)
    assert isinstance(nib.load(tmp_path / "b.nii.gz"), nib.Nifti2Image)
    assert_array_equal(read_nifti_image(tmp_path / "b.nii.gz")[0], image)


@pytest.mark.parametrize(
    ("dtype", "slope"), [("f8", 0), (">f8", 0), ("i4", 0), ("u4", 0), ("i8", 0), ("u2", 0), ("i2", 0.1), ("f4", 0.3)]
)
def test_what_was_not_touched_keeps_its_bits(tmp_path: Path, dtype: str, slope: float) -> None:
    rng = np.random.default_rng(3)
    raw = rng.normal(size=(4, 5, 6)) * 1e4
    if np.dtype(dtype).kind in "iu":
        raw = rng.uniform(0, min(np.iinfo(dtype).max, 2**40), (4, 5, 6))
    path = write_raw_nifti(tmp_path / "a.nii", raw.astype(dtype), slope, 1e3 if slope else 0)
    image, header = read_nifti_image(path)
    stored, _ = read_stored_numbers(path)
    assert is_rereading_needed(header, is_mask=False) == (dtype != "u2")
    changed = image.copy()
    changed[1, 2, 3] *= 0.75
    write_nifti(tmp_path / "b.nii", changed, header, original=stored)
    after, _ = read_stored_numbers(tmp_path / "b.nii")
    assert np.argwhere(after != stored).tolist() == [[1, 2, 3]]
    assert read_nifti_image(tmp_path / "b.nii")[0][1, 2, 3] == pytest.approx(changed[1, 2, 3], rel=1e-6, abs=0.5)


def test_a_mask_with_noise_keeps_it_where_it_was_not_touched(tmp_path: Path) -> None:
    raw = np.array([[0, 4e-15, 1], [2 - 1e-9, 0, 1]])
    mask, header = read_nifti_mask(write_raw_nifti(tmp_path / "a.nii", raw))
    mask[0, 0] = 2
    write_nifti(tmp_path / "b.nii", mask, header, original=raw)
    assert_array_equal(read_stored_numbers(tmp_path / "b.nii")[0], [[2, 4e-15, 1], [2 - 1e-9, 0, 1]])
