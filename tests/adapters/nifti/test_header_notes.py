"""Free text in headers is told once and can be left out; guesses are told once for all files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from inprocess import run
from nibabel.nifti1 import Nifti1Extension
from numpy.testing import assert_array_equal
from written_sets import write_dataset

from domaingan.adapters import load
from domaingan.adapters.inspect_dataset import inspect_dataset
from domaingan.adapters.nifti.header_notes import describe_notes
from domaingan.adapters.nifti.header_text import find_header_text, strip_text
from domaingan.adapters.nifti.nifti_reading import read_nifti_header
from domaingan.adapters.nifti.scan_samples import strip_header_text

Save = Callable[..., Path]
NAMES = ("Meier^Anna", "MRN-0815", "anna.mgh", "Born1961")


def sign(path: Path, *, order: str = "<", kind: type = nib.Nifti1Image) -> None:
    """Write somebody's name into everything of a header that holds text."""
    old = nib.load(path)
    header = kind.header_class(endianness=order)
    header.set_data_dtype(np.dtype(np.int16).newbyteorder(order))
    image = kind(np.asarray(old.dataobj).astype(np.int16), old.affine, header)
    image.header["descrip"], image.header["aux_file"] = NAMES[0], NAMES[2]
    image.header["intent_name"] = NAMES[3]
    if kind is nib.Nifti1Image:
        image.header["db_name"] = NAMES[1]
    for code, content in ((6, b"seen by Meier^Anna"), (4, b"<AFNI_atr>MRN-0815</AFNI_atr>"), (2, b"\x10\x00MRN-0815")):
        image.header.extensions.append(Nifti1Extension(code, content))
    image.header.set_xyzt_units(0)
    nib.save(image, path)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_text_is_found_and_taken_out_of_every_field(tmp_path: Path, save: Save, order: str, kind: type) -> None:
    path = save(tmp_path / "a.nii")
    sign(path, order=order, kind=kind)
    header = read_nifti_header(path)
    found = find_header_text(header)
    fields = {"descrip", "aux_file", "intent_name", "comment extension", "AFNI extension", "DICOM extension"}
    assert set(found) == (fields | {"db_name"} if kind is nib.Nifti1Image else fields)
    assert found["descrip"] == NAMES[0] and "MRN-0815" in found["DICOM extension"]
    bare = strip_text(header)
    assert find_header_text(bare) == {} and len(bare.raw) == (352 if kind is nib.Nifti1Image else 544)
    assert replace(bare, raw=header.raw) == header
    assert not any(name.encode() in bare.raw for name in NAMES)


def test_inspect_tells_it_once(folders: Path) -> None:
    for path in folders.rglob("*.nii.gz"):
        sign(path)
    found = inspect_dataset(load(folders))
    assert found["header_text"]["descrip"] == {
        "path": str(folders / "pat1" / "flair.nii.gz"),
        "files": 9,
        "examples": ["Meier^Anna"],
    }
    lines = describe_notes(found)
    assert len(lines) == 2  # one of the units, one of the text
    assert "and 8 more files: no unit of length in the header: sizes are taken as mm" in lines[0]
    assert "descrip of 9 files" in lines[1] and "--strip-header-text" in lines[1]
    code, message, _ = run("inspect", folders)
    assert code == 0 and message.count("Meier^Anna") >= 1 and "may name people" in message


def test_headers_without_text_are_not_spoken_of(folders: Path) -> None:
    found = inspect_dataset(load(folders))
    assert found["header_text"] == {} and not any("free text" in line for line in describe_notes(found))


def test_disagreements_are_reported_once_whatever_the_distance(folders: Path) -> None:
    for i, path in enumerate(sorted(folders.rglob("*.nii.gz"))):
        image = nib.load(path)
        moved = image.affine.copy()
        moved[2, 3] += 10 + i
        image.set_qform(moved, 1)
        image.set_sform(image.affine, 1)
        image.header.set_xyzt_units("mm")
        nib.save(image, path)
    notes = inspect_dataset(load(folders))["notes"]
    assert [note["files"] for note in notes] == [9]
    assert notes[0]["reason"].startswith("sform and qform lie up to")


def test_sets_are_written_without_it_and_with_all_else(folders: Path, tmp_path: Path) -> None:
    for path in folders.rglob("*.nii.gz"):
        sign(path)
    dataset = load(folders)
    write_dataset([strip_header_text(sample) for sample in dataset], dataset, tmp_path / "out")
    for path in sorted((tmp_path / "out").rglob("*.nii.gz")):
        before, after = nib.load(folders / path.relative_to(tmp_path / "out")), nib.load(path)
        assert find_header_text(read_nifti_header(path)) == {} and not after.header.extensions
        assert_array_equal(np.asarray(after.dataobj), np.asarray(before.dataobj))
        assert_array_equal(after.affine, before.affine)
        assert after.get_data_dtype() == before.get_data_dtype()
    write_dataset(dataset, dataset, tmp_path / "kept")
    assert find_header_text(read_nifti_header(tmp_path / "kept" / "pat1" / "t1.nii.gz"))["descrip"] == NAMES[0]
