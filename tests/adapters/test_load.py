from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from written_sets import write_dataset

from domaingan.adapters import LAYOUTS, get_adapter, load
from domaingan.core.errors import DataError
from domaingan.data import Dataset


def test_layouts_are_detected_or_named(folders: Path, nnunet: Path) -> None:
    assert load(folders).schema.layout == load(str(folders), "nifti").schema.layout == "nifti"
    assert load(nnunet).schema.layout == load(nnunet, "nnunet").schema.layout == "nnunet"
    assert list(LAYOUTS)[:2] == ["nnunet", "nifti"]
    with pytest.raises(DataError, match="no layout 'dicom'; expected one of nnunet, nifti"):
        load(folders, "dicom")
    with pytest.raises(DataError, match=r"dataset\.json: no such file"):
        load(folders, "nnunet")


def test_folders_that_are_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone: no such folder"):
        load(tmp_path / "gone")
    with pytest.raises(DataError, match="an empty folder"):
        load(tmp_path)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("")
    with pytest.raises(DataError, match=r"no layout fits; expected nnunet: dataset\.json .*; or nifti: a folder per"):
        load(tmp_path)
    with pytest.raises(DataError, match=r"a\.txt: a file; expected the folder"):
        load(tmp_path / "notes" / "a.txt")


def test_no_sample_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "pat1").mkdir()
    (tmp_path / "pat1" / "t1.nii.gz").write_bytes(b"")
    with pytest.raises(DataError, match=r"no sample that can be used; first problem: .*t1\.nii\.gz: empty file"):
        load(tmp_path)


def test_phantoms() -> None:
    assert load("phantom:medical").schema.layout == "nifti"
    with pytest.raises(DataError, match="no phantom 'dental'"):
        load("phantom:dental")


def test_a_phantom_is_written_and_read_back(tmp_path: Path) -> None:
    phantom = load("phantom:medical")[:1]
    write_dataset(phantom, phantom, tmp_path / "out")
    back = load(tmp_path / "out")
    assert back.schema == phantom.schema and back.problems == ()
    assert np.array_equal(back[0].image, phantom[0].image)
    one, other = back[0].mask, phantom[0].mask
    assert one is not None and other is not None and np.array_equal(one, other)


def _write_one(dataset: Dataset, index: int, out: Path) -> None:
    get_adapter(dataset.schema.layout).write_sample(out, dataset[index], dataset.schema)


def test_workers_write_the_same_bytes(folders: Path, tmp_path: Path) -> None:
    dataset = load(folders)
    write_dataset(dataset, dataset, tmp_path / "alone")
    out = tmp_path / "together"
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(_write_one, [dataset] * 3, range(3), [out] * 3))
    get_adapter("nifti").finish_dataset(out, dataset.schema, dataset.records)
    for path in (path for path in (tmp_path / "alone").rglob("*") if path.is_file()):
        assert path.read_bytes() == (out / path.relative_to(tmp_path / "alone")).read_bytes()
