"""Folders of scans written and read again: values, grids, names and stored types."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scan_folders import SHAPE, Save, assert_same
from written_sets import write_dataset

from domaingan.adapters import load
from domaingan.adapters.nifti.nifti_folders import NiftiFolders
from domaingan.core.errors import DataError
from domaingan.data import Sample
from domaingan.views.regrid import resample_to_spacing
from domaingan.views.slices import slice_volumes


def test_round_trip(folders: Path, tmp_path: Path) -> None:
    dataset = load(folders)
    write_dataset(dataset, dataset, tmp_path / "out")
    back = load(tmp_path / "out")
    assert back.schema == dataset.schema
    assert [replace(record, files={}) for record in back.records] == [replace(r, files={}) for r in dataset.records]
    for one, other in zip(back, dataset, strict=True):
        assert_same(one, other)
        assert one.header == other.header
    found = nib.load(tmp_path / "out" / "pat1" / "t1.nii.gz")
    assert found.header == nib.load(folders / "pat1" / "t1.nii.gz").header


def test_the_same_samples_give_the_same_bytes(folders: Path, tmp_path: Path) -> None:
    dataset = load(folders)
    write_dataset(dataset, dataset, tmp_path / "a")
    write_dataset(dataset, dataset, tmp_path / "b")
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len(files) == 3 * 3 + 2
    assert all((tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes() for path in files)


def test_unlabelled_subjects_are_read_and_written(folders: Path, tmp_path: Path) -> None:
    (folders / "pat2" / "seg.nii.gz").unlink()
    dataset = load(folders)
    assert dataset.problems == () and dataset[1].mask is None
    write_dataset(dataset, dataset, tmp_path / "out")
    assert load(tmp_path / "out")[1].mask is None


def test_a_new_mask_lies_where_the_image_lies(folders: Path, tmp_path: Path) -> None:
    (folders / "pat2" / "seg.nii.gz").unlink()
    unlabelled = load(folders)[1]
    mask, body = np.ones(SHAPE, np.uint8), np.ones(SHAPE, dtype=bool)
    labelled = replace(unlabelled, mask=mask, foreground=body)
    NiftiFolders().write_sample(tmp_path / "out", labelled, load(folders).schema)
    image = nib.load(tmp_path / "out" / "pat2" / "flair.nii.gz")
    for name in ("seg", "brainmask"):
        written = nib.load(tmp_path / "out" / "pat2" / f"{name}.nii.gz")
        assert_array_equal(written.affine, image.affine)


def test_changed_grids_are_written_where_they_are(folders: Path, tmp_path: Path) -> None:
    dataset = load(folders)
    coarse = resample_to_spacing(dataset, 2.2)
    write_dataset(coarse, coarse, tmp_path / "coarse")
    back = load(tmp_path / "coarse")
    assert back.problems == () and back.records[0].shape == coarse[0].shape
    np.testing.assert_allclose(back[0].spacing, coarse[0].spacing, rtol=1e-5)
    np.testing.assert_allclose(back[0].geometry.affine, coarse[0].geometry.affine, rtol=1e-5)
    slices = slice_volumes(dataset)
    write_dataset(slices, slices, tmp_path / "slices")
    flat = load(tmp_path / "slices")
    assert flat.schema.spatial_dims == 2 and len(flat) == len(slices)
    assert_array_equal(flat[0].image, slices[0].image)
    np.testing.assert_allclose(flat[0].spacing, slices[0].spacing, rtol=1e-6)
    assert flat.records[0].subject == slices.records[0].subject


def test_samples_with_new_names_keep_their_subject(folders: Path, tmp_path: Path) -> None:
    dataset = load(folders)
    renamed = [replace(sample, meta={"name": f"{sample.name}_aug"}) for sample in dataset]
    write_dataset([*dataset, *renamed], dataset, tmp_path / "out")
    back = load(tmp_path / "out")
    assert len(back) == 6 and back.subjects == ("p1", "p2")
    assert back.records[1].name == "pat1_aug" and back.records[1].condition == dataset.records[0].condition


def test_what_cannot_be_written(folders: Path, tmp_path: Path) -> None:
    dataset = load(folders)
    sample = dataset[0]
    out = tmp_path / "out"
    with pytest.raises(DataError, match="two samples called 'pat1'"):
        write_dataset([sample, sample], dataset, out)
    for name in ("", "../x", ".hidden"):
        with pytest.raises(DataError, match="sample name"):
            write_dataset([replace(sample, meta={"name": name})], dataset, out)
    schema = replace(dataset.schema, channels=("t1", "mask"))
    with pytest.raises(DataError, match="a channel called 'mask'"):
        NiftiFolders().write_sample(out, sample, schema)
    with pytest.raises(DataError, match="2 channels; expected 1"):
        NiftiFolders().write_sample(out, sample, replace(dataset.schema, channels=("t1",)))
    assert not out.exists() and not list(tmp_path.glob(".*partial*"))
    out.mkdir()
    (out / "mine").write_text("keep")
    with pytest.raises(DataError, match="exists already"):
        write_dataset(dataset, dataset, out)
    write_dataset(dataset, dataset, out, overwrite=True)
    assert not (out / "mine").exists() and len(load(out)) == 3


def test_a_sample_that_came_from_no_file_is_written(folders: Path, tmp_path: Path) -> None:
    dataset = load(folders)
    rng = np.random.default_rng(0)
    image = rng.normal(size=(2, 4, 4, 4)).astype(np.float32)
    sample = Sample(image, (image[0] > 1).astype(np.int64), meta={"name": "new", "spacing": (1, 2, 3)})
    write_dataset([sample], dataset, tmp_path / "out")
    back = load(tmp_path / "out")[0]
    assert_array_equal(back.image, image)
    assert back.spacing == (1, 2, 3)
    assert nib.load(tmp_path / "out" / "new" / "seg.nii.gz").get_data_dtype() == np.uint8


def test_doubles_and_large_integers_come_back_to_the_bit(tmp_path: Path, save: Save) -> None:
    root, rng = tmp_path / "scans", np.random.default_rng(0)
    arrays = {
        "t1": (rng.normal(size=(*SHAPE, 2)) * 1e3, np.float64),
        "ct": (rng.integers(-(2**31), 2**31, SHAPE), np.int32),
        "seg": (np.where(rng.random(SHAPE) > 0.8, 1, 4e-15), np.float64),
    }
    for name, (array, dtype) in arrays.items():
        save(root / "a" / f"{name}.nii.gz", array, dtype=dtype)
    dataset = load(root)
    sample = dataset[0]
    sample.image[2, 0, 0, 0] = -5  # the second of t1's two channels
    write_dataset([sample], dataset, tmp_path / "out")
    stored = {path.name: np.asarray(nib.load(path).dataobj) for path in (tmp_path / "out").rglob("*.nii.gz")}
    assert_array_equal(stored["ct.nii.gz"], arrays["ct"][0])
    assert_array_equal(stored["seg.nii.gz"], arrays["seg"][0])
    assert_array_equal(stored["t1_0.nii.gz"], arrays["t1"][0][..., 0])
    assert np.argwhere(stored["t1_1.nii.gz"] != arrays["t1"][0][..., 1]).tolist() == [[0, 0, 0]]
