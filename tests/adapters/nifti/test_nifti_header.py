"""What headers say of size and place: units, forms that disagree or are damaged, sizes that no scan has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from nibabel.quaternions import quat2mat

from domaingan.adapters.nifti.nifti_reading import read_nifti_header, read_nifti_image
from domaingan.adapters.nifti.nifti_writing import write_nifti
from domaingan.core.errors import DataError

SHAPE = (5, 6, 7)
Edit = Callable[[Any], None]


def make(path: Path, edit: Edit, shape: tuple[int, ...] = SHAPE, kind: Any = nib.Nifti1Header) -> Path:
    """A scan of 1.5 × 2 × 3 mm at (-20, 30, 10) by sform and qform, then edited."""
    header = kind()
    header.set_data_dtype(np.int16)
    header.set_data_shape(shape)
    affine = np.diag([1.5, 2, 3, 1])
    affine[:3, 3] = -20, 30, 10
    header.set_sform(affine, 1)
    header.set_qform(affine, 1)
    header.set_xyzt_units("mm", "sec")
    header["vox_offset"] = header.sizeof_hdr + 4
    header["magic"] = b"n+1" if kind is nib.Nifti1Header else b"n+2\0\r\n\x1a\n"
    edit(header)
    path.write_bytes(header.binaryblock + bytes(4) + np.arange(np.prod(shape), dtype="<i2").tobytes())
    return path


def sizes(path: Path) -> list[float]:
    return np.linalg.norm(np.asarray(read_nifti_header(path).affine)[:3, :3], axis=0).tolist()


def fields(**values: Any) -> Edit:
    def edit(header: Any) -> None:
        for name, value in values.items():
            header[name] = value

    return edit


@pytest.mark.parametrize(("code", "factor"), [(1, 1000.0), (2, 1.0), (3, 0.001), (1 + 16, 1000.0), (3 + 8, 0.001)])
@pytest.mark.parametrize("form", ["sform", "qform", "zooms"])
def test_sizes_are_brought_to_mm_whichever_form_has_them(tmp_path: Path, code: int, factor: float, form: str) -> None:
    def edit(header: Any) -> None:
        affine = np.diag([1.5 / factor, 2 / factor, 3 / factor, 1])
        header.set_sform(affine, int(form == "sform"))
        header.set_qform(affine, int(form == "qform"))
        header["xyzt_units"] = code

    path = make(tmp_path / "a.nii", edit)
    assert sizes(path) == pytest.approx([1.5, 2, 3], rel=1e-6)
    assert read_nifti_header(path).unit_mm == factor
    assert any("read as mm" in remark for remark in read_nifti_header(path).remarks) == (factor != 1)


@pytest.mark.parametrize("code", [0, 4, 7, 8])
def test_a_unit_that_is_not_told_is_taken_as_mm_and_reported(tmp_path: Path, code: int) -> None:
    header = read_nifti_header(make(tmp_path / "a.nii", fields(xyzt_units=code)))
    assert header.unit_mm == 1 and "no unit of length in the header: sizes are taken as mm" in header.remarks


def test_a_new_place_is_written_in_the_units_of_the_file(tmp_path: Path) -> None:
    def edit(header: Any) -> None:
        header.set_sform(np.diag([500, 500, 500, 1]), 1)
        header.set_qform(np.diag([500, 500, 500, 1]), 1)
        header["xyzt_units"] = 3

    image, header = read_nifti_image(make(tmp_path / "a.nii", edit))
    write_nifti(tmp_path / "same.nii", image, header, np.asarray(header.affine))
    assert (tmp_path / "same.nii").read_bytes() == (tmp_path / "a.nii").read_bytes()
    write_nifti(tmp_path / "b.nii", image, header, np.diag([1.0, 1, 1, 1]))
    assert sizes(tmp_path / "b.nii") == pytest.approx([1, 1, 1])
    assert nib.load(tmp_path / "b.nii").header.get_zooms() == (1000, 1000, 1000)


def test_units_that_cannot_be_are_refused_with_what_the_header_says(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"voxels of 1500 × 2000 × 3000 mm \(the header's sizes are in metres\)"):
        read_nifti_header(make(tmp_path / "a.nii", fields(xyzt_units=1)))


# ------------------------------------------------------------------- quaternions


@pytest.mark.parametrize("excess", [1e-7, 1e-6, 1e-3])
def test_a_quaternion_a_little_too_long_is_shortened(tmp_path: Path, excess: float) -> None:
    unit = np.array([0.48, 0.6, 0.64])
    b, c, d = unit * (1 + excess)
    long = fields(quatern_b=b, quatern_c=c, quatern_d=d, qform_code=1)
    assert read_nifti_header(make(tmp_path / "both.nii", long)).affine[0][0] == 1.5  # the sform's
    path = make(tmp_path / "alone.nii", lambda header: (long(header), fields(sform_code=0)(header)))
    expected = quat2mat([0, *unit]) * [1.5, 2, 3]
    np.testing.assert_allclose(np.asarray(read_nifti_header(path).affine)[:3, :3], expected, atol=1e-5)


def test_a_quaternion_that_is_no_rotation_counts_nothing_beside_a_sform(tmp_path: Path) -> None:
    wrong = fields(quatern_b=2, quatern_c=0, quatern_d=0)
    header = read_nifti_header(make(tmp_path / "a.nii", wrong))
    assert header.affine[0][0] == 1.5 and len(header.affines) == 1
    assert "a qform that is no rotation (its quaternion has length 2): the sform counts" in header.remarks
    with pytest.raises(DataError, match="no rotation"):
        read_nifti_header(make(tmp_path / "b.nii", lambda h: (wrong(h), fields(sform_code=0)(h))))
    nan = fields(quatern_b=np.nan)
    assert read_nifti_header(make(tmp_path / "c.nii", nan)).affine[0][0] == 1.5
    with pytest.raises(DataError, match="no rotation"):
        read_nifti_header(make(tmp_path / "d.nii", lambda h: (nan(h), fields(sform_code=0)(h))))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e38])
def test_a_qform_beyond_all_bounds_counts_nothing_beside_a_sform(tmp_path: Path, value: float) -> None:
    header = read_nifti_header(make(tmp_path / "a.nii", fields(qoffset_y=value)))
    assert header.remarks == ("the qform lies beyond all bounds: the sform counts",) and len(header.affines) == 1
    with pytest.raises(DataError, match=r"b\.nii"):
        read_nifti_header(make(tmp_path / "b.nii", fields(qoffset_y=value, sform_code=0)))


def test_forms_that_disagree_are_reported(tmp_path: Path) -> None:
    assert read_nifti_header(make(tmp_path / "same.nii", lambda header: None)).remarks == ()
    header = read_nifti_header(make(tmp_path / "moved.nii", fields(qoffset_x=-17)))
    assert header.remarks == ("sform and qform lie up to 2 voxels apart: the sform counts",)
    assert header.affine[0][3] == -20
    other = read_nifti_header(make(tmp_path / "sizes.nii", lambda h: (fields(qform_code=0)(h), h["pixdim"].put(1, 3))))
    assert other.remarks == ("pixdim has other sizes than the sform: the sform counts",)


# --------------------------------------------------------------- sizes 0 and below


def pixdim(value: float, **more: Any) -> Edit:
    def edit(header: Any) -> None:
        header["pixdim"][2] = value
        fields(**more)(header)

    return edit


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
@pytest.mark.parametrize("qform_code", [0, 1])
def test_sizes_of_nothing_are_refused_where_no_sform_counts(tmp_path: Path, value: float, qform_code: int) -> None:
    with pytest.raises(DataError, match=r"voxels of 1\.5 × \S+ × 3 in pixdim"):
        read_nifti_header(make(tmp_path / "a.nii", pixdim(value, sform_code=0, qform_code=qform_code)))
    assert sizes(make(tmp_path / "b.nii", pixdim(value))) == pytest.approx([1.5, 2, 3])


@pytest.mark.parametrize("qform_code", [0, 1])
def test_negative_sizes_lose_their_sign_and_it_is_reported(tmp_path: Path, qform_code: int) -> None:
    path = make(tmp_path / "a.nii", pixdim(-2, sform_code=0, qform_code=qform_code))
    assert sizes(path) == pytest.approx([1.5, 2, 3])
    assert "negative sizes in pixdim: taken without their sign" in read_nifti_header(path).remarks


def test_a_single_slice_needs_no_thickness(tmp_path: Path) -> None:
    def edit(header: Any) -> None:
        header["pixdim"][3] = 0
        fields(sform_code=0)(header)

    assert sizes(make(tmp_path / "a.nii", edit, (5, 6, 1)))[:2] == pytest.approx([1.5, 2])


def test_neither_form_is_as_nibabel_reads_it_and_reported(tmp_path: Path) -> None:
    path = make(tmp_path / "a.nii", fields(sform_code=0, qform_code=0))
    np.testing.assert_allclose(read_nifti_header(path).affine, nib.load(path).affine)
    assert any("neither sform nor qform" in remark for remark in read_nifti_header(path).remarks)


@pytest.mark.parametrize("kind", [nib.Nifti1Header, nib.Nifti2Header])
@pytest.mark.parametrize("value", [1e30, 1e300, -1e300, np.nan, np.inf, 1e-30])
def test_an_affine_beyond_all_bounds_is_one_line(tmp_path: Path, kind: Any, value: float) -> None:
    if kind is nib.Nifti1Header and abs(value) == 1e300:
        value = np.copysign(1e38, value)
    with np.errstate(over="ignore"):
        path = make(tmp_path / "a.nii", fields(srow_x=[value, 0, 0, 0]), kind=kind)
    with pytest.raises(DataError, match=r"a\.nii"):
        read_nifti_header(path)
    if abs(value) > 1:
        with pytest.raises(DataError, match=r"a\.nii"):
            read_nifti_header(make(tmp_path / "a.nii", fields(srow_x=[1, 0, 0, value]), kind=kind))
